"""Write .dream3d files, layout 7.0 (DREAM3D 6, read by DREAM3D-NX too): one image geometry, cells and phases.

DREAM3D reckons in the axes of its geometry. The geometry here is x right, y down (the order of the rows) and z into
the surface, and the Euler angles refer to just that, so that no filter needs to turn anything. X is along a.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io.shared.angles import bunge_angles
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.layers import layers
from grainlight.maps.io.shared.numbering import numbered_phases
from grainlight.maps.io.shared.own_note import put_note, version
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

if TYPE_CHECKING:
    import h5py

CONTAINER, CELLS, ENSEMBLE = "ImageDataContainer", "CellData", "CellEnsembleData"
NAMES = {
    "ci": "Confidence Index",
    "iq": "Image Quality",
    "sem": "SEM Signal",
    "fit": "Fit",
    "mad": "MAD",
    "bc": "BC",
    "bs": "BS",
    "bands": "Bands",
    "error": "Error",
}
"""What DREAM3D's own importers call the vendors' columns."""

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

_SAMPLE, _CRYSTAL = SampleFrame.NONE, CrystalFrame.X_ALONG_A
_CELL, _CELL_ENSEMBLE = 3, 11
_TYPES = {"f4": "float", "i4": "int32_t", "u1": "uint8_t", "u4": "uint32_t"}
_EDGE = np.zeros(1, dtype=np.uint32)


def write_dream3d(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write a map as .dream3d.

    Parameters
    ----------
    ebsd
        The map, on a square grid. Cells that are not indexed have phase 0.
    path
        The file; it appears only when it is whole.
    extra
        More cell arrays by name, each (rows, cols), such as uncertainty and source.
    record
        What was done to the map, kept as JSON in the dataset ``grainlight``.

    Raises
    ------
    InputError
        For a hexagonal grid, a place that cannot be written or an extra array of another shape.
    """
    import h5py

    more = layers(ebsd, extra, Path(path))
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as stream:
        stream.attrs["FileVersion"] = np.bytes_(b"7.0")
        stream.attrs["DREAM3D Version"] = np.bytes_(f"grainlight {version()}".encode())
        stream.create_group("DataContainerBundles")
        stream.create_group("Montages")
        _pipeline(stream.create_group("Pipeline"))
        container = stream.create_group(f"DataContainers/{CONTAINER}")
        _geometry(container.create_group("_SIMPL_GEOMETRY"), ebsd)
        _cells(container.create_group(CELLS), ebsd, more)
        _phases(container.create_group(ENSEMBLE), ebsd.phases)
        put_note(stream, ebsd.cropped(0, 0).in_frame(_SAMPLE).in_crystal_frame(_CRYSTAL), record)


def _pipeline(group: h5py.Group) -> None:
    group.attrs["Current Pipeline"] = np.bytes_(b"Pipeline")
    group.attrs["Pipeline Version"] = np.array([2], dtype=np.int32)
    empty = b'{"PipelineBuilder": {"Name": "Pipeline", "Number_Filters": 0, "Version": 6}}'
    group.create_dataset("Pipeline", data=np.bytes_(empty))


def _geometry(group: h5py.Group, source: OrientationMap) -> None:
    rows, cols = source.shape
    for name in ("GeometryName", "GeometryTypeName"):
        group.attrs[name] = np.bytes_(b"ImageGeometry")
    group.attrs["GeometryType"] = _EDGE
    for name in ("SpatialDimensionality", "UnitDimensionality"):
        group.attrs[name] = np.array([3], dtype=np.uint32)
    group.create_dataset("DIMENSIONS", data=np.array([cols, rows, 1], dtype=np.int64))
    # the corner of the first cell, in whose middle the first point stands
    corner = (start - step / 2 for start, step in zip(source.origin, source.step, strict=True))
    group.create_dataset("ORIGIN", data=np.array([*corner, 0.0], dtype=np.float32))
    group.create_dataset("SPACING", data=np.array([*source.step, 1.0], dtype=np.float32))


def _cells(group: h5py.Group, source: OrientationMap, more: Mapping[str, NDArray[Any]]) -> None:
    rows, cols = source.shape
    group.attrs["AttributeMatrixType"] = np.array([_CELL], dtype=np.uint32)
    group.attrs["TupleDimensions"] = np.array([cols, rows, 1], dtype=np.uint64)
    _array(group, "EulerAngles", bunge_angles(source, _SAMPLE, _CRYSTAL))
    _array(group, "Phases", numbered_phases(source)[..., None].astype(np.int32))
    for name, values in more.items():
        _array(group, NAMES.get(name, name), values[..., None])


def _array(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    rows, cols, width = values.shape
    options = {"compression": "gzip", "shuffle": True} if rows * cols > 64 else {}
    data = group.create_dataset(name, data=values[None], **options)
    _describe(data, (cols, rows, 1), width, f"DataArray<{_TYPES[values.dtype.str[1:]]}>")


def _describe(data: h5py.Dataset, tuples: tuple[int, ...], width: int, kind: str) -> None:
    data.attrs["ComponentDimensions"] = np.array([width], dtype=np.uint64)
    data.attrs["DataArrayVersion"] = np.array([2], dtype=np.int32)
    data.attrs["ObjectType"] = np.bytes_(kind.encode())
    axes = ",".join(f"{axis}={count}" for axis, count in zip("xyz", tuples, strict=False))
    data.attrs["Tuple Axis Dimensions"] = np.bytes_(axes.encode())
    data.attrs["TupleDimensions"] = np.array(tuples, dtype=np.uint64)


def _phases(group: h5py.Group, phases: tuple[Phase, ...]) -> None:
    import h5py

    count = len(phases) + 1
    group.attrs["AttributeMatrixType"] = np.array([_CELL_ENSEMBLE], dtype=np.uint32)
    group.attrs["TupleDimensions"] = np.array([count], dtype=np.uint64)
    structures = [UNKNOWN, *(STRUCTURES.get(phase.laue_group, UNKNOWN) for phase in phases)]
    data = group.create_dataset("CrystalStructures", data=np.array(structures, dtype=np.uint32)[:, None])
    _describe(data, (count,), 1, "DataArray<uint32_t>")
    lattice = np.array([(0.0,) * 6, *(phase.lattice for phase in phases)], dtype=np.float32)
    _describe(group.create_dataset("LatticeConstants", data=lattice), (count,), 6, "DataArray<float>")
    names = ["Invalid Phase", *(" ".join(phase.name.split()) or f"phase {n}" for n, phase in enumerate(phases, 1))]
    plain = all(name.isascii() for name in names)
    data = group.create_dataset("MaterialName", data=names, dtype=h5py.string_dtype("ascii" if plain else "utf-8"))
    _describe(data, (count,), 1, "StringDataArray")
