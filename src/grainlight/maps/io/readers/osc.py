"""Read EDAX .osc files, as far as the layout could be verified against an .ang of the same scan.

Little-endian. The seventh number of the head is the count of points. A mark B9 0B EF FF, 1 begins the phases: for
each a name of 256 bytes, EDAX's symmetry code, six lattice constants. The same mark with 2 begins the points: two
steps, then records of float32 in the order of an .ang. Other versions put a count before the steps or have more
columns; a layout is taken only where the second point stands one step right of the first.
"""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.assemble import Points, assemble, whole_numbers
from grainlight.maps.io.shared.edax import DEFAULT_FRAME, check_radians, indexed_points, phase_numbers
from grainlight.maps.io.shared.finite import finite_angles, finite_fields
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase, laue_from_name
from grainlight.maps.raster import check_promise, rasterise

MARK = b"\xb9\x0b\xef\xff"
_NAMES = ("phi1", "phi", "phi2", "x", "y", "iq", "ci", "phase", "sem", "fit")
_FEWEST, _MOST = 8, 30
_RECORD = 256 + 4 + 24  # name, symmetry, lattice
_CODES = {1, 2, 3, 4, 6, 20, 21, 22, 23, 32, 42, 43, 62, 126, 131}
_LARGEST_HEAD = 4 << 20


def read_osc(
    path: str | Path, frame: SampleFrame | None = None, crystal_frame: CrystalFrame | None = None
) -> OrientationMap:
    """Read an .osc file.

    Parameters
    ----------
    path
        The file.
    frame
        The sample frame of its Euler angles; EDAX setting 2 where not given.
    crystal_frame
        How its crystal axes are laid; X along a where not given.

    Returns
    -------
    The map, on the grid that the points' positions make.

    Raises
    ------
    InputError
        Where the layout is not one that was verified.
    """
    file = Path(path)
    notes: list[str] = []
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        first, second = raw.find(MARK + b"\1\0\0\0"), raw.find(MARK + b"\2\0\0\0")
        if len(raw) < 64 or second < 0:
            raise _unknown(file, "no mark of the points")
        count = int(np.frombuffer(raw[24:28], "<u4")[0])
        check_promise(count, (len(raw) - second) // (4 * _FEWEST), file, "head, number of points")
        step, table = _points(raw, second + 8, count, file)
        head = raw[first + 8 : min(second, first + _LARGEST_HEAD)] if 0 <= first < second else b""
    phases = _phases(head, notes)

    x, y = (table[:, i].astype(np.float64) for i in (3, 4))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise _unknown(file, "positions that are not finite")
    raster = rasterise(x, y, step=step, grid=None, file=file)
    names = [*_NAMES, *(f"column_{i + 1}" for i in range(len(_NAMES), table.shape[1]))][: table.shape[1]]
    fields = finite_fields({names[i]: table[:, i].copy() for i in range(5, table.shape[1]) if i != 7}, notes)
    valid = indexed_points(table[:, :3], fields["ci"])
    written = whole_numbers(table[:, 7].astype(np.float64), file, "phase", least=-1)
    phase, phases = phase_numbers(written, table[:, :3], valid, phases, notes)
    euler, phase = finite_angles(table[:, :3], phase, notes)
    check_radians(euler[phase > 0], file)
    return assemble(
        Points(euler, phase, fields),
        raster,
        phases,
        sample_frame=frame or DEFAULT_FRAME,
        crystal_frame=crystal_frame or CrystalFrame.X_ALONG_A,
        source="osc (EDAX)",
        path=file,
        notes=notes,
    )


def _points(raw: mmap.mmap, start: int, count: int, file: Path) -> tuple[tuple[float, float], NDArray[np.float32]]:
    """Return the steps and the records (count, columns) of the layout that the second record confirms."""
    if count < 2:
        raise _unknown(file, f"{count} points")
    for offset in (start, start + 4):
        if offset + 8 > len(raw):
            break
        steps = np.frombuffer(raw[offset : offset + 8], "<f4")
        if not np.isfinite(steps).all() or not 0 < steps[0] < 1e6 or not 0 < steps[1] < 1e6:
            continue
        body = offset + 8
        for columns in range(_FEWEST, _MOST + 1):
            if body + 4 * columns * count > len(raw):
                break
            head = np.frombuffer(raw[body : body + 8 * columns], "<f4").reshape(2, columns)
            if not np.isfinite(head[:, :5]).all() or np.abs(head[:, :3]).max() > 4 * np.pi + 0.1:
                continue
            one_right = abs(head[1, 3] - head[0, 3] - steps[0]) < 1e-3 * steps[0] and head[1, 4] == head[0, 4]
            if one_right:
                table = np.frombuffer(raw[body : body + 4 * columns * count], "<f4").reshape(count, columns)
                return (float(steps[0]), float(steps[1])), table
    raise _unknown(file, "points in no order of columns that is known")


def _phases(head: bytes, notes: list[str]) -> list[Phase]:
    """Return the phases: records of a printable name, a known symmetry code and six plausible lattice constants."""
    found: list[Phase] = []
    places = len(head) - _RECORD + 1
    if places > 0:
        at = np.arange(places) + 256
        data = np.frombuffer(head, np.uint8).astype(np.uint32)
        code = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24
        end = 0
        for place in np.flatnonzero(np.isin(code, list(_CODES))).tolist():
            lattice = np.frombuffer(head[place + 260 : place + 284], "<f4")
            name = head[place : place + 256].rstrip(b" \0")
            plausible = np.isfinite(lattice).all() and (lattice > 0).all() and (lattice[:3] < 1000).all()
            if place < end or not plausible or not (lattice[3:] < 180).all():
                continue
            if not name or not all(32 <= byte < 127 for byte in name):
                continue
            number = int(code[place])
            group = laue_from_name(str(number))
            values = [round(float(value), 5) for value in lattice]
            found.append(Phase(len(found) + 1, name.decode("ascii"), group, *values))
            end = place + _RECORD
    if not found:
        notes.append("No phase could be found in the file: the symmetry is unknown.")
    return found


def _unknown(file: Path, found: str) -> InputError:
    return InputError(
        "the layout of this .osc file is not one that can be read",
        file=file,
        found=found,
        expected="the layout of OIM that was checked against an .ang of the same scan",
        advice="export the scan from OIM as .ang or .h5",
    )
