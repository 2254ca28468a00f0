"""How far two sections are displaced against each other, by the normalised cross-correlation of their patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2

from grainlight.volume.alignment.pattern import Pattern, factor_for

BLOCKS = 16
"""Parts of the field, 4 x 4, whose scatter tells the error of a shift."""
COARSE = 256
"""Pixels a side at most of the images in which a shift is looked for first."""
LEAST_SHARED = 0.2
"""Of the smaller of two images: what both show at least where they are looked for."""
SMOOTH = 1.0
"""Pixels: Gaussian over coarse images."""
_SOFTNESS = (0.7, 2.0)  # pixels: Gaussians over the images of which that is taken whose peak is surest
_TAPER = 0.08  # of a side, at each edge
_LEAST_SIDE = 16  # pixels of overlap
_NEWTON = 12


@dataclass(frozen=True, eq=False)
class Pair:
    """Two sections, and how the upper one is to move against the lower one.

    Parameters
    ----------
    lower, upper
        Indices of the sections, from 0.
    shift
        x, y in um that the upper one is shifted by more than the lower one.
    error
        Standard error in um, the mean of both directions.
    quality
        Normalised cross-correlation at the peak, -1 to 1.
    prominence
        Height of the peak over the correlation elsewhere, in its robust standard deviations: below 6 it may be chance.
    influence
        (16, 2) um: what each block of the field brings to the shift; the sum is 0.
    overlap
        Area that both show at the peak, over that of the smaller one.
    """

    lower: int
    upper: int
    shift: tuple[float, float]
    error: float
    quality: float
    prominence: float
    influence: NDArray[np.float64]
    overlap: float = 1.0

    @property
    def distance(self) -> int:
        """Sections from the lower to the upper one."""
        return self.upper - self.lower


@dataclass(frozen=True)
class Peak:
    """Maximum of a correlation: rows and columns by which the second image is displaced, height, prominence."""

    at: tuple[int, int]
    quality: float
    prominence: float


def search(a: NDArray[np.float32], b: NDArray[np.float32]) -> Peak | None:
    """Look for the displacement of patterns (5, H, W) and (5, H', W') over half of a side; None if either is empty.

    Of all displacements that is taken whose sum of products, over the root of the overlap, is largest: what chance
    brings has the same spread then, whatever the overlap.
    """
    pad = [
        next_fast_len(max(m, n) + max(m, n) // 2 + 1, real=True) for m, n in zip(a.shape[1:], b.shape[1:], strict=True)
    ]
    low = _low_pass(pad[0], pad[1], SMOOTH)
    fa, fb = (rfft2(x, s=pad) * low for x in (a, b))
    area = float(np.prod(a.shape[1:])), float(np.prod(b.shape[1:]))
    powers = [float((_twice(pad[1]) * np.abs(f) ** 2).sum()) / (pad[0] * pad[1]) for f in (fa, fb)]
    if min(powers) <= 0:
        return None
    products = irfft2((fa.conj() * fb).sum(0), s=pad)
    moves, shared = displacements(a.shape[1:], b.shape[1:])
    surface = products[np.ix_(moves[0] % pad[0], moves[1] % pad[1])]
    score = np.where(shared >= LEAST_SHARED * min(area), surface / np.sqrt(shared), -np.inf)
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    seen = score[np.isfinite(score)]
    middle = float(np.median(seen))
    spread = 1.4826 * float(np.median(np.abs(seen - middle)))
    usual = np.sqrt(powers[0] / area[0] * powers[1] / area[1])
    quality = float(surface[row, column] / shared[row, column] / usual)
    prominence = (float(score[row, column]) - middle) / max(spread, 1e-12)
    return Peak((int(moves[0][row]), int(moves[1][column])), quality, prominence)


def displacements(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Displacements of an image of shape ``b`` against one of shape ``a`` along rows and columns, up to half of a side,
    and how many pixels both show (rows, columns), 1 at least."""
    moves = [np.arange(-(max(m, n) // 2), max(m, n) // 2 + 1) for m, n in zip(a, b, strict=True)]
    common = [np.minimum(m, n - s) - np.maximum(0, -s) for m, n, s in zip(a, b, moves, strict=True)]
    return moves, np.maximum(common[0], 1)[:, None] * np.maximum(common[1], 1)[None]


def shown_by_both(a: tuple[int, int], b: tuple[int, int], at: tuple[int, int]) -> float:
    """Area that images of shapes ``a`` and ``b`` share where the second is displaced, over that of the smaller one."""
    sides = [_overlap(m, n, s) for m, n, s in zip(a, b, at, strict=True)]
    area = float(np.prod([max(last - first, 0) for first, last in sides]))
    return area / float(min(np.prod(a), np.prod(b)))


def measure_pair(lower: tuple[int, Pattern], upper: tuple[int, Pattern]) -> Pair | None:
    """Return the shift of two sections, given as index and pattern of the same step; None where either is empty."""
    (i, a), (j, b) = lower, upper
    factor = factor_for((a.shape, b.shape), COARSE)
    coarse = [p.joined(factor) for p in (a, b)]
    found = search(coarse[0].weighted, coarse[1].weighted)
    if found is None:
        return None
    start = (found.at[0] * factor, found.at[1] * factor)
    finer = refine(a.weighted, b.weighted, start, 2 * factor if factor > 1 else 1)
    return None if finer is None else _pair(i, j, a, b, finer, found.quality, found.prominence)


def refine_pair(pair: Pair, lower: Pattern, upper: Pattern) -> Pair:
    """Return a pair whose shift is measured again in patterns of a finer step."""
    off = [(lower.origin[k] - upper.origin[k] - pair.shift[k]) / lower.step for k in (1, 0)]
    start = (round(off[0]), round(off[1]))
    reach = 2 + round(4 * pair.error / lower.step)
    finer = refine(lower.weighted, upper.weighted, start, min(reach, 12))
    return pair if finer is None else _pair(pair.lower, pair.upper, lower, upper, finer, pair.quality, pair.prominence)


def _pair(
    i: int,
    j: int,
    a: Pattern,
    b: Pattern,
    finer: tuple[tuple[float, float], NDArray[np.float64]],
    quality: float,
    prominence: float,
) -> Pair:
    at, influence = finer
    shift = (a.origin[0] - b.origin[0] - at[1] * a.step, a.origin[1] - b.origin[1] - at[0] * a.step)
    moved = -influence[:, ::-1] * a.step
    shared = shown_by_both(a.shape, b.shape, (round(at[0]), round(at[1])))
    return Pair(i, j, shift, float(np.sqrt((moved**2).sum() / 2)), quality, prominence, moved, shared)


def refine(
    a: NDArray[np.float32], b: NDArray[np.float32], start: tuple[int, int], reach: int
) -> tuple[tuple[float, float], NDArray[np.float64]] | None:
    """Find the displacement to a part of a pixel.

    The overlap at ``start`` is cut out of both, tapered, and the maximum of the trigonometric polynomial that is their
    correlation is found by Newton's method: no grid of pixels draws it to itself (Guizar-Sicairos et al., Optics
    Letters 33, 156 (2008), refine it on a grid).

    Parameters
    ----------
    a, b
        Weighted patterns (5, H, W), (5, H', W').
    start
        Rows and columns by which the second is displaced.
    reach
        Pixels about it within which the peak lies.

    Returns
    -------
    at
        Rows and columns.
    influence
        (16, 2) pixels: what each block of the overlap adds to ``at``, by the slope of its own part of the correlation.

    None where hardly anything overlaps.
    """
    cut = [_overlap(m, n, s) for m, n, s in zip(a.shape[1:], b.shape[1:], start, strict=True)]
    rows, columns = (c[1] - c[0] for c in cut)
    if min(rows, columns) < _LEAST_SIDE:
        return None
    taper = _taper(rows)[:, None] * _taper(columns)[None]
    fa = rfft2(a[:, cut[0][0] : cut[0][1], cut[1][0] : cut[1][1]] * taper)
    parts = [slice(c[0] + s, c[1] + s) for c, s in zip(cut, start, strict=True)]
    fb = rfft2(b[:, parts[0], parts[1]] * taper)
    power = (fa.conj() * fb).sum(0)
    front = irfft2(fa, s=(rows, columns))
    best: tuple[float, tuple[float, float], NDArray[np.float64]] | None = None
    for soft in _SOFTNESS:
        low = _low_pass(rows, columns, soft) ** 2
        at, curvature = _maximum(power * low, rows, columns, reach)
        influence = _influence(front, fb * low, at, curvature, rows, columns)
        size = float((influence**2).sum())
        if best is None or size < best[0]:
            best = size, at, influence
    assert best is not None
    return (start[0] + best[1][0], start[1] + best[1][1]), best[2]


def _overlap(m: int, n: int, move: int) -> tuple[int, int]:
    """Return first and last place + 1 of the first image's side that the second, displaced, covers."""
    return max(0, -move), min(m, n - move)


def _taper(count: int) -> NDArray[np.float32]:
    ramp = max(int(_TAPER * count), 2)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / ramp)
    window = np.ones(count, dtype=np.float32)
    window[:ramp], window[-ramp:] = rise, rise[::-1]
    return window


def _frequencies(rows: int, columns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angular frequencies (rows,), (columns // 2 + 1,) of `rfft2`; 0 at the ambiguous highest one."""
    v, u = np.fft.fftfreq(rows), np.fft.rfftfreq(columns)
    return 2 * np.pi * np.where(np.abs(v) < 0.5, v, 0.0), 2 * np.pi * np.where(u < 0.5, u, 0.0)


def _low_pass(rows: int, columns: int, sigma: float) -> NDArray[np.float32]:
    v, u = 2 * np.pi * np.fft.fftfreq(rows), 2 * np.pi * np.fft.rfftfreq(columns)
    low = np.exp(-0.5 * sigma**2 * (v[:, None] ** 2 + u[None] ** 2))
    return low.astype(np.float32)


def _twice(columns: int) -> NDArray[np.float32]:
    """How often a column of `rfft2` stands in the whole spectrum."""
    times = np.full(columns // 2 + 1, 2.0, dtype=np.float32)
    times[0] = 1.0
    if columns % 2 == 0:
        times[-1] = 1.0
    return times


def _maximum(
    power: NDArray[np.complexfloating], rows: int, columns: int, reach: int
) -> tuple[tuple[float, float], NDArray[np.float64]]:
    """Return the place of the maximum of a correlation within ``reach`` of 0, and its Hessian (2, 2) there."""
    surface = irfft2(power, s=(rows, columns))
    near = np.arange(-reach, reach + 1)
    window = surface[np.ix_(near % rows, near % columns)]
    row, column = np.unravel_index(int(window.argmax()), window.shape)
    v, u = _frequencies(rows, columns)
    full = power * _twice(columns) / (rows * columns)
    at = np.array([near[row], near[column]], dtype=np.float64)
    first = at.copy()
    for _ in range(_NEWTON):
        slope, hessian = _derivatives(full, v, u, at)
        # where it is no hill, go up the slope by a part of a pixel
        step = -np.linalg.solve(hessian, slope) if _hill(hessian) else 0.3 * slope / max(np.hypot(*slope), 1e-30)
        at = at + step * min(1.0, 0.7 / max(float(np.hypot(*step)), 1e-12))
        if np.hypot(*step) < 1e-4:
            break
    hessian = _derivatives(full, v, u, at)[1]
    if not _hill(hessian) or np.abs(at - first).max() > 1.5:  # no summit near the highest pixel
        return (float(first[0]), float(first[1])), hessian
    return (float(at[0]), float(at[1])), hessian


def _hill(hessian: NDArray[np.float64]) -> bool:
    return bool(hessian[0, 0] < 0 and np.linalg.det(hessian) > 0)


def _derivatives(
    full: NDArray[np.complexfloating], v: NDArray[np.float64], u: NDArray[np.float64], at: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope (2,) and Hessian (2, 2) of the correlation at rows, columns."""
    across = np.exp(1j * u * at[1])[:, None] * np.stack((np.ones_like(u), 1j * u, -u * u), 1)
    down = np.exp(1j * v * at[0])[:, None] * np.stack((np.ones_like(v), 1j * v, -v * v), 1)
    d = np.real(down.T @ (full @ across))
    return np.array([d[1, 0], d[0, 1]]), np.array([[d[2, 0], d[1, 1]], [d[1, 1], d[0, 2]]])


def _influence(
    front: NDArray[np.float32],
    spectrum: NDArray[np.complexfloating],
    at: tuple[float, float],
    hessian: NDArray[np.float64],
    rows: int,
    columns: int,
) -> NDArray[np.float64]:
    """Return by how much each of 4 x 4 blocks moves the maximum, (16, 2) pixels."""
    if not _hill(hessian):
        return np.full((BLOCKS, 2), float(max(rows, columns)) / BLOCKS)
    v, u = _frequencies(rows, columns)
    turned = spectrum * np.exp(1j * (v[:, None] * at[0] + u[None] * at[1])).astype(np.complex64)
    edges = [np.linspace(0, n, 5).astype(int)[:-1] for n in (rows, columns)]
    slopes = []
    for along in (1j * v[:, None], 1j * u[None]):
        steep = irfft2(turned * along.astype(np.complex64), s=(rows, columns))
        product = np.einsum("chw,chw->hw", front, steep)
        slopes.append(np.add.reduceat(np.add.reduceat(product, edges[0], 0), edges[1], 1).ravel())
    return np.asarray(-np.linalg.solve(hessian, np.stack(slopes).astype(np.float64)).T, dtype=np.float64)
