"""What grainlight adds to files of others: frames, version and the record of a run, as one JSON text.

In HDF5 files it is the dataset ``grainlight`` of the root, which other programs pass over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.orientation_map import OrientationMap

if TYPE_CHECKING:
    import h5py

NAME = "grainlight"


def finite(value: Any) -> Any:
    """Return a record with null in place of the numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def note_text(ebsd: OrientationMap, record: Mapping[str, Any] | None) -> str:
    """Return the note of a map that is about to be written in its present frames."""
    note = {
        "version": version(),
        "sample_frame": ebsd.sample_frame.value,
        "crystal_frame": ebsd.crystal_frame.value,
        "origin_um": list(ebsd.origin),
        "grid": ebsd.grid,
        **({"sample": ebsd.sample} if ebsd.sample else {}),
        "record": finite(dict(record or {})),
    }
    return json.dumps(note, allow_nan=False)


def put_note(stream: h5py.File, ebsd: OrientationMap, record: Mapping[str, Any] | None) -> None:
    """Add the note to an HDF5 file that is open for writing."""
    import h5py

    stream.create_dataset(NAME, data=note_text(ebsd, record), dtype=h5py.string_dtype("utf-8"))


def sample_of_note(text: str) -> str:
    """Return the name of the specimen that a note tells; empty where it tells none."""
    try:
        note = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return ""
    named = note.get("sample") if isinstance(note, dict) else None
    return one_line(named) if isinstance(named, str) else ""


def one_line(name: str) -> str:
    """Return a name without line breaks and tabs, of a length that headers take."""
    return " ".join(name.split())[:200]


def frames_of_note(text: str) -> tuple[SampleFrame | None, CrystalFrame | None]:
    """Return the frames that a note names; None for what it does not say or says in words unknown here."""
    try:
        note = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(note, dict):
        return None, None
    sample = {frame.value: frame for frame in SampleFrame}.get(str(note.get("sample_frame")))
    crystal = {frame.value: frame for frame in CrystalFrame}.get(str(note.get("crystal_frame")))
    return sample, crystal


def with_exact_origin(found: OrientationMap, text: str) -> OrientationMap:
    """Return a map whose origin is that of a note, where the file has it in single precision."""
    try:
        note = json.loads(text) if text else {}
        stated = [float(value) for value in note["origin_um"]]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return found
    near = [
        abs(one - place) <= 1e-3 * step + 3e-7 * abs(place)
        for one, place, step in zip(stated, found.origin, found.step, strict=False)
    ]
    # another program may have cropped the file since
    return found.replace(origin=(stated[0], stated[1])) if len(stated) == 2 and all(near) else found


def summary(record: Mapping[str, Any] | None) -> str:
    """Return one line without blanks inside its values, for the headers of text files."""
    parts = [f"version={version()}"]
    record = record or {}
    settings = record.get("settings")
    values = {"made": record.get("made"), "weights": record.get("weights")}
    if isinstance(settings, Mapping):
        values |= {name: settings.get(name) for name in ("scale", "quality", "seed")}
    parts += [f"{name}={str(value).split()[0]}" for name, value in values.items() if value not in (None, "")]
    return " ".join(parts)


def version() -> str:
    """Return the version of this program."""
    import grainlight

    return str(grainlight.__version__)
