"""Polarized-light images brought onto the output grid."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grainlight.optics.calibration.harmonics import Harmonics


def resample(
    image: Tensor,
    *,
    step_pl: float,
    origin: tuple[float, float] = (0.0, 0.0),
    rows: int,
    columns: int,
    step_out: float,
) -> Tensor:
    """Bring images onto a grid whose pixel (0, 0) is the first EBSD point.

    Where the images are finer, each output pixel is the mean over its own area (sums are kept); where they are
    coarser, a cubic through four pixels a side.

    Parameters
    ----------
    image
        (..., H, W); pixel (r, c) is centred at x = origin_x + c step_pl, y = origin_y + r step_pl [um], y downward.
        NaN pixels count as not measured.
    step_pl, step_out
        Pixel size of the images and of the output [um].
    origin
        x, y of the centre of the images' first pixel from the first EBSD point [um]; a mirrored light path is undone
        by the caller (`image.flip(-1)`).
    rows, columns
        Size of the output.

    Returns
    -------
    Tensor
        (..., rows, columns); NaN where the centre of a pixel is outside the images or nothing was measured.
    """
    high, wide = image.shape[-2:]
    index_r, weight_r = _taps(high, rows, step_pl, origin[1], step_out)
    index_c, weight_c = _taps(wide, columns, step_pl, origin[0], step_out)
    if _same(index_r, weight_r, high) and _same(index_c, weight_c, wide):
        return image if image.is_floating_point() else image.to(torch.float32)
    flat = image.reshape(-1, high, wide)
    flat = flat if flat.is_floating_point() else flat.to(torch.float32)
    finite = torch.isfinite(flat)
    if bool(finite.all()):
        result = _separable(flat, index_r, weight_r, index_c, weight_c)
    else:
        filled = torch.where(finite, flat, torch.zeros_like(flat))
        share = _separable(finite.to(flat.dtype), index_r, weight_r, index_c, weight_c)
        result = _separable(filled, index_r, weight_r, index_c, weight_c)
        result = torch.where(share > 0.5, result / share.clamp_min(0.25), torch.nan)
    outside_r, outside_c = weight_r.sum(1) < 0.5, weight_c.sum(1) < 0.5
    result[:, outside_r.to(result.device), :] = torch.nan
    result[:, :, outside_c.to(result.device)] = torch.nan
    return result.reshape(*image.shape[:-2], rows, columns)


def resample_harmonics(
    harmonics: Harmonics,
    *,
    step_pl: float,
    origin: tuple[float, float] = (0.0, 0.0),
    rows: int,
    columns: int,
    step_out: float,
) -> Harmonics:
    """Return harmonics on the output grid, with the noise that averaging has taken away written down.

    Parameters are those of `resample`. The residual of the fit is averaged as it is (it describes one frame of the
    original images); `clipped` becomes the nearest pixel's largest count, rounded up.
    """
    grid = {"step_pl": step_pl, "origin": origin, "rows": rows, "columns": columns, "step_out": step_out}
    sides = zip(harmonics.shape, (rows, columns), origin[::-1], strict=True)
    if all(_same(*_taps(size, count, step_pl, start, step_out), size) for size, count, start in sides):
        return harmonics
    coefficients = resample(harmonics.coefficients, **grid)  # type: ignore[arg-type]
    variance = resample(harmonics.residual_rms.square(), **grid)  # type: ignore[arg-type]
    saturated = _count(resample(harmonics.saturated.to(coefficients.dtype), **grid))  # type: ignore[arg-type]
    missing = excess = None
    if harmonics.missing is not None and harmonics.excess is not None:
        missing = _count(resample(harmonics.missing.to(coefficients.dtype), **grid))  # type: ignore[arg-type]
        excess = resample(harmonics.excess, **grid)  # type: ignore[arg-type]
    high, wide = harmonics.shape
    keep = 1.0
    for size, count, start in ((high, rows, origin[1]), (wide, columns, origin[0])):
        _, weight = _taps(size, count, step_pl, start, step_out)
        inside = weight.sum(1) > 0.5
        if bool(inside.any()):
            keep *= float(weight[inside].square().sum(1).mean())
    return harmonics.replaced(
        coefficients=coefficients,
        residual_rms=variance.clamp_min(0).sqrt(),
        clipped=saturated if missing is None else saturated + missing,
        averaging=harmonics.averaging * math.sqrt(keep),
        missing=missing,
        excess=excess,
    )


def _count(image: Tensor) -> Tensor:
    """Counts of frames, rounded up, of their mean over pixels."""
    return torch.ceil(torch.nan_to_num(image, nan=0.0) - 1e-3).clamp_min(0).to(torch.int16)


def sample_at(image: Tensor, positions: Tensor) -> Tensor:
    """Return bilinear values (C, P) of an image (C, H, W) at positions (P, 2) of (row, column); NaN outside it."""
    high, wide = image.shape[-2:]
    at = positions.to(image.device, torch.float64)
    inside = (at > -0.5).all(1) & (at[:, 0] < high - 0.5) & (at[:, 1] < wide - 0.5)
    row = torch.nan_to_num(at[:, 0], nan=0.0).clamp(0, high - 1)
    column = torch.nan_to_num(at[:, 1], nan=0.0).clamp(0, wide - 1)
    if bool((row == row.round()).all()) and bool((column == column.round()).all()):
        value = image.reshape(len(image), -1)[:, row.long() * wide + column.long()]
        return value if bool(inside.all()) else torch.where(inside, value, torch.nan)
    r0, c0 = row.floor().long().clamp(max=max(high - 2, 0)), column.floor().long().clamp(max=max(wide - 2, 0))
    fr, fc = (row - r0).to(image.dtype), (column - c0).to(image.dtype)
    r1, c1 = (r0 + 1).clamp(max=high - 1), (c0 + 1).clamp(max=wide - 1)

    def part(r: Tensor, c: Tensor, weight: Tensor) -> Tensor:
        # a neighbour of no weight must not spoil a point by its NaN
        return torch.where(weight > 0, image[:, r, c] * weight, torch.zeros((), dtype=image.dtype, device=image.device))

    value = part(r0, c0, (1 - fr) * (1 - fc)) + part(r0, c1, (1 - fr) * fc)
    value = value + part(r1, c0, fr * (1 - fc)) + part(r1, c1, fr * fc)
    return torch.where(inside, value, torch.nan)


def _taps(size: int, count: int, step_in: float, origin: float, step_out: float) -> tuple[Tensor, Tensor]:
    """Return indices and weights (count, K) that make output samples along one axis; weights 0 outside."""
    centre = (torch.arange(count, dtype=torch.float64) * step_out - origin) / step_in
    width = step_out / step_in
    if width >= 1 - 1e-9:
        first = torch.floor(centre - width / 2 + 0.5)
        taps = math.ceil(width - 1e-9) + 1
        index = first[:, None] + torch.arange(taps, dtype=torch.float64)
        low = torch.maximum(index - 0.5, (centre - width / 2)[:, None])
        high = torch.minimum(index + 0.5, (centre + width / 2)[:, None])
        weight = (high - low).clamp_min(0.0)
        # an output pixel that hangs over the edge is the mean of the part inside
        weight = torch.where((index >= 0) & (index <= size - 1), weight, 0.0)
        total = weight.sum(1, keepdim=True)
        weight = weight / torch.where(total > 0, total, 1.0)
    else:
        first = torch.floor(centre) - 1
        index = first[:, None] + torch.arange(4, dtype=torch.float64)
        weight = _cubic((centre[:, None] - index).abs())
    inside = (centre > -0.5 - 1e-9) & (centre < size - 0.5 + 1e-9)
    weight = torch.where(inside[:, None], weight, 0.0)
    return index.clamp(0, size - 1).long(), weight


def _same(index: Tensor, weight: Tensor, size: int) -> bool:
    """Whether taps give a line of pixels back as it is."""
    if len(index) != size:
        return False
    own = torch.where(index == torch.arange(size)[:, None], weight, 0.0).sum(1)
    return bool(((own - 1).abs() < 1e-9).all()) and bool(((weight.sum(1) - 1).abs() < 1e-9).all())


def _cubic(t: Tensor) -> Tensor:
    """Keys' interpolating cubic kernel (a = -1/2) at distances t >= 0."""
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, torch.where(t < 2, far, 0.0))


def _separable(image: Tensor, index_r: Tensor, weight_r: Tensor, index_c: Tensor, weight_c: Tensor) -> Tensor:
    device, dtype = image.device, image.dtype
    index_r, index_c = index_r.to(device), index_c.to(device)
    weight_r, weight_c = weight_r.to(device, dtype), weight_c.to(device, dtype)
    tall = torch.zeros(image.shape[0], index_r.shape[0], image.shape[2], dtype=dtype, device=device)
    for k in range(index_r.shape[1]):
        tall += image[:, index_r[:, k], :] * weight_r[:, k, None]
    result = torch.zeros(image.shape[0], index_r.shape[0], index_c.shape[0], dtype=dtype, device=device)
    for k in range(index_c.shape[1]):
        result += tall[:, :, index_c[:, k]] * weight_c[:, k]
    return result
