"""Write .h5oina files after the format's published description: version 2.0, one slice with the technique EBSD.

Angles are radians, lengths um, X along a*, Oxford's sample frame; phase 0 is not indexed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.angles import bunge_angles
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.layers import layers
from grainlight.maps.io.shared.numbering import numbered_phases
from grainlight.maps.io.shared.own_note import put_note
from grainlight.maps.io.writers.h5oina_source import carry_header, source_of, write_copy
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

if TYPE_CHECKING:
    import h5py

_SAMPLE, _CRYSTAL = SampleFrame.OXFORD, CrystalFrame.X_ALONG_A_STAR
_BYTES = {"bands": "Bands", "bc": "Band Contrast", "bs": "Band Slope"}
_NOT_ANALYSED, _SUCCESS, _NO_SOLUTION = 0, 1, 2
_KNOWN = (*_BYTES, "mad", "error", "phase", "x", "y", "euler")
_OF_VENDORS = ("ci", "fit", "iq", "sem")
"""What a restored map fills for programs of other vendors."""
_MOST_PHASES = 255


def write_h5oina(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write a map as .h5oina.

    Parameters
    ----------
    ebsd
        The map, on a square grid. Angles are brought to Oxford's sample frame with X along a*. Cells without a scan
        point are written as not analysed. Fields that Oxford knows stand under Oxford's names, others under their own.
    path
        The file; it appears only when it is whole.
    extra
        More datasets by name, each (rows, cols), such as uncertainty and source.
    record
        What was done to the map, kept as JSON.

    Raises
    ------
    InputError
        For a hexagonal grid, more than 255 phases, a place that cannot be written or an extra array of another shape.
    """
    import h5py

    source = source_of(ebsd)
    if len(ebsd.phases) > _MOST_PHASES:
        raise InputError("too many phases", file=path, found=str(len(ebsd.phases)), expected=f"at most {_MOST_PHASES}")
    more = layers(ebsd, extra, Path(path), _KNOWN)
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as stream:
        if source is None:
            # other programs know the layout by this name; who wrote the file is the next line
            _text(stream, "Manufacturer", "Oxford Instruments")
            _text(stream, "Software Version", _version())
            _text(stream, "Format Version", "2.0")
            _text(stream, "Index", "1")
            _header(stream.create_group("1/EBSD/Header"), ebsd)
            _data(stream.create_group("1/EBSD/Data"), ebsd, more)
        elif source.kind == "copy":
            write_copy(source, stream, ebsd, _angles(ebsd), {k: v for k, v in more.items() if k not in _OF_VENDORS})
        else:
            group = carry_header(source, stream, ebsd)
            _text(stream, "Index", source.scan)
            _header(group["Header"], ebsd)
            _data(group.create_group("Data"), ebsd, {source.titles.get(name, name): v for name, v in more.items()})
        put_note(stream, ebsd.cropped(0, 0).in_frame(_SAMPLE).in_crystal_frame(_CRYSTAL), record)


def _angles(source: OrientationMap) -> NDArray[np.float32]:
    return bunge_angles(source, _SAMPLE, _CRYSTAL).reshape(-1, 3)


def _data(group: h5py.Group, source: OrientationMap, more: Mapping[str, NDArray[Any]]) -> None:
    indexed, present = source.indexed.ravel(), source.present.ravel()
    euler = _angles(source)
    # what lies outside the measured area is NaN by the description
    euler[~present] = np.nan
    _column(group, "Phase", numbered_phases(source).astype(np.uint8))
    _column(group, "X", (source.x + source.origin[0]).astype(np.float32), "um")
    _column(group, "Y", (source.y + source.origin[1]).astype(np.float32), "um")
    _column(group, "Euler", euler, "rad")
    error = np.where(indexed, _SUCCESS, np.where(present, _NO_SOLUTION, _NOT_ANALYSED))
    _column(group, "Error", error.astype(np.uint8))
    mad = np.asarray(source.fields.get("mad", np.zeros(source.shape)), dtype=np.float64)
    _column(group, "Mean Angular Deviation", np.radians(mad).astype(np.float32), "rad")
    for name, title in _BYTES.items():
        values = np.asarray(source.fields.get(name, np.zeros(source.shape)))
        _column(group, title, np.clip(np.rint(values), 0, 255).astype(np.uint8))
    for name, values in more.items():
        _column(group, name, values)


def _header(group: h5py.Group, source: OrientationMap) -> None:
    """Write what is not there yet, and the grid."""
    rows, cols = source.shape
    labels = {"Project Label": "grainlight", "Analysis Label": source.source or "map"}
    for name, text in (labels | ({"Specimen Label": source.sample} if source.sample else {})).items():
        if name not in group:
            _text(group, name, text)
    for name, count in (("X Cells", cols), ("Y Cells", rows)):
        _column(group, name, np.array([count], dtype=np.int32), "px")
    for name, step in (("X Step", source.step[0]), ("Y Step", source.step[1])):
        _column(group, name, np.array([step], dtype=np.float32), "um")
    # sample primary and sample surface are taken for one; the other two angles are not known here
    if "Specimen Orientation Euler" not in group:
        _column(group, "Specimen Orientation Euler", np.zeros((1, 3), dtype=np.float32), "rad")
    if "Scanning Rotation Angle" not in group:
        _column(group, "Scanning Rotation Angle", np.array([np.nan], dtype=np.float32), "rad")
    share = 100.0 * float(source.indexed.sum()) / max(float(source.present.sum()), 1.0)
    _column(group, "Hit Rate", np.array([share], dtype=np.float32))
    if "Stage Position" not in group:
        stage = group.create_group("Stage Position")
        for name in "XYZ":
            _column(stage, name, np.zeros(1, dtype=np.float32), "mm")
    phases = group.require_group("Phases")
    for count, phase in enumerate(source.phases, 1):
        if str(count) not in phases:
            _phase(phases.create_group(str(count)), count, phase)


def _phase(group: h5py.Group, count: int, phase: Phase) -> None:
    _text(group, "Phase Name", " ".join(phase.name.split()) or f"phase {count}")
    _text(group, "Reference", "")
    angles = np.radians(phase.lattice[3:]).astype(np.float32)
    _column(group, "Lattice Angles", angles[None], "rad")
    _column(group, "Lattice Dimensions", np.array([phase.lattice[:3]], dtype=np.float32), "angstrom")
    _column(group, "Laue Group", np.array([phase.oxford_number if phase.laue_group else 0], dtype=np.int32))
    group["Laue Group"].attrs["Symbol"] = phase.laue_group or "unknown"
    _column(group, "Space Group", np.array([phase.space_group], dtype=np.int32))
    group["Space Group"].attrs["Symbol"] = ""
    _column(group, "Number Reflectors", np.zeros(1, dtype=np.int32))


def _column(group: h5py.Group, name: str, values: NDArray[Any], unit: str | None = None) -> None:
    flat = values if name in _WIDE else values.ravel()
    options = {"compression": "gzip", "shuffle": True} if flat.shape[0] > 64 else {}
    data = group.create_dataset(name, data=flat, **options)
    if unit:
        data.attrs["Unit"] = unit


_WIDE = ("Euler", "Lattice Angles", "Lattice Dimensions", "Specimen Orientation Euler")


def _text(group: h5py.Group, name: str, text: str) -> None:
    import h5py

    group.create_dataset(name, data=[text], dtype=h5py.string_dtype("utf-8"))


def _version() -> str:
    from grainlight.maps.io.shared.own_note import version

    return f"grainlight {version()}"
