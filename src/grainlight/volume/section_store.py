"""Restored sections on disk: one file each, with a key of everything that it was made from."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path

_FOLDER = "sections"


@dataclass(frozen=True, eq=False)
class StoredSection:
    """A restored section on the grid of its volume.

    ``quaternions`` (Y, X, 4) float32 in frame S with X along a; ``phase_id`` (Y, X) int16; ``uncertainty``,
    ``other_grain``, ``boundary`` (Y, X) float32; ``source`` (Y, X) uint8; ``light`` (5, Y, X) float16, NaN without;
    ``said``: what a user should know of it.
    """

    quaternions: NDArray[np.float32]
    phase_id: NDArray[np.int16]
    uncertainty: NDArray[np.float32]
    other_grain: NDArray[np.float32]
    boundary: NDArray[np.float32]
    source: NDArray[np.uint8]
    light: NDArray[np.float16]
    said: tuple[str, ...] = ()


_ARRAYS = tuple(f.name for f in fields(StoredSection) if f.name != "said")


def key_of(made_from: dict[str, Any]) -> str:
    """A hash of what a section is made from: plain values."""
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:32]


def section_path(folder: Path, row: int) -> Path:
    """The file of a section, by its row in the manifest."""
    return folder / _FOLDER / f"section-{row:05d}.npz"


def store(section: StoredSection, folder: Path, row: int, key: str) -> Path:
    """Write a section under a temporary name and rename it: a kill leaves no half of one."""
    path = section_path(folder, row)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        arrays = {name: getattr(section, name) for name in _ARRAYS}
        np.savez(file, key=np.array(key), said=np.array(json.dumps(section.said)), **arrays)
    return path


def is_done(folder: Path, row: int, key: str) -> bool:
    """Whether a section was restored from the very same things."""
    path = section_path(folder, row)
    try:
        # The file is ours to close: of half an archive numpy leaves it open.
        with path.open("rb") as file, np.load(file) as data:
            return str(data["key"]) == key
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return False


def read(folder: Path, row: int) -> StoredSection:
    """Read a section back.

    Raises
    ------
    InputError
        If it is not there or cannot be read.
    """
    arrays = {name: read_array(folder, row, name) for name in _ARRAYS}
    return StoredSection(**arrays, said=read_said(folder, row))


def read_said(folder: Path, row: int) -> tuple[str, ...]:
    """Read what a user should know of a section; raises as `read`."""
    return tuple(json.loads(str(read_array(folder, row, "said"))))


def read_array(folder: Path, row: int, name: str) -> NDArray[Any]:
    """Read one array of a section, by the name of its field; raises as `read`."""
    path = section_path(folder, row)
    try:
        with path.open("rb") as file, np.load(file) as data:
            return np.asarray(data[name])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            "a restored section cannot be read",
            file=path,
            found=str(error)[:200],
            expected="the file of a section that this run or one before it has restored",
            advice="remove it and run again",
        ) from error
