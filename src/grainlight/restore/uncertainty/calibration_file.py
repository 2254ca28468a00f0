"""What a validation found on a specimen, read back from its file: the factor by which bounds are to be multiplied."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grainlight.errors import InputError, harmless, in_words
from grainlight.maps.phase import LARGEST_DISORIENTATION

KIND = "grainlight validation"
"""What the file says that it is."""
_MOST_BYTES = 10_000_000
_MOST = 1000.0 * LARGEST_DISORIENTATION


@dataclass(frozen=True)
class Calibration:
    """The ``factor`` of a ``file`` (name), the ``scale`` and ``weights`` it was found for, and whether with light."""

    file: str
    factor: float
    scale: int | None = None
    with_light: bool | None = None
    weights: Mapping[str, str] | None = None

    def as_record(self) -> dict[str, Any]:
        """Plain values for the record of a run."""
        return {"file": self.file, "bound_factor": self.factor}


def load_calibration(path: str | Path) -> Calibration:
    """Read the file that `grainlight validate --json` wrote.

    Raises
    ------
    InputError
        If it is missing or is no such file.
    """
    path = Path(path)
    advice = "the file that `grainlight validate --json` wrote of this specimen"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError("the calibration cannot be used", file=path, found="a very large file", expected=advice)
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "the calibration cannot be read", file=path, found=in_words(error, "no JSON"), expected=advice
        ) from error
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise InputError("the file is no calibration", file=path, found="JSON of another kind", expected=advice)
    factor = found.get("bound_factor")
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 1.0 <= factor <= _MOST:
        raise InputError(
            "the factor of the calibration cannot be used",
            file=path,
            place="bound_factor",
            found=harmless(str(factor))[:60],
            expected="a number from 1 up",
        )
    scale, lit, weights = (found.get(name) for name in ("scale", "with_light", "weights"))
    return Calibration(
        path.name,
        float(factor),
        scale if isinstance(scale, int) and not isinstance(scale, bool) else None,
        lit if isinstance(lit, bool) else None,
        weights if isinstance(weights, dict) else None,
    )


def told_of(found: Calibration, scale: int, lit: bool, weights: Mapping[str, str]) -> list[str]:
    """Return what is said of a calibration that is applied: by how much, and what it was not found for."""
    others = []
    if found.scale is not None and found.scale != scale:
        others.append(f"scale {found.scale}, not {scale}")
    if found.with_light is not None and found.with_light != lit:
        others.append("a map with light" if found.with_light else "a map without light")
    if found.weights is not None and dict(found.weights) != dict(weights):
        others.append("other weights")
    what = "The bounds are those of the tables" if math.isclose(found.factor, 1.0) else f"Bounds are {found.factor:g}"
    wide = " as they are" if math.isclose(found.factor, 1.0) else " times those of the tables"
    told = [f"{what}{wide}, as {found.file} found on this specimen by points held back."]
    if others:
        told.append(f"That calibration was found for {' and '.join(others)}: it may not hold here.")
    return told
