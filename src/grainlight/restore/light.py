"""Bringing a light stack to the canonical state on the output grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.crystal.euler import c_axis
from grainlight.crystal.frames import SampleFrame
from grainlight.errors import InputError
from grainlight.maps.light_stack import LEAST_ANGLES, LightStack
from grainlight.optics.calibration import NoSignalError, calibrate
from grainlight.optics.canonical import OUTSIDE, CanonicalLight, apply
from grainlight.optics.frame_check import Polars, check_frame
from grainlight.optics.harmonics import fit_harmonics
from grainlight.optics.image_fit import fit_images
from grainlight.optics.posterior import few_images
from grainlight.optics.resample import resample, resample_harmonics
from grainlight.restore.contradiction import CONTRADICTED
from grainlight.restore.place import Placed
from grainlight.restore.windows import Window

AGAINST_MAP = 32
"""Bit of the flags beside those of `optics.canonical`."""


@dataclass(frozen=True, eq=False)
class PlacedLight:
    """Canonical harmonics (5, H, W) on the output grid, their noise (3, H, W), infinite where unknown, flags (H, W) of
    `optics.canonical`, and what calibration found."""

    state: Tensor
    sigma: Tensor
    flags: Tensor
    report: dict[str, Any]
    warnings: tuple[str, ...]

    def part(self, window: Window) -> PlacedLight:
        """Return what lies in a window."""
        here = {name: getattr(self, name)[..., *window.outer] for name in ("state", "sigma", "flags")}
        return replace(self, **here)


def all_flags(light: PlacedLight, contradiction: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the flags (H, W) of the light with those of pixels that contradict the restored map (H, W, in standard
    deviations, `restore.contradiction`)."""
    flags: NDArray[np.uint8] = light.flags.cpu().numpy().astype(np.uint8)
    return flags | np.where(np.nan_to_num(contradiction) > CONTRADICTED, AGAINST_MAP, 0).astype(np.uint8)


def place_light(stack: LightStack, placed: Placed, noise: float, frame: SampleFrame = SampleFrame.S) -> PlacedLight:
    """Resample a stack and calibrate it on the measured orientations.

    Five and more angles give the harmonics pixel by pixel; from fewer images, or images of unknown settings, the
    harmonics are inferred with what EBSD measured nearby. Light that says nothing of the c-axes is not used, and a
    warning says so.

    Parameters
    ----------
    noise
        Root-mean-square misorientation of the EBSD's noise in degrees.
    frame
        The sample frame that the map was said to have: what the light says of it is reported.

    Raises
    ------
    InputError
        If too few points of the map lie on the images.
    """
    images = torch.from_numpy(np.ascontiguousarray(stack.images[:, :, ::-1] if stack.mirror else stack.images))
    rows, columns = placed.shape
    grid: dict[str, Any] = {
        "step_pl": stack.step,
        "origin": (stack.origin[0] - placed.left, stack.origin[1]),
        "rows": rows,
        "columns": columns,
        "step_out": placed.step,
    }
    at = torch.from_numpy(np.argwhere(placed.measured).astype(np.float64))
    axes = torch.from_numpy(c_axis(placed.measured_points))
    if not stack.determined:
        return _place_few(stack, images, grid, (axes, at))
    harmonics = fit_harmonics(images, stack.angles.tolist(), saturation=stack.saturation)
    harmonics = resample_harmonics(harmonics, **grid)
    try:
        found = calibrate(harmonics, axes, at, rotates=stack.rotates, mirror=stack.mirror)
    except NoSignalError as error:
        return no_light(placed.shape, not_used(error), ~torch.isfinite(harmonics.coefficients).all(0))
    # The c-axis feels the noise in two directions, each with a third of its variance.
    light = apply(found, harmonics, axes, at, axis_noise=noise / np.sqrt(3.0))
    polars = None if stack.polars is None else Polars(*stack.polars, stack.bireflectance)
    said = check_frame(found, frame, rotates=stack.rotates, mirror=stack.mirror, polars=polars)
    report = {**light.report, "frame": said.as_record()}
    return replace(placed_light(light), report=report, warnings=(*light.warnings, *said.warnings))


def _place_few(stack: LightStack, images: Tensor, grid: dict[str, Any], points: tuple[Tensor, Tensor]) -> PlacedLight:
    images, saturated = images.float(), None
    if stack.saturation is not None:
        saturated = torch.nan_to_num(resample((images >= stack.saturation).float(), **grid)) > 0.05
    images = resample(images, **grid)
    # what saturates is no measurement of anything
    fit = fit_images(images if saturated is None else images.masked_fill(saturated, torch.nan), *points)
    outside = ~torch.isfinite(images).all(0)
    use = fit.follows
    explained = ", ".join(f"{100 * float(e):.0f} %" for e in fit.explained)
    if not bool(use.any()):
        return no_light(
            (int(images.shape[1]), int(images.shape[2])),
            "The polarized light is not used: its brightness does not follow the c-axes of the EBSD map "
            f"(explained: {explained} of the variance of each image, no more than by chance). "
            "Check --pl-step, --pl-origin and --frame; images and map must show the same place.",
            outside,
        )
    light = few_images(images[use], fit.part(use), saturated=None if saturated is None else saturated[use])
    what = "settings unknown" if np.isnan(stack.angles).all() else f"fewer than {LEAST_ANGLES} different angles"
    told = [
        f"The polarized light does not determine its harmonics ({len(images)} image{'s' * (len(images) > 1)}, {what}): "
        "they are inferred with the EBSD points nearby."
    ]
    if not bool(use.all()):
        told.append(f"{int((~use).sum())} of {len(use)} images do not follow the c-axes and are not used.")
    return replace(placed_light(light), warnings=(*told, *light.warnings))


def placed_light(light: CanonicalLight) -> PlacedLight:
    """Return canonical light as the restoration takes it."""
    return PlacedLight(light.state.float(), light.sigma.float(), light.flags, light.report, light.warnings)


def no_light(shape: tuple[int, int], warning: str, outside: Tensor | None = None) -> PlacedLight:
    """Return light (H, W) that says nothing, and why; ``outside`` (H, W) of the images, where that is known."""
    flags = torch.zeros(1, 1, dtype=torch.uint8).expand(shape)
    flags = flags if outside is None else outside.to(torch.uint8) * OUTSIDE
    nothing, unknown = torch.zeros(1, 1, 1).expand(5, *shape), torch.full((1, 1, 1), torch.inf).expand(3, *shape)
    return PlacedLight(nothing, unknown, flags, {"used": False}, (warning,))


def not_used(error: InputError) -> str:
    """Return the sentence for light that does not follow the map."""
    return f"The polarized light is not used: {error.found}. Expected: {error.expected}. {error.advice}."
