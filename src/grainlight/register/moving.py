"""The moving side of a registration: harmonics of a stack, or plain images, freed of uneven illumination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from torch.nn.functional import conv2d

from grainlight.maps.light_stack import LightStack
from grainlight.register.blocks import block_side, blocks, enlarged
from grainlight.register.fixed import A0, A2, A4

Array = NDArray[np.float64]
Group = tuple[tuple[int, ...], tuple[int, ...]]
_Read = Callable[[slice], NDArray[np.float32]]
_CLIP = 5.0  # robust standard deviations: dust and scratches beyond them are cut off
_MOST_PIXELS = 1_500_000
_AT_ONCE = 1 << 18  # of them read at once
_REACH = 4.0  # standard deviations of a Gaussian, as in scipy.ndimage


@dataclass(frozen=True, eq=False)
class MovingLight:
    """Channels of light to compare with a map.

    Parameters
    ----------
    channels
        (C, H, W) without their broad part, of spread one; 0 where nothing was seen.
    seen
        (H, W).
    groups
        Pairs of channels and the features that they are linear combinations of.
    binning
        Recorded pixels per pixel here, along each axis.
    shape
        Recorded rows and columns.
    """

    channels: NDArray[np.float32]
    seen: NDArray[np.bool_]
    groups: tuple[Group, ...]
    binning: int
    shape: tuple[int, int]

    def here(self, recorded: Array) -> Array:
        """Return positions (..., 2) on these channels of positions on the recorded images."""
        return (recorded - (self.binning - 1) / 2) / self.binning

    def blurred(self, sigma: float) -> MovingLight:
        """Return the channels blurred by a Gaussian of ``sigma`` pixels of theirs, binned first where it is wide."""
        factor = block_side(sigma)
        if factor > 1:
            return self._coarser(factor).blurred(sigma / factor)
        channels = _gaussian(self.channels, sigma)
        if self.seen.all():
            down, across = (gaussian_filter1d(np.ones(n, np.float32), sigma, mode="constant") for n in self.seen.shape)
            channels *= np.reciprocal(down[:, None] * across)
        else:
            share = gaussian_filter(self.seen.astype(np.float32), sigma, mode="constant")
            channels *= np.where(share > 0.05, 1 / np.maximum(share, 0.05), np.float32(0.0))
        return replace(self, channels=channels)

    def _coarser(self, factor: int) -> MovingLight:
        """Return the channels with ``factor`` by ``factor`` pixels binned into one."""
        share = blocks(self.seen.astype(np.float32), factor)
        gain = 1 / np.maximum(share, 1e-6)
        channels = np.stack([blocks(image, factor) * gain for image in self.channels]).astype(np.float32)
        return replace(self, channels=channels, seen=share > 0.5, binning=self.binning * factor)


def moving_light(light: LightStack, step: float, broad: float) -> MovingLight:
    """Return the channels of a stack.

    Parameters
    ----------
    step
        um: finer pixels are binned as long as they stay below this.
    broad
        um: what varies more slowly is taken off.
    """
    if not light.determined:
        return moving_images(light.images, light.step, step, broad)
    from grainlight.optics.calibration.harmonics import find_gains, fit_harmonics

    stack, angles = torch.from_numpy(light.images), light.angles.tolist()
    gains = find_gains(stack, angles, light.saturation)

    def read(rows: slice) -> NDArray[np.float32]:
        found = fit_harmonics(stack[:, rows], angles, saturation=light.saturation, gains=gains)
        return found.coefficients.float().numpy()

    groups = (((0,), A0), ((1, 2), A2), ((3, 4), A4))
    return _moving(read, (5, *light.shape), light.step, step, broad, groups)


def moving_images(images: NDArray[Any], pixel: float, step: float, broad: float) -> MovingLight:
    """Return the channels of images (N, H, W) of ``pixel`` um at unknown settings, each any mix of the features."""
    groups = tuple(((k,), A0 + A2 + A4) for k in range(len(images)))

    def read(rows: slice) -> NDArray[np.float32]:
        return np.asarray(images[:, rows], dtype=np.float32)

    return _moving(read, np.shape(images), pixel, step, broad, groups, own_light=True)


def _moving(
    read: _Read,
    shape: tuple[int, ...],
    pixel: float,
    step: float,
    broad: float,
    groups: tuple[Group, ...],
    own_light: bool = False,
) -> MovingLight:
    """Return the channels of images (N, H, W) that ``read`` returns row by row."""
    high, wide = shape[1:]
    binning = max(1, int(step / pixel + 1e-6), int(np.ceil(np.sqrt(high * wide / _MOST_PIXELS))))
    channels, seen = _binned(read, shape, binning)
    broad_of = _Broad(seen, broad / (pixel * binning))
    whole, light = bool(seen.all()), None
    for detail in channels:
        if own_light or light is None:
            light = broad_of(detail)
            floor = 0.05 * float(np.median(np.abs(light if whole else light[seen]))) if seen.any() else 1.0
            np.maximum(light, np.float32(max(floor, 1e-12)), out=light)
        detail /= light
        detail -= broad_of(detail)
        detail *= seen
        of_seen = detail if whole else detail[seen]
        spread = max(1.4826 * float(np.median(np.abs(of_seen))), 0.2 * float(of_seen.std())) if seen.any() else 0.0
        detail /= np.float32(max(spread, 1e-12))
        np.clip(detail, -_CLIP, _CLIP, out=detail)
    return MovingLight(channels, seen, groups, binning, (high, wide))


def _gaussian(images: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return images (C, H, W) blurred by a Gaussian of ``sigma`` pixels, zeros beyond the edge.

    What is returned has its channels side by side in memory, as those want it who read all of them between pixels.
    """
    # Convolution of a single channel is many times slower than of two.
    several = images if len(images) > 1 else np.repeat(images, 2, axis=0)
    count, reach = len(several), int(_REACH * sigma + 0.5)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = torch.from_numpy((bell / bell.sum()).astype(np.float32)).expand(count, 1, -1)
    found = torch.from_numpy(several)[None].contiguous(memory_format=torch.channels_last)
    found = conv2d(found, kernel[..., None], padding=(reach, 0), groups=count)
    found = conv2d(found, kernel[..., None, :], padding=(0, reach), groups=count)
    return found[0, : len(images)].numpy()


def _binned(read: _Read, shape: tuple[int, ...], binning: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the images in blocks of pixels, 0 where most of a block is not finite, and where it is."""
    count, high, wide = (shape[0], *(n // binning for n in shape[1:]))
    channels, seen = np.empty((count, high, wide), np.float32), np.empty((high, wide), dtype=bool)
    strip = max(1, _AT_ONCE // (shape[2] * binning))
    for start in range(0, high, strip):
        part = slice(start, min(start + strip, high))
        images = read(slice(part.start * binning, part.stop * binning))[:, :, : wide * binning]
        finite: NDArray[np.bool_] = np.asarray(np.isfinite(images).all(0))
        if not finite.all():
            images = np.where(finite, images, 0.0).astype(np.float32)
        share = blocks(finite.astype(np.float32), binning)
        seen[part] = share > 0.5
        gain = seen[part] / np.maximum(share, 1e-6)
        for image, channel in zip(images, channels, strict=True):
            np.multiply(blocks(image, binning), gain, out=channel[part])
    return channels, seen


class _Broad:
    """The Gaussian mean over what was seen, on a coarser grid where the Gaussian is wide."""

    def __init__(self, seen: NDArray[np.bool_], sigma: float) -> None:
        self.shape, self.sigma = seen.shape, sigma
        self.factor = max(1, int(sigma / 4))
        share = self._blurred(seen.astype(np.float32))
        self.gain: NDArray[np.float32] = np.reciprocal(np.maximum(share, np.float32(1e-3)))

    def __call__(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of an image that is 0 where nothing was seen."""
        return self._blurred(image) * self.gain

    def _blurred(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        small: NDArray[np.float32] = image if self.factor == 1 else blocks(image, self.factor)
        small = gaussian_filter(small, self.sigma / self.factor, mode="constant")
        return small if self.factor == 1 else enlarged(small, self.factor, self.shape)
