"""Write grids for DAMASK 3: a VTK image (.vti) of material numbers and, beside it, the materials (.material.yaml).

The grid is x right, y up (the rows of the map from the last to the first), z out of the surface: frame S. Lengths are
metres. DAMASK's quaternions have the signs of the other sense (P = -1): (w, -x, -y, -z) of those used here.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import conjugate
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.layers import layers
from grainlight.maps.io.shared.numbering import numbered_phases
from grainlight.maps.io.shared.own_note import note_text
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

COMPANION = ".material.yaml"
_NOT_INDEXED = "not_indexed"
_VTK = {"f4": "Float32", "f8": "Float64", "i4": "Int32", "i8": "Int64", "u1": "UInt8"}
_LATTICE = {"6/mmm": "hP", "m-3m": "cI", "4/mmm": "tI"}
_BLOCK = 1 << 24


def write_damask(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write a map as a DAMASK grid: one material for each orientation that occurs.

    Parameters
    ----------
    ebsd
        The map, on a square grid. Points that are not indexed are one material of the phase ``not_indexed``.
    path
        The .vti file; the materials stand in a file of its name with the ending .material.yaml. Both appear when both
        are whole. Parameters of deformation have to be added to the phases.
    extra
        More cell data by name, each (rows, cols).
    record
        What was done to the map, kept as JSON among the field data.

    Raises
    ------
    InputError
        For a hexagonal grid, a place that cannot be written or an extra array of another shape.
    """
    path = Path(path)
    source = ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    more = layers(source, extra, path)
    phase = numbered_phases(source).ravel()
    quaternions = np.where(source.indexed.reshape(-1, 1), conjugate(source.quaternions.reshape(-1, 4)), [1.0, 0, 0, 0])
    table, material = np.unique(np.column_stack([phase, quaternions]), axis=0, return_inverse=True)
    cells: dict[str, NDArray[Any]] = {
        "material": material.reshape(source.shape).astype(np.int64),
        "phase": phase.reshape(source.shape).astype(np.int32),
        **{name: values for name, values in more.items() if name not in ("material", "phase")},
    }
    rows, cols = source.shape
    arrays = [CellData.of(name, values) for name, values in cells.items()]
    dx, dy = source.step
    # the lower left corner of the last row's first cell, y upwards
    corner = (source.origin[0] - dx / 2, -source.origin[1] - (rows - 0.5) * dy, 0.0)
    note = note_text(source, record)
    write_grid(path, (cols, rows, 1), (dx, dy, min(dx, dy)), arrays, note, table, source.phases, corner)


@dataclass(frozen=True)
class CellData:
    """Numbers of every cell: ``layer`` gives (rows, columns) of the k-th layer from below, rows from above."""

    name: str
    dtype: np.dtype[Any]
    layer: Callable[[int], NDArray[Any]]

    @classmethod
    def of(cls, name: str, values: NDArray[Any]) -> CellData:
        """Return the data of a single layer."""
        return cls(name, values.dtype, lambda _: values)


def write_grid(
    path: Path,
    cells: tuple[int, int, int],
    spacing: tuple[float, float, float],
    arrays: Iterable[CellData],
    note: str,
    materials: NDArray[np.float64],
    phases: tuple[Phase, ...],
    corner: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> None:
    """Write a DAMASK grid and, beside it, its materials; a layer of cells at a time is held, and what is packed.

    Parameters
    ----------
    path
        The .vti file.
    cells, spacing
        How many and how large in um, along x, y, z of frame S.
    arrays
        Cell data, ``material`` among them.
    note
        Kept among the field data.
    materials
        (N, 5) number of the phase, from 1 in the order of ``phases``, 0 for what is not indexed, and the quaternion in
        DAMASK's signs, X along a.
    phases
        Named in the materials.
    corner
        x, y, z in um of the lower left corner of the lowest layer, y upwards.
    """
    with atomic_path(path.with_suffix(COMPANION)) as beside, atomic_path(path) as temporary:
        with beside.open("w", encoding="utf-8") as text:
            _materials(text, materials, phases)
        with temporary.open("w", encoding="ascii", newline="\n") as text:
            _image(text, cells, spacing, arrays, note, corner)


def _image(
    text: IO[str],
    cells: tuple[int, int, int],
    spacing: tuple[float, float, float],
    arrays: Iterable[CellData],
    note: str,
    corner: tuple[float, float, float],
) -> None:
    extent = f"0 {cells[0]} 0 {cells[1]} 0 {cells[2]}"
    dx, dy, dz = (step * 1e-6 for step in spacing)
    at = " ".join(f"{place * 1e-6:.9g}" for place in corner)
    text.write('<?xml version="1.0"?>\n')
    text.write('<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64"')
    text.write(' compressor="vtkZLibDataCompressor">\n')
    text.write(f'  <ImageData WholeExtent="{extent}" Origin="{at}" Spacing="{dx:.9g} {dy:.9g} {dz:.9g}"')
    text.write(' Direction="1 0 0 0 1 0 0 0 1">\n')
    # VTK's text is an array of bytes with a closing zero
    words = "".join(f"{byte} " for byte in note.encode()) + "0"
    text.write('    <FieldData>\n      <Array type="String" Name="comments" NumberOfTuples="1" format="ascii">\n')
    text.write(f"        {words}\n      </Array>\n    </FieldData>\n")
    text.write(f'    <Piece Extent="{extent}">\n      <PointData>\n      </PointData>\n      <CellData>\n')
    for array in arrays:
        kind = _VTK[array.dtype.str[1:]]
        text.write(f'        <DataArray type="{kind}" Name="{array.name}" format="binary">\n          ')
        # rows from below
        layers = (np.ascontiguousarray(array.layer(k)[::-1], array.dtype.newbyteorder("<")) for k in range(cells[2]))
        text.write(_packed(layer.tobytes() for layer in layers))
        text.write("\n        </DataArray>\n")
    text.write("      </CellData>\n    </Piece>\n  </ImageData>\n</VTKFile>\n")


def _packed(parts: Iterable[bytes]) -> str:
    """Return bytes, given in parts, as VTK packs them: sizes, then blocks, each base64."""
    blocks, waiting, total = [], bytearray(), 0
    for part in parts:
        waiting += part
        total += len(part)
        while len(waiting) >= _BLOCK:
            blocks.append(zlib.compress(bytes(waiting[:_BLOCK]), 5))
            del waiting[:_BLOCK]
    if waiting:
        blocks.append(zlib.compress(bytes(waiting), 5))
    whole = min(_BLOCK, total)
    sizes = [len(blocks), whole, total % whole if total > whole else 0, *map(len, blocks)]
    head = np.array(sizes, dtype="<u8").tobytes()
    return (base64.b64encode(head) + base64.b64encode(b"".join(blocks))).decode("ascii")


def _materials(text: IO[str], table: NDArray[np.float64], phases: tuple[Phase, ...]) -> None:
    names = [_NOT_INDEXED, *_names(phases)]
    text.write("homogenization:\n  direct:\n    N_constituents: 1\n    mechanical: {type: pass}\n\nphase:\n")
    for name, phase in zip(names, (None, *phases), strict=True):
        if phase is None and not (table[:, 0] == 0).any():
            continue
        text.write(f"  {json.dumps(name)}:\n")
        lattice = _LATTICE.get(phase.laue_group) if phase else None
        # a Laue group says nothing of the centring
        doubt = "" if lattice == "hP" else "  # please check"
        text.write(f"    lattice: {lattice or 'cF'}{doubt}\n")
        if phase and lattice in ("hP", "tI") and phase.a > 0:
            text.write(f"    c/a: {phase.c / phase.a:.6g}\n")
    text.write("\nmaterial:\n")
    quoted = [json.dumps(name) for name in names]
    for number, *quaternion in table.tolist():
        o = ", ".join(f"{value:.9f}" for value in quaternion)
        text.write(f"- homogenization: direct\n  constituents: [{{phase: {quoted[int(number)]}, v: 1.0, O: [{o}]}}]\n")


def _names(phases: tuple[Phase, ...]) -> list[str]:
    """Return names that differ from one another and from the name of what is not indexed."""
    found: list[str] = []
    for count, phase in enumerate(phases, 1):
        name = " ".join(phase.name.split()) or f"phase {count}"
        found.append(name if name not in (_NOT_INDEXED, *found) else f"{name} {count}")
    return found
