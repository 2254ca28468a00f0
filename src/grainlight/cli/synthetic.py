"""Synthetic sections as maps, for `synthesize` and `demo`."""

from __future__ import annotations

from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM


def section(seed: int, family: str | None, shape: tuple[int, int], grain_size: float, step: float) -> OrientationMap:
    """Return a section through a synthetic polycrystal of titanium.

    Parameters
    ----------
    seed
        Same seed, same section.
    family
        One of `grainlight.synth.families.FAMILIES`; drawn from the seed if None.
    shape
        Rows and columns.
    grain_size
        Mean grain diameter in pixels.
    step
        um per pixel.
    """
    from grainlight.synth.draw import Draw
    from grainlight.synth.section import make_sections

    made = make_sections(Draw.seeded(seed), 1, shape, (grain_size, grain_size), family)
    return OrientationMap.from_quaternions(
        made.orientation[0].double().numpy(), (step, step), (TITANIUM,), source="synthetic"
    )
