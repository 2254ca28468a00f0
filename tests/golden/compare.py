"""How far an answer is from the stored one, each deviation beside the limit that it must not pass.

Limits leave room for another CPU's rounding (README.md says how much that was found to be) and no more: they are shares
of pixels or of the error itself, so that an error three times as large passes none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import stages
from .cases import Case

Arrays = dict[str, NDArray]

OTHER = 0.5
"""Degrees beyond which an orientation is another one."""


@dataclass(frozen=True)
class Deviation:
    """A deviation, at or above 0, and what it may be."""

    name: str
    value: float
    limit: float

    @property
    def passes(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        return f"{self.name}: {self.value:.4g} (limit {self.limit:.4g})"


def of_points(found: Arrays, stored: Arrays) -> list[Deviation]:
    """Whole numbers and masks are equal; positions, orientations and levels are so but for rounding."""
    out = []
    for name, kept in stored.items():
        value = found[name]
        if value.shape != kept.shape:
            out.append(Deviation(f"{name} has another shape", np.inf, 0.0))
        elif kept.dtype.kind == "f":
            off = np.abs(value - kept.astype(np.float64)) / np.maximum(np.abs(kept), 1)
            out.append(Deviation(name, float(off.max()), 2e-3))
        else:
            out.append(Deviation(f"{name}: pixels that differ", float((value != kept).sum()), 0.0))
    return out


def of_light(found: Arrays, stored: Arrays) -> list[Deviation]:
    """Harmonics in units of their spread, noise levels as ratios, flags and what is unknown as shares of the pixels."""
    known = np.isfinite(stored["sigma"])
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.abs(np.log(found["sigma"] / stored["sigma"].astype(np.float64)))[known]
    away = np.sqrt(np.square(found["state"] - stored["state"].astype(np.float64)).mean((1, 2)))
    return [
        Deviation("harmonics, rms over their spread", float((away / stored["state"].std((1, 2))).max()), 0.01),
        Deviation("noise levels, median ratio", float(np.median(ratio)), 0.01),
        Deviation("noise levels, 99 % quantile of the ratio", float(np.quantile(ratio, 0.99)), 0.03),
        Deviation("known elsewhere, share", float((np.isfinite(found["sigma"]) != known).mean()), 0.002),
        Deviation("flags, share", float((found["flags"] != stored["flags"]).mean()), 0.002),
        Deviation("curves", float(np.abs(found["curves"] - stored["curves"]).max()), 0.005),
    ]


def of_network(found: Arrays, stored: Arrays) -> list[Deviation]:
    """Guide and mean in degrees."""
    guide, mean = stages.apart_as_states(found["state"], stored["state"])
    return [
        Deviation("guide 0.5 degrees apart, share", float((guide > 0.5).mean()), 0.005),
        Deviation("mean, median [degrees]", float(np.median(mean)), 0.25),
        Deviation("mean 3 degrees apart, share", float((mean > 3).mean()), 0.01),
    ]


def of_labels(found: Arrays, stored: Arrays) -> list[Deviation]:
    """Shares of pixels with another orientation."""
    return [_other(name, found[name], kept, 0.002) for name, kept in stored.items()]


def of_doubts(found: Arrays, stored: Arrays) -> list[Deviation]:
    """Bounds and probabilities, pixel by pixel."""
    out = [
        *_doubt(found, stored, 0.003, 0.001),
        _mean("other_grain", found, stored, 0.0005),
        Deviation("source, share", float((found["source"] != stored["source"]).mean()), 0.002),
        Deviation(
            "light, rms over its spread",
            float(
                np.sqrt(np.square(found["light"] - stored["light"].astype(np.float64)).mean()) / stored["light"].std()
            ),
            0.01,
        ),
    ]
    if "contradiction" in stored:
        out.append(_mean("contradiction", found, stored, 0.005))
    return out


def of_end(found: Arrays, stored: Arrays, case: Case) -> list[Deviation]:
    """From end to end: pixels, doubts, and errors against the truth, which may grow or shrink by a sixth."""
    mine, kept = (stages.errors(_unit(of["orientations"]), case) for of in (found, stored))
    return [
        _other("orientations", found["orientations"], stored["orientations"], 0.015),
        *_doubt(found, stored, 0.05, 0.01),
        *(Deviation(name, abs(mine[name] - kept[name]), error_limit(kept[name])) for name in kept),
    ]


def error_limit(error: float) -> float:
    """What an error against the truth, a share, may differ by from the stored one."""
    return error / 6 + 0.003


def _other(name: str, found: NDArray, stored: NDArray, limit: float) -> Deviation:
    apart = stages.apart(_unit(found), _unit(stored))
    return Deviation(f"{name} {OTHER} degrees apart, share", float((apart > OTHER).mean()), limit)


def _doubt(found: Arrays, stored: Arrays, bound: float, boundary: float) -> list[Deviation]:
    mine, kept = (np.nan_to_num(of["bound"].astype(np.float64), nan=-1.0) for of in (found, stored))
    off = np.abs(mine - kept) > 0.1 + 0.1 * np.abs(kept)
    return [
        Deviation("bound a tenth off, share", float(off.mean()), bound),
        _mean("boundary", found, stored, boundary),
    ]


def _mean(name: str, found: Arrays, stored: Arrays, limit: float) -> Deviation:
    mine, kept = (np.nan_to_num(of[name].astype(np.float64), nan=-1.0) for of in (found, stored))
    return Deviation(f"{name}, mean difference", float(np.abs(mine - kept).mean()), limit)


def _unit(q: NDArray) -> NDArray[np.float64]:
    wide = q.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=-1, keepdims=True)
