"""Read DREAM.3D's .h5ebsd: the slices of a volume, each an .ang or .ctf in HDF5, as measured.

The file recommends turns of sample and crystal but has not applied them: its points are in the vendor's own frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.hdf5.node import Node, open_hdf5
from grainlight.maps.io.shared.assemble import Points, add_unnamed_phases, assemble, whole_numbers
from grainlight.maps.io.shared.edax import DEFAULT_FRAME, SHORT_NAMES, check_radians, indexed_points, phase_numbers
from grainlight.maps.io.shared.finite import finite_angles, finite_fields
from grainlight.maps.io.shared.promise import Promise, compare
from grainlight.maps.io.shared.scans import choose_section
from grainlight.maps.lattice import laue_of_space_group
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase, laue_from_name, laue_from_oxford
from grainlight.maps.raster import rasterise

_TSL = (("Phi1", "Phi", "Phi2"), "X Position", "Y Position", "PhaseData")
_HKL = (("Euler1", "Euler2", "Euler3"), "X", "Y", "Phase")


def read_h5ebsd(
    path: str | Path,
    frame: SampleFrame | None = None,
    crystal_frame: CrystalFrame | None = None,
    section: int | None = None,
) -> OrientationMap:
    """Read one slice of an .h5ebsd file.

    Parameters
    ----------
    path
        The file.
    frame
        The sample frame of its Euler angles; the vendor's where not given: EDAX setting 2, or Oxford's.
    crystal_frame
        How its crystal axes are laid; the vendor's where not given: X along a (EDAX) or a* (Oxford).
    section
        The number of the slice, as the file numbers them; may be left out where there is only one.

    Returns
    -------
    The map of that slice, in the vendor's frames.

    Raises
    ------
    InputError
        Where there is no such slice, or it cannot be read as an EBSD map.
    """
    file = Path(path)
    with open_hdf5(file) as root:
        numbers = sorted(int(name) for name in root.groups() if name.isdigit() and len(name) < 10)
        numbers = [n for n in numbers if root.child(f"{n}/Data")]
        if not numbers:
            raise InputError("the file holds no slice", file=file, found=", ".join(root.names()[:12]) or "nothing")
        chosen = choose_section(numbers, section, file)
        maker = root.text("Manufacturer").upper()
        return _read(root, chosen, "HKL" in maker or "OXFORD" in maker, file, frame, crystal_frame)


def _read(
    root: Node, chosen: int, oxford: bool, file: Path, frame: SampleFrame | None, crystal_frame: CrystalFrame | None
) -> OrientationMap:
    data, header = root.need(f"{chosen}/Data"), root.need(f"{chosen}/Header")
    angle_names, x_name, y_name, phase_name = _HKL if oxford else _TSL
    points = data.size(angle_names[0])
    if not points:
        raise InputError("the slice has no orientations", file=file, place=data.name, expected=angle_names[0])
    notes: list[str] = []
    angles = np.stack([data.needed_column(name, points) for name in angle_names], axis=1).astype(np.float64)
    x, y = (data.needed_column(name, points).astype(np.float64) for name in (x_name, y_name))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("a position is not finite", file=file, place=data.name)
    written = whole_numbers(
        data.needed_column(phase_name, points).astype(np.float64),
        file,
        f"{data.name}/{phase_name}",
        least=0 if oxford else -1,
    )
    fields = finite_fields(data.fields(points, (*angle_names, x_name, y_name, phase_name, "Z")), notes)
    fields = {SHORT_NAMES.get(name, name): array for name, array in fields.items()}
    phases = _phases(header, oxford)
    if oxford:
        place = f"{header.name}, XCells and YCells"
        promise = Promise.square(_cells(header, "YCells"), _cells(header, "XCells"), place)
        step, grid = (header.number("XStep"), header.number("YStep")), None
        phase, phases = written, add_unnamed_phases(phases, written, notes)
        angles = np.radians(angles)
    else:
        rows, odd, even = (_cells(header, name) for name in ("NROWS", "NCOLS_ODD", "NCOLS_EVEN"))
        promise = Promise(rows, odd, even, f"{header.name}, NROWS, NCOLS_ODD and NCOLS_EVEN")
        step, grid = (header.number("XSTEP"), header.number("YSTEP")), _grid(header.text("GRID"))
        valid = indexed_points(angles, fields.get("ci"))
        from_zero = header.child("Phases/0") is not None
        phase, phases = phase_numbers(written, angles, valid, phases, notes, from_zero)
    euler, phase = finite_angles(angles, phase, notes)
    check_radians(euler[phase > 0], file, data.name)
    raster = rasterise(x, y, step=step, grid=grid, file=file)
    notes += compare(promise, raster, file)
    return assemble(
        Points(euler, phase, fields),
        raster,
        phases,
        sample_frame=frame or (SampleFrame.OXFORD if oxford else DEFAULT_FRAME),
        crystal_frame=crystal_frame or (CrystalFrame.X_ALONG_A_STAR if oxford else CrystalFrame.X_ALONG_A),
        source=f"h5ebsd ({'Oxford' if oxford else 'EDAX'}, section {chosen})",
        path=file,
        notes=notes,
    )


def _cells(header: Node, name: str) -> int:
    return max(header.whole(name) or 0, 0)


def _grid(text: str) -> Literal["square", "hexagonal"] | None:
    return "hexagonal" if "hex" in text.lower() else "square" if "sqr" in text.lower() else None


def _phases(header: Node, oxford: bool) -> list[Phase]:
    group = header.child("Phases")
    names = group.groups() if group else []
    # the ids of phases that are numbered from 0 are one more
    shift = int("0" in names)
    phases = []
    for name in names:
        if not name.isdigit() or len(name) > 4 or not 0 < int(name) + shift <= 1000:
            continue
        phase = header.need(f"Phases/{name}")
        if oxford:
            space = phase.whole("SpaceGroup") or 0
            lattice = [*phase.numbers("LatticeDimensions"), *phase.numbers("LatticeAngles")]
            title, group_name = phase.text("Name") or phase.text("PhaseName"), ""
            for key in ("LaueGroup", "Laue Group"):
                group_name = group_name or laue_from_oxford(phase.whole(key) or 0)
            group_name = group_name or laue_of_space_group(space)
        else:
            lattice = phase.numbers("LatticeConstants")
            title, group_name = phase.text("MaterialName"), laue_from_name(str(phase.whole("Symmetry")))
        good = len(lattice) == 6 and all(0 <= value < 1e4 for value in lattice)
        values = [round(value, 5) for value in lattice] if good else []
        phases.append(Phase(int(name) + shift, title, group_name, *values, space_group=space if oxford else 0))
    return sorted(phases, key=lambda item: item.id)
