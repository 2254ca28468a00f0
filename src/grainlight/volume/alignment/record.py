"""`Alignment`: where the sections of a volume lie, as it is found, kept and edited."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.volume.alignment.cuts import Cuts

Trend = Literal["none", "linear", "ebsd"]
"""What of the trend of the shifts is the specimen's: nothing, a linear part, or what sections with EBSD say."""
TRENDS: tuple[str, ...] = get_args(Trend)
_KIND = "grainlight alignment"
_CONVENTION = "position in the volume's frame = position in the section + shift; x right, y down, um"
_SAME_HEIGHT = 1e-3  # of the smallest distance of two sections


@dataclass(frozen=True)
class PairRecord:
    """What one pair of sections says: indices, shift of the upper against the lower one and its residual in um,
    standard error in um, correlation, and the weight from 0 to 1 that it had in the fit."""

    lower: int
    upper: int
    shift: tuple[float, float]
    residual: tuple[float, float]
    error: float
    quality: float
    weight: float


@dataclass(frozen=True, eq=False)
class Alignment:
    """Shifts of the sections of a volume.

    Parameters
    ----------
    z
        (Z,) rising heights in um.
    shifts
        (Z, 2) um, x right, y down: position in the volume's frame = position in the section + shift.
    residuals
        (Z,) um: root-mean-square residual of the pairs of a section, NaN where no pair has weight.
    errors
        (Z,) um: standard error of the shift as the scatter over the field tells it; NaN where it is not known.
    aligned
        (Z,) whether the section's own light placed it, or its EBSD; else it lies between its neighbours.
    pairs
        What each pair of sections said.
    trend
        What of the trend was kept as the specimen's.
    said
        What was noticed, a sentence each.
    method
        How it was made.
    cuts
        Light in two planes across the sections, before and after; not kept in the file.
    """

    z: NDArray[np.float64]
    shifts: NDArray[np.float64]
    residuals: NDArray[np.float64]
    errors: NDArray[np.float64]
    aligned: NDArray[np.bool_]
    pairs: tuple[PairRecord, ...] = ()
    trend: Trend = "none"
    said: tuple[str, ...] = ()
    method: dict[str, Any] = field(default_factory=dict)
    cuts: Cuts | None = None

    def at(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shifts (N, 2) in um of sections at heights (N,) in um.

        Raises
        ------
        InputError
            If a height is not among those of the alignment.
        """
        wanted = np.asarray(z, dtype=np.float64)
        nearest = np.abs(wanted[:, None] - self.z[None]).argmin(1)
        tolerance = _SAME_HEIGHT * float(np.diff(self.z).min(initial=1.0))
        away = np.abs(wanted - self.z[nearest])
        if (away > tolerance).any():
            worst = int(away.argmax())
            raise InputError(
                "the alignment has no section at a height of the volume",
                found=f"z = {wanted[worst]:g} um; the nearest of the alignment is {self.z[nearest[worst]]:g} um",
                expected="every section of the manifest",
                advice="align again, or add the section to the alignment file",
            )
        return self.shifts[nearest]


def save_alignment(alignment: Alignment, path: str | Path) -> Path:
    """Write an alignment as JSON, whole or not at all; `load_alignment` reads it, and so does an editor."""
    path = Path(path)
    a = alignment
    sections = [
        {
            "z_um": float(a.z[k]),
            "shift_um": a.shifts[k].tolist(),
            "residual_um": _number(a.residuals[k]),
            "error_um": _number(a.errors[k]),
            "aligned": bool(a.aligned[k]),
        }
        for k in range(len(a.z))
    ]
    pairs = [
        {
            "sections": [p.lower, p.upper],
            "shift_um": list(p.shift),
            "residual_um": list(p.residual),
            "error_um": p.error,
            "quality": p.quality,
            "weight": p.weight,
        }
        for p in a.pairs
    ]
    head = {"kind": _KIND, "convention": _CONVENTION, "trend": a.trend, "said": list(a.said), "method": a.method}
    # a section and a pair a line, so that a line can be edited
    body = [
        *(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in head.items()),
        '"sections": [\n  ' + ",\n  ".join(json.dumps(s, allow_nan=False) for s in sections) + "\n ]",
        '"pairs": [\n  ' + ",\n  ".join(json.dumps(p, allow_nan=False) for p in pairs) + "\n ]",
    ]
    with atomic_path(path) as temporary:
        temporary.write_text("{\n " + ",\n ".join(body) + "\n}\n", encoding="utf-8")
    return path


def load_alignment(path: str | Path) -> Alignment:
    """Read an alignment; of a section, height and shift are enough.

    Raises
    ------
    InputError
        If the file is missing, no JSON, or holds no usable alignment.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("the alignment cannot be read", file=path, found=str(error)) from error
    except ValueError as error:
        raise InputError("the alignment is no JSON", file=path, found=str(error)[:200]) from error
    if not isinstance(record, dict) or record.get("kind") != _KIND:
        raise InputError(
            "the file holds no alignment",
            file=path,
            found=f'"kind": {record.get("kind")!r}' if isinstance(record, dict) else type(record).__name__,
            expected=f'a JSON object with "kind": "{_KIND}"',
        )
    trend = record.get("trend", "none")
    if trend not in TRENDS:
        raise InputError("unknown trend", file=path, found=repr(trend)[:80], expected=", ".join(TRENDS))
    sections = record.get("sections")
    if not isinstance(sections, list) or not sections:
        raise InputError("the alignment names no sections", file=path, expected='a list "sections"')
    rows = [_section(path, k, section) for k, section in enumerate(sections)]
    z = np.array([row[0] for row in rows])
    falling = np.flatnonzero(np.diff(z) <= 0)
    if falling.size:
        raise InputError(
            "the heights do not rise",
            file=path,
            place=f"section {falling[0] + 2}",
            found=f"z_um {z[falling[0] + 1]:g} after {z[falling[0]]:g}",
            expected="sections from the lowest to the highest",
        )
    said, method = record.get("said", []), record.get("method", {})
    pairs = record.get("pairs", [])
    return Alignment(
        z,
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
        np.array([row[4] for row in rows]),
        tuple(_pair(path, k, pair, len(z)) for k, pair in enumerate(pairs if isinstance(pairs, list) else [])),
        trend,
        tuple(str(sentence) for sentence in said) if isinstance(said, list) else (),
        method if isinstance(method, dict) else {},
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _section(path: Path, k: int, section: Any) -> tuple[float, tuple[float, float], float, float, bool]:
    place = f"section {k + 1}"
    if not isinstance(section, dict):
        raise InputError("a section cannot be read", file=path, place=place, found=repr(section)[:80])
    (z,) = _numbers(path, place, "z_um", [section.get("z_um")], 1)
    shift = _numbers(path, place, "shift_um", section.get("shift_um"), 2)
    optional = [section.get(key) for key in ("residual_um", "error_um")]
    residual, error = (
        np.nan if value is None else _numbers(path, place, key, [value], 1)[0]
        for key, value in zip(("residual_um", "error_um"), optional, strict=True)
    )
    aligned = section.get("aligned", True)
    if not isinstance(aligned, bool):
        raise InputError('"aligned" is neither true nor false', file=path, place=place, found=repr(aligned)[:80])
    return z, (shift[0], shift[1]), residual, error, aligned


def _pair(path: Path, k: int, pair: Any, count: int) -> PairRecord:
    place = f"pair {k + 1}"
    if not isinstance(pair, dict):
        raise InputError("a pair cannot be read", file=path, place=place, found=repr(pair)[:80])
    both = _numbers(path, place, "sections", pair.get("sections"), 2)
    lower, upper = (int(v) for v in both)
    if not (both == [lower, upper] and 0 <= lower < upper < count):
        raise InputError(
            "a pair is none of the sections",
            file=path,
            place=place,
            found=str(pair.get("sections"))[:80],
            expected=f"two numbers from 0 to {count - 1}, the lower one first",
        )
    shift = _numbers(path, place, "shift_um", pair.get("shift_um"), 2)
    residual = _numbers(path, place, "residual_um", pair.get("residual_um"), 2)
    rest = [pair.get(key) for key in ("error_um", "quality", "weight")]
    error, quality, weight = _numbers(path, place, "error_um, quality, weight", rest, 3)
    return PairRecord(lower, upper, (shift[0], shift[1]), (residual[0], residual[1]), error, quality, weight)


def _numbers(path: Path, place: str, key: str, values: Any, count: int) -> list[float]:
    good = isinstance(values, list) and len(values) == count
    if not (good and all(type(v) in (int, float) and np.isfinite(v) for v in values)):
        raise InputError(
            f"{key} cannot be read",
            file=path,
            place=place,
            found=repr(values)[:80],
            expected="a finite number" if count == 1 else f"{count} finite numbers",
        )
    return [float(v) for v in values]
