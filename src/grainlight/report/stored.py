"""A whole result from the .npz that it left."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grainlight.restore.result import Result
from grainlight.restore.saved import load_saved


def load_result(path: str | Path) -> tuple[Result, tuple[str, ...]]:
    """Read the result of a restoration back.

    Parameters
    ----------
    path
        The .npz beside the restored map.

    Returns
    -------
    The result, orientations in single precision and light and samples in half, and notes on what is not known.

    Raises
    ------
    InputError
        If the file is missing or no .npz of a restoration.
    """
    saved = load_saved(path)
    with np.load(path) as data:
        measured = data["measured"]
        given = data["measured_quaternions"].astype(np.float64)
        points = given / np.linalg.norm(given, axis=-1, keepdims=True)
        later = {
            name: data[name] if name in data.files else np.zeros((0, 0), np.uint8)
            for name in ("other_grain", "contradiction", "light_flags")
        }
        missed, flags = later["contradiction"].astype(np.float32), later["light_flags"]
        result = Result(
            map=saved.map,
            uncertainty=data["uncertainty"],
            boundary=data["boundary"],
            source=data["source"],
            light=data["light"].astype(np.float32),
            measured=measured,
            measured_points=points,
            correction=data["correction"],
            record=saved.record,
            samples=saved.samples,
            other_grain=later["other_grain"].astype(np.float32),
            contradiction=missed if missed.size else None,
            light_flags=flags if flags.size else None,
        )
    return result, saved.notes
