"""Everything that an evaluation measures of one answer to one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer
from grainlight.evaluation.metrics import (
    BOUNDARY_ANGLE,
    Scores,
    boundary_edges,
    boundary_pixels,
    boundary_starts,
    calibration_error,
    coverage,
    disorientation,
    light_nrmse,
    near_boundary,
    score,
)

CHANGED = 2.0
"""Degrees by which a good measured point must not be changed."""


@dataclass(frozen=True)
class Figures(Scores):
    """All figures of one answer, its scores first; NaN where a figure does not apply.

    Parameters
    ----------
    inside_measured, inside_unmeasured
        Median disorientation in degrees at pixels farther than 2 pixels from a true boundary pixel, at good measured
        points and at unmeasured ones.
    light_before, light_after
        Error of the harmonics against the clean ones (`metrics.light_nrmse`), as given and as restored.
    coverage
        Share of pixels whose error is under the stated 90 % bound.
    calibration
        Expected calibration error of the boundary probability.
    corrected
        Share of the planted wrong points that came out within 5 degrees of the truth.
    changed
        Share of the good measured points that came out more than 2 degrees from what was measured.
    """

    inside_measured: float
    inside_unmeasured: float
    light_before: float
    light_after: float
    coverage: float
    calibration: float
    corrected: float
    changed: float


NAMES = tuple(field.name for field in fields(Figures))
NAN = float("nan")


def measure(answer: Answer, task: Task) -> Figures:
    """Compare an answer with the truth of a task, which need not be the task that the answer was made from."""
    restored, valid, measured = answer.quaternions, task.valid, task.measured
    scores = score(restored, task.truth, measured, valid)
    error = disorientation(restored, task.truth)
    true_edges = boundary_edges(task.truth, valid)
    inside = valid & ~near_boundary(boundary_pixels(true_edges))
    good, wrong = measured & valid & ~task.wrong, task.wrong & valid
    moved = disorientation(restored[good], task.quaternions[good]) > CHANGED
    before = after = covered = calibration = NAN
    if task.light is not None and task.clean_light is not None:
        before = light_nrmse(task.light, task.clean_light, valid)
        if answer.light is not None:
            after = light_nrmse(answer.light, task.clean_light, valid)
    if answer.bound is not None:
        stated = valid & np.isfinite(answer.bound)
        covered = coverage(error, answer.bound, stated) if stated.any() else NAN
    if answer.boundary is not None:
        calibration = calibration_error(answer.boundary, boundary_starts(true_edges), valid)
    return Figures(
        **asdict(scores),
        inside_measured=_median(error[good & inside]),
        inside_unmeasured=_median(error[valid & ~measured & inside]),
        light_before=before,
        light_after=after,
        coverage=covered,
        calibration=calibration,
        corrected=_share(error[wrong] <= BOUNDARY_ANGLE),
        changed=_share(moved),
    )


def mean(figures: Sequence[Figures]) -> Figures:
    """Return the mean of every figure over the answers that have it; NaN where none has."""

    def over(values: list[float]) -> float:
        known = [value for value in values if not np.isnan(value)]
        return float(np.mean(known)) if known else NAN

    return Figures(**{name: over([getattr(one, name) for one in figures]) for name in NAMES})


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else NAN


def _share(happened: np.ndarray) -> float:
    return float(happened.mean()) if happened.size else NAN


COLUMNS = {
    "over_5": ("> 5 deg", "%"),
    "near_over_5": ("near boundaries > 5 deg", "%"),
    "median": ("median, deg", "deg"),
    "measured_median": ("measured median, deg", "deg"),
    "inside_measured": ("inside, measured, deg", "deg"),
    "inside_unmeasured": ("inside, unmeasured, deg", "deg"),
    "edge_f1": ("edge F1", "share"),
    "pixel_f1": ("boundary pixel F1 (1 px)", "share"),
    "light_after": ("PL NRMSE", "share"),
    "coverage": ("under 90 % bound", "share"),
    "calibration": ("boundary ECE", "share"),
    "corrected": ("wrong corrected", "%"),
    "changed": ("good changed", "%"),
}
"""Title and style ("%", "deg" or "share") of the figures that a table shows, by name."""


def cell(value: float, style: str) -> str:
    """Return a figure as text; "-" for NaN."""
    if np.isnan(value):
        return "-"
    return {"%": f"{100 * value:.1f} %", "deg": f"{value:.2f}", "share": f"{value:.3f}"}[style]
