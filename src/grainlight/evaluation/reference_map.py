"""What the evaluation is made on: fixed synthetic sections that training cannot draw, and full maps from files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grainlight.evaluation.degrade import degrade
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM

SYNTHETIC = "synthetic sections"
"""The group of all synthetic sections; a map from a file is a group of its own."""
SECTIONS = 8
"""Synthetic sections of each family."""
SIZE = 129
"""Rows and columns: one more than a multiple of every scale, so that all scales see the same field."""
FIRST_SEED = 3_000_000_000
"""Training takes seeds up to 2^31, and a CPU generator knows the lower 32 bits of its seed: it cannot draw these."""
FIRST_TUNING_SEED = FIRST_SEED + 100_000
"""Sections to choose settings on: neither trained on nor evaluated."""
GRAIN_SIZES = (7.0, 40.0, 15.0, 24.0, 9.0, 31.0, 11.5, 19.0)
"""Mean grain diameter in pixels of the sections of a family."""
_STEP = 0.5  # um


@dataclass(frozen=True, eq=False)
class ReferenceMap:
    """A full map, taken for the truth.

    ``group`` is what its figures are averaged with, ``name`` what it is called within.
    """

    group: str
    name: str
    full: OrientationMap


def validation_section(family: str, number: int, size: int = SIZE, *, first: int = FIRST_SEED) -> ReferenceMap:
    """Return a fixed synthetic section.

    Parameters
    ----------
    family
        One of `synth.families.FAMILIES`.
    number
        0 to `SECTIONS` - 1.
    size
        Rows and columns.
    first
        `FIRST_SEED` for the evaluation, `FIRST_TUNING_SEED` for choosing settings.
    """
    from grainlight.synth.families import FAMILIES

    full = _section(section_seed(FAMILIES.index(family), number, first), size, GRAIN_SIZES[number], family)
    return ReferenceMap(SYNTHETIC, f"{family} {number}", full)


def any_section(seed: int) -> ReferenceMap:
    """Return a synthetic section of any family from a seed, as a map of its own; no part of the fixed ones."""
    full = _section(seed, 161, 18.0, None)
    return ReferenceMap("synthetic section", f"seed {seed}", full)


def _section(seed: int, size: int, grain: float, family: str | None) -> OrientationMap:
    from grainlight.synth.draw import Draw
    from grainlight.synth.section import make_sections

    q = make_sections(Draw.seeded(seed), 1, (size, size), (grain, grain), family).orientation[0].double().numpy()
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return OrientationMap.from_quaternions(q, (_STEP, _STEP), (TITANIUM,), source="synthetic")


def section_seed(family: int, number: int, first: int = FIRST_SEED) -> int:
    """Return the seed of a section, above all seeds of training."""
    return first + 100 * family + number


def load_reference_maps(
    paths: Iterable[str | Path], load: Callable[[str | Path], OrientationMap] | None = None
) -> list[ReferenceMap]:
    """Read full maps, and make sure that tasks can be made from them.

    Parameters
    ----------
    paths
        The files.
    load
        Reads one; `maps.io.load_ebsd` as it stands unless told.

    Raises
    ------
    InputError
        If a file cannot be read, its grid is no grid of squares, or it has no phase of Laue group 6/mmm.
    """
    from grainlight.maps.io import load_ebsd

    load = load or load_ebsd
    maps: list[ReferenceMap] = []
    taken: set[str] = set()
    for path in map(Path, paths):
        full = load(path)
        degrade(full, scale=1, level=None)  # refuses what cannot be used before hours are spent
        name = path.name if path.name not in taken else str(path)
        taken.add(name)
        maps.append(ReferenceMap(name, name, full))
    return maps
