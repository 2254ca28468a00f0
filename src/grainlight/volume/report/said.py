"""What is to be said of many sections, so that it can be read: each kind of sentence once."""

from __future__ import annotations

import re
from collections.abc import Iterable

from grainlight.volume.inputs.section_headers import runs_of

_OF_SECTION = re.compile(r"section (\d+) \(z [^)]*\): (.+)", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SINGLY = 3
"""Sections up to which each sentence stands for itself."""


def in_short(warnings: Iterable[str]) -> list[str]:
    """Return the sentences of a volume's record with those of one kind, of more than three sections, as one.

    Sentences are of one kind if they differ in their numbers, or in what stands in brackets, only. Of each kind that
    with the largest first number is given, and the sections are named: ``sections 1, 3 to 9 (most in section 4): ...``.
    All of them stay in the record.
    """
    kinds: dict[str, list[tuple[int, str, str]]] = {}
    for whole in warnings:
        found = _OF_SECTION.fullmatch(whole)
        row, text = (int(found[1]), found[2]) if found else (0, whole)
        kind = _NUMBER.sub("0", re.sub(r"\([^)]*\)", "()", text)) if found else whole
        kinds.setdefault(kind, []).append((row, text, whole))
    said = []
    for alike in kinds.values():
        if len({row for row, _, _ in alike}) <= _SINGLY:
            said += [whole for _, _, whole in alike]
            continue
        row, text, _ = max(alike, key=lambda one: (_first_number(one[1]), -one[0]))
        where = runs_of([one[0] for one in alike])
        most = f" (most in section {row})" if _first_number(text) else ""
        said.append(f"sections {where}{most}: {text}")
    return said


def _first_number(text: str) -> float:
    found = _NUMBER.search(text)
    return float(found[0]) if found else 0.0
