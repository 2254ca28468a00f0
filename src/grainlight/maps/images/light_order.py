"""Whether light images follow their angles, and in which order they would: from the images alone.

Over a turn each pixel follows the second and fourth harmonic of the angle. In the right order these four functions hold
as much of the change from image to image as any four functions can; in a wrong one they hold what chance gives them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.images.order import natural_order
from grainlight.maps.light_stack import LightStack, harmonic_design

Array = NDArray[np.float64]
_SAMPLE = 60_000  # pixels that are looked at
_FEWEST = 8  # images: of fewer any order fits
_SIGNAL = 0.15  # share of the change that four functions must hold beyond what they hold of noise
# Of what the best four functions hold beyond chance. In 48 stacks of the four levels of the simulation the right order
# held 0.91 and more, none of 1,920 random orders more than 0.48; orders of a shell 0.7 to 0.9 (docs/light.md).
_GOOD, _FITS, _FAILS = 0.95, 0.85, 0.7
_BETTER = 1 / 3  # of what the stated order leaves, for another to be the right one


def true_angles(light: LightStack) -> tuple[Array | None, str | None]:
    """Return angles (N,) that the images follow in place of the stated ones, as far as an order that a shell makes
    explains it, and a sentence where they follow no such order; (None, None) where nothing speaks against the stated.
    """
    if not light.determined or len(light.images) < _FEWEST:
        return None, None
    gram = _gram(light)
    best = float(np.sort(np.linalg.eigvalsh(gram))[-4:].sum() / np.trace(gram)) if np.trace(gram) > 0 else 0.0
    chance = 4 / (len(gram) - 1)
    if best - chance < _SIGNAL:
        return None, None

    def fit(angles: Array) -> float:
        basis = np.linalg.qr(harmonic_design(angles))[0][:, 1:]
        return (float(np.einsum("na,nm,ma->", basis, gram, basis) / np.trace(gram)) - chance) / (best - chance)

    stated = fit(light.angles)
    if stated > _GOOD:
        return None, None
    likely = max([*_orders(light.angles), *_of_names(light)], key=fit)
    if fit(likely) > _FITS and 1 - fit(likely) < _BETTER * (1 - stated):
        return likely, None
    if stated > _FAILS:
        return None, None
    return None, (
        "The light images fit no order: they do not change with the angle as light does, in the order stated, that of "
        "the numbers in their names or any that a shell makes of names. Check the order of the images and --angles."
    )


def _gram(light: LightStack) -> Array:
    """Return the products (N, N) of the images' deviations from their mean, each image of the same brightness."""
    rows, columns = light.shape
    every = max(1, int(np.sqrt(rows * columns / _SAMPLE)))
    flat = light.images[:, ::every, ::every].reshape(len(light.images), -1).astype(np.float64)
    seen = np.isfinite(flat).all(0)
    if light.saturation is not None:
        seen &= (flat < light.saturation).all(0)
    if seen.sum() < 10:
        return np.zeros((len(flat), len(flat)))
    flat = flat[:, seen]
    flat /= np.maximum(np.abs(flat.mean(1, keepdims=True)), 1e-300)
    flat -= flat.mean(0)
    found: Array = flat @ flat.T
    return found


def _of_names(light: LightStack) -> list[Array]:
    """Return the stated angles for the files in the order of the numbers in their names, where there are such."""
    if len(light.paths) != len(light.angles):
        return []
    order = natural_order(light.paths)
    return [] if order is None else [light.angles[np.argsort(order)]]


def _orders(angles: Array) -> Iterator[Array]:
    """Return the stated angles in the orders that alphabetical lists of names and their inverse give them."""
    count = len(angles)
    for numbers in (angles, np.arange(count), np.arange(1, count + 1)):
        order = np.array(sorted(range(count), key=lambda k: f"{numbers[k]:g}"))
        yield angles[order]
        yield angles[np.argsort(order)]
