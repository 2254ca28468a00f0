"""The synthetic sections that a table of constants is fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grainlight.evaluation.reference_map import SECTIONS, section_seed
from grainlight.restore.sampling.label_prior import LabelPrior, load_prior
from grainlight.synth.families import FAMILIES


@dataclass(frozen=True)
class Sections:
    """How many sections, and restored with what.

    Parameters
    ----------
    each
        Sections of each family; None for as many as the shipped tables rest on.
    size
        Rows and columns of a section; None likewise.
    quality
        Of the restoration.
    weights
        In place of the shipped ones.
    """

    each: int | None = None
    size: int | None = None
    quality: str = "balanced"
    weights: Path | None = None

    def prior(self) -> LabelPrior:
        """The network with these weights."""
        return load_prior(self.weights)


def chosen(number: int, family: int) -> int:
    """Which of the sections of a family, 0 to 7, is the ``number``-th to be taken: grain sizes differ by family."""
    return (number + family) % SECTIONS


def seeds_text(numbers: list[list[int]], first: int, size: int) -> str:
    """Seeds of sections as text; ``numbers`` of each family, counted from a first seed."""
    seeds = [section_seed(family, one, first) for family, its in enumerate(numbers) for one in its]
    assert len(numbers) == len(FAMILIES)
    return f"{', '.join(map(str, seeds))}; {size} x {size} pixels"
