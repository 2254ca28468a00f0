"""The only file of the golden cases that knows where the product keeps its stages: each stage as plain arrays.

When code moves, the imports and calls here follow it; cases, answers and tests do not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import grainlight as gl
import grainlight.restore.inputs as where_windows_are_cut
from grainlight.crystal.embedding import PER_DEGREE, decode
from grainlight.crystal.frames import SampleFrame
from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.metrics import disorientation, score
from grainlight.maps.phase import Phase
from grainlight.optics.forward.curves import Curves
from grainlight.restore.assemble import assemble
from grainlight.restore.inputs import Inputs, Prepared, bring_together, prepare
from grainlight.restore.labelling.descent import RelabelSettings
from grainlight.restore.labelling.label import project_measured, relabel_by_light
from grainlight.restore.large.windows import whole, windows
from grainlight.restore.light.calibrated import CalibratedLight
from grainlight.restore.points.grid import rasterise
from grainlight.restore.points.noise import estimate_noise
from grainlight.restore.result import Result
from grainlight.restore.sampling.label_prior import load_prior
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.sampling.prior import Samples
from grainlight.restore.settings import Plan, Settings
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_sections

from .cases import Case

Arrays = dict[str, NDArray[Any]]

TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)
CUBIC = Phase(2, "Beta", "m-3m", 3.3, 3.3, 3.3, 90.0, 90.0, 90.0)
SIDE, HALO = 48, 24  # pixels of the windows that a case is cut into
VISITS = 10


def ebsd_of(case: Case, hexagonal: bool = False) -> gl.OrientationMap:
    """Return the coarse map of a case; ``hexagonal``: every second row shifted by half a step."""
    phases = (TITANIUM, CUBIC) if (case.phase_id == CUBIC.id).any() else (TITANIUM,)
    found = gl.OrientationMap.from_quaternions(
        case.quaternions,
        (case.step, case.step),
        phases,
        phase_id=case.phase_id,
        sample_frame=SampleFrame(case.frame),
        fields={"ci": case.ci},
    )
    if not hexagonal:
        return found
    row, column = np.indices(case.phase_id.shape)
    down = case.step * np.sqrt(3) / 2
    x = case.step * (column + 0.5 * (row % 2))
    return found.replace(x=x, y=row * down, step=(case.step, down), grid="hexagonal")


def light_of(case: Case, images: Sequence[int] | None = None, moved: bool = False) -> gl.LightStack | None:
    """Return the light stack of a case, or some images of it; None for a case without. ``moved``: stated where it is
    not."""
    if not len(case.images):
        return None
    use = slice(None) if images is None else list(images)
    step = case.step / case.scale
    origin = (2.5 * step, -1.5 * step) if moved else (0.0, 0.0)
    return gl.LightStack(case.images[use], case.angles[use], step, origin, saturation=case.saturation)


def points_stage(case: Case, hexagonal: bool = False) -> Arrays:
    """Points on the grid (H, W), what is known of them, and their noise."""
    ebsd = ebsd_of(case, hexagonal)
    grid, noise = rasterise(ebsd, case.scale), estimate_noise(ebsd)
    ready = prepare(ebsd, None, Settings(scale=case.scale))
    return {
        "step_left": np.array([grid.step, grid.left]),
        "measured": grid.measured,
        "other": grid.other,
        "reached": grid.reached,
        "phase_id": grid.phase_id,
        "nearest": grid.nearest,
        "orientations": grid.measured_points,
        # degrees; degrees^2 per EBSD step and per pixel
        "noise_drift": np.array([noise.noise, noise.gradient, 3 * ready.gradient / PER_DEGREE**2]),
        "level": noise.level,
        "misindexed": ready.misindexed,
    }


def light_stage(case: Case, windowed: bool = False, images: Sequence[int] | None = None) -> Arrays:
    """Calibrated light on the grid: state (5, H, W), sigma (3, H, W), flags (H, W), the curves k2, k4 and a0_mix."""
    with small_windows() if windowed else nullcontext():
        inputs = bring_together(
            ebsd_of(case), light_of(case, images), Settings(scale=case.scale, register="none", noise=0.5)
        )
    rows, columns = inputs.grid.shape
    assert (len(inputs.windows) > 1) == windowed
    assert inputs.light is not None
    found: Arrays = {
        "state": np.zeros((5, rows, columns), np.float32),
        "sigma": np.zeros((3, rows, columns), np.float32),
        "flags": np.zeros((rows, columns), np.uint8),
    }
    for window in inputs.windows:
        part = inputs.light.part(window)
        for name, image in found.items():
            image[..., *window.inner] = getattr(part, name).numpy()[..., *window.kept]
    return {**found, "curves": np.array(astuple(inputs.light.curves))}


def network_stage(case: Case, light: Arrays | None) -> Arrays:
    """State (36, H, W) of the network: guide and posterior mean, one call."""
    said = load_prior().sample(_prepared(case, light).joint(), Settings(scale=case.scale, quality="fast").plan)
    return {"state": torch.cat((said.guide, said.mean)).numpy()}


def labels_stage(case: Case, light: Arrays | None, state: NDArray[Any]) -> Arrays:
    """Orientations (H, W, 4) in frame S after projection, and with light after the descent and after the chain."""
    ready, guide = _prepared(case, light), torch.from_numpy(state)[:18]
    joint = ready.joint()
    projected = project_measured(joint, guide)
    found = {"projection": _orientations(projected.embedding)}
    for name, visits in (("descent", 0), ("chain", VISITS)):
        moved = relabel_by_light(joint, projected, guide, RelabelSettings(visits=visits))
        if moved is not None:
            found[name] = _orientations(moved.embedding)
    return found


def doubts_stage(case: Case, light: Arrays | None, state: NDArray[Any], visits: int) -> Arrays:
    """Bound (H, W) in degrees, probabilities of a boundary and of another grain, source, restored light (5, H, W), and
    the contradiction: of a network that answers ``state``."""
    settings = Settings(scale=case.scale, quality="fast", visits=visits)
    ready = _prepared(case, light)
    posterior = ready.restore(_Answers(torch.from_numpy(state)), settings)
    result = assemble(ebsd_of(case), ready, posterior, {})
    assert result.light is not None
    found = {
        "bound": result.uncertainty,
        "boundary": result.boundary,
        "other_grain": result.other_grain,
        "source": result.source,
        "light": result.light,
    }
    if result.contradiction is not None:
        found["contradiction"] = result.contradiction
    return found


def restored(case: Case, quality: str, windowed: bool, moved: bool) -> Arrays:
    """From end to end with the public call: orientations (H, W, 4) in frame S, bound and boundary probability.

    ``windowed``: in small windows; ``moved``: with light stated where it is not, so that registration has to find it.
    """
    with small_windows() if windowed else nullcontext():
        result = gl.enhance(
            ebsd_of(case),
            light_of(case, moved=moved),
            scale=case.scale,
            quality=quality,  # type: ignore[arg-type]
            register="rigid" if moved else "none" if windowed else "auto",
            device="cpu",
        )
    return {
        "orientations": result.map.in_frame(SampleFrame.S).quaternions,
        "bound": result.uncertainty,
        "boundary": result.boundary,
    }


def written(case: Case, folder: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Bytes of the map files, by ending, of a result whose arrays are fixed, and what the archive beside them holds."""
    source = ebsd_of(case)
    rows, columns = source.shape
    ramp = (np.arange(rows * columns, dtype=np.float32) / (rows * columns)).reshape(rows, columns)
    columns_of_vendors = {"fit": ramp * 10, "mad": ramp * 10, "iq": ramp * 100, "bc": (ramp * 255).astype(np.int16)}
    result = Result(
        source.replace(fields={**source.fields, **columns_of_vendors}, origin=(1.5, -2.0)),
        uncertainty=ramp * 10,
        boundary=ramp,
        source=(ramp * 4).astype(np.uint8),
        light=np.stack([ramp] * 5),
        measured=source.indexed,
        measured_points=source.quaternions[source.indexed],
        correction=ramp,
        record={"weights": "golden", "settings": {"scale": case.scale, "quality": "fast", "seed": 0}},
        other_grain=ramp,
    )
    bytes_of = {}
    for ending in ("ang", "ctf"):
        file = folder / f"written.{ending}"
        result.save(file, overwrite=True)
        # A release is no change of format.
        bytes_of[ending] = file.read_bytes().replace(f"version={gl.__version__}".encode(), b"version=0")
    with np.load(folder / "written.npz") as data:
        archive = {name: f"{data[name].dtype.kind}{data[name].dtype.itemsize} {data[name].shape}" for name in data}
    archive["record"] = archive["phases"] = "text"
    return bytes_of, archive


def apart(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64]:
    """Return disorientations (...) in degrees between orientations (..., 4)."""
    return disorientation(left, right)


def apart_as_states(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64]:
    """Return the distance (2, H, W) in degrees of the guides and of the means of two states (36, H, W)."""
    step = left.astype(np.float64) - right
    return np.linalg.norm(step.reshape(2, 18, *left.shape[1:]), axis=1) / PER_DEGREE


class _Answers:
    """A network that answers a state (36, H, W)."""

    def __init__(self, state: torch.Tensor) -> None:
        self.guide, self.mean = state[:18], state[18:]

    def draft(self, measured: JointMeasurement, seed: int) -> torch.Tensor:
        return self.mean.clone()

    def sample(self, measured: JointMeasurement, plan: Plan) -> Samples:
        return Samples(self.guide.clone(), self.mean.clone(), None, ())


def errors(orientations: NDArray[Any], case: Case) -> dict[str, float]:
    """Shares that are wrong, 0 to 1: unmeasured pixels near a boundary, and boundary edges (1 - F1)."""
    found = score(orientations, case.truth, case.measured)
    return {"wrong near boundaries": found.near_over_5, "1 - F1": 1.0 - found.edge_f1}


@contextmanager
def small_windows() -> Iterator[None]:
    """Let maps be cut into windows of `SIDE` pixels with `HALO` around them."""
    usual = where_windows_are_cut.windows
    where_windows_are_cut.windows = lambda rows, columns: windows(rows, columns, SIDE, HALO, at_once=1)
    try:
        yield
    finally:
        where_windows_are_cut.windows = usual


def draw_case(name: str) -> Case:
    """Draw an input anew with today's `synth`: only for `renew --inputs`."""
    if name == "points":
        return _draw_points()
    lit = name == "lit"
    family, size, scale, grain = ("twinned", 65, 4, 13.0) if lit else ("deformed", 49, 2, 13.0)
    task = degrade(
        _section(family, size, grain, seed=11),
        scale=scale,
        level="mild" if lit else None,
        seed=3,
        misindexed=0.03,
        holes=0.03,
    )
    frame = SampleFrame.S if lit else SampleFrame.EDAX1
    coarse, stack = task.coarse.in_frame(frame), task.stack
    return Case(
        coarse.quaternions,
        coarse.phase_id,
        np.full(coarse.shape, 0.5),
        scale,
        coarse.step[0],
        frame.value,
        task.truth,
        task.measured,
        np.zeros((0, 0, 0), np.uint16) if stack is None else stack.images[::2].astype(np.uint16),
        np.zeros(0) if stack is None else stack.angles[::2],
        0.0 if stack is None or stack.saturation is None else stack.saturation,
    )


def _draw_points() -> Case:
    """A map of points only: noise that follows a quality field, a second phase, holes, a vendor's frame."""
    full = _section("deformed", 43, 22.0, seed=12)
    coarse = degrade(full, scale=1, level=None, seed=4, misindexed=0.02, holes=0.03).coarse
    ci = np.random.default_rng(6).random(coarse.shape)
    q = coarse.quaternions
    for bin_of_ci, noise in enumerate((5.0, 3.5, 2.2, 1.4, 0.8)):
        noisy = degrade(full, scale=1, level=None, seed=5 + bin_of_ci, noise_deg=noise, misindexed=0.02).coarse
        here = (ci // 0.17 == bin_of_ci) & coarse.indexed
        q = np.where(here[..., None], noisy.quaternions, q)
    phase_id = coarse.phase_id.copy()
    phase_id[:9, -12:] = np.where(phase_id[:9, -12:] > 0, CUBIC.id, 0)
    turned = coarse.replace(quaternions=q, phase_id=phase_id, phases=(TITANIUM, CUBIC)).in_frame(SampleFrame.EDAX1)
    none = np.zeros((0, 0, 0), np.uint16)
    identity = np.array([[[1.0, 0.0, 0.0, 0.0]]])
    nothing = np.zeros((1, 1), bool)
    frame = SampleFrame.EDAX1.value
    return Case(turned.quaternions, phase_id, ci, 2, coarse.step[0], frame, identity, nothing, none, np.zeros(0), 0.0)


def _section(family: str, size: int, grain: float, seed: int) -> gl.OrientationMap:
    q = make_sections(Draw.seeded(seed), 1, (size, size), (grain, grain), family).orientation[0].double().numpy()
    return gl.OrientationMap.from_quaternions(q / np.linalg.norm(q, axis=-1, keepdims=True), (0.5, 0.5), (TITANIUM,))


def _prepared(case: Case, light: Arrays | None) -> Prepared:
    """The joint state of a case whose light is given."""
    ready = bring_together(ebsd_of(case), None, Settings(scale=case.scale, noise=0.5))
    calibrated = None
    if light is not None:
        state, sigma, flags = (torch.from_numpy(light[name]) for name in ("state", "sigma", "flags"))
        calibrated = CalibratedLight(state, sigma, flags, {}, (), Curves(*light["curves"].tolist()))
    inputs: Inputs = replace(ready, light=calibrated)
    return inputs.part(whole(*inputs.grid.shape))


def _orientations(embedding: torch.Tensor) -> NDArray[np.float64]:
    return decode(embedding, dim=0).double().numpy()
