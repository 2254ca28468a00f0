"""Whether what a file says of a phase fits together: Laue group, space group, cell, and c/a of the metal it names."""

from __future__ import annotations

import re
from itertools import pairwise

from grainlight.maps.phase import LAUE_GROUPS, Phase

_LAST_SPACE_GROUPS = (2, 15, 74, 88, 142, 148, 167, 176, 194, 206, 230)
"""The last space group of each Laue group, in their order (International Tables A)."""
_LENGTH, _ANGLE = 0.01, 0.5  # relative, degrees: by how much a cell may miss its symmetry
_RATIO, _SIDE = 0.02, 0.06  # relative: by how much c/a and a may differ from the metal's; alloys are within

METALS = {
    "magnesium": ("mg", 3.209, 1.624),
    "titanium": ("ti", 2.951, 1.588),
    "zirconium": ("zr", 3.232, 1.593),
    "hafnium": ("hf", 3.196, 1.581),
    "zinc": ("zn", 2.665, 1.856),
    "cadmium": ("cd", 2.979, 1.886),
    "cobalt": ("co", 2.507, 1.623),
    "beryllium": ("be", 2.286, 1.568),
    "rhenium": ("re", 2.761, 1.615),
    "ruthenium": ("ru", 2.706, 1.582),
    "scandium": ("sc", 3.309, 1.592),
    "yttrium": ("y", 3.648, 1.572),
}
"""Symbol, a in angstrom and c/a at room temperature (C. S. Barrett and T. B. Massalski, Structure of Metals, 1980)."""
_ALIASES = {"zircaloy": "zirconium", "zirc": "zirconium"}
# words that leave a name that of the metal itself
_FORMS = {"alpha", "hex", "hexagonal", "hcp", "a", "phase", "alloy", "cp", "grade", "pure", "metal"}


def laue_of_space_group(number: int) -> str:
    """Return the Laue group of a space group, 1 to 230; "" outside."""
    if not 1 <= number <= _LAST_SPACE_GROUPS[-1]:
        return ""
    return next(group for group, last in zip(LAUE_GROUPS, _LAST_SPACE_GROUPS, strict=True) if number <= last)


def doubts(phase: Phase) -> list[str]:
    """Return what does not fit together in a phase, a sentence each; the stated Laue group is what is used."""
    found = []
    group = phase.laue_group
    if group:
        of_space = laue_of_space_group(phase.space_group)
        if of_space and of_space != group:
            found.append(
                f"Phase {phase}: its space group {phase.space_group} is of Laue group {of_space}, {group} is stated. "
                "The stated Laue group was taken."
            )
        if not _fits(phase, group):
            found.append(
                f"Phase {phase}: its cell ({_cell(phase)}) is no cell of Laue group {group}. The stated Laue group was "
                "taken: if the cell is right, correct the symmetry in the file."
            )
    found += _metal_doubts(phase)
    return found


def _cell(phase: Phase) -> str:
    a, b, c, alpha, beta, gamma = phase.lattice
    return f"{a:g}, {b:g}, {c:g} A; {alpha:g}, {beta:g}, {gamma:g} deg"


def _fits(phase: Phase, group: str) -> bool:
    """Whether a cell has the symmetry of a Laue group; also where it is not known."""
    sides, angles = phase.lattice[:3], phase.lattice[3:]
    if min(sides) <= 0 or min(angles) <= 0:
        return True
    right = [abs(angle - 90.0) <= _ANGLE for angle in angles]
    same = [abs(left - other) <= _LENGTH * max(left, other) for left, other in pairwise(sides)]
    hexagonal = same[0] and all(right[:2]) and abs(angles[2] - 120.0) <= _ANGLE
    if group in ("m-3", "m-3m"):
        return all(right) and all(same)
    if group in ("6/m", "6/mmm"):
        return hexagonal
    if group in ("-3", "-3m"):
        return hexagonal or (all(same) and max(angles) - min(angles) <= _ANGLE)
    if group in ("4/m", "4/mmm"):
        return all(right) and same[0]
    if group == "mmm":
        return all(right)
    return group != "2/m" or sum(right) >= 2


def _metal_doubts(phase: Phase) -> list[str]:
    """Return what is odd in the lattice of a hexagonal metal that the phase's name tells."""
    metal = _metal_of(phase.name)
    if not metal or phase.laue_group != "6/mmm" or phase.a <= 0 or phase.c <= 0:
        return []
    _, a, ratio = METALS[metal]
    if abs(phase.c / phase.a / ratio - 1.0) > _RATIO:
        return [
            f"Phase {phase}: c/a is {phase.c / phase.a:.4g}, that of {metal} is {ratio:g}. Planes and twins are "
            "reckoned with the file's value: correct the lattice in the file if it is wrong."
        ]
    if abs(phase.a / a - 1.0) > _SIDE:
        unit = ", which looks like nanometres" if abs(10.0 * phase.a / a - 1.0) <= _SIDE else ""
        return [f"Phase {phase}: a is {phase.a:g} A{unit}; that of {metal} is {a:g} A."]
    return []


def _metal_of(name: str) -> str:
    """Return the metal whose phase a name names; "" for compounds and for names that say more."""
    words = [word for word in re.findall(r"[a-z]+\d*", name.lower()) if word not in _FORMS]
    known = {_BY_WORD.get(word, "") for word in words}
    return known.pop() if len(known) == 1 else ""


_BY_WORD = {values[0]: metal for metal, values in METALS.items()} | {metal: metal for metal in METALS} | _ALIASES
