"""A map in a few figures: grain count and size after ASTM E2627, boundary length, twin share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from grainlight.grains.edges import Edges
from grainlight.grains.special import Special
from grainlight.grains.statistics import Grains
from grainlight.maps.phase import Phase

QUANTITIES: Mapping[str, str] = {
    "grains": "",
    "interior_grains": "",
    "mean_diameter": "um",
    "mean_area": "um2",
    "astm_number": "",
    "mean_aspect": "",
    "mean_gos": "deg",
    "boundary_density": "1/um",
    "twin_fraction": "",
    "variant_fraction": "",
}
"""Figures of a map and their units; the order in which tables show them."""


def summarise(
    grains: Grains,
    boundary: NDArray[np.bool_],
    special: NDArray[np.int8],
    systems: Sequence[Special],
    edges: Edges,
    area: float,
) -> dict[str, float]:
    """Return the figures of a map by the names of `QUANTITIES`, and ``fraction of`` each special relation.

    Parameters
    ----------
    grains
        Of the map. Averages are over grains that do not touch the border, as ASTM E2627 asks.
    boundary, special
        (E,) whether an edge separates two grains, and which of the ``systems`` it is, -1 for none.
    edges
        Of the grid.
    area
        um2 of all pixels with an orientation.

    Returns
    -------
    NaN where there is nothing to average, and for twins or variants where none are looked for. Fractions are of the
    length of all grain boundaries inside a phase or between phases.
    """
    inner = ~grains.on_edge
    length = edges.length.astype(np.float64)
    total = float(length[boundary].sum())
    by_system = np.bincount(special[boundary & (special >= 0)], length[boundary & (special >= 0)], len(systems))
    share = by_system / total if total > 0 else np.full(len(systems), np.nan)
    kinds = np.array([one.kind for one in systems])
    mean_area = _mean(grains.area[inner])
    figures = {
        "grains": float(len(grains)),
        "interior_grains": float(inner.sum()),
        "mean_diameter": _mean(grains.diameter[inner]),
        "mean_area": mean_area,
        # ASTM E2627: the mean area in mm2
        "astm_number": float(-3.3219 * np.log10(mean_area * 1e-6) - 2.954) if mean_area > 0 else float("nan"),
        "mean_aspect": _mean(grains.aspect[inner]),
        "mean_gos": _mean(grains.gos[inner]),
        "boundary_density": total / area if area > 0 else float("nan"),
        "twin_fraction": float(share[kinds == "twin"].sum()) if (kinds == "twin").any() else float("nan"),
        "variant_fraction": float(share[kinds == "variant"].sum()) if (kinds == "variant").any() else float("nan"),
    }
    return figures | {f"fraction of {one.name}": float(s) for one, s in zip(systems, share, strict=True)}


OF_PHASE = ("grains", "interior_grains", "mean_diameter", "mean_area", "mean_aspect", "mean_gos")
"""Figures that are also told of every phase, where a map has several."""


def of_phases(grains: Grains, phases: Sequence[Phase]) -> dict[str, dict[str, float]]:
    """Return the figures `OF_PHASE` of every phase that has grains, by its name; nothing where one phase has all."""
    numbers = [int(number) for number in np.unique(grains.phase)]
    if len(numbers) < 2:
        return {}
    named = {phase.id: phase.name for phase in phases if phase.name}
    unique = len(set(named.values())) == len(named)
    found = {}
    for number in numbers:
        of = grains.phase == number
        inner = of & ~grains.on_edge
        means = (_mean(values[inner]) for values in (grains.diameter, grains.area, grains.aspect, grains.gos))
        name = named[number] if unique and number in named else f"phase {number} {named.get(number, '')}".rstrip()
        found[name] = dict(zip(OF_PHASE, (float(of.sum()), float(inner.sum()), *means), strict=True))
    return found


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
