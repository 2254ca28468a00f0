"""What the record of a run holds, and what of it must be so: reports and commands rely on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grainlight.maps.io.shared.npz import Archive

_FINITE = (int, float)
_NUMBER = (int, float, type(None))  # JSON has null for one that is not finite
_PAIR = (_FINITE, _FINITE)
# By name: a type or several, a dict of more names, [what every item is], (what each of the items is). Names that are
# not here may hold anything, and none must be there but for those of `_NEEDED`; `_NULL` may hold nothing.
SCHEMA: dict[str, Any] = {
    "version": str,
    "weights": str,
    "constants": {"weights": {}, "of_other_weights": [str]},
    "settings": {"scale": int, "quality": str, "steps": _NUMBER, "samples": _NUMBER, "seed": _NUMBER},
    "device": str,
    "noise_deg": _NUMBER,
    "ebsd": {"source": str, "grid": str, "step_um": _PAIR, "origin_um": _PAIR, "phases": {}},
    "light_input": {
        "angles_deg": [_NUMBER],
        "step_um": _FINITE,
        "origin_um": _PAIR,
        "rotates": str,
        "mirror": bool,
    },
    "frames": {"sample": str, "crystal": str},
    "inputs": [{"file": str, "sha256": (str, type(None))}],
    "registration": {"method": str, "trusted": bool, "moved_px": _NUMBER, "residual_px": _NUMBER, "transform": {}},
    "command": {},
    "also": [{"file": (str, type(None)), "points": int, "outside": int, "replaced": int}],
    "calibration": {"file": str, "bound_factor": _FINITE},
    "warnings": [str],
    "light": {
        "used": bool,
        "share_contradiction": _NUMBER,
        "share_inconsistent": _NUMBER,
        "share_misfit": _NUMBER,
        "share_saturated": _NUMBER,
        "share_outside": _NUMBER,
    },
    "seconds": _NUMBER,
}
_NEEDED = {"inputs": ("file", "sha256"), "registration": ("method",), "light_input": ("angles_deg", "step_um")}
_NULL = ("light_input", "registration", "calibration")
_LARGEST = 1e300


def checked(record: Mapping[str, Any], archive: Archive) -> dict[str, Any]:
    """Return a record in which every name of `SCHEMA` that is there holds what it says.

    Raises
    ------
    InputError
        Where something is of another kind than `SCHEMA` says.
    """
    found = _checked(dict(record), SCHEMA, "", archive)
    scale = found.get("settings", {}).get("scale", 1)
    if not 1 <= scale <= 1000:
        raise archive.unusable(f"settings, scale: {scale}", "record", "1 to 8")
    weights = found.get("constants", {}).get("weights", {})
    if not all(isinstance(value, str) for value in weights.values()):
        raise archive.unusable("constants, weights: other than hashes", "record")
    return found


def _checked(value: Any, schema: Any, place: str, archive: Archive) -> Any:
    if isinstance(schema, dict) and isinstance(value, dict):
        kept = dict(value)
        missing = [name for name in _NEEDED.get(place, ()) if name not in kept]
        if missing:
            raise archive.unusable(f"{place}: no {', '.join(missing)}", "record")
        for name in schema.keys() & kept.keys():
            if kept[name] is not None or name not in _NULL:
                kept[name] = _checked(kept[name], schema[name], f"{place}, {name}" if place else name, archive)
        return kept
    if isinstance(schema, list) and isinstance(value, list):
        return [_checked(item, schema[0], place, archive) for item in value]
    if isinstance(schema, tuple) and isinstance(schema[0], tuple):
        if isinstance(value, list) and len(value) == len(schema):
            return [_checked(item, one, place, archive) for item, one in zip(value, schema, strict=True)]
    elif isinstance(schema, (type, tuple)) and _is(value, schema):
        return value
    raise archive.unusable(f"{place}: {str(value)[:60]!r}", "record", _words(schema))


def _is(value: Any, kinds: Any) -> bool:
    # bool is an int to Python, and no number to us
    if isinstance(value, bool):
        return kinds is bool
    return isinstance(value, kinds) and (not isinstance(value, _FINITE) or abs(value) < _LARGEST)


def _words(schema: Any) -> str:
    if isinstance(schema, dict):
        return "names with values"
    if isinstance(schema, list):
        return "a list"
    if isinstance(schema, tuple) and isinstance(schema[0], tuple):
        return f"{len(schema)} numbers"
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}
    return " or ".join(names[one] for one in (schema if isinstance(schema, tuple) else (schema,)))
