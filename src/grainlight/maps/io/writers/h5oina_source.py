"""The .h5oina file that a map came from, carried over to the one that is written of it.

A map on the very points of its file becomes a copy of that file, in which orientations and phases are replaced. Of a
map on another grid a new file is made: its header, with stage and acquisition, and its electron images are those of the
file. Patterns, by far the largest part of such files, stay where they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.maps.io.shared.own_note import NAME
from grainlight.maps.orientation_map import OrientationMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    import h5py

IMAGES = "Electron Image"
PATTERNS = ("Processed Patterns", "Unprocessed Patterns")
_OF_THE_AREA = ("Relative Offset", "Relative Size", "Bounding Box Size")
_OF_THE_GRID = ("X Cells", "Y Cells", "X Step", "Y Step", "Hit Rate", "Phases", *_OF_THE_AREA)
_NEAR = 0.01  # steps that a place may be off
_SAME_ANGLE = 1e-4  # radians
_NO_SOLUTION, _REPLACED = 2, 7


@dataclass(frozen=True)
class Source:
    """The acquisition ``scan`` of the file ``path``, what is made of it, and how it calls the fields of a map."""

    path: Path
    scan: str
    kind: Literal["copy", "header"]
    titles: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """What is carried over, in words."""
        if self.kind == "copy":
            return f"A copy of {self.path.name}, orientations and phases replaced; patterns, if it has any, left out."
        return f"Header, stage, acquisition and electron images are those of {self.path.name}."


def source_of(ebsd: OrientationMap) -> Source | None:
    """Return the .h5oina file that a map came from; None where it came from no such file, or that is gone."""
    if ebsd.path is None or not ebsd.scan or not ebsd.path.is_file():
        return None
    try:
        with _opened(ebsd.path) as stream:
            if f"{ebsd.scan}/EBSD/Data/Euler" not in stream or f"{ebsd.scan}/EBSD/Header" not in stream:
                return None
            same = _same_points(stream[f"{ebsd.scan}/EBSD"], ebsd)
            titles = {_short(name): name for name in stream[f"{ebsd.scan}/EBSD/Data"]}
    except (OSError, KeyError, RuntimeError, TypeError, ValueError):
        return None
    return Source(ebsd.path, ebsd.scan, "copy" if same else "header", titles)


def write_copy(
    source: Source, stream: h5py.File, ebsd: OrientationMap, euler: NDArray[np.float32], layers: Mapping[str, Any]
) -> None:
    """Copy the file to an empty one, with other orientations (n, 3), in the file's frames, and phases.

    Where orientation or phase changed, the error code says "replaced"; ``layers`` (rows, cols) are added. What was
    measured otherwise (MAD, band contrast, ...) stays.
    """
    with _opened(source.path) as original:
        _attributes(original, stream)
        for name in original:
            _copy_but(original, stream, name, _patterns(name, original))
    data, header = stream[f"{source.scan}/EBSD/Data"], stream[f"{source.scan}/EBSD/Header"]
    phase = np.maximum(ebsd.phase_id, 0).ravel()
    before = np.asarray(data["Phase"]).ravel(), np.asarray(data["Euler"], dtype=np.float64).reshape(-1, 3)
    turned = np.abs((quaternion_from_bunge(before[1]) * quaternion_from_bunge(euler.astype(np.float64))).sum(-1))
    changed = (before[0] != phase) | ~(turned > np.cos(_SAME_ANGLE / 2))
    if "source" in layers:
        changed = np.asarray(layers["source"]).ravel() > 1
    _fill(data["Euler"], np.where((phase > 0)[:, None], euler, before[1]))
    _fill(data["Phase"], phase)
    if "Error" in data:
        error = np.asarray(data["Error"]).ravel()
        error = np.where(phase == 0, np.where(before[0] > 0, _NO_SOLUTION, error), np.where(changed, _REPLACED, error))
        _fill(data["Error"], error)
    if "Hit Rate" in header:
        _fill(header["Hit Rate"], np.array(100.0 * np.mean(phase > 0)))
    for name, values in layers.items():
        if name in source.titles:
            continue
        if name in data:
            del data[name]
        data.create_dataset(name, data=values.ravel(), compression="gzip", shuffle=True)


def carry_header(source: Source, stream: h5py.File, ebsd: OrientationMap) -> h5py.Group:
    """Carry over to an empty file all but the points, and return its empty group of the technique EBSD.

    Phases, and what describes the grid, are not in its header; of a part of the field, nor is what describes its area.
    """
    with _opened(source.path) as original:
        _attributes(original, stream)
        for name in original:
            if name not in ("Index", NAME) and not _is_group(original, name):
                original.copy(original[name], stream, name)
        there = original[source.scan]
        group = stream.create_group(f"{source.scan}/EBSD")
        if IMAGES in there:
            there.copy(there[IMAGES], stream[source.scan], IMAGES)
        header, before = group.create_group("Header"), there["EBSD/Header"]
        _attributes(before, header)
        whole = _covers(before, ebsd)
        for name in before:
            if name not in _OF_THE_GRID or (whole and name in _OF_THE_AREA):
                before.copy(before[name], header, name)
        for phase in ebsd.phases:
            known = f"Phases/{phase.id}"
            if known in before and _text_of(before, f"{known}/Phase Name") == phase.name:
                before.copy(before[known], header.require_group("Phases"), str(ebsd.phases.index(phase) + 1))
    return group


def _copy_but(original: h5py.Group, stream: h5py.Group, name: str, leave: set[str]) -> None:
    """Copy a member of a group, its members that are to be left out not with it."""
    if not any(path == name or path.startswith(f"{name}/") for path in leave):
        original.copy(name, stream, name, expand_soft=False, expand_external=False)
        return
    if name in leave:
        return
    made = stream.create_group(name)
    _attributes(original[name], made)
    inner = {path.removeprefix(f"{name}/") for path in leave}
    for member in original[name]:
        _copy_but(original[name], made, member, inner)


def _patterns(name: str, original: h5py.File) -> set[str]:
    data = f"{name}/EBSD/Data"
    return {f"{data}/{one}" for one in PATTERNS if f"{data}/{one}" in original} | ({name} if name == NAME else set())


def _same_points(group: h5py.Group, ebsd: OrientationMap) -> bool:
    """Whether the points of the file are those of the map, one by one, and its phases too."""
    data, header = group["Data"], group["Header"]
    rows, cols = ebsd.shape
    if data["Euler"].shape != (rows * cols, 3) or data["Phase"].size != rows * cols or ebsd.grid != "square":
        return False
    if "X" in data and "Y" in data:
        for name, place, step in (
            ("X", ebsd.x + ebsd.origin[0], ebsd.step[0]),
            ("Y", ebsd.y + ebsd.origin[1], ebsd.step[1]),
        ):
            off = np.abs(np.asarray(data[name], dtype=np.float64).ravel() - place.ravel())
            # positions are single precision
            if not (off <= _NEAR * step + 3e-7 * np.abs(place).max(initial=0.0)).all():
                return False
    elif [_number(header, name) for name in ("X Cells", "Y Cells")] != [cols, rows]:
        return False
    used = set(np.unique(ebsd.phase_id[ebsd.indexed]).tolist())
    named = {one.id: one.name for one in ebsd.phases}
    return all(_text_of(header, f"Phases/{number}/Phase Name") in ("", named.get(number, "")) for number in used)


def _covers(header: h5py.Group, ebsd: OrientationMap) -> bool:
    """Whether a map covers the field of a file, give or take a step of it."""
    for side, step, axis in ((ebsd.shape[1], ebsd.step[0], "X"), (ebsd.shape[0], ebsd.step[1], "Y")):
        cells, wide = _number(header, f"{axis} Cells"), _number(header, f"{axis} Step")
        if cells is None or wide is None or abs(cells * wide - side * step) > 1.01 * wide:
            return False
    return True


def _short(title: str) -> str:
    return "_".join(title.lower().split())


def _number(group: h5py.Group, name: str) -> float | None:
    return float(np.asarray(group[name]).ravel()[0]) if name in group else None


def _text_of(group: h5py.Group, name: str) -> str:
    if name not in group:
        return ""
    value = np.asarray(group[name]).ravel()[0]
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def _fill(data: h5py.Dataset, values: NDArray[Any]) -> None:
    """Write values over a dataset, in its own shape and type."""
    if values.size == 1:
        data[...] = values.ravel()[0]
    else:
        data[...] = values.astype(data.dtype).reshape(data.shape)


def _is_group(stream: h5py.Group, name: str) -> bool:
    return hasattr(stream[name], "keys")


def _attributes(source: h5py.Group, target: h5py.Group) -> None:
    for name, value in source.attrs.items():
        target.attrs[name] = value


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    import h5py

    with h5py.File(path, "r", locking=False) as stream:
        yield stream
