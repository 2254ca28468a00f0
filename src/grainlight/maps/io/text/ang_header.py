"""The header of an .ang file: phases, grid, step, column names, dialect."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.text.table import WordColumn, is_numeric_row, next_line, number, plain_word
from grainlight.maps.phase import Phase, laue_from_name

LEAST_COLUMNS = 8
_PHASE = 7
_NOT_INDEXED = ("not indexed", "notindexed", "unindexed", "zero solution")
_COLUMNS = ("phi1", "phi", "phi2", "x", "y", "iq", "ci", "phase", "sem", "fit")
_KEYWORDS = {"phase", "materialname", "symmetry", "latticeconstants", "grid:", "tem_pixperum", "xstep:", "ncols_odd:"}
SYNTHETIC = "synthetic"
"""In the note and the source of maps that were not measured, so that nobody wonders at angles that repeat."""
_FRAME_NOTE = re.compile(r"grainlight: sample_frame=(\S+) crystal_frame=(\S+)")
# spellings of other writers for the columns that have a usual short name
_SHORT = {
    "image_quality": "iq",
    "confidence_index": "ci",
    "detector_signal": "sem",
    "pattern_fit": "fit",
    "phase_index": "phase",
    "phase_id": "phase",
}


@dataclass
class AngHeader:
    """What the header says; None or empty where it says nothing."""

    phases: list[Phase] = field(default_factory=list)
    from_zero: bool = False  # whether it numbers them from 0; the ids are then one more
    grid: Literal["square", "hexagonal"] | None = None
    step: tuple[float | None, float | None] = (None, None)
    columns_odd: int | None = None
    columns_even: int | None = None
    rows: int | None = None
    names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dialect: str = "EDAX"
    sample: str = ""
    sample_frame: SampleFrame | None = None
    crystal_frame: CrystalFrame | None = None
    offset: int = 0
    first_line: int = 1
    columns: int = 0
    words: WordColumn | None = None


def read_header(path: Path) -> AngHeader:
    """Read up to the first row of numbers, whether or not the lines before it begin with '#'.

    Raises
    ------
    InputError
        Where there is no row of numbers or nothing says that this is an .ang file.
    """
    lines: list[str] = []
    with path.open("rb") as stream:
        while True:
            offset = stream.tell()
            line = next_line(stream, path)
            if not line:
                raise _no_points(path, lines)
            if not line.lstrip().startswith("#") and (is_numeric_row(line, 5) or _has_phase_name(line)):
                break
            lines.append(line)
    header = parse_header(lines, path)
    numbers = dict.fromkeys(_NOT_INDEXED, -1) | {
        plain_word(phase.name): phase.id for phase in reversed(header.phases) if phase.name.strip()
    }
    header.words = WordColumn(_PHASE, numbers)
    if _has_phase_name(line):
        # names stand for the ids that the phases have here
        header.from_zero = False
        line = header.words.replaced(line.encode()).decode()
    header.offset, header.first_line, header.columns = offset, len(lines) + 1, len(line.split())
    if header.columns < LEAST_COLUMNS:
        raise InputError(
            "the rows have too few columns for an .ang file",
            file=path,
            place=f"line {header.first_line}",
            found=f"{header.columns} values",
            expected=f"{LEAST_COLUMNS} or more: phi1 Phi phi2 x y IQ CI phase ...",
        )
    return header


def parse_header(lines: list[str], path: Path) -> AngHeader:
    """Read what header lines say."""
    header = AngHeader()
    phase: dict[str, str] = {}
    blocks: list[dict[str, str]] = []
    known = False
    step: list[float | None] = [None, None]
    for line in lines:
        text = line.strip().lstrip("#").strip()
        words = text.split()
        if not words:
            continue
        key, rest = words[0].lower(), " ".join(words[1:])
        known |= key in _KEYWORDS
        if key == "phase" and len(words) == 2 and words[1].isdecimal():
            phase = {"id": words[1][:6]}
            blocks.append(phase)
        elif key == "materialname":
            # older files have no line "Phase n": the name begins a phase
            if not blocks or "name" in phase:
                phase = {}
                blocks.append(phase)
            phase["name"] = rest
        elif key in ("formula", "symmetry", "latticeconstants") and blocks:
            phase.setdefault(key, rest)
        elif key == "grid:":
            header.grid = "hexagonal" if "hex" in rest.lower() else "square" if "sqr" in rest.lower() else None
        elif key == "xstep:":
            step[0] = number(rest)
        elif key == "ystep:":
            step[1] = number(rest)
        elif key in ("ncols_odd:", "ncols_even:", "nrows:"):
            count = _count(rest, key[:-1].upper(), path)
            setattr(header, {"ncols_odd:": "columns_odd", "ncols_even:": "columns_even", "nrows:": "rows"}[key], count)
        elif key == "sampleid:":
            header.sample = rest
        elif key == "column_headers:" or text.lower().startswith("column names:"):
            header.names = [_tidy(name) for name in text.split(":", 1)[1].split(",")]
        if "grainlight:" in text and f"made={SYNTHETIC}" in text:
            header.dialect = f"grainlight, {SYNTHETIC}"
        if "EMsoft" in text:
            header.dialect = "EMsoft"
        elif "ACOM" in text:
            header.dialect = "ASTAR"
        note = _FRAME_NOTE.search(text)
        if note:
            header.dialect = "grainlight"
            header.sample_frame = _member(SampleFrame, note.group(1))
            header.crystal_frame = _member(CrystalFrame, note.group(2))
    if not known:
        raise InputError(
            "this is not an .ang file",
            file=path,
            found="none of its keywords before the first row of numbers",
            expected="a header with MaterialName, Symmetry, GRID, XSTEP, ...",
            advice="if it is a table of another program, say what its columns are: --columns, or columns=",
        )
    header.step = (step[0], step[1])
    header.from_zero = any(int(block.get("id", 1)) == 0 for block in blocks)
    header.phases = _phases(blocks, header.from_zero, header.notes)
    return header


def _has_phase_name(line: str) -> bool:
    """Whether a line is a point whose phase has a name in place of its number."""
    words = line.split()
    return len(words) >= LEAST_COLUMNS and is_numeric_row(" ".join(words[:_PHASE]), _PHASE) and number(words[7]) is None


def column_names(header: AngHeader) -> list[str]:
    """Return a name for each column of the body: the first five fixed, the others as the header or EDAX calls them."""
    names = list(_COLUMNS[: header.columns])
    if len(header.names) == header.columns:
        names[5:] = header.names[5:]
        names[7] = "phase"
    taken: list[str] = []
    for i in range(header.columns):
        name = names[i] if i < len(names) else f"column_{i + 1}"
        taken.append(name if name and name not in taken else f"column_{i + 1}")
    return taken


def _tidy(name: str) -> str:
    short = "_".join(name.strip().lower().split())
    return _SHORT.get(short, short)


def _member(kind: type, value: str):
    try:
        return kind(value)
    except ValueError:
        return None


def _count(text: str, name: str, path: Path) -> int:
    words = text.split()
    if not words or not re.fullmatch(r"-?\d{1,30}", words[0]):
        raise InputError(f"{name} is not a whole number", file=path, place="header", found=repr(text[:40]))
    return int(words[0])


def _phases(blocks: list[dict[str, str]], from_zero: bool, notes: list[str]) -> list[Phase]:
    phases: list[Phase] = []
    for count, block in enumerate(blocks, 1):
        lattice = [number(token) for token in block.get("latticeconstants", "").split()]
        numbers = [value for value in lattice if value is not None and 0 <= value < 1e4]
        # ids of a header are unique in every known file; a repeated one takes the next free number
        wanted = int(block["id"]) + from_zero if "id" in block else count
        taken = {phase.id for phase in phases}
        identity = wanted if 0 < wanted <= 1000 and wanted not in taken else max(taken, default=0) + 1
        name = block.get("name", "") or block.get("formula", "")
        group = _laue_group(block.get("symmetry", ""))
        if not group and block.get("symmetry"):
            notes.append(
                f"Symmetry {block['symmetry'][:40]!r} of phase {identity} ({name[:40]}) is not known: its orientations "
                "are taken as without symmetry. Correct it in the header: 62 or 6/mmm for hexagonal metals, 43 or m-3m "
                "for cubic ones."
            )
        if len(numbers) == 6 and len(lattice) == 6:
            phases.append(Phase(identity, name, group, *numbers))
        else:
            phases.append(Phase(identity, name, group))
    return sorted(phases, key=lambda phase: phase.id)


def _laue_group(symmetry: str) -> str:
    """Return the Laue group of a code or name that a comment may follow; "" where unknown."""
    bracket = re.search(r"\[([^\]]+)\]", symmetry)
    words = symmetry.split()
    # EDAX may write the code and a comment after it; HDF5 files have "Hexagonal (D6h) [6/mmm]"
    found = laue_from_name("".join(words)) if "/" in symmetry else ""
    found = found or laue_from_name(words[0].strip("'\"") if words else "")
    return found or (laue_from_name(bracket.group(1)) if bracket else "")


def _no_points(path: Path, lines: list[str]) -> InputError:
    if not lines:
        return InputError("the file is empty", file=path)
    return InputError(
        "the file has no scan points",
        file=path,
        found=f"{len(lines)} lines, none of them a row of numbers",
        expected="a header and rows of phi1 Phi phi2 x y IQ CI phase ...",
        advice="export the file again; if it is a table of another program, say what its columns are: --columns",
    )
