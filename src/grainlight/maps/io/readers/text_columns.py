"""Read any table of text, as MTEX and scripts write it, by a list of its columns that the user gives."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.assemble import Points, assemble, whole_numbers
from grainlight.maps.io.shared.edax import check_radians
from grainlight.maps.io.shared.finite import finite_angles, finite_fields
from grainlight.maps.io.text.table import decoded, narrow, next_line, number
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase, laue_from_name
from grainlight.maps.raster import rasterise

NEEDED = ("phi1", "phi", "phi2", "x", "y")
EXAMPLE = "phi1=4,Phi=5,phi2=6,x=2,y=3,phase=1,angles=degrees,symmetry=6/mmm"
_UNITS = {"degrees": True, "deg": True, "radians": False, "rad": False}
_SEPARATORS = ("\t", ";", ",", None)
_MOST_HEADER_LINES = 1000
_MOST_COLUMNS = 1000
_NOTHING = ("", "-", "nan", "na", "n/a", "null", "none", "#n/a")


@dataclass(frozen=True)
class TextColumns:
    """What the columns of a table are.

    Parameters
    ----------
    places
        By name, the number of a column from 1 or its title in the file: phi1, phi, phi2, x, y are needed; phase (0 or
        less: not indexed) and any others may follow and become fields.
    degrees
        Whether the angles are degrees, not radians.
    symmetry
        Point group or Laue group by phase number; 0 stands for all phases that are not named.
    """

    places: dict[str, int | str]
    degrees: bool
    symmetry: dict[int, str]

    @classmethod
    def parse(cls, text: str) -> TextColumns:
        """Read a list such as ``phi1=4,Phi=5,phi2=6,x=2,y=3,phase=1,angles=degrees,symmetry=6/mmm``.

        Raises
        ------
        InputError
            Where a part is missing or cannot be understood.
        """
        places: dict[str, int | str] = {}
        symmetry: dict[int, str] = {}
        degrees: bool | None = None
        for part in text.split(","):
            key, equals, value = (piece.strip() for piece in part.partition("="))
            key = key.lower()
            if not key or not equals or not value:
                raise _misunderstood(text, f"{part!r}")
            if key == "angles":
                degrees = _UNITS.get(value.lower())
            elif key == "symmetry" or (key.startswith("symmetry") and key[8:].isdigit() and len(key) < 12):
                if not laue_from_name(value):
                    raise _misunderstood(text, f"symmetry {value!r}")
                symmetry[int(key[8:] or 0)] = laue_from_name(value)
            elif value.isdigit():
                if not 1 <= int(value[:9]) <= _MOST_COLUMNS:
                    raise _misunderstood(text, f"column {value}; columns are counted from 1")
                places[key] = int(value)
            else:
                places[key] = value
        missing = [name for name in NEEDED if name not in places]
        if missing:
            raise _misunderstood(text, f"no column for {', '.join(missing)}")
        if degrees is None:
            raise _misunderstood(text, "no angles=degrees or angles=radians")
        return cls(places, degrees, symmetry)


def read_text(
    path: str | Path,
    frame: SampleFrame | None,
    crystal_frame: CrystalFrame | None,
    columns: TextColumns,
) -> OrientationMap:
    """Read a table of text.

    Parameters
    ----------
    path
        The file: rows of numbers separated by tabs, semicolons, commas or blanks, under a header or none.
    frame
        The sample frame of the Euler angles; where not given the axes of x and y themselves (`none`: x right, y down,
        z in), which is MTEX's rule.
    crystal_frame
        How the crystal axes are laid; X along a* where not given, as in MTEX.
    columns
        What the columns are.

    Returns
    -------
    The map, on the grid that the points' positions make.

    Raises
    ------
    InputError
        Where a column is not there or a value is no number.
    """
    file = Path(path)
    names = list(columns.places)
    offset, line, separator, numbers = _begin(file, columns)
    table = _table(file, offset, line, separator, numbers)
    at = {name: table[:, i] for i, name in enumerate(names)}
    notes: list[str] = []
    x, y = at["x"].copy(), at["y"].copy()
    lost = ~(np.isfinite(x) & np.isfinite(y))
    if lost.any():
        raise InputError(
            "a position is not finite or empty",
            file=file,
            place=f"point {int(lost.argmax()) + 1}, from line {line} on",
            found=f"{np.count_nonzero(lost):,} of {lost.size:,} points without x or y",
            expected="finite x and y in every row",
            advice="remove these rows: places without a point need none",
        )
    angles = np.stack([at[name] for name in NEEDED[:3]], axis=1)
    if columns.degrees:
        angles = np.radians(angles)
    written = np.nan_to_num(at["phase"], nan=-1.0) if "phase" in at else np.ones(len(table))
    shift = _from_zero(written, angles, at.get("ci"), notes)
    euler, phase = finite_angles(angles, whole_numbers(shift + written, file, "phase"), notes)
    if shift.any():
        phase[_no_angles(angles, at.get("ci"))] = 0
    check_radians(euler[phase > 0], file)
    others = {name: narrow(at[name]) for name in names if name not in (*NEEDED, "phase")}
    default = columns.symmetry.get(0, "")
    first = int(shift.any())
    phases = [
        Phase(int(i), f"phase {i - first}", columns.symmetry.get(int(i) - first, default))
        for i in np.unique(phase[phase > 0])
    ]
    if any(not item.laue_group for item in phases):
        notes.append("The symmetry of a phase was not given: name it with symmetry=6/mmm in the list of columns.")
    return assemble(
        Points(euler, phase, finite_fields(others, notes)),
        rasterise(x, y, step=(None, None), grid=None, file=file),
        phases,
        sample_frame=frame or SampleFrame.NONE,
        crystal_frame=crystal_frame or CrystalFrame.X_ALONG_A_STAR,
        source="text (columns as given)",
        path=file,
        notes=notes,
    )


def _from_zero(
    written: NDArray[np.float64], angles: NDArray[np.float64], ci: NDArray[np.float64] | None, notes: list[str]
) -> NDArray[np.float64]:
    """Return what to add to the phase numbers (n,): 1 from 0 up where phases are numbered from 0, and 0 elsewhere.

    They are where no number is above 0, or where -1 (or an empty cell) stands beside 0, as long as the points of
    phase 0 have orientations that differ; otherwise 0 stands for not indexed.
    """
    none = written == 0
    held = none & ~_no_angles(angles, ci)
    if not held.any() or (not np.ptp(angles[held], axis=0).any() and (written > 0).any()):
        return np.zeros(len(written))
    if (written > 0).any() and not (written < 0).any():
        notes.append(
            f"{np.count_nonzero(held):,} points of phase 0 have orientations of their own, yet 0 stands for not "
            "indexed: if it is a phase, number the phases from 1, or leave the column out for one phase."
        )
        return np.zeros(len(written))
    notes.append("No phase is numbered above 0" if not (written > 0).any() else "Phase -1 stands beside phase 0")
    notes[-1] += ": phase 0 was taken for the first phase, not for not indexed."
    return np.where(written >= 0, 1.0, 0.0)


def _no_angles(angles: NDArray[np.float64], ci: NDArray[np.float64] | None) -> NDArray[np.bool_]:
    """Return (n,) whether angles (n, 3) in radians are those of no solution: not finite, all 0, 4 pi, or CI -1."""
    empty = ~np.isfinite(angles).all(axis=1) | (angles == 0).all(axis=1) | (angles > 4 * np.pi - 0.01).any(axis=1)
    return empty if ci is None else empty | (ci == -1)


def _begin(file: Path, columns: TextColumns) -> tuple[int, int, str | None, list[int]]:
    """Return where the rows begin (byte, line), what separates their values and the columns' numbers from 0."""
    titled = any(isinstance(place, str) for place in columns.places.values())
    numbers = None if titled else [int(place) - 1 for place in columns.places.values()]
    line = 0
    with file.open("rb") as stream:
        while line < _MOST_HEADER_LINES:
            offset, text = stream.tell(), next_line(stream, file)
            line += 1
            if not text:
                break
            for separator in _SEPARATORS:
                cells = _cells(text, separator)
                if titled and (named := _named(cells, columns)) is not None:
                    numbers = named
                elif numbers is not None and _fits(cells, columns, numbers, separator):
                    return offset, line, separator, numbers
    raise InputError(
        "the columns that were named are not in the file",
        file=file,
        found=f"{line:,} lines without them",
        expected=", ".join(f"{name}={place}" for name, place in columns.places.items()),
        advice="check the numbers (from 1) or the titles of the columns",
    )


def _cells(text: str, separator: str | None) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in text.strip("\r\n").lstrip("#% ").split(separator)]


def _named(cells: list[str], columns: TextColumns) -> list[int] | None:
    titles = [cell.lower() for cell in cells]
    numbers = []
    for place in columns.places.values():
        if isinstance(place, int):
            numbers.append(place - 1)
        elif place.lower() in titles:
            numbers.append(titles.index(place.lower()))
        else:
            return None
    return numbers


def _fits(cells: list[str], columns: TextColumns, numbers: list[int], separator: str | None) -> bool:
    """Whether cells are those of a point: numbers for x and y at least, and elsewhere numbers or nothing."""
    if separator is None and max(numbers) >= len(cells):
        return False
    for name, i in zip(columns.places, numbers, strict=True):
        value = cells[i] if i < len(cells) else ""
        given = number(value) if name in ("x", "y") else _number(value)
        if given is None or (separator == "," and "," in value):
            return False
    return True


def _table(file: Path, offset: int, line: int, separator: str | None, numbers: list[int]) -> NDArray[Any]:
    """Return the numbers (rows, columns) of the columns that were named, NaN for empty cells."""
    with file.open("rb") as stream:
        stream.seek(offset)
        text = stream.read()
    if separator != ",":
        text = text.replace(b",", b".")
    # quotes around numbers are MTEX's and spreadsheets'
    text = text.replace(b'"', b"")
    try:
        return np.loadtxt(
            io.BytesIO(text), delimiter=separator, usecols=numbers, ndmin=2, comments=None, encoding="latin1"
        )
    except (ValueError, OverflowError):
        return _with_empty_cells(text, file, line, separator, numbers)


def _with_empty_cells(text: bytes, file: Path, line: int, separator: str | None, numbers: list[int]) -> NDArray[Any]:
    """Return what `_table` does, cell by cell, or name the cell that is no number."""
    rows, longest = [], 0
    for count, raw in enumerate(text.split(b"\n")):
        cells = [cell.strip() for cell in decoded(raw).strip("\r\n").split(separator)]
        if not any(cells):
            continue
        # the last cells of a row may be left out with their separators
        values = [_number(cells[i]) if i < len(cells) else np.nan for i in numbers]
        if None in values or (separator is None and max(numbers) >= len(cells)):
            bad = values.index(None) if None in values else numbers.index(max(numbers))
            found = repr(cells[numbers[bad]][:40]) if numbers[bad] < len(cells) else f"{len(cells)} values"
            raise InputError(
                "a row cannot be read",
                file=file,
                place=f"line {line + count}, column {numbers[bad] + 1}",
                found=found,
                expected="a number, or nothing between two separators",
                advice="remove lines that are no points, or check the numbers of the columns",
            )
        rows.append(values)
        longest = max(longest, len(cells))
    if max(numbers) >= longest:
        raise InputError(
            "the columns that were named are not in the file",
            file=file,
            found=f"{longest} values in the longest row, from line {line} on",
            expected=f"column {max(numbers) + 1}",
            advice="check the numbers (from 1) or the titles of the columns",
        )
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(numbers))


def _number(cell: str) -> float | None:
    """Return a cell as a number, NaN where it holds none by any program's word for it; None where it cannot be read."""
    return np.nan if cell.lower() in _NOTHING else number(cell)


def _misunderstood(text: str, found: str) -> InputError:
    return InputError(
        "the list of columns cannot be understood",
        place=repr(text[:100]),
        found=found,
        expected=f"such as {EXAMPLE}",
    )
