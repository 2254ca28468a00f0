"""Reading back the .npz that a restoration leaves beside its map: one reader for all that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd
from grainlight.maps.io.restored import array, column, read_map, read_record, source_of
from grainlight.maps.io.shared.npz import Archive, open_npz
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.restore.record_schema import checked
from grainlight.restore.result import Result

_MAPS = (".ang", ".ctf", ".h5oina", ".h5", ".dream3d")
_ANGLE, _SHARE = (0.0, 180.0), (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Saved:
    """A result as `grains` needs it: the map, its samples (K, H, W, 4), K from 0, the record, and what is not known."""

    map: OrientationMap
    samples: NDArray[np.float16]
    record: dict[str, Any]
    notes: tuple[str, ...]


def load_saved(path: str | Path) -> Saved:
    """Read map, samples and record of the .npz of a restoration.

    Archives that do not tell lattices and symmetries have them from the map file of the same name, which is read too
    where it is there; without it every restored phase is taken for a metal of Laue group 6/mmm.

    Raises
    ------
    InputError
        If the file is missing or no .npz of a restoration.
    """
    with _opened(path, columns=False) as (archive, found, record):
        source_of(archive, found.shape)
        return Saved(found, _samples(archive, found.shape), record, found.notes)


def load_result(path: str | Path) -> Result:
    """Read the result of a restoration back from its .npz.

    Parameters
    ----------
    path
        The .npz beside the restored map.

    Returns
    -------
    The result, orientations in single precision, light and samples in half; what is not known stands in the notes of
    its map.

    Raises
    ------
    InputError
        If the file is missing or no .npz of a restoration: an array is not there or has another shape or type than it
        must, promises more than the file can hold, or the record is not one of a run.
    """
    with _opened(path) as (archive, found, record):
        shape = found.shape
        measured = array(archive, "measured", "b", shape)
        points = array(archive, "measured_quaternions", "f", (int(np.count_nonzero(measured)), 4)).astype(np.float64)
        length = np.linalg.norm(points, axis=-1, keepdims=True)
        if not np.isfinite(length).all() or not (length > 1e-6).all():
            raise archive.unusable("orientations that are none", "measured_quaternions")
        flags = _later(archive, "light_flags", shape)
        missed = _later(archive, "contradiction", shape)
        other = _later(archive, "other_grain", shape)
        return Result(
            map=found,
            uncertainty=column(archive, "uncertainty", shape, _ANGLE),
            boundary=column(archive, "boundary", shape, _SHARE),
            source=source_of(archive, shape),
            light=column(archive, "light", (5, *shape)),
            measured=measured,
            measured_points=points / length,
            correction=column(archive, "correction", shape, _ANGLE),
            record=record,
            samples=_samples(archive, shape),
            other_grain=column(archive, "other_grain", shape, _SHARE) if other else np.zeros((0, 0), np.float32),
            contradiction=column(archive, "contradiction", shape, (0.0, np.inf)) if missed else None,
            light_flags=array(archive, "light_flags", "u", shape).astype(np.uint16) if flags else None,
        )


@contextmanager
def _opened(path: str | Path, columns: bool = True) -> Iterator[tuple[Archive, OrientationMap, dict[str, Any]]]:
    with open_npz(path) as archive:
        found = read_map(archive, columns)
        if found.notes and (known := _phases_beside(archive.path, found)):
            found = found.replace(phases=known, notes=())
        yield archive, found, checked(read_record(archive), archive)


def _samples(archive: Archive, shape: tuple[int, int]) -> NDArray[np.float16]:
    if "samples" not in archive.members:
        return np.zeros((0, *shape, 4), np.float16)
    found = archive.members["samples"].shape
    if found[:1] == (0,) or 0 in found:
        return np.zeros((0, *shape, 4), np.float16)
    samples = array(archive, "samples", "f", (*found[:1], *shape, 4)).astype(np.float16, copy=False)
    for sample in samples:
        if not np.isfinite(sample).all() or not sample.any(axis=-1).all():
            raise archive.unusable("orientations that are none", "samples", "quaternions (w, x, y, z)")
    return samples


def _later(archive: Archive, name: str, shape: tuple[int, int]) -> bool:
    """Whether there is something in an array that older archives lack, and others keep empty where it is not known."""
    return name in archive.members and archive.members[name].shape != (0, 0)


def _phases_beside(file: Path, found: OrientationMap) -> tuple[Phase, ...] | None:
    for ending in _MAPS:
        beside = file.with_suffix(ending)
        if not beside.is_file():
            continue
        try:
            known = load_ebsd(beside).phases
        except InputError:
            continue
        if {phase.id for phase in known} >= {phase.id for phase in found.phases}:
            return known
    return None
