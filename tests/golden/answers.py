"""Every golden answer by name: how it is made and compared. A stage's input is what is stored of the one before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from . import compare, stages
from .cases import read_answer, read_case
from .compare import Arrays, Deviation

_FEW = (0, 2, 5)
"""Images of a stack too small to determine its harmonics."""


@dataclass(frozen=True)
class Answer:
    """``make`` runs the product, ``deviations`` compares what it found with what is stored, ``narrow`` says in which
    type or step each array is stored (a number: rounded to multiples of 1 / number)."""

    make: Callable[[], Arrays]
    deviations: Callable[[Arrays, Arrays], list[Deviation]]
    narrow: Mapping[str, type | int]

    def stored(self, found: Arrays) -> Arrays:
        """Return what is stored of an answer."""
        return {name: _narrowed(array, self.narrow.get(name)) for name, array in found.items()}


def _narrowed(array: NDArray, to: type | int | None) -> NDArray:
    if to is None:
        return array
    if isinstance(to, int):
        return (np.round(array.astype(np.float64) * to) / to).astype(np.float16)
    return array.astype(to)


def _state(name: str) -> NDArray:
    return read_answer(f"network_{name}")["state"].astype(np.float32)


def _light(name: str) -> Arrays | None:
    if name == "unlit":
        return None
    found = read_answer("light_whole")
    return {key: array.astype(np.float32) if key in ("state", "sigma") else array for key, array in found.items()}


def _points(hexagonal: bool) -> Arrays:
    case = read_case("points")
    return stages.points_stage(case.corner(20) if hexagonal else case, hexagonal)


def _calibrated(**how: object) -> Arrays:
    return stages.light_stage(read_case("lit"), **how)  # type: ignore[arg-type]


def _network(name: str) -> Arrays:
    return stages.network_stage(read_case(name), _light(name))


def _labels(name: str) -> Arrays:
    return stages.labels_stage(read_case(name), _light(name), _state(name))


def _doubts(name: str, visits: int) -> Arrays:
    return stages.doubts_stage(read_case(name), _light(name), _state(name), visits)


def _end(name: str, quality: str, windowed: bool, moved: bool) -> Arrays:
    return stages.restored(read_case(name), quality, windowed, moved)


def _end_deviations(name: str, found: Arrays, stored: Arrays) -> list[Deviation]:
    return compare.of_end(found, stored, read_case(name))


_Q = 1024  # 0.1 degrees at most
_LABELS: Mapping[str, type | int] = dict.fromkeys(("projection", "descent", "chain"), _Q)
_LIGHT: Mapping[str, type | int] = {"state": 256, "sigma": np.float16}
_POINTS: Mapping[str, type | int] = {"orientations": _Q, "level": 512, "nearest": np.int16}
_DOUBTS: Mapping[str, type | int] = {
    "bound": 32,
    "boundary": 512,
    "other_grain": 4096,
    "light": 128,
    "contradiction": 128,
}
_END: Mapping[str, type | int] = {"orientations": _Q, "bound": 32, "boundary": 512}

ANSWERS: dict[str, Answer] = {
    "points_square": Answer(partial(_points, False), compare.of_points, _POINTS),
    "points_hexagonal": Answer(partial(_points, True), compare.of_points, _POINTS),
    "light_whole": Answer(_calibrated, compare.of_light, _LIGHT),
    "light_windows": Answer(partial(_calibrated, windowed=True), compare.of_light, _LIGHT),
    "light_few_images": Answer(partial(_calibrated, images=_FEW), compare.of_light, _LIGHT),
    "network_lit": Answer(partial(_network, "lit"), compare.of_network, {"state": 128}),
    "network_unlit": Answer(partial(_network, "unlit"), compare.of_network, {"state": 128}),
    "labels_lit": Answer(partial(_labels, "lit"), compare.of_labels, _LABELS),
    "labels_unlit": Answer(partial(_labels, "unlit"), compare.of_labels, _LABELS),
    "doubts_lit_descent": Answer(partial(_doubts, "lit", 0), compare.of_doubts, _DOUBTS),
    "doubts_lit_chain": Answer(partial(_doubts, "lit", stages.VISITS), compare.of_doubts, _DOUBTS),
    "doubts_unlit": Answer(partial(_doubts, "unlit", 0), compare.of_doubts, _DOUBTS),
}
"""Stages, in the order in which they are made: each asks what is stored of those before."""

ENDS: dict[str, tuple[str, str, bool, bool]] = {
    "end_lit_fast": ("lit", "fast", False, False),
    "end_lit_balanced": ("lit", "balanced", False, False),
    "end_lit_windows_fast": ("lit", "fast", True, False),
    "end_lit_windows_balanced": ("lit", "balanced", True, False),
    "end_lit_moved_fast": ("lit", "fast", False, True),
    "end_lit_moved_windows_fast": ("lit", "fast", True, True),
    "end_unlit_fast": ("unlit", "fast", False, False),
    "end_unlit_balanced": ("unlit", "balanced", False, False),
}
"""Case, quality, whether in windows and whether the light is stated off its place: of the runs from end to end."""

ANSWERS |= {name: Answer(partial(_end, *how), partial(_end_deviations, how[0]), _END) for name, how in ENDS.items()}
