"""What light images are worth before anything is fitted to them: saturated, black, constant, repeated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.light_stack import LEAST_ANGLES, LightStack

_SAMPLE = 250_000  # pixels that are looked at
_MOST = 0.98  # of the pixels: nothing can be done with the rest
_SOME = 0.02
_EMPTY = 0.005  # of the counts that are 0: margins
_DIM = 0.1  # of the usual count: between 0 and this there is next to nothing where 0 stands for a margin
_RARE = 0.05
_LEVELS = 8  # grey values that an image which is not black and white has


@dataclass(frozen=True, eq=False)
class Condition:
    """Images as they can be used, None where they cannot; ``notes`` of what was found, a sentence each; ``reason`` why
    they cannot be used."""

    light: LightStack | None
    notes: tuple[str, ...] = ()
    reason: str | None = None


def condition(light: LightStack) -> Condition:
    """Return a stack without images that show nothing, with NaN where 0 stands for a margin."""
    sample = _sample(light)
    notes = []
    if light.saturation is not None:
        clipped = sample >= light.saturation
        pixels = float(clipped.any(0).mean())
        said = f"{_share(float(clipped.mean()))} of the counts are saturated, at {light.saturation:g}"
        if pixels > _MOST:
            return Condition(None, reason=f"{said}, and hardly a pixel is free of it")
        if pixels > _SOME:
            notes.append(f"{said}, of the light images: in {_share(pixels)} of the pixels, one or more of them.")
    margins = _margin(sample)
    shown = sample != 0 if margins else np.ones(sample.shape, dtype=bool)
    keep = [_contrast(image[seen]) for image, seen in zip(sample, shown, strict=True)]
    if not any(keep):
        return Condition(None, reason=_flat(sample))
    count, usable = len(keep), [k for k, use in enumerate(keep) if use]
    if len(usable) < count:
        where = ", ".join(_name(light, k) for k in range(count) if not keep[k])
        notes.append(f"{count - len(usable)} of {count} light images without any contrast are left out: {where}.")
    copies = [k for k in usable if any(np.array_equal(light.images[k], light.images[j]) for j in usable if j < k)]
    left = len(usable) - len(copies)
    if copies and (left == 1 or (light.determined and left < LEAST_ANGLES)):
        return Condition(
            None, tuple(notes), f"the {count} light images hold {left} image{'s' * (left > 1)}, again and again"
        )
    if copies:
        notes.append(f"{len(copies)} of {count} light images are copies of another one: was a file given twice?")
    used = light if len(usable) == count else replace(light, images=light.images[usable], angles=light.angles[usable])
    lost = float((~shown[usable]).any(0).mean())
    if lost > _EMPTY:
        notes.append(
            f"{_share(lost)} of the pixels are 0 in a light image, far below all others: margins, which show nothing."
        )
        images = used.images.astype(np.float32)
        images[images == 0] = np.nan
        used = replace(used, images=images, margins=True)
    return Condition(used, tuple(notes))


def _sample(light: LightStack) -> NDArray[Any]:
    """Return every so many rows and columns of the images."""
    rows, columns = light.shape
    every = max(1, int(np.sqrt(rows * columns / _SAMPLE)))
    return np.ascontiguousarray(light.images[:, ::every, ::every])


def _margin(sample: NDArray[Any]) -> bool:
    """Whether 0 stands for pixels that an image does not show: some are 0, and next to none are nearly so."""
    none = sample == 0
    share = float(none.mean())
    if not _EMPTY < share < 1:
        return False
    counts = sample[~none]
    usual = float(np.median(counts))
    if len(np.unique(counts[:10_000])) < _LEVELS or usual <= 0:
        return False  # black and white
    return float(((sample > 0) & (sample < _DIM * usual)).mean()) < _RARE * share


def _flat(sample: NDArray[Any]) -> str:
    values = np.unique(sample)
    if len(values) == 1:
        return f"every pixel of every light image is {float(values[0]):g}"
    return "no light image has any contrast: each is of one brightness"


def _contrast(image: NDArray[Any]) -> bool:
    seen = image[np.isfinite(image)]
    return seen.size > 0 and bool(seen.min() < seen.max())


def _name(light: LightStack, k: int) -> str:
    angle = light.angles[k]
    return f"image {k + 1}" if np.isnan(angle) else f"{angle:g} degrees"


def _share(part: float) -> str:
    return f"{100 * part:.3g} %"
