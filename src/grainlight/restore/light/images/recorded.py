"""What each image of a stack recorded: places that it does not show are missing in it, and not dark.

Images of a turned stage that were turned back have black corners, others in each image; mosaics have black borders. All
of these are runs of one count, black or white, where the other images show a section; and where counts next to 0 are
rare, 0 itself is no count. Images that recorded nothing at all were left out before (`maps.images.condition`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, binary_propagation, label

from grainlight.maps.images.margin import zero_is_margin
from grainlight.maps.light_stack import LightStack, harmonic_design
from grainlight.optics.calibration.harmonics import fit_some, full_scale

Mask = NDArray[np.bool_]

_SQUARE = np.ones((3, 3), dtype=bool)
_FEWEST = 25  # pixels of one count, and a 3 x 3 block among them
_SAMPLE = 20_000  # places that are asked what the other images show there
_SHOWN = 0.04  # of a place's mean light that the others must show beyond it: else it is black in earnest (extinction)
_SOFT = 1  # pixels around that interpolation has mixed with the fill


@dataclass(frozen=True, eq=False)
class Recorded:
    """A stack with NaN where an image did not record, and sentences on what it lacks."""

    light: LightStack
    told: tuple[str, ...] = ()


def recorded(light: LightStack) -> Recorded:
    """Find what the images of a stack did not record."""
    images = light.images
    if zero_is_margin(images):
        images = images.astype(np.float32)
        images[light.images == 0] = np.nan
    blocks = _blocks(replace(light, images=images)) if light.determined else None
    if blocks is not None:
        images = images.astype(np.float32)
        images[blocks] = np.nan
    if images is light.images:
        return Recorded(light)
    missing = np.isnan(images)
    somewhere, everywhere = missing.any(0).mean(), missing.all(0).mean()
    told = (
        f"{100 * somewhere:.3g} % of the field lie in margins, which show nothing (black or white corners, borders), "
        f"of some light images, and {100 * everywhere:.3g} % in those of all: they count as missing there."
    )
    # Full scale is no longer told by the type of the counts.
    saturation = light.saturation or full_scale(torch.from_numpy(light.images))
    return Recorded(replace(light, images=images, saturation=saturation), (told,))


def _blocks(light: LightStack) -> Mask | None:
    """Pixels (N, H, W) in blocks of one count where the other images show light, with what is mixed with them; None
    where there is none."""
    masks = [_fill(image) for image in light.images]
    if not any(mask is not None for mask in masks):
        return None
    missing = np.stack([np.zeros(light.shape, bool) if mask is None else mask for mask in masks])
    missing = _contradicted(light, missing)
    for mask in missing:
        mask[:] = binary_dilation(mask, _SQUARE, iterations=_SOFT) if mask.any() else mask
    return missing if missing.any() else None


def _fill(image: NDArray[np.number]) -> Mask | None:
    """Pixels (H, W) that may be fill: in blocks of the least count, or of the largest that reach the border."""
    found = None
    if np.isnan(image).all():
        return None
    for value, at_border in ((np.nanmin(image), False), (np.nanmax(image), True)):
        same = image == value
        if np.count_nonzero(same) < _FEWEST:
            continue
        core = binary_erosion(same, _SQUARE, border_value=1)
        if at_border and core.any():
            number, _ = label(core)
            rim = np.concatenate((number[0], number[-1], number[:, 0], number[:, -1]))
            core = np.isin(number, rim[rim > 0])
        if np.count_nonzero(core) < _FEWEST // 2:
            continue
        block = binary_propagation(core, _SQUARE, mask=same)
        found = block if found is None else found | block
    return found


def _contradicted(light: LightStack, missing: Mask) -> Mask:
    """Of pixels (N, H, W) that may be fill those, part by part, where the other images show light; parts that no five
    images show are fill as well."""
    pixels = missing.any(0)
    flat = np.flatnonzero(pixels)
    flat = flat[:: -(-len(flat) // _SAMPLE)]
    design = torch.from_numpy(harmonic_design(light.angles))
    values = torch.from_numpy(light.images.reshape(len(missing), -1)[:, flat].astype(np.float64))
    bad = torch.from_numpy(missing.reshape(len(missing), -1)[:, flat]) | torch.isnan(values)
    fit = fit_some(values, bad, design)[0]
    mean = fit[0].abs().clamp_min(1e-12)
    # Black where they show light, or white where they do not; an excess of black is none.
    away = (torch.where(values < fit[0], 1.0, -1.0) * (design @ fit - values) / mean).numpy()
    out = np.zeros_like(missing)
    for mask, kept, gap in zip(missing, out, away, strict=True):
        if not mask.any():
            continue
        number, count = label(mask, _SQUARE)
        part = number.reshape(-1)[flat]
        asked = (part > 0) & np.isfinite(gap)
        total = np.bincount(part[asked], weights=gap[asked] > _SHOWN, minlength=count + 1)
        heard = np.bincount(part[asked], minlength=count + 1)
        fill = total >= 0.5 * heard
        fill[0] = False
        kept[:] = fill[number]
    return out
