"""Write .dream3d files, layout 7.0 (DREAM3D 6, read by DREAM3D-NX too): one image geometry, cells and phases.

DREAM3D reckons in the axes of its geometry. The geometry here is x right, y down (the order of the rows) and z into
the surface, and the Euler angles refer to just that, so that no filter needs to turn anything. X is along a.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io.shared.angles import bunge_angles
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.layers import layers
from grainlight.maps.io.shared.numbering import numbered_phases
from grainlight.maps.io.shared.own_note import put_note
from grainlight.maps.io.writers.dream3d_image import CellArray, ImageGrid, write_image
from grainlight.maps.orientation_map import OrientationMap

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

SAMPLE, CRYSTAL = SampleFrame.NONE, CrystalFrame.X_ALONG_A


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
        write_image(stream, "7.0", image_grid(ebsd), cell_arrays(ebsd, more), ebsd.phases)
        put_note(stream, ebsd.cropped(0, 0).in_frame(SAMPLE).in_crystal_frame(CRYSTAL), record)


def image_grid(source: OrientationMap) -> ImageGrid:
    """Return the cells of one map, one um thick: points stand in the middle of their cells."""
    rows, cols = source.shape
    x, y = (start - step / 2 for start, step in zip(source.origin, source.step, strict=True))
    return ImageGrid((cols, rows, 1), (*source.step, 1.0), (x, y, 0.0))


def cell_arrays(source: OrientationMap, more: Mapping[str, NDArray[Any]]) -> Iterator[CellArray]:
    """Yield the arrays of a map: Euler angles, phases, and layers (rows, cols) by DREAM3D's names for them."""
    yield CellArray("EulerAngles", 3, "f4", lambda _: bunge_angles(source, SAMPLE, CRYSTAL))
    yield CellArray("Phases", 1, "i4", lambda _: numbered_phases(source)[..., None])
    for name, values in more.items():
        yield CellArray.of(NAMES.get(name, name), values)
