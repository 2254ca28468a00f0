"""Read the .npz that a restoration leaves beside its map, as a map: frames, phases, the vendors' columns, the doubts.

Doubts and sources are fields: ``uncertainty`` (degrees), ``boundary``, ``source``. Archives written before the phases
and the vendors' columns were kept in them have names of phases only, and columns made of the bound.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.npz import Archive, open_npz
from grainlight.maps.io.shared.own_note import one_line
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import LARGEST_DISORIENTATION, LAUE_GROUPS, Phase

FIELD = "field_"
"""Before the name of a vendor's column."""
_LARGEST_PLACE = 1e9  # um
_DOUBTS = {"uncertainty": (0.0, 180.0), "boundary": (0.0, 1.0)}


def read_npz(
    path: str | Path, frame: SampleFrame | None = None, crystal_frame: CrystalFrame | None = None
) -> OrientationMap:
    """Read the restored map of an .npz.

    Parameters
    ----------
    path
        The file.
    frame, crystal_frame
        In place of the frames that the file states.

    Returns
    -------
    The map; where the file does not tell the bound of a pixel, ``uncertainty`` is 93.84 degrees.

    Raises
    ------
    InputError
        If the file is missing or no .npz of a restoration.
    """
    with open_npz(path) as archive:
        found = read_map(archive)
        bound, boundary = (column(archive, name, found.shape, sides) for name, sides in _DOUBTS.items())
        bound = np.nan_to_num(bound, nan=LARGEST_DISORIENTATION)
        source = source_of(archive, found.shape)
    own = dict(found.fields) or _vendors(bound, source)
    return found.replace(
        fields={**own, "uncertainty": bound, "boundary": np.nan_to_num(boundary), "source": source},
        sample_frame=frame or found.sample_frame,
        crystal_frame=crystal_frame or found.crystal_frame,
    )


def read_map(archive: Archive, columns: bool = True) -> OrientationMap:
    """Return orientations, phases, place and, if wanted, vendors' columns of an open archive, in the frames it states.

    Raises
    ------
    InputError
        Where an array is missing, of another shape or type, or has values that cannot be.
    """
    shape = archive.needed("phase_id").shape
    if len(shape) != 2 or not all(shape):
        raise archive.unusable(f"shape {shape}", "phase_id", "rows and columns")
    q = array(archive, "quaternions", "f", (*shape, 4)).astype(np.float64)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    if not np.isfinite(length).all() or not (length > 1e-6).all() or not (length < 1e6).all():
        raise archive.unusable("orientations that are none", "quaternions", "quaternions (w, x, y, z)")
    q /= length
    record = read_record(archive)
    frames = _frames(archive, record)
    given = array(archive, "phase_id", "iu", shape)
    if given.min() < -1 or given.max() > 1000:
        raise archive.unusable("numbers below -1 or above 1000", "phase_id")
    phases, notes = _phases(archive, record, given)
    step = float(array(archive, "step", "fiu", ()))
    if not 0.0 < step < 1e6:
        raise archive.unusable(f"{step:g}", "step", "a length in um")
    fields = {
        name.removeprefix(FIELD): np.nan_to_num(array(archive, name, "biuf", shape), posinf=0.0, neginf=0.0)
        for name in archive.members
        if columns and name.startswith(FIELD)
    }
    return OrientationMap.from_quaternions(
        q,
        (step, step),
        phases,
        phase_id=given.astype(np.int16),
        sample_frame=frames[0],
        crystal_frame=frames[1],
        fields=fields,
        source="grainlight npz",
    ).replace(origin=_origin(archive, record), path=archive.path, notes=notes, sample=_sample(record))


def read_record(archive: Archive) -> dict[str, Any]:
    """Return the record of the run, a JSON object."""
    found = _json(archive, "record")
    if not isinstance(found, dict):
        raise archive.unusable("no record of a run", "record", "a JSON object")
    return found


def array(archive: Archive, name: str, kinds: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array whose type is one of some kinds (of `numpy.dtype.kind`) and whose shape is known."""
    member = archive.needed(name)
    if member.dtype.kind not in kinds or member.shape != shape:
        words = {"b": "truth values", "i": "whole numbers", "u": "whole numbers", "f": "numbers", "U": "text"}
        raise archive.unusable(str(member), name, f"{words[kinds[0]]} of shape {shape}")
    return archive.read(name)


def column(
    archive: Archive, name: str, shape: tuple[int, ...], sides: tuple[float, float] = (-np.inf, np.inf)
) -> NDArray[np.float32]:
    """Return an array of numbers between two, NaN where nothing is known, in single precision."""
    values = array(archive, name, "f", shape).astype(np.float32, copy=False)
    least, most = sides
    # what was rounded to single precision may lie a hair beyond
    if values.size and (np.isinf(values).any() or (values < least).any() or (values > most * (1 + 1e-6)).any()):
        raise archive.unusable("numbers that cannot be", name, f"{least:g} to {most:g}")
    return values if values.size == 0 or not (values > most).any() else np.minimum(values, np.float32(most))


def source_of(archive: Archive, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return where each pixel comes from, 0 to 3 (`restore.result`)."""
    source = array(archive, "source", "u", shape)
    if source.max() > 3:
        raise archive.unusable(f"{source.max()}", "source", "0 to 3")
    return source.astype(np.uint8, copy=False)


def phases_text(phases: tuple[Phase, ...]) -> str:
    """Return the phases as `read_map` reads them from the array ``phases``."""
    kept = [
        {
            "id": one.id,
            "name": one.name,
            "laue_group": one.laue_group,
            "lattice": [float(value) for value in one.lattice],
            "space_group": one.space_group,
        }
        for one in phases
    ]
    return json.dumps(kept)


def _json(archive: Archive, name: str) -> Any:
    if archive.needed(name).shape != () or archive.members[name].dtype.kind != "U":
        raise archive.unusable(str(archive.members[name]), name, "one text")
    try:
        return json.loads(str(archive.read(name)), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise archive.unusable("a text that is no JSON", name) from error


def _no_number(name: str) -> None:
    """Read NaN and infinity, which JSON does not have, as nothing."""


def _frames(archive: Archive, record: Mapping[str, Any]) -> tuple[SampleFrame, CrystalFrame]:
    frames = record.get("frames")
    try:
        return SampleFrame(frames["sample"]), CrystalFrame(frames["crystal"])  # type: ignore[index]
    except (TypeError, KeyError, ValueError) as error:
        raise archive.unusable("no frames that are known", "record", "frames of sample and crystal") from error


def _sample(record: Mapping[str, Any]) -> str:
    ebsd = record.get("ebsd")
    name = ebsd.get("sample") if isinstance(ebsd, dict) else None
    return one_line(name) if isinstance(name, str) else ""


def _origin(archive: Archive, record: Mapping[str, Any]) -> tuple[float, float]:
    # older files know only where the measured map began
    ebsd = record.get("ebsd")
    place = array(archive, "origin", "fiu", (2,)).tolist() if "origin" in archive.members else None
    if place is None:
        place = ebsd.get("origin_um", (0.0, 0.0)) if isinstance(ebsd, dict) else (0.0, 0.0)
    good = isinstance(place, (list, tuple)) and len(place) == 2
    if not good or not all(isinstance(v, (int, float)) and abs(v) <= _LARGEST_PLACE for v in place):
        raise archive.unusable(str(place)[:60], "origin", "x and y in um")
    return float(place[0]), float(place[1])


def _phases(
    archive: Archive, record: Mapping[str, Any], used: NDArray[Any]
) -> tuple[tuple[Phase, ...], tuple[str, ...]]:
    """Return the phases and a note where their symmetry had to be guessed."""
    notes: tuple[str, ...] = ()
    try:
        if "phases" in archive.members:
            phases = tuple(_phase(one) for one in _json(archive, "phases"))
        else:
            names = {int(number): str(name) for number, name in record["ebsd"]["phases"].items()}
            phases, notes = _of_names(archive, names, used)
        good = len({one.id for one in phases}) == len(phases) and all(0 < one.id <= 1000 for one in phases)
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise archive.unusable("phases that cannot be read", "phases") from error
    missing = sorted(set(np.unique(used[used > 0]).tolist()) - {one.id for one in phases})
    if not good or missing:
        raise archive.unusable(f"points of phase {missing}" if missing else "numbers that cannot be", "phases")
    return phases, notes


def _phase(one: Mapping[str, Any]) -> Phase:
    lattice = [float(value) for value in one["lattice"]]
    if one["laue_group"] not in ("", *LAUE_GROUPS) or len(lattice) != 6 or not all(0 <= v < 1e4 for v in lattice):
        raise ValueError("no phase")
    space = one.get("space_group", 0)
    return Phase(
        int(one["id"]),
        str(one["name"]),
        str(one["laue_group"]),
        *lattice,
        space_group=space if type(space) is int else 0,
    )


def _of_names(
    archive: Archive, names: Mapping[int, str], used: NDArray[Any]
) -> tuple[tuple[Phase, ...], tuple[str, ...]]:
    source = source_of(archive, used.shape)
    restored = set(np.unique(used[source > 0]).tolist())
    guessed = tuple(Phase(number, name, "6/mmm" if number in restored else "") for number, name in names.items())
    return guessed, (
        f"{archive.path.name} tells names of phases only: c/a is not known, titanium's is taken for twins; restored "
        "phases are taken for metals of Laue group 6/mmm.",
    )


def _vendors(bound: NDArray[np.float32], source: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Return the columns of vendors that a restoration fills, as far as the bound tells them."""
    lost = source == 0
    columns = {name: np.where(lost, 0.0, bound).astype(np.float32) for name in ("mad", "fit")}
    columns["ci"] = np.where(lost, 1.0, np.clip(1.0 - bound / 30.0, 0.0, 1.0)).astype(np.float32)
    return columns
