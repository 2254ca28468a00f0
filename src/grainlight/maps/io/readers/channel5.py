"""Read Oxford's project files: .cpr (what there is, as text) and .crc (the points, as bytes), given either name.

Angles are radians, positions micrometres, x right and y down, points in raster order unless the .crc has an X and a Y
of its own; phase 0 is not indexed. The .cpr lists the fields of a record in their order, after one byte of phase.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError, what_it_is
from grainlight.maps.io.shared.assemble import Points, add_unnamed_phases, assemble, whole_numbers
from grainlight.maps.io.shared.edax import check_radians
from grainlight.maps.io.shared.finite import finite_angles, finite_fields
from grainlight.maps.io.shared.own_note import one_line
from grainlight.maps.io.shared.promise import Promise, compare
from grainlight.maps.io.text.table import decoded, number
from grainlight.maps.io.text.wide import wide_encoding
from grainlight.maps.lattice import laue_of_space_group
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase, laue_from_oxford
from grainlight.maps.raster import check_promise, rasterise

# the .cpr's numbers of fields: name, type of the value in a record
_FIELDS = {
    1: ("x", "<f4"),
    2: ("y", "<f4"),
    3: ("phi1", "<f4"),
    4: ("phi", "<f4"),
    5: ("phi2", "<f4"),
    6: ("mad", "<f4"),
    7: ("bc", "u1"),
    8: ("bs", "u1"),
    9: ("unknown_9", "u1"),
    10: ("bands", "u1"),
    11: ("error", "u1"),
    12: ("reliability", "<f4"),
}
_ANGLES = ("phi1", "phi", "phi2")
_LARGEST_CPR = 64 << 20
_MOST_FIELDS = 200

Sections = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Project:
    """What a .cpr says: cells and steps along x and y, phases, fields of a record."""

    cells: tuple[int, int] | None
    step: tuple[float | None, float | None]
    phases: list[Phase]
    record: np.dtype[Any]
    notes: list[str]
    sample: str = ""


def read_channel5(
    path: str | Path, frame: SampleFrame | None = None, crystal_frame: CrystalFrame | None = None
) -> OrientationMap:
    """Read a .cpr/.crc pair.

    Parameters
    ----------
    path
        Either file; the other one stands beside it under the same name.
    frame
        The sample frame of its Euler angles; Oxford's where not given.
    crystal_frame
        How its crystal axes are laid; X along a* where not given.

    Returns
    -------
    The map, in the file's frames.

    Raises
    ------
    InputError
        Where one of the two is missing, or they disagree.
    """
    file = Path(path)
    cpr, crc = _sibling(file, ".cpr"), _sibling(file, ".crc")
    project = read_project(cpr)
    size = project.record.itemsize
    points, rest = divmod(crc.stat().st_size, size)
    notes = list(project.notes)
    if project.cells is not None:
        promised = project.cells[0] * project.cells[1]
        check_promise(promised, points, cpr, "[Job], xCells and yCells")
        if promised != points or rest:
            _check_size(promised, points, rest, size, project.cells[0], crc)
            notes.append(f"The .cpr promises {promised:,} points, the .crc has {points:,}.")
    elif rest or not points:
        raise _no_records(crc, size)
    table = np.fromfile(crc, dtype=project.record, count=points)
    x, y = _positions(table, project, cpr)
    fields = {
        name: table[name].copy() for name in project.record.names or () if name not in ("phase", "x", "y", *_ANGLES)
    }
    fields = finite_fields(fields, notes)
    phase = whole_numbers(table["phase"].astype(np.float64), crc, "phase")
    angles = np.stack([table[name] for name in _ANGLES], axis=1)
    euler, phase = finite_angles(angles, phase, notes)
    del table, angles
    check_radians(euler[phase > 0], crc)
    raster = rasterise(x, y, step=project.step, grid=None, file=crc)
    if project.cells is not None and points == project.cells[0] * project.cells[1]:
        notes += compare(Promise.square(project.cells[1], project.cells[0], "[Job], xCells and yCells"), raster, crc)
    return assemble(
        Points(euler, phase, fields),
        raster,
        add_unnamed_phases(project.phases, phase, notes),
        sample_frame=frame or SampleFrame.OXFORD,
        crystal_frame=crystal_frame or CrystalFrame.X_ALONG_A_STAR,
        source="cpr/crc (Oxford)",
        path=file,
        notes=notes,
    ).replace(sample=project.sample)


def read_project(path: Path) -> Project:
    """Read a .cpr.

    Raises
    ------
    InputError
        Where it says no fields or no grid.
    """
    sections = _sections(path)
    job = sections.get("job", {})
    fields = sections.get("fields", {})
    count = _whole(fields.get("count", "0"), path, "[Fields], Count")
    if not 1 <= count <= _MOST_FIELDS:
        raise InputError(
            "the .cpr lists no fields", file=path, place="[Fields]", expected="Count and Field1, Field2, ..."
        )
    columns: list[tuple[str, str]] = [("phase", "u1")]
    for i in range(1, count + 1):
        code = _whole(fields.get(f"field{i}", ""), path, f"[Fields], Field{i}")
        name, kind = _FIELDS.get(code, (f"field_{code}", "<f4"))
        columns.append((name if name not in dict(columns) else f"{name}_{i}", kind))
    missing = [name for name in _ANGLES if name not in dict(columns)]
    if missing:
        raise InputError("the .cpr lists no Euler angles", file=path, place="[Fields]", expected="fields 3, 4 and 5")
    cells = None
    if "xcells" in job and "ycells" in job:
        width, height = (_whole(job[key], path, f"[Job], {key}") for key in ("xcells", "ycells"))
        if width < 1 or height < 1:
            raise InputError("the .cpr promises no points", file=path, place="[Job]", found=f"{width} x {height} cells")
        cells = (width, height)
    notes = []
    surface = sections.get("acquisition surface", {})
    if any(number(surface.get(f"euler{i}", "0")) for i in (1, 2, 3)):
        notes.append("The acquisition surface is turned: check that the Euler angles refer to the sample's frame.")
    step = (number(job.get("griddistx", "")), number(job.get("griddisty", "")))
    sample = one_line(sections.get("general", {}).get("description", ""))
    return Project(cells, step, _phases(sections, path), np.dtype(columns), notes, sample)


def _sibling(file: Path, ending: str) -> Path:
    if file.suffix.lower() == ending:
        return file
    for candidate in (ending, ending.upper()):
        if file.with_suffix(candidate).is_file():
            return file.with_suffix(candidate)
    raise InputError(
        f"the {ending} file that belongs to it is missing",
        file=file,
        expected=f"{file.with_suffix(ending).name} in the same folder",
        advice="copy both files of the project, or export the map as .ctf",
    )


def _sections(path: Path) -> Sections:
    if path.stat().st_size > _LARGEST_CPR:
        raise InputError("this is no .cpr file", file=path, found=f"{path.stat().st_size:,} bytes")
    raw = path.read_bytes()
    if encoding := wide_encoding(raw[:4096]):
        raw = raw.decode(encoding, "replace").encode("utf-8", "replace")
    if b"\0" in raw[:4096]:
        raise InputError(
            "this is not a text file of EBSD data", file=path, found=what_it_is(raw[:4096]), expected="a .cpr"
        )
    sections: Sections = {}
    current: dict[str, str] = {}
    for line in decoded(raw).lstrip("\ufeff").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            current = sections.setdefault(text[1:-1].strip().lower(), {})
        elif "=" in text:
            key, _, value = text.partition("=")
            current.setdefault("".join(key.lower().split()), value.strip())
    if "job" not in sections and "fields" not in sections:
        raise InputError(
            "this is no .cpr file",
            file=path,
            found="no section [Job] or [Fields]",
            expected="a .cpr of Channel 5 or AZtec",
        )
    return sections


def _whole(text: str, path: Path, place: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise InputError("a value is no whole number", file=path, place=place, found=repr(text[:40]))
    return int(text)


def _phases(sections: Sections, path: Path) -> list[Phase]:
    phases = []
    count = _whole(sections.get("phases", {}).get("count", "0"), path, "[Phases], Count")
    for i in range(1, min(count, 1000) + 1):
        block = sections.get(f"phase{i}")
        if block is None:
            continue
        laue = block.get("lauegroup", "")
        group = laue_from_oxford(int(laue)) if re.fullmatch(r"\d{1,6}", laue) else ""
        space = block.get("spacegroup", "")
        space_group = int(space) if re.fullmatch(r"\d{1,3}", space) else 0
        group = group or laue_of_space_group(space_group)
        lattice = [number(block.get(key, "")) for key in ("a", "b", "c", "alpha", "beta", "gamma")]
        known = [value for value in lattice if value is not None and 0 <= value < 1e4]
        name = block.get("structurename", "")
        phases.append(Phase(i, name, group, *(known if len(known) == 6 else ()), space_group=space_group))
    return phases


def _positions(table: NDArray[Any], project: Project, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    names = project.record.names or ()
    if "x" in names and "y" in names:
        x, y = table["x"].astype(np.float64), table["y"].astype(np.float64)
        if np.isfinite(x).all() and np.isfinite(y).all():
            return x, y
    if project.cells is None:
        raise InputError(
            "the .cpr says neither a grid nor positions", file=path, place="[Job]", expected="xCells, yCells"
        )
    dx, dy = (value if value and np.isfinite(value) and value > 0 else 1.0 for value in project.step)
    order = np.arange(table.size, dtype=np.float64)
    return (order % project.cells[0]) * dx, (order // project.cells[0]) * dy


def _check_size(promised: int, points: int, rest: int, size: int, width: int, crc: Path) -> None:
    """Accept a .crc that ends early at a record; a size that fits no whole record has another layout."""
    if not points or rest or points > promised or points < width:
        raise InputError(
            "the sizes of .cpr and .crc disagree",
            file=crc,
            found=f"{crc.stat().st_size:,} bytes",
            expected=f"{promised:,} records of {size} bytes, {promised * size:,} in all",
            advice="check that both files belong together and were copied whole",
        )


def _no_records(crc: Path, size: int) -> InputError:
    return InputError(
        "the size of the .crc fits no whole number of records",
        file=crc,
        found=f"{crc.stat().st_size:,} bytes",
        expected=f"a multiple of {size}",
        advice="check that .cpr and .crc belong together and were copied whole",
    )
