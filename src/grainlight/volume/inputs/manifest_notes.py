"""What a user should know of a manifest: the order of its rows, gaps, names and heights that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from itertools import pairwise
from pathlib import Path

import numpy as np

from grainlight.volume.manifest import Manifest, SectionEntry

WIDE_GAP = 1.5
"""Of the median spacing: a wider gap is said."""


def remarks(manifest: Manifest) -> tuple[str, ...]:
    """Return sentences on what is doubtful in a manifest."""
    return (
        *_order(manifest.sections),
        *_gaps(manifest),
        *_names(manifest.used),
        *_shared(manifest.used, "EBSD", lambda s: s.ebsd and (s.ebsd, s.ebsd_slice)),
        *_shared(manifest.used, "light", lambda s: s.light),
        *_unlit(manifest.used),
    )


def gaps(manifest: Manifest) -> list[tuple[SectionEntry, SectionEntry]]:
    """Return neighbours (below, above) more than `WIDE_GAP` median spacings apart."""
    widest = WIDE_GAP * typical_spacing(manifest) * (1 + 1e-9)
    return [(low, high) for low, high in pairwise(manifest.used) if high.z - low.z > widest]


def typical_spacing(manifest: Manifest) -> float:
    """Median distance of neighbouring heights in um, of sections that are left out too; infinite of one section."""
    heights = sorted({s.z for s in manifest.sections})
    return float(np.median(np.diff(heights))) if len(heights) > 1 else float("inf")


def _order(sections: tuple[SectionEntry, ...]) -> list[str]:
    written = sorted(sections, key=lambda s: s.row)
    heights = [s.z for s in written]
    if heights == sorted(heights):
        return []
    if heights == sorted(heights, reverse=True):
        return ["The rows run from the highest section to the lowest; the sections are taken by rising z."]
    rising = {s.row for s in _longest_rise(written)}
    low = [s for s in written if s.row not in rising]
    named = "; ".join(f"row {s.row}, z {s.z:g} um" for s in low[:6]) + (" ..." if len(low) > 6 else "")
    return [f"Rows are out of the order of their heights ({named}); the sections are taken by rising z."]


def _longest_rise(written: list[SectionEntry]) -> list[SectionEntry]:
    """The longest run of rows whose heights rise."""
    length, before = [1] * len(written), [-1] * len(written)
    for i, one in enumerate(written):
        for k in range(i):
            if written[k].z <= one.z and length[k] >= length[i]:
                length[i], before[i] = length[k] + 1, k
    at = max(range(len(written)), key=length.__getitem__)
    run = []
    while at >= 0:
        run.append(written[at])
        at = before[at]
    return run


def _gaps(manifest: Manifest) -> list[str]:
    found = []
    typical = typical_spacing(manifest)
    for low, high in gaps(manifest):
        out = [s for s in manifest.sections if s.exclude and low.z < s.z < high.z]
        why = "; ".join(f"row {s.row} is left out: {s.exclude}" for s in out) or "is a section missing?"
        found.append(
            f"Between z {low.z:g} and {high.z:g} um (rows {low.row} and {high.row}) lie {high.z - low.z:g} um, "
            f"{(high.z - low.z) / typical:.3g} times the median spacing of {typical:g} um ({why})."
        )
    return found


def _names(used: tuple[SectionEntry, ...]) -> list[str]:
    """Whether numbers in the names of the light, else of the EBSD, rise and fall with z but for a few."""
    files = [s.light[0] if s.light else s.ebsd for s in used]
    if len(used) < 5 or any(file is None for file in files):
        return []
    parts = [re.split(r"(\d+)", str(Path(file.parent.name) / file.stem)) for file in files if file is not None]
    if len({tuple(one[::2]) for one in parts}) != 1:
        return []
    for column in np.array([[int(n) for n in one[1::2]] for one in parts], dtype=np.float64).T:
        steps = np.sign(np.diff(column))
        way = np.sign(steps.sum())
        wrong = np.flatnonzero(steps != way)
        if len(set(column)) == len(column) and 0 < wrong.size <= 0.34 * steps.size:
            i = int(wrong[0])
            return [
                f"The numbers in the names of the files do not follow z at {wrong.size} place"
                f"{'s' * (wrong.size > 1)}: {files[i]} lies below {files[i + 1]} (z {used[i].z:g} and "
                f"{used[i + 1].z:g} um, rows {used[i].row} and {used[i + 1].row}). The heights decide; are they right?"
            ]
    return []


def _shared(used: tuple[SectionEntry, ...], what: str, of: Callable[[SectionEntry], Hashable]) -> list[str]:
    """Sections with the same files."""
    rows: dict[Hashable, list[int]] = {}
    for section in used:
        if key := of(section):
            rows.setdefault(key, []).append(section.row)
    return [
        f"Rows {', '.join(map(str, same[:6]))} have the same {what}; is one of them a slip?"
        for same in rows.values()
        if len(same) > 1
    ]


def _unlit(used: tuple[SectionEntry, ...]) -> list[str]:
    without = [s.row for s in used if not s.light]
    if not without:
        return []
    return [f"{len(without)} section{'s' * (len(without) > 1)} without light: row {', '.join(map(str, without[:6]))}."]
