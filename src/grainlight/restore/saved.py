"""Reading back the .npz that a restoration leaves beside its map."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

_WANTED = ("quaternions", "phase_id", "step", "record", "samples", "source", "origin")
_MAPS = (".ang", ".ctf", ".h5oina", ".h5", ".dream3d")


@dataclass(frozen=True, eq=False)
class Saved:
    """A result as `grains` needs it: the map, its samples (K, H, W, 4), K from 0, the record, and what is not known."""

    map: OrientationMap
    samples: NDArray[np.float16]
    record: dict[str, Any]
    notes: tuple[str, ...]


def load_saved(path: str | Path) -> Saved:
    """Read the .npz of a restoration.

    Lattices and symmetries stand in the map file of the same name, which is read too where it is there; without it
    every restored phase is taken for a metal of Laue group 6/mmm.

    Raises
    ------
    InputError
        If the file is missing or no .npz of a restoration.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("the file does not exist", file=file, advice="check the path and the spelling")
    try:
        with file.open("rb") as stream, np.load(stream) as data:
            # the rest of the archive is as large and not wanted
            held = {name: data[name] for name in _WANTED if name in data.files}
        q, phase_id, step = held["quaternions"].astype(np.float64), held["phase_id"], float(held["step"])
        record = json.loads(str(held["record"]))
        names = {int(number): str(name) for number, name in record["ebsd"]["phases"].items()}
        frames = SampleFrame(record["frames"]["sample"]), CrystalFrame(record["frames"]["crystal"])
        samples = held.get("samples", np.zeros((0, *q.shape), np.float16))
        restored = {int(number) for number in np.unique(phase_id[held["source"] > 0])}
        # older files know only where the measured map began
        x, y = held.get("origin", record["ebsd"].get("origin_um", (0.0, 0.0)))
        origin = float(x), float(y)
    except Exception as error:  # a damaged archive raises whatever its parsers ran into
        raise InputError(
            "this is no .npz of a restored map",
            file=file,
            found=f"{type(error).__name__}: {error}"[:200],
            expected="the file that `grainlight enhance` writes beside its map",
        ) from error
    q /= np.maximum(np.linalg.norm(q, axis=-1, keepdims=True), 1e-12)
    phases, notes = _phases(file, names, restored)
    found = OrientationMap.from_quaternions(
        q,
        (step, step),
        phases,
        phase_id=phase_id.astype(np.int16),
        sample_frame=frames[0],
        crystal_frame=frames[1],
        source="grainlight npz",
    ).replace(origin=origin)
    return Saved(found, samples, record, notes)


def _phases(file: Path, names: dict[int, str], restored: set[int]) -> tuple[tuple[Phase, ...], tuple[str, ...]]:
    for ending in _MAPS:
        beside = file.with_suffix(ending)
        if not beside.is_file():
            continue
        try:
            known = load_ebsd(beside).phases
        except InputError:
            continue
        if {phase.id for phase in known} >= set(names):
            return known, ()
    guessed = tuple(Phase(number, name, "6/mmm" if number in restored else "") for number, name in names.items())
    return guessed, (
        f"no map of that name stands beside {file.name}: the lattices of the phases are not known, and twins are those "
        "of the metals that they are named after",
    )
