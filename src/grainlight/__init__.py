"""Full-resolution orientation maps of hexagonal metals from coarse EBSD and polarized light.

    import grainlight as gl
    ebsd = gl.load_ebsd("coarse.ang")
    light = gl.load_light("stack.tif", angles="0:180:10", step=0.3)
    result = gl.enhance(ebsd, light, scale=4)
    result.save("fine.ang")

Names load on first use, so that the import itself costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from grainlight.errors import InputError
    from grainlight.grains.grain_map import GrainMap
    from grainlight.maps.io import load_ebsd, load_light, save_ebsd
    from grainlight.maps.light_stack import LightStack
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.maps.phase import Phase
    from grainlight.planning.plan import Plan
    from grainlight.progress import Progress
    from grainlight.report.grain_picture import plot_grains
    from grainlight.report.notebook.card import card
    from grainlight.report.notebook.view import view
    from grainlight.restore.result import Result
    from grainlight.restore.saved import load_result
    from grainlight.synth.map_light import simulate_light
    from grainlight.synth.section_map import synthetic_section
    from grainlight.validation.verdict import Validation
    from grainlight.volume.front import restore_volume
    from grainlight.volume.grains.grain_volume import find_volume_grains
    from grainlight.volume.output.load import load_volume

__all__ = [
    "InputError",
    "LightStack",
    "OrientationMap",
    "Phase",
    "__version__",
    "card",
    "disorientation",
    "enhance",
    "find_grains",
    "find_volume_grains",
    "load_ebsd",
    "load_light",
    "load_result",
    "load_volume",
    "plan",
    "plot_boundaries",
    "plot_grains",
    "plot_ipf",
    "plot_uncertainty",
    "restore_volume",
    "save_ebsd",
    "simulate_light",
    "synthetic_section",
    "validate",
    "view",
    "write_report",
]

_HOME = {
    "InputError": "grainlight.errors",
    "LightStack": "grainlight.maps.light_stack",
    "OrientationMap": "grainlight.maps.orientation_map",
    "Phase": "grainlight.maps.phase",
    "card": "grainlight.report.notebook.card",
    "find_volume_grains": "grainlight.volume.grains.grain_volume",
    "load_ebsd": "grainlight.maps.io",
    "load_light": "grainlight.maps.io",
    "load_result": "grainlight.restore.saved",
    "load_volume": "grainlight.volume.output.load",
    "plot_boundaries": "grainlight.report.plots",
    "plot_grains": "grainlight.report.grain_picture",
    "plot_ipf": "grainlight.report.plots",
    "plot_uncertainty": "grainlight.report.plots",
    "restore_volume": "grainlight.volume.front",
    "save_ebsd": "grainlight.maps.io",
    "simulate_light": "grainlight.synth.map_light",
    "synthetic_section": "grainlight.synth.section_map",
    "view": "grainlight.report.notebook.view",
    "write_report": "grainlight.report.html",
}


def enhance(
    ebsd: OrientationMap,
    light: LightStack | None = None,
    *,
    scale: int = 2,
    quality: Literal["fast", "balanced", "best"] = "balanced",
    steps: int | None = None,
    samples: int | None = None,
    visits: int | None = None,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    projection: bool = True,
    noise: float | None = None,
    register: Literal["auto", "rigid", "affine", "deformable", "none"] = "auto",
    transform: str | Path | None = None,
    points: str | Path | None = None,
    weights: str | Path | None = None,
    fill_holes: float | None = None,
    light_required: bool = False,
    keep_noise: bool = False,
    calibration: str | Path | None = None,
    mask: NDArray[np.bool_] | str | Path | None = None,
    also: Sequence[OrientationMap] = (),
    progress: Progress | None = None,
) -> Result:
    """Restore the full-resolution map of a coarse, noisy or incomplete EBSD map.

    Parameters
    ----------
    ebsd
        The map as measured; its points of Laue group 6/mmm are what is worked on.
    light
        Polarized-light images of the same field; without them the EBSD map alone is restored.
    scale
        Output step = EBSD step / scale, 1 (denoise and fill) to 8.
    quality
        How much computing goes into the answer.
    steps, samples
        Samples of the map, 1 for none, and the steps that each is drawn in, in place of what ``quality`` stands for.
    visits
        How often each pixel near a boundary is asked which grain it is in, by the light, in place of the quality's; 0
        moves boundaries by a descent instead.
    seed
        The same seed gives the same result on the CPU of one machine, with as many threads and the same versions.
    device
        Where the network runs; "auto" takes a GPU where there is one.
    projection
        Whether measured orientations have the last word inside their grains.
    noise
        Root mean square error of the EBSD orientations in degrees; estimated from the map if None.
    register
        How the light is brought onto the map: "auto" keeps the stated place unless another explains clearly more;
        "rigid", "affine" and "deformable" fix the freedom; "none" believes what is stated.
    transform
        A file that a registration saved, instead of registering.
    points
        A CSV file of pairs (EBSD column, row, image column, row) to start from.
    weights
        A safetensors file; the one inside the package if None.
    fill_holes
        EBSD steps from the nearest indexed point up to which the map is restored, with light too; 0 leaves every
        missing point out. None: 6 steps but not into holes that a circle of 3 steps fits into, and with light as far
        as it is seen.
    light_required
        Whether a run without light, or with light that is not used, is an error in place of a warning.
    keep_noise
        Whether points that agree with no neighbour and have bad quality are used; they are taken for noise otherwise,
        and a note says how many.
    calibration
        A file that `grainlight validate --json` wrote of the same specimen: bounds are multiplied by its factor.
    mask
        Where there is metal, by an image or array of a pixel for each point or each pixel of the output; zero is none.
    also
        Further maps of the same field in coordinates of the same stage, oldest first, on any grid; where several have
        a point in one pixel the newest counts. The output grid is that of ``ebsd`` and ``scale``.
    progress
        Told how far the work is; silent if None.

    Returns
    -------
    The map on the fine grid in the frames of ``ebsd``, with uncertainty, boundary probability and provenance.

    Raises
    ------
    InputError
        Where the map or the images cannot be used, or the job does not fit into memory.
    """
    from grainlight.progress import Silent
    from grainlight.restore.enhance import enhance as run
    from grainlight.restore.settings import Settings

    settings = Settings(
        scale=scale,
        quality=quality,
        steps=steps,
        samples=samples,
        visits=visits,
        seed=seed,
        device=device,
        projection=projection,
        noise=noise,
        fill_holes=fill_holes,
        light_required=light_required,
        keep_noise=keep_noise,
        register=register,
        transform=None if transform is None else Path(transform),
        points=None if points is None else Path(points),
        weights=None if weights is None else Path(weights),
        calibration=None if calibration is None else Path(calibration),
    )
    if isinstance(mask, (str, Path)):
        from grainlight.maps.io.mask import read_mask
        from grainlight.restore.points.grid import output_shape

        mask = read_mask(mask, {"the points": ebsd.shape, "the output": output_shape(ebsd, scale)[:2]})
    return run(ebsd, light, settings, Silent() if progress is None else progress, mask=mask, also=also)


def validate(
    ebsd: OrientationMap,
    light: LightStack | None = None,
    *,
    folds: int = 5,
    scale: int = 2,
    quality: Literal["fast", "balanced", "best"] = "balanced",
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    noise: float | None = None,
    register: Literal["auto", "rigid", "affine", "deformable", "none"] = "auto",
    transform: str | Path | None = None,
    points: str | Path | None = None,
    weights: str | Path | None = None,
    fill_holes: float | None = None,
    keep_noise: bool = False,
    mask: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> Validation:
    """Say what `enhance` is worth on a map, by measured points that are held back and asked for.

    Parameters
    ----------
    ebsd, light
        The map as measured, and its images, as for `enhance`.
    folds
        How often a tenth of the points is held back.
    scale, quality
        As for `enhance`.
    seed
        Of the folds, and of the restorations.
    device, noise, register, transform, points, weights, fill_holes, keep_noise
        As for `enhance`.
    mask
        An array as for `enhance`.
    progress
        Told how far the work is; silent if None.

    Returns
    -------
    Share of the points that are wrong with its interval, that of the pixels as estimated, whether light helps, whether
    the stated bound holds, and the factor by which it must be widened where it does not; ``save`` writes the file that
    ``enhance(calibration=)`` takes.

    Raises
    ------
    InputError
        As `enhance`, and where the map has too few points to hold any back.
    """
    from grainlight.restore.settings import Settings
    from grainlight.validation.validate import validate as run

    settings = Settings(
        scale=scale,
        quality=quality,
        seed=seed,
        device=device,
        noise=noise,
        fill_holes=fill_holes,
        keep_noise=keep_noise,
        register=register,
        transform=None if transform is None else Path(transform),
        points=None if points is None else Path(points),
        weights=None if weights is None else Path(weights),
    )
    return run(ebsd, light, settings, progress, folds=folds, mask=mask).verdict


def plan(
    result: Result, points: int, *, rate: float | None = None, boxes: bool = False, overhead: float = 10.0
) -> Plan:
    """Say where to scan next, by the doubt of a restored map.

    Parameters
    ----------
    result
        A restoration.
    points
        Further points, at most.
    rate
        Points a second of the microscope, for the time that they take.
    boxes
        Whether boxes are planned, each with the step to scan it at, in place of single points.
    overhead
        Seconds to go to a box and set it up.

    Returns
    -------
    Places in um, in the coordinates of the input, best first (``x``, ``y``, or ``boxes`` with ``corners``), and the
    predicted share of wrong pixels against their number (``expected``); ``save`` writes them as CSV.

    Raises
    ------
    InputError
        Where every pixel is measured, boxes are asked for without a rate, or none holds as few points.
    """
    from grainlight.errors import InputError
    from grainlight.planning.plan import plan_boxes, plan_points

    if not boxes:
        return plan_points(result, points, rate)
    if rate is None:
        raise InputError("boxes are ranked by the time that they take", expected="points a second", advice="rate=100")
    return plan_boxes(result, points, rate, overhead)


def find_grains(of: Result | OrientationMap, *, threshold: float = 5.0, minimum_pixels: int | None = None) -> GrainMap:
    """Find the grains and boundaries of a map; of a result with their probabilities and 90 % intervals.

    Parameters
    ----------
    of
        A result, whose samples tell how sure its grains are, or any map.
    threshold
        Degrees from which neighbours belong to different grains.
    minimum_pixels
        Smaller grains join a neighbour of their phase; by default 5, and of a result no fewer than one EBSD point has.

    Returns
    -------
    Grains with size, shape and mean orientation, boundaries with disorientations, twins, and the figures of the map.
    """
    from grainlight.grains import grain_map
    from grainlight.grains.segment import MINIMUM_PIXELS
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.restore.record import is_calibrated

    if isinstance(of, OrientationMap):
        return grain_map.find_grains(of, threshold=threshold, minimum_pixels=minimum_pixels or MINIMUM_PIXELS)
    scale = int(of.record.get("settings", {}).get("scale", 1))
    return grain_map.find_grains(
        of.map,
        of.samples,
        threshold=threshold,
        minimum_pixels=minimum_pixels or max(MINIMUM_PIXELS, scale**2),
        calibrated=is_calibrated(of.record, *grain_map.TABLES),
    )


def disorientation(left: OrientationMap, right: OrientationMap) -> NDArray[np.float64]:
    """Return how far two maps of one grid are apart, pixel by pixel.

    Parameters
    ----------
    left, right
        Maps of the same shape, in any frames.

    Returns
    -------
    (rows, cols) degrees, 0 to 93.84, under the symmetry 6/mmm; NaN where one of the two has no such orientation.

    Raises
    ------
    InputError
        Where the maps have different shapes.
    """
    import numpy as np

    from grainlight.crystal.frames import CrystalFrame, SampleFrame
    from grainlight.errors import InputError
    from grainlight.evaluation.metrics import disorientation as apart

    if left.shape != right.shape:
        raise InputError(
            "the maps have different shapes", found=f"{left.shape} and {right.shape}", expected="maps of one grid"
        )
    seen = [one.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A) for one in (left, right)]
    angle = apart(seen[0].quaternions, seen[1].quaternions)
    return np.where(left.is_6mmm & right.is_6mmm, angle, np.nan)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("grainlight")
        except PackageNotFoundError:  # run from a source tree that was never installed
            return "0+unknown"
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'grainlight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
