"""Phases that a file lists more than once."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from grainlight.maps.metal import ANY, metal_of
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

_LATTICE = 0.005
"""By how much lattice parameters of one phase may differ."""


def is_same(one: Phase, other: Phase) -> bool:
    """Return whether two phases are one.

    They are if they have one Laue group, lattices that agree within half a per cent, as far as these are known, and one
    name, but for case, spaces and signs, or names of one hexagonal metal ("Ti-Hex" and "Titanium").
    """
    if one.laue_group != other.laue_group:
        return False
    for left, right in zip(one.lattice, other.lattice, strict=True):
        if left > 0 and right > 0 and abs(left - right) > _LATTICE * right:
            return False
    if _plain(one.name) == _plain(other.name):
        return bool(one.name) or one.lattice == other.lattice
    if any(re.search(r"prime|martensit|'", phase.name.lower()) for phase in (one, other)):
        return False
    metal = metal_of(one)
    return metal not in (None, ANY) and metal == metal_of(other) and bool(one.name and other.name)


def joined_phases(phases: tuple[Phase, ...], others: tuple[Phase, ...]) -> tuple[tuple[Phase, ...], dict[int, int]]:
    """Return phases with those behind them that only another map has, under free numbers, and the number there of each
    of that map's."""
    number = {}
    for phase in others:
        same = next((one for one in phases if is_same(one, phase)), None)
        if same is None:
            same = replace(phase, id=max((one.id for one in phases), default=0) + 1)
            phases = (*phases, same)
        number[phase.id] = same.id
    return phases, number


def with_each_phase_once(ebsd: OrientationMap) -> OrientationMap:
    """Return the map with phases that are listed more than once as the first of them, and a note of it."""
    kept: list[Phase] = []
    number: dict[int, int] = {}
    notes = []
    for phase in ebsd.phases:
        first = next((other for other in kept if is_same(other, phase)), None)
        if first is None:
            kept.append(phase)
            continue
        number[phase.id] = first.id
        names = phase.name if _plain(phase.name) == _plain(first.name) else f"{first.name} and {phase.name}"
        notes.append(f"Phases {first.id} and {phase.id} are the same ({names or 'unnamed'}) and are taken as one.")
    if not number:
        return ebsd
    phase_id = ebsd.phase_id.copy()
    for old, new in number.items():
        phase_id[ebsd.phase_id == old] = new
    return ebsd.replace(phases=tuple(kept), phase_id=phase_id.astype(np.int16), notes=(*ebsd.notes, *notes))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())
