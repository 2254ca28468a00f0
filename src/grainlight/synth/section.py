"""Sections through synthetic polycrystals: an orientation per pixel, in batches."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from grainlight.synth.draw import Draw
from grainlight.synth.families import Recipe
from grainlight.synth.polycrystal import cut, draw_polycrystal


@dataclass(frozen=True)
class Sections:
    """Sections of synthetic metal.

    ``orientation`` (B, row, column, 4): passive quaternions in frame S, X along a. ``grain`` (B, row, column): an
    integer that differs between grains, twins and variants (but not between subgrains). ``recipe``: what was drawn.
    """

    orientation: Tensor
    grain: Tensor
    recipe: Recipe


def make_sections(
    draw: Draw,
    batch: int,
    shape: tuple[int, int] = (64, 64),
    size_range: tuple[float, float] = (4.0, 80.0),
    family: str | None = None,
) -> Sections:
    """Draw a batch of sections.

    Parameters
    ----------
    draw
        The random source; its device is where the sections are made.
    batch, shape
        Number of sections; rows and columns of each.
    size_range
        Smallest and largest mean grain diameter in pixels. The cost grows with (shape / smallest)^2, so draw small and
        large grains in batches of their own (`training.stream` does).
    family
        One of `FAMILIES`; any if None.
    """
    solid = draw_polycrystal(draw, batch, shape, size_range, family)
    return Sections(*cut(solid), solid.recipe)


def make_stack(
    draw: Draw,
    heights: Tensor,
    shape: tuple[int, int] = (64, 64),
    size_range: tuple[float, float] = (4.0, 80.0),
    family: str | None = None,
) -> tuple[tuple[Sections, ...], Tensor]:
    """Draw a batch of specimens and cut each at several heights; grain numbers agree between the sections of a stack.

    Parameters
    ----------
    heights
        Of the sections (S, B), in mean diameters of the grains that a map resolves, from -1.2 to 1.2.
    draw, shape, size_range, family
        As for `make_sections`.

    Returns
    -------
    sections
        S batches of sections.
    heights
        The same (S, B) in pixels.
    """
    solid = draw_polycrystal(draw, heights.shape[1], shape, size_range, family, solid=True)
    pixels = heights.to(draw.device) * solid.grain_size
    return tuple(Sections(*cut(solid, plane), solid.recipe) for plane in pixels), pixels
