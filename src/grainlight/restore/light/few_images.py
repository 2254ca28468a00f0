"""Few images, or images of unknown settings: their harmonics are inferred with what EBSD measured nearby."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grainlight.crystal.euler import c_axis
from grainlight.maps.light_stack import LEAST_ANGLES, LightStack, distinct_angles, span
from grainlight.optics.calibration.resample import resample
from grainlight.optics.few_images.image_fit import fit_images
from grainlight.optics.few_images.posterior import few_images
from grainlight.restore.light.calibrated import NOT_USED, CalibratedLight, as_calibrated, no_light
from grainlight.restore.points.grid import PointGrid


def calibrate_few(stack: LightStack, grid: PointGrid) -> CalibratedLight:
    """Resample a stack that does not determine its harmonics and infer them; light that says nothing is not used, and a
    warning says so."""
    images = torch.from_numpy(np.ascontiguousarray(stack.images[:, :, ::-1] if stack.mirror else stack.images)).float()
    at = torch.from_numpy(np.argwhere(grid.measured).astype(np.float64))
    axes = torch.from_numpy(c_axis(grid.measured_points))
    there: dict[str, Any] = {
        "step_pl": stack.step,
        "origin": (stack.origin[0] - grid.left, stack.origin[1]),
        "rows": grid.shape[0],
        "columns": grid.shape[1],
        "step_out": grid.step,
    }
    saturated: Tensor | None = None
    if stack.saturation is not None:
        saturated = torch.nan_to_num(resample((images >= stack.saturation).float(), **there)) > 0.05
    images = resample(images, **there)
    # saturated pixels measure nothing
    fit = fit_images(images if saturated is None else images.masked_fill(saturated, torch.nan), axes, at)
    outside = ~torch.isfinite(images).all(0)
    use = fit.follows
    explained = ", ".join(f"{100 * float(e):.0f} %" for e in fit.explained)
    if not bool(use.any()):
        return no_light(
            grid.shape,
            f"{NOT_USED}its brightness does not follow the c-axes of the EBSD map "
            f"(explained: {explained} of the variance of each image, no more than by chance). "
            "Check --pl-step, --pl-origin and --frame; images and map must show the same place.",
            outside,
        )
    light = few_images(images[use], fit.part(use), saturated=None if saturated is None else saturated[use])
    told = [
        "The polarized light does not determine its harmonics "
        f"({len(images)} image{'s' * (len(images) > 1)}, {_why(stack.angles)}): "
        "they are inferred with the EBSD points nearby."
    ]
    if not bool(use.all()):
        told.append(f"{int((~use).sum())} of {len(use)} images do not follow the c-axes and are not used.")
    return replace(as_calibrated(light), warnings=(*told, *light.warnings))


def _why(angles: NDArray[np.float64]) -> str:
    """Return why angles do not determine the harmonics."""
    if np.isnan(angles).all():
        return "settings unknown"
    if distinct_angles(angles) < LEAST_ANGLES:
        return f"fewer than {LEAST_ANGLES} different angles"
    return f"the angles span {span(angles):.2g} degrees of 180 only"
