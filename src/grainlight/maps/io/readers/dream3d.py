"""Read .dream3d files, layouts 7 and 8: image geometries with Euler angles and phases of cells, and their ensemble.

Angles are radians. Positions follow from the geometry. A .dream3d file does not say how its Euler angles lie on its
grid; DREAM.3D's own rule is that both share one set of axes, x along columns and y along rows. With rows drawn
downward that is the frame `none`: right, down, in - the section seen from behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.hdf5.node import Node, open_hdf5
from grainlight.maps.io.shared.assemble import Points, add_unnamed_phases, assemble, whole_numbers
from grainlight.maps.io.shared.edax import SHORT_NAMES, check_radians, indexed_points
from grainlight.maps.io.shared.finite import finite_angles, finite_fields
from grainlight.maps.io.shared.own_note import NAME, frames_of_note, sample_of_note, with_exact_origin
from grainlight.maps.io.shared.scans import choose_scan, choose_section
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.raster import rasterise

_STRUCTURES = {0: "6/mmm", 1: "m-3m", 2: "6/m", 3: "m-3", 4: "-1", 5: "2/m", 6: "mmm", 7: "4/m", 8: "4/mmm"}
_STRUCTURES |= {9: "-3", 10: "-3m"}
"""Laue groups by the numbers of EbsdLib's CrystalStructure."""

_EULER, _PHASES = "EulerAngles", ("Phases", "Phase")
_LOOKED_INTO = 500  # groups that image geometries of layout 8 are looked for in, at most


@dataclass(frozen=True)
class Volume:
    """Where the cells are: the attribute matrix, and cells, spacing, origin as (x, y, z)."""

    cells: Node
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]


def read_dream3d(
    path: str | Path,
    frame: SampleFrame | None = None,
    crystal_frame: CrystalFrame | None = None,
    scan: str | None = None,
    section: int | None = None,
) -> OrientationMap:
    """Read one section, normal to z, of a .dream3d file of layout 7 (DREAM3D 6) or 8 (DREAM3D-NX).

    Parameters
    ----------
    path
        The file.
    frame
        The sample frame of its Euler angles; the grid's own axes (`none`) where neither this nor the file says.
    crystal_frame
        How its crystal axes are laid; X along a where nothing says.
    scan
        The name of the data container, in layout 8 the path of the image geometry; may be left out where there is only
        one with Euler angles.
    section
        The number of the section along z, from 0; may be left out where there is only one.

    Returns
    -------
    The map of that section.

    Raises
    ------
    InputError
        Where there is no such container or section, or it cannot be read as an EBSD map.
    """
    file = Path(path)
    notes: list[str] = []
    with open_hdf5(file) as root:
        layout = 7 if root.child("DataContainers") else 8
        containers = root.need("DataStructure" if layout == 8 else "DataContainers")
        names = _images(containers) if layout == 8 else containers.groups()
        chosen = choose_scan([name for name in names if _cells(containers.need(name))], scan, file)
        container = containers.need(chosen)
        volume = _volume(container, file)
        width, height, depth = volume.shape
        layer = choose_section(range(depth), section, file)
        total, points = width * height * depth, width * height
        pick = slice(layer * points, (layer + 1) * points)
        angles = volume.cells.needed_column(_EULER, total, 3)[pick]
        name = next((name for name in _PHASES if volume.cells.total(name)), _PHASES[0])
        written = volume.cells.needed_column(name, total)[pick].astype(np.float64)
        columns = {key: array[pick] for key, array in _fields(volume.cells, total).items()}
        phases = _phases(container)
        own_note = root.text(NAME)
        own_sample, own_crystal = frames_of_note(own_note)
    fields = finite_fields({SHORT_NAMES.get(key, key): array for key, array in columns.items()}, notes)
    phase = whole_numbers(written, file, f"{volume.cells.name}/{name}")
    phase = np.where(indexed_points(angles, fields.get("ci")), phase, 0).astype(np.int16)
    euler, phase = finite_angles(angles, phase, notes)
    check_radians(euler[phase > 0], file, f"{volume.cells.name}/{_EULER}")
    order = np.arange(points, dtype=np.float64)
    # the origin is the corner of the first cell, a point stands in the middle of its cell
    x = volume.origin[0] + (order % width + 0.5) * volume.spacing[0]
    y = volume.origin[1] + (order // width + 0.5) * volume.spacing[1]
    if not frame and not own_sample:
        notes.append("The file does not say how its Euler angles lie on the grid: one set of axes for both was taken.")
    found = assemble(
        Points(euler, phase, fields),
        rasterise(x, y, step=volume.spacing[:2], grid=None, file=file),
        add_unnamed_phases(phases, phase, notes),
        sample_frame=frame or own_sample or SampleFrame.NONE,
        crystal_frame=crystal_frame or own_crystal or CrystalFrame.X_ALONG_A,
        source=f"dream3d {layout} ({chosen}" + (f", section {layer})" if depth > 1 else ")"),
        path=file,
        notes=notes,
    )
    return with_exact_origin(found, own_note).replace(sample=sample_of_note(own_note))


def _images(top: Node) -> list[str]:
    """Return the paths of the image geometries below the top group of layout 8, groups of groups included."""
    found, paths = [], list(top.groups())
    for path in paths:  # which grows; a group may hold itself
        if top.need(path).attribute("_DIMENSIONS"):
            found.append(path)
        elif len(paths) <= _LOOKED_INTO:
            paths += [f"{path}/{name}" for name in top.need(path).groups()]
    return found


def _cells(container: Node) -> Node | None:
    """Return the attribute matrix with Euler angles of cells."""
    for name in container.groups():
        matrix = container.need(name)
        if matrix.total(_EULER) and any(matrix.total(phase) for phase in _PHASES):
            return matrix
    return None


def _volume(container: Node, file: Path) -> Volume:
    cells, geometry = _cells(container), container
    if container.attribute("_DIMENSIONS"):  # layout 8
        shape, spacing, origin = (container.attribute(name, 3) for name in ("_DIMENSIONS", "_SPACING", "_ORIGIN"))
    else:
        geometry = container.need("_SIMPL_GEOMETRY")
        shape, spacing, origin = (geometry.numbers(name, 3) for name in ("DIMENSIONS", "SPACING", "ORIGIN"))
    origin = origin or [0.0, 0.0, 0.0]
    whole = len(shape) == 3 and all(np.isfinite(n) and n == round(n) and 1 <= n < 1e9 for n in shape)
    sized = len(spacing) == 3 and all(np.isfinite(d) and 0 < d < 1e6 for d in spacing[:2])
    if cells is None or not whole or not sized or len(origin) != 3 or not np.isfinite(origin).all():
        raise InputError(
            "the geometry is no grid of cells",
            file=file,
            place=geometry.name,
            found=f"DIMENSIONS {shape}, SPACING {spacing}, ORIGIN {origin}",
            expected="three whole numbers, three lengths and a place: an image geometry",
        )
    x, y, z = (int(n) for n in shape)
    return Volume(cells, (x, y, z), (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2]))


def _fields(cells: Node, total: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of one number per cell, by the lower-case names that EDAX and Oxford use."""
    found = {}
    for name in cells.names():
        if name in (_EULER, *_PHASES, "X Position", "Y Position", "X", "Y", "Z") or cells.total(name) != total:
            continue
        array = cells.column(name, total) if cells.is_numeric(name) else None
        if array is not None:
            found["_".join(name.lower().split())] = array.astype(np.uint8) if array.dtype.kind == "b" else array
    return found


def _phases(container: Node) -> list[Phase]:
    """Return the phases of the ensemble; its first entry stands for no phase."""
    for name in container.groups():
        matrix = container.need(name)
        structures = matrix.numbers("CrystalStructures", 1000)
        if not structures:
            continue
        names = matrix.texts("MaterialName") or matrix.texts("PhaseName")
        lattices = matrix.numbers("LatticeConstants", 6000)
        phases = []
        for i, code in enumerate(structures[1:], 1):
            lattice = lattices[6 * i : 6 * i + 6]
            good = len(lattice) == 6 and all(0 <= value < 1e4 for value in lattice)
            title = names[i].removeprefix("MaterialName").strip() if i < len(names) else ""
            values = [round(value, 5) for value in lattice] if good else []
            phases.append(Phase(i, title, _STRUCTURES.get(int(code) if np.isfinite(code) else -1, ""), *values))
        return phases
    return []
