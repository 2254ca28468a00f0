"""A synthetic section as an orientation map."""

from __future__ import annotations

from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM


def synthetic_section(
    seed: int = 0,
    family: str | None = None,
    shape: tuple[int, int] = (200, 200),
    grain_size: float = 20.0,
    step: float = 0.5,
) -> OrientationMap:
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

    Returns
    -------
    A map without noise in frame S, every point indexed.
    """
    from grainlight.synth.draw import Draw
    from grainlight.synth.section import make_sections

    made = make_sections(Draw.seeded(seed), 1, shape, (grain_size, grain_size), family)
    return OrientationMap.from_quaternions(
        made.orientation[0].double().numpy(), (step, step), (TITANIUM,), source="synthetic"
    )
