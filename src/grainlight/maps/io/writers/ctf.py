"""Write .ctf files as Oxford's programs do: degrees, X along a*, Oxford's sample frame, tabs and CRLF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import bunge_from_quaternion
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.extra import extra_columns
from grainlight.maps.io.shared.numbering import numbered_phases
from grainlight.maps.io.shared.own_note import one_line, summary
from grainlight.maps.io.text.rows import bounds, joined, write_rows
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.strips import strips

_AT_ONCE = 1 << 15  # points whose columns are made at once
_NO_SOLUTION = 3  # Oxford's error code
_DECIMALS = {"bands": 0, "error": 0, "mad": 4, "bc": 0, "bs": 0}


def write_ctf(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write a map as .ctf.

    Parameters
    ----------
    ebsd
        The map, on a square grid. Angles are brought to Oxford's sample frame with X along a*. Cells without a scan
        point are written as not indexed. Missing fields are 0; Error is 3 where not indexed.
    path
        The file; it appears only when it is whole.
    extra
        More columns by name, each (rows, cols), after Oxford's own; DREAM3D refuses a file that has any.
    record
        What was done to the map; version, weights, scale, quality and seed of it stand in the header.

    Raises
    ------
    InputError
        For a hexagonal grid, a place that cannot be written, or an extra column of another shape.
    """
    if ebsd.grid == "hexagonal" and ebsd.shape[0] > 1:
        raise InputError(
            "a .ctf file cannot hold a hexagonal grid", file=path, advice="save the map as .ang, which can"
        )
    more = extra_columns(extra, ebsd.shape, Path(path))
    decimals = [0, 4, 4, 0, 0, 4, 4, 4, 4, 0, 0] + [5] * len(more)
    parts = strips(ebsd.shape, _AT_ONCE)
    beside = [[bounds(column) for column in _beside_angles(ebsd.rows(rows))] for rows in parts]
    limits = [joined(sides) for sides in zip(*beside, strict=True)]
    limits[5:5] = [(0.0, 360.0)] * 3
    limits += [bounds(values) for values in more.values()]
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(_header(ebsd, list(more), summary(record)).encode())
        try:
            for rows in parts:
                columns = _beside_angles(ebsd.rows(rows))
                columns[5:5] = _angles(ebsd.rows(rows)).T
                columns += [values[rows] for values in more.values()]
                write_rows(stream, columns, decimals, limits=limits, separator="\t", aligned=False, end="\r\n")
        except ValueError as error:
            raise InputError("a column cannot be written", file=path, found=str(error)) from error


def _angles(part: OrientationMap) -> NDArray[np.float64]:
    """Return the Euler angles (n, 3) of some rows, in degrees."""
    source = part.in_frame(SampleFrame.OXFORD).in_crystal_frame(CrystalFrame.X_ALONG_A_STAR)
    euler = np.degrees(bunge_from_quaternion(source.quaternions.reshape(-1, 4)))
    euler[~source.indexed.ravel()] = 0.0
    return euler


def _beside_angles(part: OrientationMap) -> list[NDArray[Any]]:
    """Return Oxford's columns (rows, cols) but for the angles of some rows."""
    fields = {name: np.asarray(part.fields.get(name, np.zeros(part.shape))) for name in _DECIMALS}
    if "error" not in part.fields or part.source.startswith("h5oina"):
        # .h5oina counts its errors otherwise: 1 is success there
        fields["error"] = np.where(part.indexed, 0, _NO_SOLUTION)
    else:
        fields["error"] = np.where(part.present, fields["error"], _NO_SOLUTION)
    x, y = part.x + part.origin[0], part.y + part.origin[1]
    return [numbered_phases(part), x, y, *(fields[name] for name in ("bands", "error", "mad", "bc", "bs"))]


def _header(source: OrientationMap, extra: list[str], run: str) -> str:
    rows, cols = source.shape
    # without a name of its own the project says what was done
    named = [f"Prj\t{one_line(source.sample)}", f"Author\tgrainlight {run}"]
    plain = [f"Prj\tgrainlight {run}", "Author\tgrainlight"]
    lines = ["Channel Text File", *(named if source.sample else plain), "JobMode\tGrid"]
    lines += [f"XCells\t{cols}", f"YCells\t{rows}", f"XStep\t{source.step[0]:.6g}", f"YStep\t{source.step[1]:.6g}"]
    lines += ["AcqE1\t0", "AcqE2\t0", "AcqE3\t0"]
    lines.append(
        "Euler angles refer to Sample Coordinate system (CS0)!\tMag\t0\tCoverage\t100\tDevice\t0\tKV\t0"
        "\tTiltAngle\t70\tTiltAxis\t0"
    )
    lines.append(f"Phases\t{len(source.phases)}")
    for count, phase in enumerate(source.phases, 1):
        lengths = ";".join(f"{value:.4g}" for value in phase.lattice[:3])
        angles = ";".join(f"{value:.6g}" for value in phase.lattice[3:])
        name = " ".join(phase.name.split()) or f"phase {count}"
        # some readers count on the comment at the end
        lines.append(f"{lengths}\t{angles}\t{name}\t{phase.oxford_number}\t{phase.space_group}\t\t\tgrainlight")
    names = ["Phase", "X", "Y", "Bands", "Error", "Euler1", "Euler2", "Euler3", "MAD", "BC", "BS"]
    lines.append("\t".join([*names, *extra]))
    return "".join(line + "\r\n" for line in lines)
