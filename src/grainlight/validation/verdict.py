"""What the folds say of a map: numbers for a file, sentences for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.own_note import finite
from grainlight.maps.phase import LARGEST_DISORIENTATION
from grainlight.restore.uncertainty.calibration_file import KIND
from grainlight.validation.estimate import (
    carry,
    is_wrong,
    median_of,
    over_bound,
    times,
    uncovered,
    weights,
)
from grainlight.validation.evidence import Answer, Evidence
from grainlight.validation.share import LEVEL, Share, share_of, tiles

CARRIED = 0.15
"""Relative standard deviation of what is carried from held-back points to pixels: `python -m benchmarks.held_back`."""
_MOST_FACTOR = 200.0  # by which the narrowest bound is the largest angle that there is
_WORTH = 0.2
"""Light that might lower the wrong share by so much of it, though the points do not show it, may help or not."""
_RELIABILITY = (0.0, 0.02, 0.1, 0.25, 0.5, 1.0)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Validation:
    """What a restoration is worth on one map.

    Parameters
    ----------
    wrong
        Estimated share of the inferred pixels of the restored map that are off by more than 5 degrees, its 90 %
        interval with it.
    unlit
        The same of a restoration without light; None where no light was given or used.
    light_helps
        Whether light lowers that share; None where no light was given, or the points do not tell.
    there
        Share of the points held back one by one that are off by more than 5 degrees, restored as asked.
    covered
        Estimated share of the inferred pixels whose error is under the stated bound, which is meant to be 0.9; None
        where no bound is stated.
    covered_there
        The same of the points held back one by one, as counted.
    bound_factor
        By what the bound is to be multiplied, 1 where it holds.
    held_back
        Share of the points held back one by one that are off by more than 5 degrees, by method.
    median_error
        Degrees, at these points, with a 90 % interval (value, low, high).
    reliability
        Stated probability of another grain and share found, by interval of the former: (stated, found, points).
    folds
        One line a fold: kind, points, wrong share.
    refused
        Why light was not used, where it was not.
    about
        What was validated: file, scale, quality, seed, weights, points.
    """

    wrong: Share
    unlit: Share | None
    light_helps: bool | None
    there: Share
    covered: Share | None
    covered_there: Share | None
    bound_factor: float
    held_back: Mapping[str, Share]
    median_error: tuple[float, float, float]
    reliability: Sequence[tuple[float, float, int]]
    folds: Sequence[Mapping[str, Any]]
    refused: str | None
    about: Mapping[str, Any]

    @property
    def wrong_share(self) -> float:
        """Share of the points held back one by one that are off by more than 5 degrees."""
        return self.there.value

    @property
    def wrong_share_interval(self) -> tuple[float, float]:
        """Its 90 % interval."""
        return self.there.low, self.there.high

    @property
    def coverage(self) -> float | None:
        """Share of these points whose error is under the stated bound; None where none is stated."""
        return None if self.covered_there is None else self.covered_there.value

    def save(self, path: str | Path, overwrite: bool = False) -> Path:
        """Write the figures as JSON, which `enhance` takes as its calibration.

        Parameters
        ----------
        path
            The file.
        overwrite
            Whether one that is there may be replaced.

        Returns
        -------
        The file.

        Raises
        ------
        InputError
            If the file is there already and may not be replaced, or the folder is missing or closed.
        """
        path = Path(path)
        if path.exists() and not overwrite:
            raise InputError("the output exists already", file=path, advice="choose another name")
        with atomic_path(path) as temporary:
            text = json.dumps(finite(self.as_record()), indent=1, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")
        return path

    def as_record(self) -> dict[str, Any]:
        """Return plain values, for JSON.

        Returns
        -------
        What ``save`` writes.
        """
        return {
            "kind": KIND,
            "wrong_share": self.wrong_share,
            "wrong_share_interval": list(self.wrong_share_interval),
            "map_wrong_share": _plain(self.wrong),
            "map_wrong_share_without_light": _plain(self.unlit),
            "light_helps": self.light_helps,
            "light_refused": self.refused,
            "coverage": self.coverage,
            "coverage_interval": None
            if self.covered_there is None
            else [self.covered_there.low, self.covered_there.high],
            "map_coverage": _plain(self.covered),
            "bound_factor": self.bound_factor,
            "held_back": {name: _plain(share) for name, share in self.held_back.items()},
            "median_error_deg": dict(zip(("value", "low", "high"), self.median_error, strict=True)),
            "other_grain_reliability": [
                {"stated": stated, "found": found, "points": points} for stated, found, points in self.reliability
            ],
            "folds": [dict(fold) for fold in self.folds],
            **self.about,
        }

    @property
    def sentences(self) -> list[str]:
        """What it comes to, in words."""
        shares = ", ".join(f"{name} {_between(share)}" for name, share in self.held_back.items())
        found = [f"off by more than 5 degrees, of the points held back one by one, each a step from the next: {shares}"]
        found.append(
            f"of the pixels of the restored map, which lie nearer to points: {_between(self.wrong)}, as estimated"
        )
        value, low, high = self.median_error
        found.append(f"median error there: {value:.2f} degrees ({low:.2f} to {high:.2f}), with that of the measurement")
        found.append(f"verdict on the light: {self._on_light()}")
        found.append(f"verdict on the bound: {self._on_bound()}")
        return found

    def _on_light(self) -> str:
        if self.refused is not None:
            return f"it does not help here, it is not used ({self.refused})"
        if self.unlit is None:
            return "none was given"
        without = f"{_between(self.unlit)} of the pixels would be wrong without it"
        if self.light_helps is None:
            return f"the points do not tell whether it helps; {without}"
        return f"it {'helps' if self.light_helps else 'does not help'} here; {without}"

    def _on_bound(self) -> str:
        if self.covered is None:
            return "no bound is stated for these weights"
        holds = f"it holds at {_between(self.covered)} of the pixels and is meant to at {100 * LEVEL:.0f} %"
        if self.bound_factor == 1.0:
            return f"{holds}: it holds here"
        return f"{holds}: too narrow here, multiply it by {self.bound_factor:.2f} (enhance --calibration)"


def judge(evidence: Evidence, shape: tuple[int, int], about: Mapping[str, Any]) -> Validation:
    """Return what the folds of a map (rows, columns) say; ``about`` goes into the record as it is."""
    main, tile = evidence.main, tiles(evidence.place, shape)
    reasons = [reason for reason in evidence.refused if reason is not None]
    refused = reasons[0] if len(reasons) == len(evidence.refused) else None
    single = evidence.single
    lit, near = main.of(single), tile[single]
    dark = None if evidence.unlit is None or refused is not None else evidence.unlit
    unlit = None if dark is None else dark.of(single)
    against = None if unlit is None else _against(lit, unlit)
    wrong = carried(lit, near, against)
    coverage, factor = _coverage(main, evidence.noise, tile, wrong.value)
    known = np.isfinite(lit.error)
    nobody = Share(float("nan"), 0.0, 1.0)
    there = share_of(is_wrong(lit.error[known]), np.ones(int(known.sum())), near[known]) if known.any() else nobody
    shares = {"restored": main.error, "without light": None if dark is None else dark.error}
    shares |= {"nearest point": evidence.nearest, "guided copy": evidence.guided}
    held = {
        name: share_of(is_wrong(error[use]), np.ones(use.sum()), tile[use])
        for name, error in shares.items()
        if error is not None and (use := single & np.isfinite(error)).any()
    }
    if "restored" in held and unlit is not None:
        held = {"with light": held.pop("restored")} | held
    helps: bool | None = None if refused is None else False
    if unlit is not None:
        helps = _helps(lit, unlit, near, against or 0.0)
    return Validation(
        wrong,
        None if unlit is None else carried(unlit, near),
        helps,
        there,
        coverage,
        _covered_there(lit, evidence.noise[single], near),
        factor,
        held,
        median_of(main.error[single & np.isfinite(main.error)]),
        _reliability(main),
        _by_fold(evidence),
        refused,
        about,
    )


def carried(answer: Answer, tile: NDArray[np.int64], against: float | None = None) -> Share:
    """Return the share of a map's inferred pixels that belong to another grain, from that of points held back one by
    one; ``against`` as for `estimate.carry`."""
    use = np.isfinite(answer.error)
    if not use.any():
        return Share(float("nan"), 0.0, 1.0)
    found = share_of(is_wrong(answer.error[use]), np.ones(int(use.sum())), tile[use], CARRIED)
    return times(found, _carry(answer.of(use), against))


def _carry(answer: Answer, against: float | None) -> float:
    distance = answer.distance, answer.map_distance
    if not len(answer.map_distance):
        return 1.0
    stated = np.isfinite(answer.doubt).all() and np.isfinite(answer.map_doubt).all()
    return carry(is_wrong(answer.error), (answer.doubt, answer.map_doubt) if stated else None, distance, against)


def _weight(answer: Answer, use: NDArray[np.bool_]) -> Array:
    known = np.isfinite(answer.map_doubt)
    if not known.any() or not np.isfinite(answer.doubt[use]).all():
        return np.ones(int(use.sum()))
    return weights(answer.doubt[use], answer.map_doubt[known])


def _against(lit: Answer, unlit: Answer) -> float:
    """Wrong share with light over that without, at points that both restored."""
    use = np.isfinite(lit.error) & np.isfinite(unlit.error)
    with_light, without = (float(is_wrong(answer.error[use]).sum()) for answer in (lit, unlit))
    return (with_light + 0.5) / (without + 0.5)


def _helps(lit: Answer, unlit: Answer, tile: NDArray[np.int64], against: float) -> bool | None:
    use = np.isfinite(lit.error) & np.isfinite(unlit.error)
    parts = [
        _carry(answer.of(use), ratio) * is_wrong(answer.error[use]) for answer, ratio in ((unlit, None), (lit, against))
    ]
    difference = (parts[0] - parts[1]) / len(parts[0])
    gain = float(difference.sum())
    apart = np.bincount(tile[use], difference - gain / len(difference))
    spread = np.hypot(np.sqrt((apart**2).sum()), CARRIED * np.hypot(parts[0].mean(), parts[1].mean()))
    z = float(norm.ppf(LEVEL))
    if gain > z * spread:
        return True
    return None if gain > 0 and gain + z * spread > _WORTH * parts[0].mean() else False


def _coverage(answer: Answer, noise: Array, tile: NDArray[np.int64], wrong_share: float) -> tuple[Share | None, float]:
    """Return the share of pixels under the bound, and by what the bound must be multiplied to hold at nine in ten."""
    use = np.isfinite(answer.error) & np.isfinite(answer.bound)
    if not use.any() or not np.isfinite(wrong_share):
        return None, 1.0
    weight, wrong = _weight(answer, use), is_wrong(answer.error[use])
    error, bound, level = answer.error[use], answer.bound[use], noise[use]

    def missed(factor: float) -> float:
        widened = np.minimum(factor * bound, LARGEST_DISORIENTATION)
        return uncovered(wrong_share, wrong, over_bound(error, widened, level), weight)

    plain = over_bound(error, bound, level)
    found = share_of(plain, weight, tile[use], CARRIED)
    ratio = missed(1.0) / found.value if found.value > 0 else 1.0
    out = times(found, ratio)
    covered = Share(1 - out.value, 1 - out.high, 1 - out.low)
    if covered.high >= LEVEL:
        return covered, 1.0
    low, high = 1.0, 2.0
    while missed(high) > 1 - LEVEL and high < _MOST_FACTOR:
        low, high = high, 2 * high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if missed(middle) > 1 - LEVEL else (low, middle)
    return covered, round(high, 3)


def _covered_there(answer: Answer, noise: Array, tile: NDArray[np.int64]) -> Share | None:
    """Return the share of points whose error is under the bound, but for the noise of the measurement itself."""
    use = np.isfinite(answer.error) & np.isfinite(answer.bound)
    if not use.any():
        return None
    out = share_of(over_bound(answer.error[use], answer.bound[use], noise[use]), np.ones(int(use.sum())), tile[use])
    return Share(1 - out.value, 1 - out.high, 1 - out.low)


def _reliability(answer: Answer) -> list[tuple[float, float, int]]:
    use = np.isfinite(answer.error) & np.isfinite(answer.doubt)
    wrong, doubt = is_wrong(answer.error[use]), answer.doubt[use]
    group = np.clip(np.searchsorted(_RELIABILITY, doubt, side="right") - 1, 0, len(_RELIABILITY) - 2)
    return [
        (float(doubt[group == k].mean()), float(wrong[group == k].mean()), int((group == k).sum()))
        for k in np.unique(group)
    ]


def _by_fold(evidence: Evidence) -> list[dict[str, Any]]:
    found = []
    for number, fold in enumerate(evidence.folds):
        here = evidence.fold == number
        error = evidence.main.error[here]
        answered = np.isfinite(error)
        found.append(
            {
                "kind": fold.kind,
                "points": int(here.sum()),
                "restored": int(answered.sum()),
                "wrong_share": float(is_wrong(error[answered]).mean()) if answered.any() else None,
            }
        )
    return found


def _plain(share: Share | None) -> dict[str, float] | None:
    return None if share is None else {"value": share.value, "low": share.low, "high": share.high}


def _between(share: Share) -> str:
    return f"{_percent(share.value)} % ({_percent(share.low)} to {_percent(share.high)} %)"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if share < 0.0995 else f"{100 * share:.0f}"
