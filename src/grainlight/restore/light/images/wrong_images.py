"""Images that are wrong as a whole: repeated, moved, negative, of another angle than stated, or out of order.

The harmonics of the other images predict each image. One that they miss by far more than the noise of counts like its
own is left out, the worst first, because it spoils the prediction of the rest. Where none fits, the images may be out
of order: neighbours in angle look most alike, so the shortest way through all of them is an order, which is taken where
the harmonics then fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.maps.light_stack import LEAST_ANGLES, LightStack, harmonic_design
from grainlight.optics.calibration.harmonics import find_gains, full_scale
from grainlight.optics.calibration.light_noise import frame_noise, interpolate

Array = NDArray[np.float64]

_PIXELS = 12_000
_FEWEST_IMAGES, _FEWEST_PIXELS = LEAST_ANGLES + 3, 200
_WORSE = 1.6  # times the usual misfit from which an image costs more than it tells
_QUANTILES = (0.5, 0.9)  # of the pixels: all of an image is wrong, or where its grains end
_OUT_OF_ORDER = 0.1  # share of the variance between images that harmonics leave
_IN_ORDER = 0.4  # of that in any order but the right one


@dataclass(frozen=True, eq=False)
class Checked:
    """A stack whose images fit one another, and sentences on what was done about it."""

    light: LightStack
    told: tuple[str, ...] = ()


def check_images(light: LightStack) -> Checked:
    """Leave out images that the others contradict; put those that are out of order into one that fits."""
    if not light.determined or len(light.images) < _FEWEST_IMAGES:
        return Checked(light)
    counts = _sample(light)
    if counts.shape[1] < _FEWEST_PIXELS:
        return Checked(light)
    order = _order(counts, light.angles)
    told = []
    if order is not None:
        light, counts = replace(light, images=light.images[order]), counts[order]
        told.append(
            "The images do not follow the stated angles, but they do in another order, which is used; azimuths that "
            "rest on the stated angle of an image are not to be trusted. Check --angles and the order of the files."
        )
    kept = _fitting(counts, light)
    if not kept.all():
        out = ", ".join(f"{angle:g}" for angle in light.angles[~kept])
        told.append(
            f"{int((~kept).sum())} of {len(kept)} images contradict the others and are not used (those at {out} "
            "degrees): repeated, moved, or taken at another angle."
        )
        light = replace(light, images=light.images[kept], angles=light.angles[kept])
    return Checked(light, tuple(told))


def _sample(light: LightStack) -> Array:
    """Counts (N, S) of pixels all over the field that all images recorded."""
    flat = light.images.reshape(len(light.images), -1)
    # An irrational stride never falls into step with the rows of the images.
    at = np.arange(0, flat.shape[1], max(1.0, flat.shape[1] / _PIXELS + 0.618)).astype(np.int64)
    counts = flat[:, at].astype(np.float64)
    limit = full_scale(torch.from_numpy(light.images)) if light.saturation is None else light.saturation
    good = np.isfinite(counts).all(0)
    if limit is not None:
        good &= (counts < limit).all(0)
    return counts[:, good]


def _fitting(counts: Array, light: LightStack) -> NDArray[np.bool_]:
    """Images (N,) that the others predict."""
    kept = np.ones(len(counts), dtype=bool)
    while kept.sum() >= _FEWEST_IMAGES:
        its = np.flatnonzero(kept)
        ratio = _misfits(counts[its], light.angles[its])
        worst = int(ratio.argmax())
        left = np.delete(its, worst)
        if ratio[worst] < _WORSE or not replace(light, images=light.images[left], angles=light.angles[left]).determined:
            break
        kept[its[worst]] = False
    return kept


def _misfits(counts: Array, angles: Array) -> Array:
    """By how much more than is usual for its counts each image (N,) misses the harmonics of the others."""
    gains = find_gains(torch.from_numpy(counts)[:, :, None], angles.tolist()).numpy()
    design = harmonic_design(angles)
    hat = design @ np.linalg.pinv(design)
    even = counts / gains[:, None]
    fit = hat @ even
    # What an image misses of itself and of the others' prediction are in the ratio 1 - h.
    missed = np.abs(even - fit) / np.sqrt(np.maximum(1 - np.diag(hat), 1e-3))[:, None]
    table = frame_noise(torch.from_numpy(fit.ravel()), torch.from_numpy(missed.ravel()), len(counts))
    usual = interpolate(torch.from_numpy(fit), *table).numpy()
    scaled = missed / np.maximum(usual, 1e-12)
    levels = np.quantile(scaled, _QUANTILES, axis=1)
    ratio: Array = (levels / np.maximum(np.median(levels, axis=1, keepdims=True), 1e-12)).max(0)
    return ratio


def _order(counts: Array, angles: Array) -> NDArray[np.int64] | None:
    """The order in which the images (N, S) follow the angles, None where it is the one that they are in."""
    even = counts / counts.mean(1, keepdims=True)
    even -= even.mean(0)
    stated = _left(even, angles)
    if stated < _OUT_OF_ORDER:
        return None
    by_angle = np.argsort(np.mod(angles, 180.0), kind="stable")
    tour = _shortest(even)
    best, taken = stated, None
    for way in (tour, tour[::-1]):
        for start in range(len(way)):
            order = np.empty(len(way), dtype=np.int64)
            order[by_angle] = np.roll(way, start)
            left = _left(even[order], angles)
            # Of orders that fit alike, the one with the most images in their stated place.
            if left < best - 1e-9:
                best, taken = left, order
    return taken if best < _IN_ORDER * stated else None


def _left(even: Array, angles: Array) -> float:
    """Share of the variance between images that harmonics leave."""
    design = harmonic_design(angles)
    rest = even - design @ (np.linalg.pinv(design) @ even)
    return float(np.square(rest).sum() / max(np.square(even).sum(), 1e-300)) * len(angles) / (len(angles) - 5)


def _shortest(even: Array) -> NDArray[np.int64]:
    """A short closed way (N,) through images (N, S): the nearest image next, then two links changed while it helps."""
    product = even @ even.T
    square = np.diag(product)
    apart = np.maximum(square[:, None] + square - 2 * product, 0.0)
    count = len(even)
    best, found = np.inf, np.arange(count)
    for first in range(count):
        way, rest = [first], set(range(count)) - {first}
        while rest:
            way.append(min(rest, key=lambda k: apart[way[-1], k]))
            rest.remove(way[-1])
        tour = _uncrossed(np.array(way), apart)
        length = apart[tour, np.roll(tour, -1)].sum()
        if length < best - 1e-12:
            best, found = length, tour
    return found


def _uncrossed(tour: NDArray[np.int64], apart: Array) -> NDArray[np.int64]:
    count = len(tour)
    improved = True
    while improved:
        improved = False
        for i in range(count - 1):
            for j in range(i + 2, count - (i == 0)):
                a, b, c, d = tour[i], tour[i + 1], tour[j], tour[(j + 1) % count]
                if apart[a, c] + apart[b, d] < apart[a, b] + apart[c, d] - 1e-12:
                    tour[i + 1 : j + 1] = tour[i + 1 : j + 1][::-1].copy()
                    improved = True
    return tour
