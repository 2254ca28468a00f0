"""The canonical state of every pixel from few images: fewer equations than harmonics, and what is near to fill them up.

A pixel shows the c-axis of a grain that EBSD met nearby, or of one that it missed. So the prior of the five harmonics
is a mixture: the nearest known points, weighted by distance, and one broad Gaussian with the moments of the whole
section. The K images are K linear equations with noise; the posterior is a mixture again, and its mean and variance
per group go to the network. Where the light cannot tell two neighbours apart the variance says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from grainlight.optics.calibration.canonical import (
    CONTRADICTION,
    INCONSISTENT,
    MISFITTING,
    NEIGHBOURHOOD,
    OUTSIDE,
    SATURATED,
    CanonicalLight,
    level_report,
)
from grainlight.optics.calibration.light_noise import interpolate
from grainlight.optics.calibration.relief import local_mean
from grainlight.optics.calibration.robust import spread
from grainlight.optics.few_images.image_fit import ImageFit
from grainlight.optics.forward.curves import IDEAL
from grainlight.optics.forward.illumination import Relief, flat_relief

_NEAR = 10
_WIDTH = 0.7  # of the weight in space, in distances between known points
_BROAD = 0.05  # weight of a grain that EBSD missed, beside 1 for a point at the pixel itself
_CAUTION = 2.0  # factor on the variance of the brightness: relief and blur are neither normal nor independent
_SAME_GRAIN = 0.03  # standard deviation of the harmonics within a grain
_UNKNOWN = 0.8  # share of a group's own spread beyond which its posterior says nothing
_STRANGE = 9.0  # squared distance per equation of a brightness that no c-axis has
_CAPPED = 5.0
_BLIND = 1e3  # noise of an equation that does not count, in units of the image's brightness
_PIXELS = 1 << 16


@dataclass(frozen=True)
class _Points:
    """What each known point says: harmonics (P, 5), brightness (P, K), its variance (P, K), log of its weight (P,)."""

    state: Tensor
    brightness: Tensor
    variance: Tensor
    weight: Tensor


@dataclass(frozen=True)
class _Broad:
    """Moments of the section: mean (5,) and covariance (5, 5) of the harmonics, mean (K,) and covariance (K, K) of the
    brightness, covariance between them (5, K)."""

    mean: Tensor
    covariance: Tensor
    seen: Tensor
    seen_covariance: Tensor
    cross: Tensor


def few_images(images: Tensor, fit: ImageFit, *, saturated: Tensor | None = None) -> CanonicalLight:
    """Turn few images into the canonical state with noise levels.

    Parameters
    ----------
    images
        (K, H, W), NaN where nothing was measured; those that the fit is of.
    fit
        From `fit_images`.
    saturated
        (K, H, W) bool: counts that say no more than "bright".

    Returns
    -------
    CanonicalLight
        In the limit of weak anisotropy. The states of neighbouring known points stand in it wherever the images cannot
        tell better, with the variance that this has.
    """
    count, rows, columns = images.shape
    y = images.double()
    lost = ~torch.isfinite(y)
    outside = lost.all(0)
    clipped = torch.zeros_like(lost) if saturated is None else saturated & ~lost
    for k in range(count):
        row = torch.arange(rows, dtype=torch.float64)[:, None]
        light = fit.light_at(k, row, torch.arange(columns, dtype=torch.float64))
        y[k] = torch.where(lost[k], 0.0, y[k]) / light
    tables = [_noise_table(y[k], lost[k] | clipped[k]) for k in range(count)]
    spreads = torch.tensor([spread(r) for r in fit.residual.T], dtype=torch.float64).clamp_min(1e-12)
    points = _points(fit, tables, spreads)
    broad = _broad(points.state, fit.expected)
    correlation = _correlation(fit.residual / spreads)
    miss = _local_miss(fit, spreads)

    noise = torch.stack([interpolate(y[k], *tables[k]) for k in range(count)])
    column = torch.arange(columns, dtype=torch.float64)
    worse = miss.at(torch.arange(rows, dtype=torch.float64)[:, None], column)
    worse = torch.where(worse > MISFITTING, worse, 1.0)
    variance = noise.square() * worse.square()
    scale = y.abs().flatten(1).median(1).values.clamp_min(1e-300)
    variance = torch.where(lost | clipped, ((_BLIND * scale) ** 2)[:, None, None], variance)

    tree = cKDTree(fit.positions.numpy())
    known = min(_NEAR, len(fit.positions))
    spacing = float(np.median(tree.query(fit.positions.numpy(), k=2)[0][:, 1]))
    state = torch.empty(5, rows, columns)
    sigma = torch.empty(3, rows, columns)
    strange = torch.empty(rows, columns)
    step = max(1, _PIXELS // (columns * max(1, count * count // 4)))
    for start in range(0, rows, step):
        part = slice(start, min(start + step, rows))
        grid = np.stack(np.meshgrid(np.arange(part.start, part.stop), np.arange(columns), indexing="ij"), -1)
        distance, index = tree.query(grid.reshape(-1, 2), k=known)
        apart = torch.from_numpy(distance.reshape(len(distance), -1)) / (_WIDTH * spacing)
        mean, levels, far = _mixture(
            y[:, part].flatten(1).T,
            variance[:, part].flatten(1).T,
            (apart, torch.from_numpy(index.reshape(len(index), -1))),
            (points, broad, correlation),
        )
        state[:, part] = mean.T.reshape(5, -1, columns).float()
        sigma[:, part] = levels.T.reshape(3, -1, columns).float()
        strange[part] = far.reshape(-1, columns).float()

    blind = (lost | clipped).all(0)
    size = points.state.var(0)
    limits = _UNKNOWN * torch.stack((size[0], size[1:3].mean(), size[3:].mean())).sqrt()
    sigma = torch.where((sigma > limits[:, None, None]) | blind, torch.inf, sigma)
    state = torch.where(outside, 0.0, state)
    flags = outside.to(torch.int16) * OUTSIDE
    flags |= (clipped.any(0) & ~outside).to(torch.int16) * SATURATED
    flags |= ((worse > 1) & ~outside).to(torch.int16) * CONTRADICTION
    flags |= ((strange > _STRANGE) & ~blind).to(torch.int16) * INCONSISTENT
    return CanonicalLight(state, sigma, flags, (), _report(fit, sigma, flags))


def _mixture(
    y: Tensor, variance: Tensor, near: tuple[Tensor, Tensor], model: tuple[_Points, _Broad, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean (N, 5), standard deviation per group (N, 3) and strangeness (N,) of N pixels.

    ``y``, ``variance`` (N, K) brightness and its variance; ``near``: scaled distance and index (N, M) of the points.
    """
    apart, index = near
    points, broad, correlation = model
    inverse = torch.linalg.inv(correlation)
    deviation = (_CAUTION * (points.variance[index] + variance[:, None])).sqrt()
    z = (y[:, None] - points.brightness[index]) / deviation
    likely = -0.5 * torch.einsum("nmi,ij,nmj->nm", z, inverse, z) - deviation.log().sum(-1)
    likely = likely - 0.5 * torch.logdet(correlation) - 0.5 * apart.square() + points.weight[index]

    own = (_CAUTION * (variance + points.variance.median(0).values)).sqrt()
    total = broad.seen_covariance + own[:, :, None] * correlation * own[:, None, :]
    precision = torch.linalg.inv(total)
    off = y - broad.seen
    gain = broad.cross @ precision
    far = torch.einsum("ni,nij,nj->n", off, precision, off)
    missed = math.log(_BROAD) - 0.5 * far - 0.5 * torch.logdet(total)
    elsewhere = broad.mean + torch.einsum("nij,nj->ni", gain, off)
    left = broad.covariance.diagonal() - torch.einsum("nij,ij->ni", gain, broad.cross)

    share = torch.softmax(torch.cat((likely, missed[:, None]), 1), 1)
    of_points, of_broad = share[:, :-1, None], share[:, -1:]
    states = points.state[index]
    mean = (of_points * states).sum(1) + of_broad * elsewhere
    square = (of_points * states.square()).sum(1) + of_broad * (elsewhere.square() + left.clamp_min(1e-3))
    spread_out = (square - mean.square()).clamp_min(0.0) + _SAME_GRAIN**2
    levels = torch.stack((spread_out[:, 0], spread_out[:, 1:3].mean(1), spread_out[:, 3:].mean(1)), 1).sqrt()
    # the nearest explanation, be it a point or the section as a whole
    closest = torch.minimum(z.square().mean(-1).amin(1), far / y.shape[1])
    return mean, levels, closest


def _points(fit: ImageFit, tables: list[tuple[Tensor, Tensor]], spreads: Tensor) -> _Points:
    expected = fit.expected
    noise = torch.stack([interpolate(expected[:, k], *tables[k]) for k in range(len(tables))], 1).square()
    total = spreads.square()
    # what is left of the residual after noise belongs to the grain: relief, oxide, curves of the material
    of_grain = (total - noise.median(0).values).clamp_min(0.0) + 0.1 * total
    share = of_grain / (of_grain + noise)
    brightness = expected + share * fit.residual.clamp(-4 * spreads, 4 * spreads)
    variance = of_grain * (1 - share) + (0.02 * expected) ** 2
    # a point whose own brightness contradicts its c-axis (misindexed, dusty) does not count
    odd = (fit.residual / (2.4 * spreads)).square().amax(1)
    weight = -2 * torch.log1p(odd)
    state = IDEAL.of_axes(fit.c_axes).T.contiguous()
    return _Points(state, brightness, variance, weight)


def _broad(state: Tensor, seen: Tensor) -> _Broad:
    both = torch.cat((state, seen), 1)
    covariance = torch.cov(both.T)
    mean = both.mean(0)
    inner = covariance[:5, :5] + 1e-3 * torch.eye(5, dtype=torch.float64)
    return _Broad(mean[:5], inner, mean[5:], covariance[5:, 5:], covariance[:5, 5:])


def _correlation(residual: Tensor) -> Tensor:
    """Return how the residuals (P, K) of the images go together, drawn a little to independence."""
    count = residual.shape[1]
    if count == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    found = torch.nan_to_num(torch.corrcoef(residual.clamp(-3, 3).T))
    return 0.95 * found + 0.05 * torch.eye(count, dtype=torch.float64)


def _local_miss(fit: ImageFit, spreads: Tensor) -> Relief:
    """Return by how much more than usual the points of a neighbourhood miss their brightness."""
    miss = (fit.residual / spreads).square().mean(1).sqrt().clamp(max=_CAPPED)
    usual = float(miss.mean())
    if len(miss) < 50 or usual <= 0:
        return flat_relief(fit.shape)
    local = local_mean(miss, fit.positions, fit.shape, NEIGHBOURHOOD, usual)
    return Relief(local.factor / usual, fit.shape)


def _noise_table(image: Tensor, lost: Tensor) -> tuple[Tensor, Tensor]:
    """Return brightness and standard deviation of a pixel's noise, from the four neighbours of every pixel."""
    middle = image[1:-1, 1:-1]
    around = (image[:-2, 1:-1] + image[2:, 1:-1] + image[1:-1, :-2] + image[1:-1, 2:]) / 4
    near_lost = lost[1:-1, 1:-1] | lost[:-2, 1:-1] | lost[2:, 1:-1] | lost[1:-1, :-2] | lost[1:-1, 2:]
    level, apart = around[~near_lost], (middle - around)[~near_lost].abs()
    if len(level) < 50:
        return torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    stride = max(1, len(level) // 100_000)
    level, apart = level[::stride], apart[::stride]
    groups = torch.tensor_split(level.argsort(), max(1, min(12, len(level) // 50)))
    centre = torch.stack([level[g].mean() for g in groups])
    # boundaries are the few large differences that a median does not see
    return centre, torch.stack([apart[g].median() for g in groups]) * (1.4826 / math.sqrt(1.25))


def _report(fit: ImageFit, sigma: Tensor, flags: Tensor) -> dict[str, Any]:
    found: dict[str, Any] = {
        "points": len(fit.positions),
        "images": len(fit.models),
        "explained": [round(float(e), 3) for e in fit.explained],
        "chance": [round(float(e), 3) for e in fit.chance],
    }
    return found | level_report(sigma, flags)
