"""Restorations without the points held back, and what they say in their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent
from grainlight.restore.enhance import enhance
from grainlight.restore.points.grid import pixels
from grainlight.restore.result import INFERRED, NOT_RESTORED, Result
from grainlight.restore.settings import Settings
from grainlight.validation.classical import PointLight, guided_kept, nearest_kept
from grainlight.validation.estimate import is_wrong
from grainlight.validation.folds import Fold

Array = NDArray[np.float64]
_FAR = 1.5  # steps from a held-back point, beyond which a map is what it would be with that point
_COMPARED, _ENOUGH = 3, 2  # folds that are restored without light as well; as many where these tell already
_CLEAR = 3.0  # standard deviations of the difference that tell
_MOST_PIXELS = 40_000  # of a fold that stand for the restored map


@dataclass(frozen=True, eq=False)
class Answer:
    """What one kind of restoration says at the n points held back, and how sure it is of its pixels elsewhere.

    ``error`` (n,) degrees from what was measured there, NaN where nothing was restored; ``bound`` (n,) degrees and
    ``doubt`` (n,), the probability of another grain, as stated there; ``distance`` (n,) steps to the nearest point that
    was kept. ``map_doubt``, ``map_bound`` and ``map_distance`` (m,) are the same at inferred pixels that no held-back
    point is near to.
    """

    error: Array
    bound: Array
    doubt: Array
    distance: Array
    map_doubt: Array
    map_bound: Array
    map_distance: Array

    def of(self, which: NDArray[np.bool_]) -> Answer:
        """Return what is said at some of the points (n,)."""
        names = ("error", "bound", "doubt", "distance")
        return replace(self, **{name: getattr(self, name)[which] for name in names})


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that the folds say, at n points held back.

    ``fold`` (n,) number of the fold of each, ``place`` (n, 2) row and column on the map, ``noise`` (n,) degrees (rms)
    that the measurement itself may be off; ``main`` what the restoration says and ``unlit`` what it says without light
    (None where there is none); ``nearest`` and ``guided`` (n,) degrees that the classical methods are off, None where
    there is no light to guide; ``refused`` why light was not used, one a fold.
    """

    folds: Sequence[Fold]
    fold: NDArray[np.int64]
    place: NDArray[np.int64]
    noise: Array
    main: Answer
    unlit: Answer | None
    nearest: Array
    guided: Array | None
    refused: tuple[str | None, ...]

    @property
    def single(self) -> NDArray[np.bool_]:
        """Which (n,) of the points were held back one by one: asked at a distance of one step."""
        return np.array([fold.kind == "points" for fold in self.folds])[self.fold]


def gather(
    ebsd: OrientationMap,
    light: LightStack | None,
    settings: Settings,
    folds: Sequence[Fold],
    noise: Array,
    point_light: PointLight | None,
    progress: Progress | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> Evidence:
    """Restore a map once for each fold, with light and without, and compare with the points held back.

    Parameters
    ----------
    settings
        Of the restoration that is asked about. With light no samples are drawn, on which neither the map nor the doubt
        of its light depends; without light, to compare, likewise, and only in the first two folds, or three where two
        do not tell which of the two is better.
    noise
        (h, w) degrees (rms) of each point.
    point_light
        For the guided copy.
    progress
        One stage of as many units as restorations.
    """
    progress = progress or Silent()
    compared = 0 if light is None else min(_COMPARED, len(folds))
    progress.begin("restoring without the points held back", len(folds) + compared)
    settings = settings if light is None else replace(settings, samples=1)
    blind = replace(settings, register="auto", transform=None, points=None, light_required=False)
    main: list[Answer] = []
    unlit: list[Answer] = []
    near, guided, refused = [], [], []
    at = pixels(ebsd, settings.scale)
    for number, fold in enumerate(folds):
        kept = fold.kept(ebsd)
        result = enhance(kept, light, settings, mask=mask)
        refused.append(result.record["light_refused"])
        main.append(_answer(result, ebsd, fold, at, settings.scale, number))
        del result
        progress.advance()
        if number < compared and not (number >= _ENOUGH and _told(main, unlit)):
            alone = enhance(kept, None, blind, mask=mask)
            unlit.append(_answer(alone, ebsd, fold, at, settings.scale, number))
            del alone
            progress.advance()
        elif compared:
            unlit.append(_nothing(main[-1]))
            if number < compared:
                progress.advance()
        near.append(_off(ebsd, fold, nearest_kept(ebsd, fold.held)))
        if point_light is not None:
            guided.append(_off(ebsd, fold, guided_kept(ebsd, fold.held, point_light)))
    return Evidence(
        folds,
        np.repeat(np.arange(len(folds)), [np.count_nonzero(fold.held) for fold in folds]),
        np.concatenate([np.argwhere(fold.held) for fold in folds]),
        np.concatenate([noise[fold.held] for fold in folds]),
        _joined(main),
        _joined(unlit) if unlit else None,
        np.concatenate(near),
        np.concatenate(guided) if guided else None,
        tuple(refused),
    )


def _answer(result: Result, ebsd: OrientationMap, fold: Fold, at: NDArray[np.int64], scale: int, seed: int) -> Answer:
    here = tuple(at[fold.held].T)
    error = _angles(result.map.quaternions[here], ebsd.quaternions[fold.held])
    error[result.source[here] == NOT_RESTORED] = np.nan
    gone = np.ones(result.source.shape, dtype=bool)
    gone[here] = False
    whole = np.flatnonzero((distance_transform_edt(gone) > _FAR * scale) & (result.source == INFERRED))
    if whole.size > _MOST_PIXELS:
        whole = np.random.default_rng(seed).choice(whole, _MOST_PIXELS, replace=False)
    doubt, bound = (values.astype(np.float64) for values in (result.other_grain, result.uncertainty))
    far = distance_transform_edt(~result.measured) / scale
    there = (values.reshape(-1)[whole] for values in (doubt, bound, far))
    return Answer(error, bound[here], doubt[here], far[here], *there)


def _told(lit: Sequence[Answer], unlit: Sequence[Answer]) -> bool:
    """Whether the points of the folds so far tell light from no light: by those that one of the two has wrong and the
    other right (McNemar, Psychometrika 12 (1947) 153)."""
    one, other = (np.concatenate([answer.error for answer in part]) for part in (lit[: len(unlit)], unlit))
    known = np.isfinite(one) & np.isfinite(other)
    one, other = is_wrong(one[known]), is_wrong(other[known])
    worse, better = float((one > other).sum()), float((other > one).sum())
    return abs(better - worse) > _CLEAR * np.sqrt(max(better + worse, 1.0))


def _nothing(answer: Answer) -> Answer:
    """An answer that says nothing of as many points."""
    unknown, none = np.full(len(answer.error), np.nan), np.zeros(0)
    return Answer(unknown, unknown, unknown, unknown, none, none, none)


def _joined(answers: Sequence[Answer]) -> Answer:
    names = [field.name for field in fields(Answer)]
    return Answer(*(np.concatenate([getattr(answer, name) for answer in answers]) for name in names))


def _off(ebsd: OrientationMap, fold: Fold, taken: NDArray[np.int64]) -> Array:
    """Degrees (n,) between the points of the map that are taken (flat index) and those held back; the largest angle
    where a point of another phase is."""
    error = _angles(ebsd.quaternions.reshape(-1, 4)[taken], ebsd.quaternions[fold.held])
    return np.where(ebsd.is_6mmm.reshape(-1)[taken], error, 90.0)


def _angles(one: Array, other: Array) -> Array:
    left, right = (torch.from_numpy(np.ascontiguousarray(q)) for q in (one, other))
    return torch.rad2deg(disorientation_angle(left, right)).numpy()
