"""Small robust statistics: weighted least squares, spreads that ignore outliers, smooth fields over an image."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

_NORMAL = 1.4826  # standard deviation of a normal variable over its median absolute value
_RAYLEIGH = 1.1774  # median of the length of a complex variable whose parts have standard deviation one
_CAUCHY = 2.385  # 95 % efficiency for normal residuals


def weighted_fit(columns: Tensor, target: Tensor, weight: Tensor, ridge: Tensor) -> tuple[Tensor, Tensor]:
    """Solve min sum w |target - columns @ x|^2 + sum ridge |x|^2.

    Parameters
    ----------
    columns, target
        (P, n) and (P,), real or complex.
    weight
        (P,), not negative.
    ridge
        (n,), not negative.

    Returns
    -------
    x, inverse
        (n,) and the inverse (n, n) of the normal matrix: times the residual's variance it is the covariance of x.
    """
    weighted = columns.conj() * weight[:, None]
    return solve(weighted.T @ columns, weighted.T @ target, ridge)


def solve(normal: Tensor, right: Tensor, ridge: Tensor) -> tuple[Tensor, Tensor]:
    """Return x and inverse as `weighted_fit` does, of normal equations (n, n) and (n,) without the ridge (n,)."""
    normal = normal + torch.diag(ridge).to(normal.dtype)
    # a column that is zero everywhere (no contrast at all) must not stop the fit
    scale = normal.diagonal().real.clamp_min(0).mean().clamp_min(1e-300)
    normal = normal + 1e-12 * scale * torch.eye(len(ridge), dtype=normal.dtype)
    inverse = torch.linalg.inv(normal)
    return inverse @ right, inverse


def spread(residual: Tensor) -> float:
    """Return the standard deviation (of one part, for complex numbers) from the median absolute residual."""
    if residual.numel() == 0:
        return 0.0
    if residual.is_complex():
        return float(residual.abs().median()) / _RAYLEIGH
    return float(residual.abs().median()) * _NORMAL


def cauchy_weight(residual: Tensor, sigma: float) -> Tensor:
    """Return weights 1 / (1 + (r / 2.385 sigma)^2)."""
    scale = max(_CAUCHY * sigma, torch.finfo(torch.float64).tiny)
    return 1 / (1 + (residual.abs() / scale) ** 2)


def bins_of(size: Tensor, bins: int = 8) -> tuple[Tensor, ...]:
    """Return the indices of `bins` bins of equal number by `size` (P,); of fewer where points are few."""
    order = torch.from_numpy(np.argsort(size.numpy()))
    return torch.tensor_split(order, max(1, min(bins, len(order) // 20)))


def binned_mean(values: Tensor, groups: tuple[Tensor, ...]) -> Tensor:
    """Return the mean of `values` (P,) in each bin."""
    return torch.stack([values[g].mean() for g in groups])


def binned_variance(residual: Tensor, groups: tuple[Tensor, ...]) -> Tensor:
    """Return the robust variance of `residual` (P,) in each bin."""
    return torch.tensor([spread(residual[g]) ** 2 for g in groups], dtype=torch.float64)


def nonnegative_line(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return a >= 0 and b >= 0 of the relative least-squares line y = a + b x, for y >= 0 and x >= 0."""
    if float(y.max()) <= 0:
        return 0.0, 0.0
    weight = (y.mean() / (y + 0.1 * y.mean())) ** 2
    best, answer = math.inf, (float(y.mean()), 0.0)
    columns = torch.stack((torch.ones_like(x), x), 1)
    for use in ([0, 1], [0], [1]):
        part = columns[:, use]
        solution = torch.linalg.lstsq(part * weight.sqrt()[:, None], y * weight.sqrt()).solution
        if bool((solution < 0).any()) or not bool(torch.isfinite(solution).all()):
            continue
        cost = float((weight * (y - part @ solution) ** 2).sum())
        if cost < best - 1e-12:
            best = cost
            full = [0.0, 0.0]
            for i, value in zip(use, solution.tolist(), strict=True):
                full[i] = value
            answer = (full[0], full[1])
    return answer


def box_mean(image: Tensor, radius: int = 1) -> Tensor:
    """Return the mean over a square of 2 radius + 1 pixels of an image (H, W), over what is finite."""
    finite = torch.isfinite(image)
    size = 2 * radius + 1
    stacked = torch.stack((torch.where(finite, image, 0.0), finite.to(image.dtype)))
    pooled = torch.nn.functional.avg_pool2d(stacked[None], size, stride=1, padding=radius, count_include_pad=True)[0]
    return torch.where(pooled[1] > 0, pooled[0] / pooled[1].clamp_min(1e-6), torch.nan)


def soft_mean(image: Tensor) -> Tensor:
    """Return the mean over a pixel and its eight neighbours (H, W), the pixel itself counting for four ninths."""
    padded = torch.nn.functional.pad(image[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    tall = (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / 6
    return (tall[:, :-2] + 4 * tall[:, 1:-1] + tall[:, 2:]) / 6


def _changes(axes: Tensor) -> Tensor:
    """Return (P - 1,) whether the c-axis changes from one point of the list to the next by more than 4 degrees."""
    return (axes[1:] * axes[:-1]).sum(1).abs() < math.cos(math.radians(4))


def grain_count(axes: Tensor) -> float:
    """Return about how many grains c-axes (P, 3) in the order of their rows belong to."""
    share = float(_changes(axes).double().mean())
    return max(1.0, len(axes) * share * share)  # a grain is as high as it is wide


def grouping(residual: Tensor, axes: Tensor, sigma: float) -> float:
    """Return the factor on standard errors because residuals (P,) go together within grains; 1 for mere noise."""
    limit = 3 * max(sigma, 1e-300)
    r = residual * (limit / residual.abs().clamp_min(limit))
    together = (r[1:] * r[:-1].conj()).real[~_changes(axes)]
    if len(together) < 10:
        return 1.0
    share = float(together.mean() / r.abs().square().mean().clamp_min(1e-300))
    return math.sqrt(1 + max(0.0, share) * (len(axes) / grain_count(axes) - 1))
