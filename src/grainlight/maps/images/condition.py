"""Which light images are worth anything before something is fitted to them: saturated, black, constant, repeated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.images.margin import sampled, zero_is_margin
from grainlight.maps.light_stack import LEAST_ANGLES, LightStack

_MOST = 0.98  # of the pixels: nothing can be done with the rest
_SOME = 0.02


@dataclass(frozen=True, eq=False)
class Condition:
    """Images as they can be used, None where they cannot; ``notes`` of what was found, a sentence each; ``reason`` why
    they cannot be used."""

    light: LightStack | None
    notes: tuple[str, ...] = ()
    reason: str | None = None


def condition(light: LightStack) -> Condition:
    """Return a stack without images that show nothing."""
    sample = sampled(light.images)
    notes = []
    if light.saturation is not None:
        clipped = sample >= light.saturation
        pixels = float(clipped.any(0).mean())
        said = f"{_share(float(clipped.mean()))} of the counts are saturated, at {light.saturation:g}"
        if pixels > _MOST:
            return Condition(None, reason=f"{said}, and hardly a pixel is free of it")
        if pixels > _SOME:
            notes.append(f"{said}, of the light images: in {_share(pixels)} of the pixels, one or more of them.")
    shown = sample != 0 if zero_is_margin(sample) else np.ones(sample.shape, dtype=bool)
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
    return Condition(used, tuple(notes))


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
