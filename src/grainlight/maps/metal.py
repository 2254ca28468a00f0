"""Hexagonal metals: which one a phase is, how it twins, and whether it comes from beta."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from grainlight.maps.phase import Phase

_ALL = ("{10-12}", "{11-21}", "{11-22}", "{10-11}")
_FAR_IN_A, _FAR_IN_RATIO = 0.05, 0.03
"""Beyond these a lattice contradicts the metal that the name says."""
_NEAR_IN_A, _NEAR_IN_RATIO = 0.02, 0.008
"""Within these a lattice alone says which metal it is."""
_TWINNING_RATIOS = (1.5, 2.0)
"""c/a of hexagonal close-packed metals; phases outside, carbides say, do not twin as these do."""


@dataclass(frozen=True)
class Metal:
    """A hexagonal close-packed metal.

    Parameters
    ----------
    name
        In English.
    a, c
        Lattice parameters in angstrom at room temperature.
    twins
        Names of its deformation twins by K1 plane, as `grains.special` knows them; two planes for a double twin.
    transforms
        Whether it comes from a body-centred cubic phase at temperatures and in alloys of use, after Burgers' relation.
    words
        Expression that the name of its phase matches, in lower case.
    """

    name: str
    a: float
    c: float
    twins: tuple[str, ...]
    transforms: bool
    words: str

    @property
    def ratio(self) -> float:
        """c/a."""
        return self.c / self.a


# Twins that are observed: Christian & Mahajan, Prog. Mater. Sci. 39 (1995), Partridge (1967), Yoo (1981) and, of
# magnesium, Nave & Barnett, Scripta Mater. 51 (2004).
METALS = (
    Metal("titanium", 2.950, 4.684, _ALL, True, r"titan|(?<![a-z])(cp)?ti(?![a-z])"),
    Metal("zirconium", 3.232, 5.147, _ALL, True, r"zirc(?!onia)|zircal|zirlo|(?<![a-z])zr(?![a-z])"),
    Metal("hafnium", 3.196, 5.051, _ALL, True, r"hafnium|(?<![a-z])hf(?![a-z])"),
    Metal(
        "magnesium",
        3.209,
        5.211,
        ("{10-12}", "{10-11}", "{10-13}", "{10-11}-{10-12}", "{10-13}-{10-12}"),
        False,
        r"magnesi(?!a)|(?<![a-z])mg(?![a-z])|(?<![a-z])(az|am|zk|we|ze)\d",
    ),
    Metal("zinc", 2.665, 4.947, ("{10-12}",), False, r"zinc(?!ite)|(?<![a-z])zn(?![a-z])"),
    Metal("cadmium", 2.979, 5.618, ("{10-12}",), False, r"cadmium|(?<![a-z])cd(?![a-z])"),
    Metal("cobalt", 2.507, 4.069, ("{10-12}", "{11-21}", "{11-22}", "{10-11}"), False, r"cobalt|(?<![a-z])co(?![a-z])"),
    Metal("beryllium", 2.286, 3.584, ("{10-12}",), False, r"beryllium|(?<![a-z])be(?![a-z])"),
    Metal("rhenium", 2.761, 4.456, ("{11-21}", "{10-12}"), False, r"rhenium|(?<![a-z])re(?![a-z])"),
)
ANY = Metal("hexagonal metal", 2.950, 4.684, _ALL, False, "")
"""Stands for a metal that is not in the list."""


def metal_of(phase: Phase) -> Metal | None:
    """Return which metal a phase of Laue group 6/mmm is.

    Its name says so as long as its lattice does not contradict it, else its lattice; `ANY` where neither is known to
    the list, None where its c/a is that of no close-packed metal or its symmetry is another.
    """
    if not phase.is_6mmm:
        return None
    named = [metal for metal in METALS if re.search(metal.words, phase.name.lower())]
    if phase.a <= 0 or phase.c <= 0:
        return named[0] if named else ANY
    for metal in named:
        apart_a, apart_ratio = _apart(phase, metal)
        if apart_a < _FAR_IN_A and apart_ratio < _FAR_IN_RATIO:
            return metal
    limits = (_NEAR_IN_A, _NEAR_IN_RATIO)
    near = [m for m in METALS if all(x < limit for x, limit in zip(_apart(phase, m), limits, strict=True))]
    if near:
        return min(near, key=lambda metal: math.hypot(*_apart(phase, metal)))
    least, most = _TWINNING_RATIOS
    return ANY if least < phase.c / phase.a < most else None


def can_transform(phase: Phase) -> bool:
    """Return whether a hexagonal phase may come from beta: its metal does, or is not known."""
    metal = metal_of(phase)
    return metal is not None and (metal.transforms or metal is ANY)


def is_beta(phase: Phase) -> bool:
    """Return whether a phase is body-centred cubic titanium, zirconium or hafnium, by symmetry and lattice.

    Where the lattice is not known, by its name.
    """
    if phase.laue_group != "m-3m":
        return False
    if phase.a <= 0:
        return bool(re.search(r"beta|bcc|cubic", phase.name.lower()))
    # 3.2 to 3.3 in titanium, up to 3.6 in zirconium; hydrides, nitrides and iron lie outside
    return 3.1 <= phase.a <= 3.75


def names_beta(phase: Phase) -> bool:
    """Return whether the name of a hexagonal phase is that of an alloy of alpha and beta, or of martensite."""
    alloys = r"ti[-_ ]?(6[-_ ]?al|64|62[46]\d|17)|tc4|vt6|zr[-_ ]?2\.5[-_ ]?nb"
    return bool(re.search(rf"{alloys}|martensit|alpha ?(prime|'|\+)", phase.name.lower()))


def _apart(phase: Phase, metal: Metal) -> tuple[float, float]:
    """Relative distances of a and of c/a."""
    return abs(phase.a / metal.a - 1), abs(phase.c / phase.a / metal.ratio - 1)
