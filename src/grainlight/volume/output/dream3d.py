"""Write a volume as .dream3d, layout 8.0 or 7.0, with an .xdmf beside it that ParaView opens.

The geometry is that of maps (`maps.io.writers.dream3d`): x right, y down, z into the specimen. Its first layer of cells
is therefore the highest section.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from grainlight.maps.io.shared.angles import bunge_angles
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.numbering import numbered_phases
from grainlight.maps.io.shared.own_note import put_note
from grainlight.maps.io.writers.dream3d import CRYSTAL, SAMPLE
from grainlight.maps.io.writers.dream3d_image import CellArray, ImageGrid, Layout, array_path, write_image
from grainlight.volume.output.regular import Levels, levels_of
from grainlight.volume.section import volume_section
from grainlight.volume.volume import Volume

FEATURES = "FeatureIds"
"""What DREAM3D calls the numbers of grains."""
_LAYERS = {"uncertainty": "f4", "other_grain": "f4", "boundary": "f4", "source": "u1"}
_XDMF = {"f4": ("Float", 4), "i4": ("Int", 4), "u1": ("UChar", 1), "u4": ("UInt", 4)}


def write_volume_dream3d(volume: Volume, path: str | Path, *, layout: Layout = "8.0") -> tuple[str, ...]:
    """Write a volume; a section at a time is held.

    Parameters
    ----------
    volume
        Restored sections. Voxels of which nothing is known have phase 0. Grain ids, where the volume has them, are
        ``FeatureIds``.
    path
        The .dream3d file; beside it stands a file of its name with the ending .xdmf. Both appear when both are whole.
    layout
        "8.0" for DREAM3D-NX, "7.0" for DREAM3D 6; DAMASK 3 reads both.

    Returns
    -------
    What the file changes, a sentence each: sections that are not evenly spaced are shown by levels that are.

    Raises
    ------
    InputError
        Where the place cannot be written.
    """
    import h5py

    path, levels = Path(path), levels_of(volume)
    arrays, grid = list(_arrays(volume, levels)), _grid(volume, levels)
    frames = volume_section(volume, 0).cropped(0, 0).in_frame(SAMPLE).in_crystal_frame(CRYSTAL)
    with atomic_path(path.with_suffix(".xdmf")) as beside, atomic_path(path) as temporary:
        with h5py.File(temporary, "w") as stream:
            write_image(stream, layout, grid, arrays, volume.phases)
            put_note(stream, frames, volume.record)
        beside.write_text(_xdmf(path.name, layout, grid, arrays), encoding="utf-8")
    return levels.notes


def _grid(volume: Volume, levels: Levels) -> ImageGrid:
    """The cells, z downward: the height of the highest level, turned round, is where they begin."""
    rows, columns = volume.shape[1:]
    half, top = volume.step / 2, levels.start + levels.spacing * (len(levels) - 1)
    return ImageGrid(
        (columns, rows, len(levels)),
        (volume.step, volume.step, levels.spacing),
        (volume.origin[0] - half, volume.origin[1] - half, -top - levels.spacing / 2),
    )


def _arrays(volume: Volume, levels: Levels) -> Iterator[CellArray]:
    down = levels.section[::-1].tolist()
    yield CellArray("EulerAngles", 3, "f4", lambda k: bunge_angles(volume_section(volume, down[k]), SAMPLE, CRYSTAL))
    yield CellArray("Phases", 1, "i4", lambda k: numbered_phases(volume_section(volume, down[k]))[..., None])
    if volume.grain_id is not None:
        yield CellArray(FEATURES, 1, "i4", levels.downward(volume.grain_id))
    for name, kind in _LAYERS.items():
        yield CellArray(name, 1, kind, levels.downward(getattr(volume, name)))


def _xdmf(name: str, layout: Layout, grid: ImageGrid, arrays: list[CellArray]) -> str:
    """Return XDMF 2 text about the arrays; everything in it stands slowest axis first."""
    depth, rows, columns = grid.cells[::-1]
    origin, spacing = (" ".join(f"{value:.9g}" for value in values[::-1]) for values in (grid.origin, grid.spacing))
    lines = [
        '<?xml version="1.0"?>',
        '<!DOCTYPE Xdmf SYSTEM "Xdmf.dtd" []>',
        '<Xdmf xmlns:xi="http://www.w3.org/2003/XInclude" Version="2.2">',
        "  <Domain>",
        '    <Grid Name="Cell Data" GridType="Uniform">',
        f'      <Topology TopologyType="3DCoRectMesh" Dimensions="{depth + 1} {rows + 1} {columns + 1}"/>',
        '      <Geometry GeometryType="ORIGIN_DXDYDZ">',
        f'        <DataItem Format="XML" Dimensions="3">{origin}</DataItem>',
        f'        <DataItem Format="XML" Dimensions="3">{spacing}</DataItem>',
        "      </Geometry>",
    ]
    for array in arrays:
        kind, precision = _XDMF[np.dtype(array.dtype).str[1:]]
        shape = "Scalar" if array.width == 1 else "Vector"
        size = f"{depth} {rows} {columns} {array.width}"
        lines += [
            f'      <Attribute Name={quoteattr(array.name)} AttributeType="{shape}" Center="Cell">',
            f'        <DataItem Format="HDF" Dimensions="{size}" NumberType="{kind}" Precision="{precision}">',
            f"          {escape(name)}:{escape(array_path(layout, array.name))}",
            "        </DataItem>",
            "      </Attribute>",
        ]
    return "\n".join([*lines, "    </Grid>", "  </Domain>", "</Xdmf>", ""])
