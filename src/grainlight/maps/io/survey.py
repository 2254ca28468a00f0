"""What the readers make of every file of a folder, as a table."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grainlight.errors import InputError
from grainlight.maps.io.load import FORMATS, load_ebsd
from grainlight.maps.orientation_map import OrientationMap

_ENDINGS = {ending for known in FORMATS.values() for ending in known.endings}
_MOST_SCANS = 20
_HEAD = ("file", "outcome", "grid", "rows x columns", "step [um]", "phases", "indexed", "frames", "orix")


@dataclass(frozen=True)
class Finding:
    """One file, or one section of it: a map, or why there is none; what orix makes of the file."""

    name: str
    ebsd: OrientationMap | None
    refusal: str
    orix: str


def survey(folder: str | Path) -> list[Finding]:
    """Read every EBSD file below a folder, in the order of their names.

    A file that holds several sections is read at each of them. Of a .cpr and .crc pair both names are tried.

    Raises
    ------
    InputError
        Where there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError("the folder does not exist", file=root)
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix.lower() in _ENDINGS)
    return [finding for file in files for finding in _look(file, file.relative_to(root).as_posix())]


def table(findings: list[Finding]) -> str:
    """Return findings as a table in Markdown."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *(_row(finding) for finding in findings)]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)


def _look(file: Path, name: str) -> Iterator[Finding]:
    try:
        yield Finding(name, load_ebsd(file), "", _orix(file))
    except InputError as error:
        yield Finding(name, None, _reason(error), _orix(file))
        if "three-dimensional" in error.problem and error.found and "sections" in error.found:
            first, _, last = error.found.rpartition(", ")[2].partition(" to ")
            for section in range(int(first), min(int(last), int(first) + _MOST_SCANS) + 1):
                yield Finding(f"{name}, section {section}", load_ebsd(file, section=section), "", "")


def _row(finding: Finding) -> tuple[str, ...]:
    ebsd = finding.ebsd
    if ebsd is None:
        return (finding.name, f"refused: {finding.refusal}", "", "", "", "", "", "", finding.orix)
    points = int(ebsd.present.sum())
    phases = []
    for phase in ebsd.phases:
        share = 100 * np.count_nonzero(ebsd.of_phases([phase])) / points
        phases.append(f"{phase.name or 'unnamed'} ({phase.laue_group or '?'}) {share:.1f} %")
    step = f"{ebsd.step[0]:g}" if np.isclose(*ebsd.step, rtol=1e-4) else f"{ebsd.step[0]:g} x {ebsd.step[1]:g}"
    size = f"{ebsd.shape[0]} x {ebsd.shape[1]}"
    if points < ebsd.phase_id.size:
        size += f", {points:,} points"
    return (
        finding.name,
        f"read as {ebsd.source}",
        ebsd.grid,
        size,
        step,
        "; ".join(phases),
        f"{100 * np.count_nonzero(ebsd.indexed) / points:.1f} %",
        f"{ebsd.sample_frame.value}, {ebsd.crystal_frame.value}",
        finding.orix,
    )


def _reason(error: InputError) -> str:
    found = f" ({error.found})" if error.found else ""
    return f"{error.problem}{found}"[:160]


def _orix(file: Path) -> str:
    """Return what orix makes of a file: rows x columns and the indexed share, or that it fails."""
    from orix.io import load

    try:
        # orix and its parts print what they think of a file
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            found = load(str(file))
        return f"{' x '.join(str(n) for n in found.shape)}, {100 * float(np.mean(found.phase_id >= 0)):.1f} %"
    except Exception as error:  # whatever its readers raise is reported
        return f"fails: {type(error).__name__}"
