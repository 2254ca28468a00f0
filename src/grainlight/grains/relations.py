"""Which special boundaries a map can have, by the metals of its phases, and which of its boundaries these are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.grains.edges import Edges
from grainlight.grains.special import Special, classify, systems_of
from grainlight.grains.statistics import Grains
from grainlight.maps.metal import ANY, can_transform, is_beta, metal_of, names_beta
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

TRANSFORMED = 0.25
"""Share of the length of boundaries inside a phase that Burgers variants make at least in one that comes from beta. On
synthetic sections (test seeds of `benchmarks.grains`) they are 48 % and more in colonies and basketweaves, and 6 % and
less, by chance, in the other families; in the CP titanium of the real files they are 6 %."""
BETA = 0.005
"""Share of the indexed points from which a beta phase counts as there."""
Variants = Literal["auto", "yes", "no"]


def looked_for(
    ebsd: OrientationMap,
    labels: NDArray[np.int32],
    grains: Grains,
    edges: Edges,
    tolerance: float,
    burgers: Variants = "auto",
) -> tuple[tuple[Special, ...], tuple[str, ...]]:
    """Return the special relations that are looked for, and a sentence for each hexagonal phase on which and why.

    Every phase has the twins of its metal, with its own c/a. Burgers variants are looked for in phases of titanium,
    zirconium and hafnium that come from beta: where the map has points of a body-centred cubic phase, the name of the
    phase is that of an alloy of alpha and beta, or the boundaries themselves show it (`TRANSFORMED`).

    Parameters
    ----------
    ebsd
        The map, X along a.
    labels, grains, edges
        Its grains (H, W), their statistics, and the edges of its grid.
    tolerance
        Degrees.
    burgers
        "yes" looks for variants in every phase of a metal that can have them, "no" in none.

    Raises
    ------
    InputError
        For "yes" where no phase can have variants.
    """
    count = {phase.id: int((ebsd.phase_id == phase.id).sum()) for phase in ebsd.phases}
    here = [phase for phase in ebsd.phases if phase.is_6mmm and count[phase.id]]
    possible = [phase for phase in here if can_transform(phase)]
    if burgers == "yes" and not possible:
        raise InputError(
            "no phase of the map comes from beta",
            file=ebsd.path,
            found="; ".join(map(str, ebsd.phases)) or "no phase",
            expected="titanium, zirconium or hafnium, for Burgers variants",
        )
    indexed = max(int(ebsd.indexed.sum()), 1)
    beta = next((p for p in ebsd.phases if is_beta(p) and count[p.id] >= BETA * indexed), None)
    transformed, why = set(), {}
    for phase in possible:
        if burgers != "auto":
            why[phase.id] = "as asked"
            if burgers == "yes":
                transformed.add(phase.id)
            continue
        why[phase.id], comes_from_beta = _from_beta(phase, beta, ebsd, labels, grains, edges, tolerance)
        if comes_from_beta:
            transformed.add(phase.id)
    rules = tuple(_rule(phase, phase.id in transformed, why.get(phase.id, "")) for phase in here)
    return systems_of(here, transformed), rules


def _from_beta(
    phase: Phase,
    beta: Phase | None,
    ebsd: OrientationMap,
    labels: NDArray[np.int32],
    grains: Grains,
    edges: Edges,
    tolerance: float,
) -> tuple[str, bool]:
    """Return why a phase comes from beta or not, and whether it does."""
    metal = metal_of(phase)
    if beta is not None and metal is not ANY:
        return f"the map has {beta.name or 'a beta phase'}", True
    if names_beta(phase):
        return "its name is that of an alloy with beta, or of martensite", True
    share = _share_of_variants(phase, ebsd, labels, grains, edges, tolerance)
    told = f"they are {100 * share:.3g} % of its boundaries"
    if metal is not ANY and share >= TRANSFORMED:
        return told, True
    return f"no beta phase is in the map, and {told}, from {100 * TRANSFORMED:g} % they would show", False


def _share_of_variants(
    phase: Phase,
    ebsd: OrientationMap,
    labels: NDArray[np.int32],
    grains: Grains,
    edges: Edges,
    tolerance: float,
) -> float:
    """Return the share of the length of boundaries inside a phase that are nearer to a variant than to a twin."""
    flat = labels.reshape(-1)
    left, right = flat[edges.first], flat[edges.second]
    own = np.concatenate([[False], grains.phase == phase.id])
    at = np.flatnonzero((left != right) & own[left] & own[right])
    if not len(at):
        return 0.0
    systems = systems_of([phase], {phase.id})
    found = of_pairs(left[at], right[at], grains, ebsd, systems, tolerance)
    variant = np.array([one.kind == "variant" for one in systems] + [False])[found]
    length = edges.length[at].astype(np.float64)
    return float(length[variant].sum() / length.sum())


def _rule(phase: Phase, transformed: bool, why: str) -> str:
    metal = metal_of(phase)
    name = phase.name or f"phase {phase.id}"
    if metal is None:
        return f"{name}: no twins are looked for, its c/a is that of no hexagonal close-packed metal"
    ratio = phase.c / phase.a if phase.a > 0 and phase.c > 0 else metal.ratio
    what = "a metal that is not known" if metal is ANY else metal.name
    told = f"{name}: twins {', '.join(metal.twins)} of {what}, c/a {ratio:.4g}"
    if not why:
        return f"{told}; no Burgers variants, it does not come from beta"
    return f"{told}; Burgers variants {'too' if transformed else 'not'}: {why}"


def of_pairs(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    grains: Grains,
    ebsd: OrientationMap,
    systems: Sequence[Special],
    tolerance: float,
) -> NDArray[np.int8]:
    """Return which of the special relations (P,) is between the mean orientations of grains left and right (P,) of an
    edge; -1 for none, between phases, and in phases that it is not looked for in.

    Means, because pixels at a boundary are often a little off, and because there are far fewer pairs than edges.
    """
    key = np.minimum(left, right).astype(np.int64) * (len(grains) + 1) + np.maximum(left, right)
    pairs, inverse = np.unique(key, return_inverse=True)
    i, j = (side - 1 for side in np.divmod(pairs, len(grains) + 1))
    found = np.full(len(pairs), -1, np.int8)
    for phase in ebsd.phases:
        own = np.array([n for n, one in enumerate(systems) if not one.phases or phase.id in one.phases], np.int8)
        same = np.flatnonzero((grains.phase[i] == phase.id) & (grains.phase[j] == phase.id))
        if not phase.is_6mmm or not len(own) or not len(same):
            continue
        which = classify(grains.orientation[i[same]], grains.orientation[j[same]], [systems[n] for n in own], tolerance)
        found[same] = np.where(which[0] < 0, -1, own[which[0]])
    return found[inverse]
