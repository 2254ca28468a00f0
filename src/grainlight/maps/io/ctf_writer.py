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
from grainlight.maps.io.atomic import atomic_path
from grainlight.maps.io.extra import extra_columns
from grainlight.maps.io.numbering import numbered_phases
from grainlight.maps.io.own_note import summary
from grainlight.maps.io.text_rows import write_rows
from grainlight.maps.orientation_map import OrientationMap

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
        point are written as not indexed, positions from 0. Missing fields are 0; Error is 3 where not indexed.
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
    source = ebsd.in_frame(SampleFrame.OXFORD).in_crystal_frame(CrystalFrame.X_ALONG_A_STAR)
    more = extra_columns(extra, source.shape, Path(path))
    indexed = source.indexed.ravel()
    euler = np.degrees(bunge_from_quaternion(source.quaternions.reshape(-1, 4)))
    euler[~indexed] = 0.0
    fields = {name: np.asarray(source.fields.get(name, np.zeros(source.shape))).ravel() for name in _DECIMALS}
    if "error" not in source.fields or source.source.startswith("h5oina"):
        # .h5oina counts its errors otherwise: 1 is success there
        fields["error"] = np.where(indexed, 0, _NO_SOLUTION)
    elif not source.present.all():
        fields["error"] = np.where(source.present.ravel(), fields["error"], _NO_SOLUTION)
    columns: list[NDArray[Any]] = [numbered_phases(source), source.x, source.y, fields["bands"], fields["error"]]
    columns += [*euler.T, fields["mad"], fields["bc"], fields["bs"], *more.values()]
    decimals = [0, 4, 4, 0, 0, 4, 4, 4, 4, 0, 0] + [5] * len(more)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(_header(source, list(more), summary(record)).encode())
        try:
            write_rows(stream, columns, decimals, separator="\t", aligned=False, end="\r\n")
        except ValueError as error:
            raise InputError("a column cannot be written", file=path, found=str(error)) from error


def _header(source: OrientationMap, extra: list[str], run: str) -> str:
    rows, cols = source.shape
    lines = ["Channel Text File", f"Prj\tgrainlight {run}", "Author\tgrainlight", "JobMode\tGrid"]
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
        lines.append(f"{lengths}\t{angles}\t{name}\t{phase.oxford_number}\t0\t\t\tgrainlight")
    names = ["Phase", "X", "Y", "Bands", "Error", "Euler1", "Euler2", "Euler3", "MAD", "BC", "BS"]
    lines.append("\t".join([*names, *extra]))
    return "".join(line + "\r\n" for line in lines)
