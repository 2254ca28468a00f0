"""Proper rotations of the eleven Laue groups, and what they make of orientations: numpy, any phase."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grainlight.crystal.euler import conjugate, multiply

Array = NDArray[np.float64]

_CHUNK = 1 << 16


def _turn(degrees: float, x: float, y: float, z: float) -> Array:
    axis = np.array([x, y, z]) / np.sqrt(x * x + y * y + z * z)
    half = np.radians(degrees) / 2
    return np.array([np.cos(half), *(np.sin(half) * axis)])


# Z along c, or along the only axis; the two-fold axis of -3m along a. Monoclinic: b along Y.
_GENERATORS = {
    "-1": [],
    "2/m": [_turn(180, 0, 1, 0)],
    "mmm": [_turn(180, 0, 0, 1), _turn(180, 1, 0, 0)],
    "4/m": [_turn(90, 0, 0, 1)],
    "4/mmm": [_turn(90, 0, 0, 1), _turn(180, 1, 0, 0)],
    "-3": [_turn(120, 0, 0, 1)],
    "-3m": [_turn(120, 0, 0, 1), _turn(180, 1, 0, 0)],
    "6/m": [_turn(60, 0, 0, 1)],
    "6/mmm": [_turn(60, 0, 0, 1), _turn(180, 1, 0, 0)],
    "m-3": [_turn(180, 0, 0, 1), _turn(180, 1, 0, 0), _turn(120, 1, 1, 1)],
    "m-3m": [_turn(90, 0, 0, 1), _turn(120, 1, 1, 1)],
}


def distinct(q: Array) -> Array:
    """Return the rotations (n, 4) of a list (m, 4) without repetition, q and -q being one, in their order."""
    kept: list[Array] = []
    for one in q:
        if not kept or np.abs(np.array(kept) @ one).max() < 1 - 1e-6:
            kept.append(one)
    return np.array(kept)


@cache
def _closed(laue_group: str) -> Array:
    group = np.array([[1.0, 0.0, 0.0, 0.0]])
    generators = np.array(_GENERATORS.get(laue_group, [])).reshape(-1, 4)
    while True:
        products = multiply(group[:, None], generators[None]).reshape(-1, 4)
        larger = distinct(np.concatenate([group, products]))
        if len(larger) == len(group):
            larger.setflags(write=False)
            return larger
        group = larger


def rotations(laue_group: str) -> Array:
    """Return the proper rotations (n, 4) of a Laue group, the identity first; the identity alone for an unknown one.

    Crystals have X along a (`crystal.frames`).
    """
    return _closed(laue_group)


def disorientation(left: ArrayLike, right: ArrayLike, laue_group: str = "6/mmm") -> Array:
    """Return the smallest misorientation angle (...) in degrees between orientations (..., 4) of one phase."""
    p, q = np.broadcast_arrays(np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64))
    shape = p.shape[:-1]
    p, q = p.reshape(-1, 4), q.reshape(-1, 4)
    # of s (p q^-1) only the scalar part counts, and that is the inner product with s^-1; the group has all inverses
    group = np.ascontiguousarray(rotations(laue_group).T)
    angle = np.empty(len(p))
    for start in range(0, len(p), _CHUNK):
        part = slice(start, start + _CHUNK)
        between = multiply(p[part], conjugate(q[part]))
        inner = np.abs(between @ group)
        cosine = inner.max(axis=1)
        # the sine keeps the digits that a cosine near 1 has lost: the norm is 1
        near = cosine > 0.99
        angle[part] = 2 * np.arccos(np.minimum(cosine, 1.0))
        if near.any():
            best = inner[near].argmax(axis=1)
            chosen = multiply(between[near], conjugate(group.T[best]))
            sine = np.linalg.norm(chosen[:, 1:], axis=1)
            angle[part][near] = 2 * np.arctan2(sine, np.abs(chosen[:, 0]))
    return np.degrees(angle).reshape(shape)


def nearest_equivalent(q: ArrayLike, reference: ArrayLike, laue_group: str = "6/mmm") -> Array:
    """Return the symmetrically equivalent orientations (P, 4) that lie nearest to references (P, 4), same sign."""
    q, reference = np.asarray(q, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    group = rotations(laue_group)
    out = np.empty_like(q)
    for start in range(0, len(q), _CHUNK):
        part = slice(start, start + _CHUNK)
        # s q is nearest where <s q, r> = <s, r q^-1> is largest in size
        inner = multiply(reference[part], conjugate(q[part])) @ group.T
        best = np.abs(inner).argmax(axis=1)
        sign = np.where(np.take_along_axis(inner, best[:, None], 1) < 0, -1.0, 1.0)
        out[part] = sign * multiply(group[best], q[part])
    return out
