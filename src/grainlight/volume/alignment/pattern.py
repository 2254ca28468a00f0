"""What the light of a section looks like to an alignment: harmonics free of shading, weighted by their noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from grainlight.maps.light_stack import LightStack
from grainlight.optics.calibration.harmonics import fit_harmonics

GROUPS = (slice(0, 1), slice(1, 3), slice(3, 5))
"""Channels of the harmonics A0, A2 and A4."""
_SHADING = 1 / 12  # of the shorter side: standard deviation of the Gaussian that takes shading away
_DARK = 0.05  # of the usual brightness: below it a pixel shows nothing
_CLIP = 3.0  # standard deviations: beyond it lie dust, scratches and stains
_SAME_STEP = 1e-3


@dataclass(frozen=True, eq=False)
class Pattern:
    """Light of a section as it is compared with others.

    Parameters
    ----------
    channels
        (5, H, W) float32: A0, A2c, A2s, A4c, A4s over the local brightness, high-passed; 0 where nothing is known.
    noise
        (3,) standard deviation of the noise of a pixel of A0, A2, A4 in the same unit.
    step
        um per pixel.
    origin
        x, y in um of the centre of the first pixel in the section's frame.
    determined
        Whether the angles determine the harmonics; if not, A0 is the mean of the images and the others are 0.
    """

    channels: NDArray[np.float32]
    noise: NDArray[np.float64]
    step: float
    origin: tuple[float, float]
    determined: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.channels.shape[1], self.channels.shape[2]

    def joined(self, factor: int) -> Pattern:
        """Return the pattern with each ``factor`` x ``factor`` pixels joined to one."""
        if factor == 1:
            return self
        rows, columns = (max(n // factor, 1) for n in self.shape)
        cut = self.channels[:, : rows * factor, : columns * factor]
        means = cut.reshape(5, rows, factor, columns, factor).mean((2, 4), dtype=np.float32)
        off = (factor - 1) / 2 * self.step
        origin = (self.origin[0] + off, self.origin[1] + off)
        return Pattern(means, self.noise / factor, self.step * factor, origin, self.determined)

    @cached_property
    def weighted(self) -> NDArray[np.float32]:
        """Channels (5, H, W) of unit variance times the share of it that is signal, without outliers."""
        found = np.zeros_like(self.channels)
        for group, noise in zip(GROUPS, self.noise, strict=True):
            values = self.channels[group]
            thin = max(min(self.shape) // 64, 1)
            low, high = np.percentile(values[:, ::thin, ::thin], (1.0, 99.0))
            spread = float(np.clip(values, low, high).std())
            if spread <= 1e-9:
                continue
            signal = max(1.0 - (noise / spread) ** 2, 0.0)
            found[group] = np.clip(values / spread, -_CLIP, _CLIP) * np.float32(np.sqrt(signal))
        return found - found.mean((1, 2), keepdims=True)


def factor_for(shapes: Iterable[tuple[int, int]], most: int) -> int:
    """Return how many pixels to join along each side so that none of ``shapes`` is longer than ``most``."""
    return max(-(-max(shape) // most) for shape in shapes)


def make_pattern(stack: LightStack, step: float | None = None) -> Pattern:
    """Return the pattern of a stack of images.

    Parameters
    ----------
    stack
        Images of the section, at any angles.
    step
        um per pixel of the pattern where it is to differ from the stack's.
    """
    determined = stack.determined
    images = torch.from_numpy(np.ascontiguousarray(stack.images))
    noise = np.zeros(3)
    if determined:
        fitted = fit_harmonics(images, stack.angles.tolist(), saturation=stack.saturation)
        values = fitted.coefficients.to(torch.float32).numpy()
        rms = fitted.residual_rms.numpy()
        seen = rms[np.isfinite(rms)]
        noise = np.array(fitted.group_noise) * (float(np.median(seen)) if seen.size else 0.0)
    else:
        values = np.zeros((5, *stack.shape), dtype=np.float32)
        for image in stack.images:
            values[0] += image / np.float32(len(stack.images))
    if stack.mirror:
        values = values[..., ::-1]
    channels, bright = _even(values)
    pattern = Pattern(channels, noise / bright if bright > 0 else np.zeros(3), stack.step, stack.origin, determined)
    return pattern if step is None else _resampled(pattern, step)


def _even(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return harmonics (5, H, W) over the local brightness, high-passed, and the usual brightness."""
    known = np.isfinite(values).all(0)
    bright = float(np.median(values[0][known])) if known.any() else 0.0
    if bright <= 0:
        return np.zeros_like(values), 0.0
    values = np.where(known, values, np.float32(0))
    known &= values[0] > _DARK * bright
    sigma = max(_SHADING * min(known.shape), 3.0)
    share = _smooth(known.astype(np.float32), sigma)
    local = _smooth(np.where(known, values[0], np.float32(0)), sigma) / np.maximum(share, 1e-3)
    even = values / np.maximum(local, _DARK * bright)
    for k in range(5):
        mean = _smooth(np.where(known, even[k], np.float32(0)), sigma) / np.maximum(share, 1e-3)
        even[k] = np.where(known, even[k] - mean, np.float32(0))
    return even.astype(np.float32, copy=False), bright


def _smooth(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian of a large sigma, by way of a coarser image: the time does not grow with sigma."""
    factor = max(int(sigma / 4), 1)
    if factor == 1:
        return gaussian_filter(image, sigma, mode="reflect")
    rows, columns = image.shape
    padded = np.pad(image, ((0, -rows % factor), (0, -columns % factor)), mode="edge")
    coarse = padded.reshape(padded.shape[0] // factor, factor, -1, factor).mean((1, 3), dtype=np.float32)
    coarse = gaussian_filter(coarse, sigma / factor, mode="reflect")
    fine = zoom(coarse, factor, order=1, mode="nearest", grid_mode=True)
    return np.asarray(fine[:rows, :columns], dtype=np.float32)


def _resampled(pattern: Pattern, step: float) -> Pattern:
    """Return the pattern on pixels of another step."""
    ratio = pattern.step / step
    if abs(ratio - 1) < _SAME_STEP:
        return pattern
    soft = pattern.channels
    if ratio < 1:
        soft = gaussian_filter(soft, (0.0, 0.4 / ratio, 0.4 / ratio))
    channels = np.stack([zoom(channel, ratio, order=1, mode="nearest", grid_mode=True) for channel in soft])
    # pixel edges stay where they were
    real = [pattern.step * a / b for a, b in zip(pattern.shape, channels.shape[1:], strict=True)]
    origin = tuple(o + (r - pattern.step) / 2 for o, r in zip(pattern.origin, real[::-1], strict=True))
    noise = pattern.noise * min(ratio, 1.0)
    return Pattern(channels, noise, step, origin, pattern.determined)  # type: ignore[arg-type]
