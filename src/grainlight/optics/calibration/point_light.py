"""Harmonics at points of known c-axis: all that a calibration sees of the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grainlight.errors import InputError
from grainlight.optics.calibration.harmonics import Harmonics
from grainlight.optics.calibration.resample import sample_at

_FEWEST_POINTS = 24
_MOST_POINTS = 20_000
# Noise, for that of a point whose light no frame lacks, from which the point says nothing of the optics.
_MOST_EXCESS = 2.0
_PIXELS = 50_000  # that tell the noise of the frames


@dataclass(frozen=True)
class PointLight:
    """Harmonics at P points, in float64 on the CPU.

    Parameters
    ----------
    coefficients, residual_rms
        (5, P) and (P,) as of `Harmonics`; NaN where a point is not on the images, or on few of them.
    clipped
        (P,) saturated frames there.
    pixels
        (2, n) brightness a0 and residual of a frame at pixels all over the image, which tell the noise of the frames.
    c_axes, positions
        (P, 3) unit vectors in frame S; (P, 2) row and column in pixels of the whole image.
    shape
        Rows and columns of the whole image.
    group_noise, freedom
        Of the harmonics.
    """

    coefficients: Tensor
    residual_rms: Tensor
    clipped: Tensor
    pixels: Tensor
    c_axes: Tensor
    positions: Tensor
    shape: tuple[int, int]
    group_noise: tuple[float, float, float]
    freedom: int

    def without(self, points: Tensor) -> PointLight:
        """Return the light with that of some points (P,) unknown."""
        return replace(self, coefficients=self.coefficients.masked_fill(points, torch.nan))


def at_points(harmonics: Harmonics, c_axes: Tensor, positions: Tensor, parts: int = 1) -> PointLight:
    """Return the harmonics at points of c-axes (P, 3) and positions (P, 2); of one of so many parts of an image."""
    at = positions.to("cpu", torch.float64)
    stride = max(1, harmonics.residual_rms.numel() * parts // _PIXELS)
    coefficients = sample_at(harmonics.coefficients, at).to("cpu", torch.float64)
    if harmonics.excess is not None:
        coefficients.masked_fill_(~(sample_at(harmonics.excess, at).amax(0).cpu() < _MOST_EXCESS), torch.nan)
    pixels = [image.flatten()[::stride] for image in (harmonics.coefficients[0], harmonics.residual_rms)]
    return PointLight(
        coefficients,
        sample_at(harmonics.residual_rms[None], at)[0].to("cpu", torch.float64),
        sample_at(harmonics.saturated[None].to(torch.float32), at)[0].to("cpu", torch.float64),
        torch.stack(pixels).to("cpu", torch.float64),
        c_axes.to("cpu", torch.float64),
        at,
        harmonics.shape,
        harmonics.group_noise,
        harmonics.freedom,
    )


def together(parts: Sequence[tuple[PointLight, tuple[int, int]]], shape: tuple[int, int]) -> PointLight:
    """Return the points of several parts of an image of ``shape``, each with the row and column where it begins."""
    lights = [light for light, _ in parts]
    # A part off the images is left out: its harmonics are no average of any of their pixels.
    shares = torch.tensor([int(torch.isfinite(light.coefficients[0]).sum()) for light in lights], dtype=torch.float64)
    noises = torch.tensor([light.group_noise for light in lights], dtype=torch.float64)
    noise = (shares @ noises / shares.sum().clamp_min(1.0)).tolist()
    return PointLight(
        torch.cat([light.coefficients for light in lights], 1),
        torch.cat([light.residual_rms for light in lights]),
        torch.cat([light.clipped for light in lights]),
        torch.cat([light.pixels for light in lights], 1),
        torch.cat([light.c_axes for light in lights]),
        torch.cat([light.positions + torch.tensor(corner, dtype=torch.float64) for light, corner in parts]),
        shape,
        (noise[0], noise[1], noise[2]),
        lights[0].freedom,
    )


def usable(light: PointLight) -> tuple[Tensor, Tensor, Tensor]:
    """Return coefficients (5, P), axes (P, 3) and positions (P, 2) of the points that a calibration counts.

    Raises
    ------
    InputError
        If they are too few.
    """
    values, axes, at = light.coefficients, light.c_axes, light.positions
    good = torch.isfinite(values).all(0) & torch.isfinite(axes).all(1) & (light.clipped <= 0)
    index = chosen(good)
    return values[:, index], axes[index], at[index]


def chosen(good: Tensor) -> Tensor:
    """Return the indices of good points (P,), evenly thinned to no more than a calibration needs.

    Raises
    ------
    InputError
        If they are too few.
    """
    index = good.nonzero()[:, 0]
    if len(index) < _FEWEST_POINTS:
        raise InputError(
            "Too few EBSD points lie on the polarized-light images to calibrate them.",
            found=f"{len(index)} usable points of {len(good)}",
            expected=f"at least {_FEWEST_POINTS}",
            advice="check --pl-step and --pl-origin",
        )
    if len(index) > _MOST_POINTS:
        index = index[torch.linspace(0, len(index) - 1, _MOST_POINTS).long()]
    return index
