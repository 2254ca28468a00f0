"""How coarse a full map could have been scanned: its error when restored from every n-th point, n = 1 to 8.

The map is the truth, its light is simulated. What is computed is bounded: of a large map a few squares, spread over it,
stand for the whole, each with noise and light of its own; a small one is asked several times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.evaluation.degrade import Level, degrade
from grainlight.evaluation.methods import require_weights, restoration
from grainlight.evaluation.metrics import disorientation
from grainlight.evaluation.reference_map import ReferenceMap
from grainlight.evaluation.run import one_thread
from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent
from grainlight.validation.share import Share, share_of, tiles

SCALES = (1, 2, 3, 4, 5, 6, 7, 8)
_SIDE = 193  # pixels of a square that stands for a part of a large map
_DRAWS = 3  # of noise and light on a small one
_FEWEST = 4  # points along a side that must be left
_TOLD = 1e-3  # wrong share from which draws are compared


@dataclass(frozen=True)
class Step:
    """One scale: share of the pixels that are off by more than 5 degrees, and of the points that were scanned."""

    scale: int
    wrong: Share
    points: float


@dataclass(frozen=True)
class Coarseness:
    """What a map, under one light, would have come to at each scale.

    ``share`` of the map that was looked at; ``points`` of a full scan.
    """

    map: str
    light: str
    steps: Sequence[Step]
    share: float
    points: int

    def coarsest(self, tolerance: float) -> Step | None:
        """Return the largest scale up to which the share of wrong pixels, its interval included, is within a tolerance
        (0 to 1); None where even a full scan is not."""
        return self._at(_last(step.wrong.high <= tolerance for step in self.steps))

    def perhaps(self, tolerance: float) -> Step | None:
        """Return the largest scale up to which the estimate itself is within it."""
        return self._at(_last(step.wrong.value <= tolerance for step in self.steps))

    def _at(self, count: int) -> Step | None:
        return self.steps[count - 1] if count else None

    def as_record(self, tolerance: float) -> dict[str, Any]:
        """Return plain values, for JSON."""
        coarsest = self.coarsest(tolerance)
        return {
            "map": self.map,
            "light": self.light,
            "tolerance": tolerance,
            "coarsest_scale": None if coarsest is None else coarsest.scale,
            "share_of_the_map": self.share,
            "scales": [
                {
                    "scale": step.scale,
                    "wrong_share": step.wrong.value,
                    "wrong_share_interval": [step.wrong.low, step.wrong.high],
                    "points_share": step.points,
                }
                for step in self.steps
            ],
        }

    def lines(self, tolerance: float, rate: float | None = None) -> Iterator[str]:
        """Yield a table and what it comes to; ``rate`` points a second, for hours in place of shares."""
        yield f"{self.map}, light {self.light}: restored from every n-th point along both axes"
        if self.share < 1:
            yield f"(parts with {100 * self.share:.0f} % of the map's pixels stand for it)"
        yield f"{'n':>3}{'> 5 deg':>10}{'90 % interval':>22}{'time saved':>14}"
        for step in self.steps:
            wrong = step.wrong
            yield (
                f"{step.scale:>3}{100 * wrong.value:>8.2f} %"
                f"{f'{100 * wrong.low:.2f} to {100 * wrong.high:.2f} %':>22}{self._saved(step, rate):>14}"
            )
        sure, perhaps = self.coarsest(tolerance), self.perhaps(tolerance)
        within = f"within {100 * tolerance:g} % of wrong pixels"
        if sure is None:
            yield f"Not even a scan of every point is surely {within}."
        else:
            enough = "Every single point was needed" if sure.scale == 1 else f"Every {_th(sure.scale)} point was enough"
            yield f"{enough}: {within}, interval included; saved: {self._saved(sure, rate)}."
        if perhaps is not None and (sure is None or perhaps.scale > sure.scale):
            yield f"Every {_th(perhaps.scale)} point may have been enough: there the estimate is, but not its interval."

    def _saved(self, step: Step, rate: float | None) -> str:
        saved = 1 - step.points
        if rate is None:
            return f"{100 * saved:.1f} %"
        hours = saved * self.points / rate / 3600
        return f"{hours:.2g} h" if hours >= 1.5 else f"{60 * hours:.2g} min"


def how_coarse(
    reference: ReferenceMap,
    level: Level | None,
    *,
    quality: str = "balanced",
    noise: float = 0.5,
    seed: int = 0,
    weights: Path | None = None,
    device: str = "auto",
    jobs: int = 1,
    progress: Progress | None = None,
) -> Coarseness:
    """Restore a full map from every n-th point, and compare.

    Parameters
    ----------
    reference
        The full map.
    level
        Of the simulated light; None without light.
    quality, weights, device
        As for `methods.restoration`.
    noise
        Root-mean-square misorientation that is added to the points, degrees.
    seed
        Of noise and light.
    jobs
        Processes, each with one thread.
    progress
        One stage of as many units as restorations.

    Raises
    ------
    InputError
        Where there are no weights, or the map is too small for every second point.
    """
    require_weights(weights)
    parts, share = _parts(reference.full)
    scales = [n for n in SCALES if all(min(part.shape) > _FEWEST * n for part in parts)]
    if len(scales) < 2:
        raise InputError(
            "the map is too small to leave points out of it",
            file=reference.full.path,
            found="{} x {} points".format(*reference.full.shape),
            expected=f"more than {2 * _FEWEST} along both axes",
        )
    draws = [(k, part) for k, part in enumerate(parts if len(parts) > 1 else parts * _DRAWS)]
    asked = [
        _Asked(part, scale, level, noise, seed + k, quality, weights, device) for scale in scales for k, part in draws
    ]
    progress = progress or Silent()
    progress.begin(f"restoring {reference.name} from every n-th point", len(asked))
    answers: list[_Answer] = []
    for answer in _each(asked, min(jobs, len(asked))):
        answers.append(answer)
        progress.advance()
    by_scale = [answers[k : k + len(draws)] for k in range(0, len(answers), len(draws))]
    extra = _between_draws(by_scale)
    apart = len(parts) > 1
    steps = [Step(n, _together(found, apart, extra), 1 / n**2) for n, found in zip(scales, by_scale, strict=True)]
    return Coarseness(reference.name, level or "none", tuple(steps), share, int(reference.full.present.sum()))


@dataclass(frozen=True, eq=False)
class _Asked:
    """A restoration from every ``scale``-th point of a part of the map."""

    part: OrientationMap
    scale: int
    level: Level | None
    noise: float
    seed: int
    quality: str
    weights: Path | None
    device: str


@dataclass(frozen=True, eq=False)
class _Answer:
    """1 where a pixel is wrong, else 0 (n,), and which tile of the part it lies in (n,)."""

    wrong: NDArray[np.float64]
    tile: NDArray[np.int64]


def _parts(full: OrientationMap) -> tuple[list[OrientationMap], float]:
    """Return the map, or squares spread over a larger one, and the share of its pixels in them."""
    rows, columns = full.shape
    if rows * columns <= _DRAWS * _SIDE**2:
        return [full], 1.0
    tall, wide = min(rows, _SIDE), min(columns, _SIDE)
    # the middles of the squares stand at a quarter and three quarters of the map, where there is room
    tops, lefts = (
        sorted({round(share * (side - part)) for share in (0.2, 0.8)}) for side, part in ((rows, tall), (columns, wide))
    )
    found = [full.part(slice(top, top + tall), slice(left, left + wide)) for top in tops for left in lefts]
    found = [one.replace(x=one.x - one.x[0, 0], y=one.y - one.y[0, 0]) for one in found if one.is_6mmm.any()]
    return found, len(found) * tall * wide / (rows * columns)


def _each(asked: Sequence[_Asked], jobs: int) -> Iterator[_Answer]:
    if jobs <= 1:
        yield from map(_answer, asked)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=one_thread) as pool:
        try:
            yield from pool.map(_answer, asked)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _answer(asked: _Asked) -> _Answer:
    rows, columns = ((side - 1) // asked.scale * asked.scale + 1 for side in asked.part.shape)
    task = degrade(
        asked.part.cropped(rows, columns),
        scale=asked.scale,
        level=asked.level,
        seed=asked.seed,
        noise_deg=asked.noise,
    )
    # the map does not depend on its samples
    method = restoration(asked.quality, samples=1, weights=asked.weights, device=asked.device)
    error = disorientation(method(task).quaternions, task.truth)[task.valid]
    return _Answer((error > BOUNDARY_ANGLE).astype(np.float64), tiles(np.argwhere(task.valid), task.valid.shape))


def _between_draws(by_scale: Sequence[Sequence[_Answer]]) -> float:
    """Return the relative standard deviation of the mean over draws of noise and light, the same for all scales."""
    shares = np.array([[float(one.wrong.mean()) for one in found] for found in by_scale])
    mean = shares.mean(axis=1, keepdims=True)
    known = mean[:, 0] > _TOLD
    if not known.any() or shares.shape[1] < 2:
        return 0.0
    apart = (shares[known] / mean[known] - 1) ** 2
    return float(np.sqrt(apart.sum() / (apart.shape[1] - 1) / len(apart) / apart.shape[1]))


def _together(found: Sequence[_Answer], apart: bool, extra: float) -> Share:
    """Return the wrong share of all answers to one scale; ``apart``: each is of a place of its own."""
    wrong = np.concatenate([one.wrong for one in found])
    most = 1 + max(int(one.tile.max(initial=0)) for one in found)
    tile = np.concatenate([one.tile + apart * k * most for k, one in enumerate(found)])
    return share_of(wrong, np.ones(len(wrong)), tile, extra)


def _last(good: Iterator[bool]) -> int:
    """Return how many are good from the first on."""
    count = 0
    for one in good:
        if not one:
            break
        count += 1
    return count


def _th(number: int) -> str:
    return f"{number}" + {2: "nd", 3: "rd"}.get(number, "th")
