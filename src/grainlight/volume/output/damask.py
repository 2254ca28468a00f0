"""Write a volume as a grid for DAMASK 3: one material for each grain, of its mean orientation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import conjugate
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io.shared.own_note import note_text
from grainlight.maps.io.writers.damask import CellData, write_grid
from grainlight.volume.grains.grain_volume import GrainVolume
from grainlight.volume.output.regular import Levels, levels_of
from grainlight.volume.section import volume_section
from grainlight.volume.volume import Volume

_LAYERS = ("uncertainty", "other_grain", "boundary", "source")


def write_volume_vti(volume: Volume, found: GrainVolume, path: str | Path) -> tuple[str, ...]:
    """Write a volume as .vti and, beside it, its materials (.material.yaml); a section at a time is held.

    The grid is x right, y up, z up, frame S, in metres, as that of a map (`maps.io.writers.damask`).

    Parameters
    ----------
    volume
        Restored sections.
    found
        Its grains: the material of a voxel is its grain's number less one. Voxels of no grain are the last material, of
        the phase ``not_indexed``.
    path
        The .vti file. Both appear when both are whole.

    Returns
    -------
    What the file changes, a sentence each (`regular.levels_of`).

    Raises
    ------
    InputError
        Where the place cannot be written.
    """
    levels, rows, columns = levels_of(volume), *volume.shape[1:]
    empty = volume_section(volume, 0).cropped(0, 0).in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    write_grid(
        Path(path),
        (columns, rows, len(levels)),
        (volume.step, volume.step, levels.spacing),
        _cells(volume, found, levels),
        note_text(empty, volume.record),
        _materials(found),
        volume.phases,
        (volume.origin[0] - volume.step / 2, -volume.origin[1] - (rows - 0.5) * volume.step, 0.0),
    )
    return levels.notes


def _cells(volume: Volume, found: GrainVolume, levels: Levels) -> Iterator[CellData]:
    none, numbers = len(found.grains), np.array([0, *_numbers(found)], np.int32)
    label = levels.upward(found.labels)

    def material(k: int) -> NDArray[Any]:
        grain = label(k).astype(np.int64)
        return np.where(grain > 0, grain - 1, none)

    yield CellData("material", np.dtype(np.int64), material)
    yield CellData("phase", np.dtype(np.int32), lambda k: numbers[label(k)])
    for name in _LAYERS:
        layer = getattr(volume, name)
        yield CellData(name, np.dtype(layer.dtype), levels.upward(layer))


def _numbers(found: GrainVolume) -> list[int]:
    """Place of the phase of each grain in the list of phases, from 1."""
    places = {phase.id: count for count, phase in enumerate(found.phases, 1)}
    return [places[int(number)] for number in found.grains.phase]


def _materials(found: GrainVolume) -> NDArray[np.float64]:
    """Return (N, 5) phase and orientation in DAMASK's signs of each grain, and of no grain where there is such."""
    q = conjugate(found.sample_frame.to_frame_s(found.grains.orientation).reshape(-1, 4))
    table = np.column_stack([np.array(_numbers(found), dtype=np.float64), q])
    if any((np.asarray(section) == 0).any() for section in found.labels):
        table = np.vstack([table, [0.0, 1.0, 0.0, 0.0, 0.0]])
    return table
