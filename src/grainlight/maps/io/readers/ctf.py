"""Read .ctf files (Channel Text Files): Oxford HKL and AZtec, Bruker, EMsoft, MTEX and grainlight's own.

Angles are degrees, positions micrometres, x right and y down; phase 0 is not indexed; decimals are points or commas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath

import numpy as np

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.assemble import Points, add_unnamed_phases, assemble, whole_numbers
from grainlight.maps.io.shared.own_note import one_line
from grainlight.maps.io.shared.promise import Promise, compare
from grainlight.maps.io.shared.scans import choose_section
from grainlight.maps.io.text.table import Body, Column, first_row_cells, next_line, number, read_body
from grainlight.maps.lattice import laue_of_space_group
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase, laue_from_oxford
from grainlight.maps.raster import rasterise

_PROGRAMS = ("grainlight", "emsoft", "mtex", "unnamed")
_NEEDED = ("phase", "x", "y", "euler1", "euler2", "euler3")


@dataclass
class CtfHeader:
    """What the header says; None or empty where it says nothing."""

    cells: dict[str, int] = field(default_factory=dict)
    step: tuple[float | None, float | None] = (None, None)
    phases: list[Phase] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dialect: str = "Oxford"
    sample: str = ""
    offset: int = 0
    first_line: int = 1


def read_ctf(
    path: str | Path,
    frame: SampleFrame | None = None,
    crystal_frame: CrystalFrame | None = None,
    section: int | None = None,
) -> OrientationMap:
    """Read a .ctf file.

    Parameters
    ----------
    path
        The file.
    frame
        The sample frame of its Euler angles; Oxford's where not given.
    crystal_frame
        How its crystal axes are laid; X along a* where not given.
    section
        The number of the section along Z, from 0, where the file holds a volume.

    Returns
    -------
    The map, on the grid that the points' positions make, in the file's frames.

    Raises
    ------
    InputError
        Where the file cannot be read as an EBSD map, or is a volume and no section is named.
    """
    file = Path(path)
    header = read_header(file)
    titles = header.names
    left_out = _leave_out_missing_columns(header, file)
    at = {name: titles.index(name) for name in _NEEDED}
    wide = tuple(at[name] for name in _NEEDED[1:])
    needed = at["phase"], *wide
    body = Body(file, header.offset, header.first_line, len(header.names), least=max(needed) + 1)
    try:
        columns, replaced = read_body(body, wide=wide, needed=needed)
    except InputError as error:
        if not left_out:
            raise
        # the first row is short, others may not be
        header.names, left_out = titles, []
        try:
            columns, replaced = read_body(replace(body, columns=len(titles)), wide=wide, needed=needed)
        except InputError:
            raise error from None
    names = header.names
    if not columns[0].size:
        raise InputError("the file has no scan points", file=file, advice="export the file again")
    without = {names[i] for i, other in replaced.items() if not other}
    notes = [*header.notes, *left_out]
    for name in (names[i] for i in replaced):
        if name in without:
            notes.append(f"Column {name} has no values: left out.")
        else:
            notes.append(f"Values that are missing or not finite in column {name} were set to 0.")
    columns, chosen = _one_section(columns, header, section, file)
    x, y = (np.asarray(columns[at[name]], dtype=np.float64) for name in ("x", "y"))
    raster = rasterise(x, y, step=header.step, grid=None, file=file)
    cells = header.cells.get("ycells"), header.cells.get("xcells")
    notes += compare(Promise.square(*cells, "header, XCells and YCells"), raster, file)

    phase = whole_numbers(columns[at["phase"]], file, "Phase")
    euler = np.stack([columns[at[name]] for name in _NEEDED[3:]], axis=1).astype(np.float64)
    _check_angles(euler[phase > 0], file, notes)
    np.radians(euler, out=euler)
    phases = add_unnamed_phases(header.phases, phase, notes)
    fields = {
        name: column for name, column in zip(names, columns, strict=True) if name not in _NEEDED and name not in without
    }
    if "error" in fields:
        filled = int(np.count_nonzero((phase > 0) & (fields["error"] > 0)))
        if filled:
            notes.append(f"{filled:,} points have an orientation and an error code: filled in by a clean-up?")
    return assemble(
        Points(euler, phase, fields),
        raster,
        phases,
        sample_frame=frame or SampleFrame.OXFORD,
        crystal_frame=crystal_frame or CrystalFrame.X_ALONG_A_STAR,
        source=f"ctf ({header.dialect}{chosen})",
        path=file,
        notes=notes,
    ).replace(sample=header.sample)


def read_header(path: Path) -> CtfHeader:
    """Read up to and including the line of column names.

    Raises
    ------
    InputError
        Where it is incomplete or is no .ctf header.
    """
    header = CtfHeader()
    step: dict[str, float | None] = {}
    count = 0
    with path.open("rb") as stream:
        while True:
            line = next_line(stream, path)
            count += 1
            if not line:
                raise _no_columns(path, count)
            cells = [cell.strip() for cell in line.strip().split("\t")]
            if len(cells) == 1:
                cells = line.split()
            key = cells[0].lower() if cells else ""
            value = cells[1] if len(cells) > 1 else ""
            if key == "phase" and {cell.lower() for cell in cells} & {"x", "euler1"}:
                header.names = _column_names(cells, path, count)
                break
            if key in ("xcells", "ycells", "zcells"):
                header.cells[key] = _whole(value, cells[0], path, count)
            elif key in ("xstep", "ystep"):
                step[key] = number(value)
            elif key == "phases":
                for i in range(min(_whole(value, "Phases", path, count), 1000)):
                    header.phases.append(_phase(next_line(stream, path), i + 1, path, count + 1))
                    count += 1
            elif re.fullmatch(r"acqe[123]", key) and number(value):
                header.notes.append(f"{cells[0]} is {value}: check that the Euler angles refer to the sample's frame.")
            elif key == "prj":
                header.sample = _sample(value)
            elif key == "author":
                header.dialect = _dialect(line)
        header.offset, header.first_line = stream.tell(), count + 1
    if header.cells and (header.cells.get("xcells", 0) < 1 or header.cells.get("ycells", 0) < 1):
        header.notes.append("XCells or YCells of the header is no number of points.")
    header.step = (step.get("xstep"), step.get("ystep"))
    return header


def _sample(project: str) -> str:
    """Return what a project is called, its folder and ending left out; nothing where a program put its own name."""
    name = one_line(PureWindowsPath(project).stem if "\\" in project or "/" in project else project)
    return "" if name.lower().startswith(_PROGRAMS) else name


def _dialect(line: str) -> str:
    for mark, name in (("EMsoft", "EMsoft"), ("ACOM", "ASTAR"), ("mtex", "MTEX"), ("grainlight", "grainlight")):
        if mark in line:
            return name
    return "Oxford"


def _whole(text: str, name: str, path: Path, line: int) -> int:
    if not re.fullmatch(r"-?\d{1,30}", text):
        raise InputError(f"{name} is not a whole number", file=path, place=f"line {line}", found=repr(text[:40]))
    return int(text)


def _phase(line: str, identity: int, path: Path, count: int) -> Phase:
    cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
    lattice = [number(token) for cell in cells[:2] for token in cell.split(";")]
    numbers = [value for value in lattice if value is not None and 0 <= value < 1e4]
    if len(cells) < 4 or len(numbers) != 6 or len(lattice) != 6 or not cells[3].isdigit():
        raise InputError(
            "a phase cannot be read",
            file=path,
            place=f"line {count}",
            found=repr(line.strip()[:60]),
            expected="a;b;c, alpha;beta;gamma, name, Laue group number, separated by tabs",
        )
    space = int(cells[4]) if len(cells) > 4 and re.fullmatch(r"\d{1,3}", cells[4]) else 0
    group = laue_from_oxford(int(cells[3][:6])) or laue_of_space_group(space)
    return Phase(identity, cells[2], group, *numbers, space_group=space)


def _column_names(cells: list[str], path: Path, line: int) -> list[str]:
    names = [cell.lower() for cell in cells if cell]
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise InputError(
            "columns are missing",
            file=path,
            place=f"line {line}",
            found=", ".join(names)[:200],
            expected="at least Phase, X, Y, Euler1, Euler2, Euler3",
            advice=f"export the file with {', '.join(missing)}",
        )
    return [name if names.index(name) == i else f"column_{i + 1}" for i, name in enumerate(names)]


def _leave_out_missing_columns(header: CtfHeader, file: Path) -> list[str]:
    """Take the last titles away where the first row has no cells for them, and say so.

    Raises
    ------
    InputError
        Where one of them is needed.
    """
    titles = header.names
    body = Body(file, header.offset, header.first_line, len(titles))
    cells = first_row_cells(body)
    missing = titles[cells:] if cells else []
    if not missing:
        return []
    if needed := [name for name in missing if name in _NEEDED]:
        raise InputError(
            "a row is truncated",
            file=file,
            place=f"line {header.first_line}",
            found=f"{cells} values",
            expected=f"{len(titles)} values, as there are titles",
            advice=f"export the file again with {', '.join(needed)}",
        )
    header.names = titles[:cells]
    return [f"The rows have {cells} values under {len(titles)} titles: no {', '.join(missing)}."]


def _check_angles(euler: np.ndarray, file: Path, notes: list[str]) -> None:
    largest = float(np.abs(euler).max()) if euler.size else 0.0
    if largest > 720.0:
        raise InputError(
            "the Euler angles are no degrees",
            file=file,
            found=f"an angle of {largest:g}",
            expected="angles from 0 to 360",
        )
    if euler.shape[0] >= 10 and 0.0 < largest <= 2.0 * np.pi + 1e-3:
        notes.append(f"No Euler angle is above {largest:.4g}: they may be radians, but a .ctf file has degrees.")


def _one_section(columns: list[Column], header: CtfHeader, section: int | None, file: Path) -> tuple[list[Column], str]:
    """Return the points of one depth, and what to call the section ("" where there is only one)."""
    depth = columns[header.names.index("z")] if "z" in header.names else None
    if depth is not None and np.ptp(depth) > 0:
        levels, place = np.unique(np.round(depth.astype(np.float64), 4), return_inverse=True)
        count = levels.size
    elif header.cells.get("zcells", 1) > 1:
        # without depths the sections follow one another
        count, points = header.cells["zcells"], columns[0].size
        layer = max(header.cells.get("xcells", 0), 0) * max(header.cells.get("ycells", 0), 0)
        if layer < 1 or count * layer != points:
            raise InputError(
                "the map is three-dimensional, and its points have no depth",
                file=file,
                found=f"ZCells {count:,} and {points:,} points",
                expected=f"a column Z, or {count:,} sections of {layer:,} points",
            )
        place = np.arange(points) // layer
    else:
        choose_section(range(1), section, file)
        return columns, ""
    chosen = choose_section(range(count), section, file)
    return [column[place == chosen] for column in columns], f", section {chosen}"


def _no_columns(path: Path, lines: int) -> InputError:
    if lines <= 1:
        return InputError("the file is empty", file=path)
    return InputError(
        "the line of column names is missing",
        file=path,
        found=f"{lines - 1} lines without it",
        expected="a line Phase, X, Y, ..., Euler1, Euler2, Euler3, ... after the header",
        advice="export the file again; if it is not EBSD data, give the .ang or .ctf file of the map",
    )
