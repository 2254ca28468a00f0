"""How far a restored map is from the full one: angles, boundaries, light, and the honesty of stated errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.grains.edges import BOUNDARY_ANGLE, edge_starts

NEAR = 2.0
"""Pixels from a true boundary pixel within which a pixel counts as near a boundary."""
_CHUNK = 1 << 18

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scores:
    """Comparison of a restored map with the full one, all disorientations under 622.

    Parameters
    ----------
    mean, median
        Disorientation at unmeasured pixels [degrees].
    over_5
        Share of unmeasured pixels off by more than 5 degrees, 0 to 1.
    near_mean, near_median, near_over_5
        The same for unmeasured pixels within 2 pixels of a true boundary pixel.
    measured_median
        Median disorientation at measured pixels [degrees].
    edge_precision, edge_recall, edge_f1
        Of boundary edges: pairs of a pixel and its right or lower neighbour that differ by more than 5 degrees, each
        pair in its exact place. 1 where there is nothing to find and nothing is claimed.
    pixel_f1
        Of boundary pixels (those of a boundary edge), found within 1 pixel, diagonals included.

    A figure over no pixels at all is NaN.
    """

    mean: float
    median: float
    over_5: float
    near_mean: float
    near_median: float
    near_over_5: float
    measured_median: float
    edge_precision: float
    edge_recall: float
    edge_f1: float
    pixel_f1: float


def disorientation(left: ArrayLike, right: ArrayLike) -> Array:
    """Return the disorientation (...) in degrees, 0 to 93.84, between orientations (..., 4) under 622."""
    p, q = np.broadcast_arrays(np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64))
    shape = p.shape[:-1]
    p, q = p.reshape(-1, 4), q.reshape(-1, 4)
    angle = np.empty(len(p))
    for start in range(0, len(p), _CHUNK):
        part = slice(start, start + _CHUNK)
        a, b = (torch.from_numpy(np.ascontiguousarray(x[part])) for x in (p, q))
        angle[part] = disorientation_angle(a, b).numpy()
    return np.degrees(angle).reshape(shape)


def boundary_edges(quaternions: ArrayLike, valid: Mask | None = None) -> tuple[Mask, Mask]:
    """Return where boundaries run: (H, W-1) between a pixel and its right neighbour, (H-1, W) the lower one.

    Parameters
    ----------
    quaternions
        (H, W, 4).
    valid
        (H, W) whether a pixel has an orientation; a pair with one that has none is no boundary edge.
    """
    q = np.asarray(quaternions, dtype=np.float64)
    right = disorientation(q[:, :-1], q[:, 1:]) > BOUNDARY_ANGLE
    down = disorientation(q[:-1], q[1:]) > BOUNDARY_ANGLE
    if valid is not None:
        right &= valid[:, :-1] & valid[:, 1:]
        down &= valid[:-1] & valid[1:]
    return right, down


def boundary_pixels(edges: tuple[Mask, Mask]) -> Mask:
    """Return (H, W) whether a pixel lies on either side of one of the `boundary_edges`."""
    right, down = edges
    pixels = edge_starts(right, down)
    pixels[:, 1:] |= right
    pixels[1:] |= down
    return pixels


def boundary_starts(edges: tuple[Mask, Mask]) -> Mask:
    """Return (H, W) whether one of the `boundary_edges` runs to the right of a pixel or below it.

    That is what the boundary probability of a restoration states, pixel by pixel.
    """
    return edge_starts(*edges)


def near_boundary(pixels: Mask) -> Mask:
    """Return (H, W) whether one of these boundary pixels (H, W) is within 2 pixels."""
    return distance_transform_edt(~pixels) <= NEAR if pixels.any() else pixels


def score(restored: ArrayLike, truth: ArrayLike, measured: Mask, valid: Mask | None = None) -> Scores:
    """Compare a restored map with the full one.

    Parameters
    ----------
    restored, truth
        (H, W, 4) passive quaternions in the same frames.
    measured
        (H, W) whether EBSD measured the pixel.
    valid
        (H, W) whether the truth is known there; everywhere by default.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    restored, truth = np.asarray(restored, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if restored.shape != truth.shape or measured.shape != truth.shape[:2]:
        raise ValueError(f"shapes differ: restored {restored.shape}, truth {truth.shape}, measured {measured.shape}")
    valid = np.ones(measured.shape, dtype=bool) if valid is None else valid
    error = disorientation(restored, truth)
    true_edges, found_edges = boundary_edges(truth, valid), boundary_edges(restored, valid)
    true_pixels, found_pixels = boundary_pixels(true_edges), boundary_pixels(found_edges)
    near = near_boundary(true_pixels)
    unmeasured = valid & ~measured
    precision, recall, f1 = _exact(found_edges, true_edges)
    return Scores(
        *_angles(error[unmeasured]),
        *_angles(error[unmeasured & near]),
        _angles(error[valid & measured])[1],
        precision,
        recall,
        f1,
        _tolerant_f1(found_pixels, true_pixels),
    )


def _angles(error: Array) -> tuple[float, float, float]:
    if error.size == 0:
        return (np.nan, np.nan, np.nan)
    return float(error.mean()), float(np.median(error)), float((error > BOUNDARY_ANGLE).mean())


def _exact(found: tuple[Mask, Mask], true: tuple[Mask, Mask]) -> tuple[float, float, float]:
    hits = sum(int((f & t).sum()) for f, t in zip(found, true, strict=True))
    claimed, present = (sum(int(part.sum()) for part in parts) for parts in (found, true))
    precision = hits / claimed if claimed else 1.0
    recall = hits / present if present else 1.0
    return precision, recall, 2 * hits / (claimed + present) if claimed + present else 1.0


def _tolerant_f1(found: Mask, true: Mask) -> float:
    square = np.ones((3, 3), dtype=bool)
    precision = float((found & binary_dilation(true, square)).sum() / found.sum()) if found.any() else 1.0
    recall = float((true & binary_dilation(found, square)).sum() / true.sum()) if true.any() else 1.0
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def light_nrmse(restored: ArrayLike, clean: ArrayLike, valid: Mask | None = None) -> float:
    """Return the root-mean-square error of light harmonics over the standard deviation of the clean ones.

    Parameters
    ----------
    restored, clean
        (C, H, W) canonical harmonics, any channels of them.
    valid
        (H, W) pixels that count.

    Returns
    -------
    0 for a perfect restoration, 1 for one that knows the mean of every channel only.
    """
    a, b = np.asarray(restored, dtype=np.float64), np.asarray(clean, dtype=np.float64)
    keep = np.ones(a.shape[1:], dtype=bool) if valid is None else valid
    a, b = a[:, keep], b[:, keep]
    return float(np.sqrt(((a - b) ** 2).sum() / ((b - b.mean(axis=1, keepdims=True)) ** 2).sum()))


def coverage(error: ArrayLike, bound: ArrayLike, valid: Mask | None = None) -> float:
    """Return the share of pixels whose error is within the bound stated for them; 0.9 for an honest 90 % bound.

    Parameters
    ----------
    error, bound
        (H, W) degrees.
    valid
        (H, W) pixels that count.
    """
    within = np.asarray(error) <= np.asarray(bound)
    return float(within.mean() if valid is None else within[valid].mean())


def calibration_error(
    probability: ArrayLike, happened: ArrayLike, valid: Mask | None = None, *, bins: int = 10
) -> float:
    """Return the expected calibration error of a probability, pixel by pixel.

    The mean over pixels of |mean probability - share that happened| of the pixel's bin, bins of equal width
    (Naeini, Cooper & Hauskrecht, AAAI 2015).

    Parameters
    ----------
    probability
        (H, W) stated probability of a boundary, 0 to 1.
    happened
        (H, W) bool, `boundary_starts` of the truth for the probability of `restore.result.Result`.
    valid
        (H, W) pixels that count.
    bins
        Number of bins.
    """
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    keep = np.ones(p.shape, dtype=bool) if valid is None else valid
    p, y = p[keep], y[keep]
    if p.size == 0:
        return float("nan")
    index = np.minimum((p * bins).astype(int), bins - 1)
    gap = np.bincount(index, weights=p - y, minlength=bins)
    return float(np.abs(gap).sum() / p.size)
