"""Write orix's own HDF5 files through orix: an EDAX sample frame and X along a, as orix takes them from .ang."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from grainlight.crystal.euler import bunge_from_quaternion
from grainlight.crystal.frames import CrystalFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.layers import layers
from grainlight.maps.io.shared.own_note import put_note
from grainlight.maps.io.writers.ang import in_edax_frame
from grainlight.maps.orientation_map import OrientationMap

_TAKEN = ("id", "phase_id", "x", "y", "z", "phi1", "Phi", "phi2", "is_in_data", "rotations", "orientations", "phases")


def write_orix(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write a map as an orix `CrystalMap` in orix's HDF5 format, .h5 or .hdf5.

    Parameters
    ----------
    ebsd
        The map. Its EDAX setting is kept; from any other frame the angles are brought to EDAX setting 2. X is laid
        along a, which is how orix lays it. Points that are not indexed have phase -1; cells without a scan point are
        masked out. On a hexagonal grid the positions stay as they are.
    path
        The file; it appears only when it is whole.
    extra
        More properties by name, each (rows, cols).
    record
        What was done to the map, kept as JSON in the dataset ``grainlight``.

    Raises
    ------
    InputError
        For a place that cannot be written or an extra array of another shape.
    """
    import h5py
    from orix.io import save

    source = in_edax_frame(ebsd).in_crystal_frame(CrystalFrame.X_ALONG_A)
    properties = {name if name not in _TAKEN else f"{name}_": values for name, values in _all(source, extra, path)}
    placed = source.replace(x=source.x + source.origin[0], y=source.y + source.origin[1])
    with atomic_path(path) as temporary:
        try:
            save(str(temporary), placed.replace(fields=properties).to_orix(), overwrite=True)
        except OSError as error:
            raise InputError("the file cannot be written", file=path, found=str(error)) from error
        with h5py.File(temporary, "a") as stream:
            # orix takes the least distance for the step, which on a hexagonal grid is half of it
            header, data = stream["crystal_map/header"], stream["crystal_map/data"]
            for name, value in (("x_step", source.step[0]), ("y_step", source.step[1]), ("grid_type", source.grid)):
                del header[name]
                header.create_dataset(name, data=[value])
            # and its own angles of an orientation with Phi = 180 degrees are off by any amount
            for name, angle in zip(("phi1", "Phi", "phi2"), bunge_from_quaternion(source.quaternions).T, strict=True):
                data[name][...] = angle.T.reshape(data[name].shape)
            put_note(stream, source, record)


def _all(source: OrientationMap, extra: Mapping[str, NDArray[Any]] | None, path: str | Path) -> Any:
    return layers(source, extra, Path(path)).items()
