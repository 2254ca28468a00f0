"""Read Oxford's .h5oina after its published specification, versions 1 to 8.

Angles are radians (the crystal's too), positions micrometres, x right and y down; phase 0 is not indexed, NaN marks
points outside the acquired area. MAD becomes degrees, as in a .ctf. The crystal's X is perpendicular to b and c: a*.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.hdf5.node import Node, open_hdf5
from grainlight.maps.io.shared.assemble import Points, add_unnamed_phases, assemble, whole_numbers
from grainlight.maps.io.shared.edax import check_radians
from grainlight.maps.io.shared.finite import finite_angles, finite_fields
from grainlight.maps.io.shared.own_note import NAME, frames_of_note, one_line, with_exact_origin
from grainlight.maps.io.shared.promise import Promise, compare
from grainlight.maps.io.shared.scans import choose_scan
from grainlight.maps.lattice import laue_of_space_group
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase, laue_from_oxford
from grainlight.maps.raster import check_promise, rasterise

_SHORT = {"mean_angular_deviation": "mad", "band_contrast": "bc", "band_slope": "bs"}


def read_h5oina(
    path: str | Path,
    frame: SampleFrame | None = None,
    crystal_frame: CrystalFrame | None = None,
    scan: str | None = None,
) -> OrientationMap:
    """Read the EBSD data of one acquisition of an .h5oina file.

    Parameters
    ----------
    path
        The file.
    frame
        The sample frame of its Euler angles; the sample surface, Oxford's, where not given.
    crystal_frame
        How its crystal axes are laid; X along a* where not given.
    scan
        The index of the acquisition; may be left out where there is only one.

    Returns
    -------
    The map in the file's frames.

    Raises
    ------
    InputError
        Where there is no such acquisition or it cannot be read as an EBSD map.
    """
    file = Path(path)
    with open_hdf5(file) as root:
        scans = [name for name in root.groups() if root.child(f"{name}/EBSD/Data")]
        chosen = choose_scan(scans, scan, file)
        own_note = root.text(NAME)
        own_sample, own_crystal = frames_of_note(own_note)
        version = root.text("Format Version")
        data, header = root.need(f"{chosen}/EBSD/Data"), root.need(f"{chosen}/EBSD/Header")
        points = data.size("Euler")
        if not points:
            raise InputError("the acquisition has no orientations", file=file, place=data.name, expected="Euler")
        notes: list[str] = []
        angles = data.needed_column("Euler", points, 3)
        written = data.needed_column("Phase", points)
        phase = whole_numbers(written.astype(np.float64), file, f"{data.name}/Phase")
        fields = finite_fields(data.fields(points, ("Phase", "X", "Y", "Euler")), [])
        x, y = _positions(data, header, points, file)
        place = f"{header.name}, X Cells and Y Cells"
        promise = Promise.square(header.whole("Y Cells"), header.whole("X Cells"), place)
        step = (header.number("X Step"), header.number("Y Step"))
        phases = _phases(header)
        sample = one_line(header.text("Specimen Label"))
        turned = header.numbers("Specimen Orientation Euler")
    if any(np.isfinite(turned)) and np.abs(np.nan_to_num(turned)).max() > 1e-6:
        notes.append("The specimen is turned: the Euler angles refer to its surface, not to the specimen's axes.")
    outside = ~np.isfinite(angles).all(axis=1) & (phase == 0)
    euler, phase = finite_angles(angles, phase, notes)
    check_radians(euler[phase > 0], file, f"{chosen}/EBSD/Data/Euler")
    phase[outside] = -1
    fields = {_SHORT.get(name, name): array for name, array in fields.items()}
    if "mad" in fields:
        fields["mad"] = np.degrees(fields["mad"]).astype(np.float32)
    raster = rasterise(x, y, step=(step[0] or None, step[1] or None), grid=None, file=file)
    notes += compare(promise, raster, file)
    found = assemble(
        Points(euler, phase, fields),
        raster,
        add_unnamed_phases(phases, phase, notes),
        sample_frame=frame or own_sample or SampleFrame.OXFORD,
        crystal_frame=crystal_frame or own_crystal or CrystalFrame.X_ALONG_A_STAR,
        source=f"h5oina (Oxford, version {version or 'unknown'})",
        path=file,
        notes=notes,
    )
    return with_exact_origin(found, own_note).replace(sample=sample, scan=chosen)


def _positions(data: Node, header: Node, points: int, file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y, from the data where they are all there, else from the cells and steps of the header."""
    cells = (header.whole("X Cells"), header.whole("Y Cells"))
    x, y = data.column("X", points), data.column("Y", points)
    if x is not None and y is not None and np.isfinite(x).all() and np.isfinite(y).all():
        return x.astype(np.float64), y.astype(np.float64)
    width, height = cells
    check_promise(max(width or 0, 0) * max(height or 0, 0), points, file, f"{header.name}, X Cells and Y Cells")
    if not width or not height or width < 1 or width * height != points:
        raise InputError(
            "the positions of the points are not known",
            file=file,
            place=data.name,
            found=f"no finite X and Y, and {width} x {height} cells for {points:,} points",
            expected="X and Y, or cells that fit",
        )
    order = np.arange(points, dtype=np.float64)
    dx, dy = header.number("X Step") or 1.0, header.number("Y Step") or 1.0
    return (order % width) * dx, (order // width) * dy


def _phases(header: Node) -> list[Phase]:
    group = header.child("Phases")
    phases = []
    for name in group.groups() if group else []:
        phase = header.need(f"Phases/{name}")
        if not name.isdigit() or not 0 < int(name) <= 1000:
            continue
        lattice = [*phase.numbers("Lattice Dimensions"), *np.degrees(phase.numbers("Lattice Angles")).tolist()]
        good = len(lattice) == 6 and all(0 <= value < 1e4 for value in lattice)
        space = phase.whole("Space Group") or 0
        group_name = laue_from_oxford(phase.whole("Laue Group") or 0) or laue_of_space_group(space)
        values = [round(value, 5) for value in lattice] if good else []
        phases.append(Phase(int(name), phase.text("Phase Name"), group_name, *values, space_group=space))
    return sorted(phases, key=lambda item: item.id)
