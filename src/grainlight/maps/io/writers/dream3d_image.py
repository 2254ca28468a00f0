"""An image geometry with cells and phases in a .dream3d file: layout 7.0 (DREAM3D 6) or 8.0 (DREAM3D-NX).

Layout 8.0 as simplnx, the library of DREAM3D-NX, writes it: every object has a number and a type, sizes stand slowest
first (z, y, x), and the geometry is told by attributes of its group. DREAM3D-NX reads both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.io.shared.own_note import version
from grainlight.maps.phase import Phase

if TYPE_CHECKING:
    import h5py

Layout = Literal["7.0", "8.0"]
CONTAINER, CELLS, ENSEMBLE = "ImageDataContainer", "CellData", "CellEnsembleData"
STRUCTURES = {
    "6/mmm": 0,
    "m-3m": 1,
    "6/m": 2,
    "m-3": 3,
    "-1": 4,
    "2/m": 5,
    "mmm": 6,
    "4/m": 7,
    "4/mmm": 8,
    "-3": 9,
    "-3m": 10,
}
"""DREAM3D's numbers of Laue groups."""
UNKNOWN = 999

_CELL, _CELL_ENSEMBLE = 3, 11
_TYPES_7 = {"f4": "float", "i4": "int32_t", "u1": "uint8_t", "u4": "uint32_t"}
_TYPES_8 = {"f4": "float32", "i4": "int32", "u1": "uint8", "u4": "uint32"}
_EDGE = np.zeros(1, dtype=np.uint32)
_CHUNK = 1 << 23  # bytes


@dataclass(frozen=True)
class ImageGrid:
    """Cells of an image geometry: how many, how large in um, and where the corner of the first one is; (x, y, z)."""

    cells: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]


@dataclass(frozen=True)
class CellArray:
    """An array of ``width`` numbers for each cell.

    ``section`` gives (rows, columns, width) of the k-th layer of cells along z; ``dtype`` float32, int32, uint8 or
    uint32.
    """

    name: str
    width: int
    dtype: str
    section: Callable[[int], NDArray[Any]]

    @classmethod
    def of(cls, name: str, values: NDArray[Any]) -> CellArray:
        """Return the array of a single layer of cells, a number for each (rows, columns)."""
        return cls(name, 1, values.dtype.str[1:], lambda _: values[..., None])


def write_image(
    stream: h5py.File, layout: Layout, grid: ImageGrid, arrays: Iterable[CellArray], phases: tuple[Phase, ...]
) -> None:
    """Write cells and phases into a file that is open for writing; a layer of cells at a time is held.

    Parameters
    ----------
    stream
        An empty file.
    layout
        "7.0" or "8.0".
    grid
        The cells.
    arrays
        Of every cell.
    phases
        The ensemble; its entry 0 stands for no phase.
    """
    stream.attrs["FileVersion"] = np.bytes_(layout.encode())
    stream.attrs["DREAM3D Version"] = np.bytes_(f"grainlight {version()}".encode())
    writer = _Layout7() if layout == "7.0" else _Layout8()
    container = writer.begin(stream, grid)
    cells = container.create_group(CELLS)
    writer.matrix(cells, grid.cells, _CELL)
    for array in arrays:
        data = _create(cells, array, grid.cells)
        for k in range(grid.cells[2]):
            data[k] = array.section(k)
        writer.describe(data, grid.cells, array.width, data.dtype.str[1:])
    _ensemble(writer, container.create_group(ENSEMBLE), phases)
    writer.end(stream)


def array_path(layout: Layout, name: str) -> str:
    """Return where the array of that name stands in the file."""
    return f"/{'DataContainers' if layout == '7.0' else 'DataStructure'}/{CONTAINER}/{CELLS}/{name}"


def _create(group: h5py.Group, array: CellArray, cells: tuple[int, int, int]) -> h5py.Dataset:
    columns, rows, depth = cells
    options: dict[str, Any] = {"compression": "gzip", "shuffle": True} if rows * columns > 64 else {}
    if options and depth > 1:
        row = columns * array.width * np.dtype(array.dtype).itemsize
        options["chunks"] = (1, min(rows, max(1, _CHUNK // row)), columns, array.width)
    return group.create_dataset(array.name, shape=(depth, rows, columns, array.width), dtype=array.dtype, **options)


class _Layout7:
    def begin(self, stream: h5py.File, grid: ImageGrid) -> h5py.Group:
        stream.create_group("DataContainerBundles")
        stream.create_group("Montages")
        _pipeline(stream, 2, b'{"PipelineBuilder": {"Name": "Pipeline", "Number_Filters": 0, "Version": 6}}', True)
        container = stream.create_group(f"DataContainers/{CONTAINER}")
        group = container.create_group("_SIMPL_GEOMETRY")
        for name in ("GeometryName", "GeometryTypeName"):
            group.attrs[name] = np.bytes_(b"ImageGeometry")
        group.attrs["GeometryType"] = _EDGE
        for name in ("SpatialDimensionality", "UnitDimensionality"):
            group.attrs[name] = np.array([3], dtype=np.uint32)
        group.create_dataset("DIMENSIONS", data=np.array(grid.cells, dtype=np.int64))
        group.create_dataset("ORIGIN", data=np.array(grid.origin, dtype=np.float32))
        group.create_dataset("SPACING", data=np.array(grid.spacing, dtype=np.float32))
        return container

    def matrix(self, group: h5py.Group, tuples: Sequence[int], kind: int) -> None:
        group.attrs["AttributeMatrixType"] = np.array([kind], dtype=np.uint32)
        group.attrs["TupleDimensions"] = np.array(tuples, dtype=np.uint64)

    def describe(self, data: h5py.Dataset, tuples: Sequence[int], width: int, kind: str) -> None:
        data.attrs["ComponentDimensions"] = np.array([width], dtype=np.uint64)
        data.attrs["DataArrayVersion"] = np.array([2], dtype=np.int32)
        kind = f"DataArray<{_TYPES_7[kind]}>" if kind else "StringDataArray"
        data.attrs["ObjectType"] = np.bytes_(kind.encode())
        axes = ",".join(f"{axis}={count}" for axis, count in zip("xyz", tuples, strict=False))
        data.attrs["Tuple Axis Dimensions"] = np.bytes_(axes.encode())
        data.attrs["TupleDimensions"] = np.array(tuples, dtype=np.uint64)

    def end(self, stream: h5py.File) -> None:
        pass


class _Layout8:
    def __init__(self) -> None:
        self._next = 1

    def begin(self, stream: h5py.File, grid: ImageGrid) -> h5py.Group:
        _pipeline(stream, 3, b'{"isDisabled": false, "name": "Pipeline", "pipeline": []}', False)
        container = stream.create_group(f"DataStructure/{CONTAINER}")
        self._object(container, "ImageGeom")
        container.attrs["_DIMENSIONS"] = np.array(grid.cells, dtype=np.uint64)
        container.attrs["_ORIGIN"] = np.array(grid.origin, dtype=np.float32)
        container.attrs["_SPACING"] = np.array(grid.spacing, dtype=np.float32)
        # the matrix that follows
        container.attrs["Cell Data ID"] = np.uint64(self._next)
        return container

    def matrix(self, group: h5py.Group, tuples: Sequence[int], kind: int) -> None:
        self._object(group, "AttributeMatrix")
        group.attrs["TupleDims"] = np.array(tuples[::-1], dtype=np.uint64)

    def describe(self, data: h5py.Dataset, tuples: Sequence[int], width: int, kind: str) -> None:
        self._object(data, f"DataArray<{_TYPES_8[kind]}>" if kind else "StringArray")
        data.attrs["TupleDimensions"] = np.array(tuples[::-1], dtype=np.uint64)
        if kind:
            data.attrs["ComponentDimensions"] = np.array([width], dtype=np.uint64)

    def end(self, stream: h5py.File) -> None:
        stream["DataStructure"].attrs["NextObjectId"] = np.uint64(self._next)

    def _object(self, item: h5py.Group | h5py.Dataset, kind: str) -> None:
        item.attrs["ObjectType"] = np.bytes_(kind.encode())
        item.attrs["ObjectId"] = np.uint64(self._next)
        item.attrs["Importable"] = np.int32(1)
        self._next += 1


def _pipeline(stream: h5py.File, number: int, empty: bytes, as_list: bool) -> None:
    group = stream.create_group("Pipeline")
    group.attrs["Current Pipeline"] = np.bytes_(b"Pipeline")
    group.attrs["Pipeline Version"] = np.array([number], dtype=np.int32) if as_list else np.int32(number)
    group.create_dataset("Pipeline", data=np.bytes_(empty))


def _ensemble(writer: _Layout7 | _Layout8, group: h5py.Group, phases: tuple[Phase, ...]) -> None:
    import h5py

    count = len(phases) + 1
    writer.matrix(group, [count], _CELL_ENSEMBLE)
    structures = [UNKNOWN, *(STRUCTURES.get(phase.laue_group, UNKNOWN) for phase in phases)]
    data = group.create_dataset("CrystalStructures", data=np.array(structures, dtype=np.uint32)[:, None])
    writer.describe(data, (count,), 1, "u4")
    lattice = np.array([(0.0,) * 6, *(phase.lattice for phase in phases)], dtype=np.float32)
    writer.describe(group.create_dataset("LatticeConstants", data=lattice), (count,), 6, "f4")
    names = ["Invalid Phase", *(" ".join(phase.name.split()) or f"phase {n}" for n, phase in enumerate(phases, 1))]
    plain = all(name.isascii() for name in names)
    data = group.create_dataset("MaterialName", data=names, dtype=h5py.string_dtype("ascii" if plain else "utf-8"))
    writer.describe(data, (count,), 1, "")
