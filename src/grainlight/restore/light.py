"""Bringing a light stack to the canonical state on the output grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grainlight.crystal.euler import c_axis
from grainlight.maps.light_stack import LightStack
from grainlight.optics.calibration import calibrate
from grainlight.optics.canonical import apply
from grainlight.optics.harmonics import fit_harmonics
from grainlight.optics.resample import resample_harmonics
from grainlight.restore.place import Placed


@dataclass(frozen=True, eq=False)
class PlacedLight:
    """Canonical harmonics (5, H, W) on the output grid, their noise (3, H, W), infinite where unknown, flags (H, W) of
    `optics.canonical`, and what calibration found."""

    state: Tensor
    sigma: Tensor
    flags: Tensor
    report: dict[str, Any]
    warnings: tuple[str, ...]


def place_light(stack: LightStack, placed: Placed, noise: float) -> PlacedLight:
    """Fit, resample and calibrate a stack on the measured orientations.

    Parameters
    ----------
    noise
        Root-mean-square misorientation of the EBSD's noise in degrees.
    """
    images = stack.images[:, :, ::-1].copy() if stack.mirror else stack.images
    harmonics = fit_harmonics(torch.from_numpy(images), stack.angles.tolist(), saturation=stack.saturation)
    rows, columns = placed.shape
    origin = (stack.origin[0] - placed.left, stack.origin[1])
    harmonics = resample_harmonics(
        harmonics, step_pl=stack.step, origin=origin, rows=rows, columns=columns, step_out=placed.step
    )
    at = torch.from_numpy(np.argwhere(placed.measured).astype(np.float64))
    axes = torch.from_numpy(c_axis(placed.quaternions[placed.measured]))
    found = calibrate(harmonics, axes, at, rotates=stack.rotates, mirror=stack.mirror)
    # The c-axis feels the noise in two directions, each with a third of its variance.
    light = apply(found, harmonics, axes, at, axis_noise=noise / np.sqrt(3.0))
    return PlacedLight(light.state.float(), light.sigma.float(), light.flags, light.report, light.warnings)
