"""What the light shows: harmonics of a stack, or plain images, freed of uneven illumination."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from grainlight.maps.light_stack import LightStack
from grainlight.register.scene import A0, A2, A4

Array = NDArray[np.float64]
Group = tuple[tuple[int, ...], tuple[int, ...]]
_CLIP = 5.0  # robust standard deviations: dust and scratches are no grains
_MOST_PIXELS = 1_500_000


@dataclass(frozen=True, eq=False)
class View:
    """Channels of light to compare with a scene.

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

    def smoothed(self, sigma: float) -> NDArray[np.float32]:
        """Return the channels blurred by a Gaussian of ``sigma`` pixels of these."""
        if sigma <= 0:
            return self.channels
        share = gaussian_filter(self.seen.astype(np.float32), sigma, mode="constant")
        blurred = np.stack([gaussian_filter(image, sigma, mode="constant") for image in self.channels])
        return np.where(share > 0.05, blurred / np.maximum(share, 0.05), 0.0).astype(np.float32)


def view_of(light: LightStack, step: float, broad: float) -> View:
    """Return the view of a stack.

    Parameters
    ----------
    step
        um: finer pixels are binned as long as they stay below this.
    broad
        um: what varies more slowly is taken off.
    """
    if not light.determined:
        return view_of_images(light.images, light.step, step, broad)
    import torch

    from grainlight.optics.harmonics import fit_harmonics

    found = fit_harmonics(torch.from_numpy(light.images), light.angles.tolist(), saturation=light.saturation)
    images = found.coefficients.float().numpy()
    return _view(images, light.step, step, broad, (((0,), A0), ((1, 2), A2), ((3, 4), A4)))


def view_of_images(images: NDArray[np.float32], pixel: float, step: float, broad: float, count: int = 6) -> View:
    """Return the view of images (N, H, W) of ``pixel`` um at unknown settings, each of any of ``count`` features."""
    groups = tuple(((k,), tuple(range(count))) for k in range(len(images)))
    return _view(np.asarray(images, dtype=np.float32), pixel, step, broad, groups, own_light=True)


def _view(
    images: NDArray[np.float32],
    pixel: float,
    step: float,
    broad: float,
    groups: tuple[Group, ...],
    own_light: bool = False,
) -> View:
    shape = images.shape[1:]
    binning = max(1, int(step / pixel + 1e-6), int(np.ceil(np.sqrt(images[0].size / _MOST_PIXELS))))
    images, seen = _binned(images, binning)
    sigma = broad / (pixel * binning)
    channels = []
    for image in images:
        light = _broad(image if own_light else images[0], seen, sigma)
        floor = 0.05 * float(np.median(np.abs(light[seen]))) if seen.any() else 1.0
        even = np.where(seen, image / np.maximum(light, max(floor, 1e-12)), 0.0)
        detail = np.where(seen, even - _broad(even, seen, sigma), 0.0)
        spread = 1.4826 * float(np.median(np.abs(detail[seen]))) if seen.any() else 0.0
        spread = max(spread, 0.2 * float(detail[seen].std()) if seen.any() else 0.0, 1e-12)
        channels.append(np.clip(detail / spread, -_CLIP, _CLIP))
    return View(np.stack(channels).astype(np.float32), seen, groups, binning, (int(shape[0]), int(shape[1])))


def _binned(images: NDArray[np.float32], binning: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(images).all(0))
    images = np.where(finite, images, 0.0)
    if binning > 1:
        high, wide = (n // binning * binning for n in images.shape[1:])
        block = (high // binning, binning, wide // binning, binning)
        share = finite[:high, :wide].reshape(block).mean((1, 3))
        images = images[:, :high, :wide].reshape(-1, *block).mean((2, 4)) / np.maximum(share, 1e-6)
        finite = share > 0.5
    return np.where(finite, images, 0.0).astype(np.float32), finite


def _broad(image: NDArray[np.float32], seen: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """Return the Gaussian mean over what was seen, on a coarser grid where the Gaussian is wide."""
    stacked = np.stack((np.where(seen, image, 0.0), seen.astype(np.float32)))
    shrink = max(1, int(sigma / 4))
    if shrink > 1:
        high, wide = image.shape
        padded = np.pad(stacked, ((0, 0), (0, -high % shrink), (0, -wide % shrink)))
        small = padded.reshape(2, padded.shape[1] // shrink, shrink, padded.shape[2] // shrink, shrink).mean((2, 4))
        small = np.stack([gaussian_filter(part, sigma / shrink, mode="constant") for part in small])
        large = np.stack([zoom(part, shrink, order=1, grid_mode=True, mode="nearest") for part in small])
        stacked = large[:, :high, :wide]
    else:
        stacked = np.stack([gaussian_filter(part, sigma, mode="constant") for part in stacked])
    return stacked[0] / np.maximum(stacked[1], 1e-3)
