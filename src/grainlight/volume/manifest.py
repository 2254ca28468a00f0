"""The manifest of a volume: one row a section, with its height, its EBSD and its light."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SAME_STEP = 1e-3
"""By what part of it EBSD steps of one volume may differ."""


@dataclass(frozen=True)
class SectionEntry:
    """A section as its manifest names it.

    ``row`` in the manifest, counted from 1 below the titles; ``z`` height in um; ``ebsd`` file, None without;
    ``light`` image files in the order of their angles, empty without; ``angles`` in degrees, None where names and
    options must tell; ``step`` of the images in um; ``origin`` x, y of their first pixel in um; ``exclude``: why the
    section is left out, empty where it is not; ``ebsd_slice``: which section of an EBSD file that holds several, as
    `load_ebsd` numbers them.
    """

    row: int
    z: float
    ebsd: Path | None
    light: tuple[Path, ...]
    angles: tuple[float, ...] | None = None
    step: float | None = None
    origin: tuple[float, float] | None = None
    exclude: str = ""
    ebsd_slice: int | None = None


@dataclass(frozen=True)
class Manifest:
    """Sections from the lowest to the highest, as a manifest file names them; ``notes``: what a user should know."""

    path: Path
    sections: tuple[SectionEntry, ...]
    notes: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[SectionEntry, ...]:
        """Sections that are not left out."""
        return tuple(s for s in self.sections if not s.exclude)
