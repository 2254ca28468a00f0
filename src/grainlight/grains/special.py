"""Special boundaries of hexagonal metals: twin systems and Burgers variants, named by axis and angle."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grainlight.crystal.euler import conjugate, multiply
from grainlight.crystal.symmetry import disorientation, distinct, rotations
from grainlight.maps.metal import ANY, metal_of
from grainlight.maps.phase import TITANIUM_RATIO, Phase

Array = NDArray[np.float64]

TOLERANCE = 5.0
"""Degrees from the exact relation: Brandon's 15 / sqrt(Sigma) for the Sigma of 9 to 13 that these twins have."""
TWIN_PLANES = {
    "{10-12}": (1, 0, 2),
    "{11-21}": (1, 1, 1),
    "{11-22}": (1, 1, 2),
    "{10-11}": (1, 0, 1),
    "{10-13}": (1, 0, 3),
}
"""(h, k, l) of the K1 plane."""
_CHUNK = 1 << 14


@dataclass(frozen=True, eq=False)
class Special:
    """A special orientation relation.

    Parameters
    ----------
    name
        Such as "twin {10-12} 85.0 deg <11-20>".
    kind
        "twin" or "variant".
    rotation
        (4,) quaternion, in crystal coordinates, from one crystal to the other.
    angle, axis
        Disorientation in degrees and its axis as a direction of the crystal, "<11-20>" or the nearest simple one.
    phases
        Numbers of the phases that it is looked for in; none for every one of Laue group 6/mmm.
    """

    name: str
    kind: str
    rotation: Array
    angle: float
    axis: str
    phases: tuple[int, ...] = ()


def twins(c_over_a: float = TITANIUM_RATIO, systems: Sequence[str] = ANY.twins) -> tuple[Special, ...]:
    """Return twin systems of a hexagonal metal: a half turn about the normal of K1.

    Reciprocal lattice of a hexagonal cell with a along X; the same relation as a half turn about the shear direction.
    A double twin, "{10-11}-{10-12}" say, is one half turn after the other, their planes in one zone and on one side.
    """
    found = []
    for system in systems:
        turns = [_half_turn(plane, c_over_a) for plane in re.findall(r"{.*?}", system)]
        rotation = turns[0] if len(turns) == 1 else multiply(turns[0], turns[1])
        found.append(_special(f"twin {system}", "twin", rotation))
    return tuple(found)


def systems_of(phases: Sequence[Phase], transformed: Collection[int] = ()) -> tuple[Special, ...]:
    """Return the relations that boundaries inside phases may have, each with the phases that it is looked for in.

    Parameters
    ----------
    phases
        Of a map. Each has the twins of its metal (`maps.metal`) with its own c/a; the names of those of several metals
        end in the phase's.
    transformed
        Numbers of the phases that come from beta, which have Burgers variants too.
    """
    known = [(phase, metal) for phase in phases if (metal := metal_of(phase)) is not None]
    several = len({metal.name for _, metal in known}) > 1
    found: dict[str, Special] = {}
    for phase, metal in known:
        ratio = phase.c / phase.a if phase.a > 0 and phase.c > 0 else metal.ratio
        for one in (*twins(ratio, metal.twins), *(variants() if phase.id in transformed else ())):
            name = f"{one.name} of {phase.name or f'phase {phase.id}'}" if several else one.name
            # phases of one metal may differ in c/a by more than the name shows
            near = found.get(name)
            if near is not None and not np.allclose(near.rotation, one.rotation, atol=1e-4):
                name, near = f"{one.name} of {phase.name or 'phase'} ({phase.id})", None
            here = (phase.id,) if near is None else (*near.phases, phase.id)
            found[name] = replace(one, name=name, phases=here)
    return tuple(found.values())


def variants() -> tuple[Special, ...]:
    """Return the relations between alpha variants of one beta grain: (0001) || {110}, <11-20> || <111> (Burgers, 1934).

    Five distinct ones: 10.5, 60 (two), 63.3 and 90 degrees.
    """
    frames = []
    for c in itertools.product((-1, 0, 1), repeat=3):
        if sum(map(abs, c)) != 2 or next(x for x in c if x) < 0:
            continue
        for a in itertools.product((-1, 1), repeat=3):
            if a[0] > 0 and np.dot(a, c) == 0:
                frames.append(_from_axes(np.array(a) / np.sqrt(3.0), np.array(c) / np.sqrt(2.0)))
    between = [multiply(frame, conjugate(frames[0])) for frame in frames[1:]]
    found: list[Special] = []
    for rotation in between:
        if all(_apart(rotation[None], other.rotation)[0] > 0.1 for other in found):
            found.append(_special("variant", "variant", rotation))
    return tuple(sorted(found, key=lambda one: one.angle))


def equivalents(rotation: Array) -> Array:
    """Return the distinct rotations (n, 4) that 622 on both sides and the exchange of the crystals make of one."""
    group = rotations("6/mmm")
    both = np.stack([rotation, conjugate(rotation)])
    made = multiply(multiply(group[:, None, None], both[None, None]), group[None, :, None])
    return distinct(made.reshape(-1, 4))


def classify(
    left: ArrayLike, right: ArrayLike, systems: Sequence[Special], tolerance: float = TOLERANCE
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Name the orientation relation of pairs of hexagonal crystals.

    Parameters
    ----------
    left, right
        (P, 4) orientations with X along a.
    systems
        The relations that are looked for.
    tolerance
        Degrees.

    Returns
    -------
    Index (P,) into ``systems`` of the nearest relation, -1 where none is within the tolerance, and the deviation (P,)
    from the nearest in degrees.
    """
    p, q = np.asarray(left, dtype=np.float64).reshape(-1, 4), np.asarray(right, dtype=np.float64).reshape(-1, 4)
    tables = [equivalents(one.rotation).T for one in systems]
    index, deviation = np.full(len(p), -1, np.int8), np.full(len(p), np.inf, np.float32)
    for start in range(0, len(p), _CHUNK):
        part = slice(start, start + _CHUNK)
        between = multiply(p[part], conjugate(q[part]))
        cosine = np.stack([np.abs(between @ table).max(axis=1) for table in tables], axis=1)
        best = cosine.argmax(axis=1)
        largest = np.take_along_axis(cosine, best[:, None], 1)[:, 0]
        deviation[part] = np.degrees(2 * np.arccos(np.minimum(largest, 1.0)))
        index[part] = best
    index[~(deviation <= tolerance)] = -1
    return index, deviation


def _half_turn(plane: str, c_over_a: float) -> Array:
    h, k, index = TWIN_PLANES[plane]
    normal = np.array([h, (h + 2 * k) / np.sqrt(3.0), index / c_over_a])
    return np.array([0.0, *(normal / np.linalg.norm(normal))])


def _from_axes(a: Array, c: Array) -> Array:
    """Quaternion (4,) of the crystal with axes a and c."""
    g = np.stack([a, np.cross(c, a), c])
    # the matrix of (w, x, y, z) has g12 - g21 = -4 w z and so on (`crystal.euler.matrix_from_quaternion`)
    squares = np.array(
        [
            [1 + np.trace(g), g[2, 1] - g[1, 2], g[0, 2] - g[2, 0], g[1, 0] - g[0, 1]],
            [g[2, 1] - g[1, 2], 1 + 2 * g[0, 0] - np.trace(g), g[0, 1] + g[1, 0], g[0, 2] + g[2, 0]],
            [g[0, 2] - g[2, 0], g[0, 1] + g[1, 0], 1 + 2 * g[1, 1] - np.trace(g), g[1, 2] + g[2, 1]],
            [g[1, 0] - g[0, 1], g[0, 2] + g[2, 0], g[1, 2] + g[2, 1], 1 + 2 * g[2, 2] - np.trace(g)],
        ]
    )
    row = squares[np.argmax(np.diag(squares))]
    return row / np.linalg.norm(row)


def _apart(rotation: Array, other: Array) -> Array:
    """Smallest angle (P,) in degrees between rotations (P, 4) and the equivalents of another."""
    return np.degrees(2 * np.arccos(np.minimum(np.abs(rotation @ equivalents(other).T).max(axis=1), 1.0)))


def _special(name: str, kind: str, rotation: Array) -> Special:
    angle = float(disorientation(rotation, np.array([1.0, 0.0, 0.0, 0.0])))
    forms = multiply(rotations("6/mmm"), rotation)
    smallest = forms[np.abs(forms[:, 0]).argmax()]
    axis = _direction(smallest[1:] / max(float(np.linalg.norm(smallest[1:])), 1e-12))
    return Special(f"{name} {angle:.1f} deg {axis}", kind, rotation, angle, axis)


def _direction(axis: Array) -> str:
    """Name of a direction of the crystal where it is a simple one, else its Cartesian components."""
    along, turn = abs(float(axis[2])), np.degrees(np.arctan2(axis[1], axis[0]))
    if along > np.cos(np.radians(1.0)):
        return "<0001>"
    if along < np.sin(np.radians(1.0)):
        off = abs((turn + 15) % 30 - 15)
        if off < 1.0:
            return "<11-20>" if abs((turn + 15) % 60 - 15) < 1.0 else "<10-10>"
    return "[" + " ".join(f"{x:.2f}" for x in np.sort(np.abs(axis[:2]))[::-1]) + f" {along:.2f}]"
