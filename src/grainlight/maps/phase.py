"""Phases of an orientation map and the vendors' codes for their symmetry."""

from __future__ import annotations

from dataclasses import dataclass, field

from grainlight.errors import harmless

LAUE_GROUPS = ("-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m")
"""The eleven Laue groups in the order of Oxford's numbers 1 to 11."""

_MEMBERS = {
    "-1": "1 -1",
    "2/m": "2 m 2/m 121 20 21",
    "mmm": "22 222 mm2 mmm 2/m2/m2/m d2 d2h",
    "4/m": "4 -4 4/m c4 c4h s4",
    "4/mmm": "42 422 4mm -42m -4m2 4/mmm 4/m2/m2/m d4 d4h",
    "-3": "3 -3 c3 c3i s6",
    "-3m": "32 321 312 3m 3m1 -3m -3m1 -32/m -32/m1 d3 d3d",
    "6/m": "6 -6 6/m c6 c6h c3h",
    "6/mmm": "62 126 622 6mm -6m2 -62m 6/mmm 6/m2/m2/m d6 d6h",
    "m-3": "23 m3 m-3 2/m-3 th",
    "m-3m": "43 131 432 -43m m3m m-3m 4/m-32/m oh",
}
_LAUE_OF = {name: group for group, names in _MEMBERS.items() for name in names.split()}
_EDAX_CODE = {
    "-1": "1",
    "2/m": "2",
    "mmm": "22",
    "4/m": "4",
    "4/mmm": "42",
    "-3": "3",
    "-3m": "32",
    "6/m": "6",
    "6/mmm": "62",
    "m-3": "23",
    "m-3m": "43",
}


def laue_from_name(name: str) -> str:
    """Return the Laue group of a point group; "" where unknown.

    Taken are EDAX's symmetry codes, short (``"62"``) and of OIM's newer versions (``"126"``), names after Hermann and
    Mauguin, short or full (``"6/mmm"``, ``"-3m1"``), and after Schoenflies (``"D6h"``). The settings -31m and 31m are
    not -3m turned with its axes, and are unknown.
    """
    return _LAUE_OF.get(name.strip().lower(), "")


def laue_from_oxford(number: int) -> str:
    """Return the Laue group of Oxford's number, 1 to 11; "" outside."""
    return LAUE_GROUPS[number - 1] if 1 <= number <= len(LAUE_GROUPS) else ""


@dataclass(frozen=True)
class Phase:
    """One phase of a map.

    Parameters
    ----------
    id
        Number in the map's ``phase_id``, 1 or more.
    name
        As the file calls it, without control characters.
    laue_group
        One of `LAUE_GROUPS`, or "" where the file does not say.
    a, b, c
        Lattice parameters in angstrom; 0 where unknown.
    alpha, beta, gamma
        Lattice angles in degrees.
    space_group
        Its number, 1 to 230; 0 where the file does not say.
    """

    id: int
    name: str
    laue_group: str
    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    alpha: float = 90.0
    beta: float = 90.0
    gamma: float = 90.0
    space_group: int = field(default=0, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", harmless(self.name))

    @property
    def is_6mmm(self) -> bool:
        """Whether the Laue group is 6/mmm, the one that restoration works on."""
        return self.laue_group == "6/mmm"

    @property
    def is_hexagonal(self) -> bool:
        """The former name of `is_6mmm`."""
        return self.is_6mmm

    @property
    def has_hexagonal_axes(self) -> bool:
        """Whether X along a and X along a* differ by a turn of 30 degrees about c (trigonal and hexagonal phases)."""
        return self.laue_group in ("-3", "-3m", "6/m", "6/mmm")

    @property
    def edax_code(self) -> str:
        """EDAX's symmetry code; "1" where the group is unknown."""
        return _EDAX_CODE.get(self.laue_group, "1")

    @property
    def oxford_number(self) -> int:
        """Oxford's Laue group number; 1 where the group is unknown."""
        return LAUE_GROUPS.index(self.laue_group) + 1 if self.laue_group else 1

    @property
    def lattice(self) -> tuple[float, float, float, float, float, float]:
        """The six lattice parameters: a, b, c in angstrom, alpha, beta, gamma in degrees."""
        return (self.a, self.b, self.c, self.alpha, self.beta, self.gamma)

    def __str__(self) -> str:
        return f"{self.id}: {self.name or 'unnamed'} ({self.laue_group or 'symmetry unknown'})"


TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)
"""Alpha titanium, as synthetic sections have it."""
TITANIUM_RATIO = 1.587
"""c/a of alpha titanium, for twins of a map that tells no lattice and of synthetic sections."""
LARGEST_DISORIENTATION = 93.84
"""Degrees: no disorientation of 6/mmm is larger; what a column holds where a bound of the error is not given."""
