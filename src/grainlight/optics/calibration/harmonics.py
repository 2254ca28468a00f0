"""Least-squares harmonics of an image stack against the rotation angle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grainlight.errors import InputError
from grainlight.maps.light_stack import LEAST_ANGLES, LEAST_EIGENVALUE, harmonic_design

_CHUNK = 1 << 17  # pixels fitted at once; 18 frames of them are 9 MB in single precision
_GAIN_SAMPLE = 20_000
_GAIN_ROUNDS = 8


@dataclass(frozen=True)
class Harmonics:
    """The intensity a0 + a2c cos 2t + a2s sin 2t + a4c cos 4t + a4s sin 4t per pixel, t the rotation angle.

    Parameters
    ----------
    coefficients
        (5, H, W): a0, a2c, a2s, a4c, a4s in the images' unit; NaN where nothing was measured.
    residual_rms
        (H, W): standard deviation of one frame about the fit, in the images' unit (degrees of freedom counted);
        0 everywhere when there are just five frames.
    clipped
        (H, W): how many frames were left out at a pixel because they were saturated or not finite.
    frame_gain
        (N,): relative brightness of the frames, mean 1.
    covariance
        (5, 5): covariance of the coefficients for unit noise in a frame.
    freedom
        Degrees of freedom of the residual, N - 5.
    averaging
        Factor by which later resampling has lowered the noise of the coefficients, 1 as fitted.
    missing
        (H, W): how many of the frames left out at a pixel had not recorded it (no number); None where all had.
    excess
        (3, H, W): factor on the noise of each group because frames were missing there; None where none was.
    """

    coefficients: Tensor
    residual_rms: Tensor
    clipped: Tensor
    frame_gain: Tensor
    covariance: Tensor
    freedom: int
    averaging: float = 1.0
    missing: Tensor | None = None
    excess: Tensor | None = None

    @property
    def saturated(self) -> Tensor:
        """(H, W): how many frames were left out at a pixel though they had recorded it."""
        return self.clipped if self.missing is None else self.clipped - self.missing

    @property
    def group_noise(self) -> tuple[float, float, float]:
        """Standard deviation of one coefficient of the groups A0, A2, A4 for unit noise in a frame."""
        d = self.covariance.diagonal().tolist()
        factors = (d[0], (d[1] + d[2]) / 2, (d[3] + d[4]) / 2)
        a0, a2, a4 = (self.averaging * math.sqrt(f) for f in factors)
        return a0, a2, a4

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.residual_rms.shape[0]), int(self.residual_rms.shape[1])

    def replaced(self, **changes: Any) -> Harmonics:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


def design_matrix(angles_deg: Sequence[float] | Tensor) -> Tensor:
    """Return the (N, 5) float64 values of 1, cos 2t, sin 2t, cos 4t, sin 4t at N angles [degrees]."""
    angles = torch.as_tensor(angles_deg, dtype=torch.float64).flatten()
    return torch.from_numpy(harmonic_design(angles.cpu().numpy()))


def fit_harmonics(
    images: Tensor,
    angles_deg: Sequence[float] | Tensor,
    *,
    saturation: float | None = None,
    frame_gains: bool = True,
    gains: Tensor | None = None,
) -> Harmonics:
    """Fit the constant, second and fourth harmonic to every pixel of a stack.

    Parameters
    ----------
    images
        (N, H, W), any integer or floating type; sample fixed in the images (stage rotation undone).
    angles_deg
        N angles [degrees], any spacing, at least five that differ modulo 180.
    saturation
        Values at or above it are left out. None takes the largest value of an integer stack if that is a full scale
        (255, 1023, 4095, 16383, 65535), else nothing.
    frame_gains
        Estimate a brightness per frame (lamp drift) and divide by it; needs more than five frames.
    gains
        (N,) that brightness where it is known already, as `find_gains` returns it.

    Raises
    ------
    InputError
        If angles and images do not match or cannot determine five coefficients.
    """
    design = design_matrix(angles_deg)
    _check(images, angles_deg, design)
    frames, rows, columns = images.shape
    device = images.device
    dtype = torch.float64 if images.dtype == torch.float64 else torch.float32
    flat = images.reshape(frames, rows * columns)
    limit = full_scale(images) if saturation is None else saturation
    gain = torch.ones(frames, dtype=torch.float64) if gains is None else gains
    if gains is None and frame_gains and frames > 5:
        gain = _frame_gains(flat, design, limit)
    inverse = torch.linalg.pinv(design)
    matrix, solver = design.to(device, dtype), inverse.to(device, dtype)
    scale = (1 / gain).to(device, dtype)[:, None]

    coefficients = torch.empty(5, rows * columns, dtype=dtype, device=device)
    spread = torch.empty(rows * columns, dtype=dtype, device=device)
    clipped = torch.zeros(rows * columns, dtype=torch.int16, device=device)
    missing: Tensor | None = None
    excess: Tensor | None = None
    for start in range(0, rows * columns, _CHUNK):
        part = slice(start, start + _CHUNK)
        values = flat[:, part].to(dtype)
        # not below: at the limit, or no number
        over = None if limit is None else ~(values.amax(0) < limit)
        scaled = values * scale
        fit = solver @ scaled
        squares = scaled.addmm_(matrix, fit, alpha=-1).square_().sum(0).div_(max(frames - 5, 1))
        lost = ~torch.isfinite(squares)
        lost = lost if over is None else lost.logical_or_(over)
        if bool(lost.any()):
            some = values[:, lost]
            unseen = ~torch.isfinite(some)
            bad = unseen if limit is None else unseen | (some >= limit)
            fit[:, lost], squares[lost], more = fit_some(some * scale, bad, matrix)
            clipped[part][lost] = bad.sum(0).to(torch.int16)
            if bool(unseen.any()):
                if missing is None or excess is None:
                    missing, excess = torch.zeros_like(clipped), torch.ones_like(coefficients[:3])
                missing[part][lost] = unseen.sum(0).to(torch.int16)
                excess[:, part][:, lost] = torch.where(unseen.any(0), more, 1.0)
        coefficients[:, part], spread[part] = fit, squares.sqrt_()
    if frames == 5:
        spread = torch.where(torch.isfinite(spread), torch.zeros_like(spread), spread)
    return Harmonics(
        coefficients.view(5, rows, columns),
        spread.view(rows, columns),
        clipped.view(rows, columns),
        gain,
        torch.linalg.inv(design.T @ design),
        frames - 5,
        missing=None if missing is None else missing.view(rows, columns),
        excess=None if excess is None else excess.view(3, rows, columns),
    )


def fit_some(values: Tensor, bad: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Fit pixels (N, M) of which some frames (N, M) do not count.

    Returns
    -------
    Coefficients (5, M), the residual's variance (M,), and the factor (3, M) on the noise of each group because of the
    frames that do not count; NaN where too few are left.
    """
    x = matrix.to(torch.float64)
    y = torch.where(bad, 0.0, values.to(torch.float64))
    # Many pixels have lost the same frames, so that there are few systems of equations.
    patterns, which = torch.unique(_packed(bad), dim=1, return_inverse=True)
    first = torch.zeros(patterns.shape[1], dtype=torch.long, device=x.device)
    first[which] = torch.arange(len(which), device=x.device)
    use = (~bad[:, first]).to(torch.float64)
    normal = torch.einsum("nm,ni,nj->mij", use, x, x)
    left = use.sum(0)
    # an ill-conditioned rest (say one quarter of the turn) would return numbers that mean nothing
    weakest = torch.linalg.eigvalsh(normal)[:, 0]
    enough = (left >= 5) & (weakest > 1e-3 * left)
    eye = torch.eye(5, dtype=torch.float64, device=x.device)
    inverse = torch.linalg.inv(torch.where(enough[:, None, None], normal, eye))
    usual = torch.linalg.inv(x.T @ x).diagonal()
    more = inverse.diagonal(dim1=1, dim2=2) / usual
    more = torch.stack((more[:, 0], more[:, 1:3].mean(1), more[:, 3:].mean(1))).sqrt()
    fit = torch.einsum("mij,jm->im", inverse[which], x.T @ y)
    squares = torch.where(bad, 0.0, y - x @ fit).square_().sum(0) / (left[which] - 5).clamp_min(1)
    lost = ~enough[which]
    return tuple(part.masked_fill(lost, torch.nan).to(values.dtype) for part in (fit, squares, more[:, which]))  # type: ignore[return-value]


def _packed(bad: Tensor) -> Tensor:
    """The columns of a mask (N, M) as whole numbers (n, M), 60 rows in each."""
    words = []
    for rows in bad.split(60):
        bits = torch.bitwise_left_shift(torch.ones(1, dtype=torch.int64), torch.arange(len(rows)))
        words.append((rows * bits[:, None].to(bad.device)).sum(0))
    return torch.stack(words)


def find_gains(images: Tensor, angles_deg: Sequence[float] | Tensor, saturation: float | None = None) -> Tensor:
    """Return the relative brightness (N,) of the frames of a stack as `fit_harmonics` estimates it."""
    design = design_matrix(angles_deg)
    _check(images, angles_deg, design)
    frames = images.shape[0]
    limit = full_scale(images) if saturation is None else saturation
    if frames <= 5:
        return torch.ones(frames, dtype=torch.float64)
    return _frame_gains(images.reshape(frames, -1), design, limit)


def _frame_gains(flat: Tensor, design: Tensor, limit: float | None) -> Tensor:
    """Alternate between the fit of a sample of pixels and the median ratio of each frame to it."""
    pixels = flat.shape[1]
    # an irrational stride never falls into step with the rows of the image
    stride = max(1.0, pixels / _GAIN_SAMPLE + 0.618)
    chosen = torch.arange(0, pixels, stride, dtype=torch.float64).long().to(flat.device)
    sample = torch.stack([_at(frame, chosen).to("cpu") for frame in flat])
    good = torch.isfinite(sample).all(0)
    if limit is not None:
        good &= (sample < limit).all(0)
    sample = sample[:, good]
    gain = torch.ones(sample.shape[0], dtype=torch.float64)
    if sample.shape[1] < 50:
        return gain
    project = design @ torch.linalg.pinv(design)
    for _ in range(_GAIN_ROUNDS):
        model = project @ (sample / gain[:, None])
        floor = 0.3 * model.mean(0).clamp_min(torch.finfo(torch.float64).tiny)
        ratio = torch.where(model > floor, sample / model.clamp_min(floor), torch.inf)
        update = torch.stack([_lower_median(row) for row in ratio])
        gain = torch.where(torch.isfinite(update) & (update > 0), update, gain)
        gain = gain / gain.mean()
    return gain


def _at(frame: Tensor, chosen: Tensor) -> Tensor:
    """Return some pixels of a frame (P,) as float64, without a copy of the others.

    torch before 2.10 cannot index uint16: its bits are indexed, taken for int16, whose negative numbers are what lies
    above 32767.
    """
    if frame.dtype != torch.uint16:
        return frame[chosen].to(torch.float64)
    return torch.remainder(frame.view(torch.int16)[chosen].to(torch.float64), 65536.0)


def _lower_median(values: Tensor) -> Tensor:
    """Return the median of what is finite (the lower of two); not finite where nothing is."""
    middle = max(int(torch.isfinite(values).sum()) - 1, 0) // 2
    return torch.from_numpy(np.partition(values.numpy(), middle))[middle]


def full_scale(images: Tensor) -> float | None:
    """Return the largest value of an integer stack where that is the full scale of a camera, else None."""
    if images.dtype.is_floating_point or images.numel() == 0:
        return None
    top = max(int(frame.to(torch.int64).max()) for frame in images)
    return float(top) if top in (255, 1023, 4095, 16383, 65535) else None


def _check(images: Tensor, angles_deg: Sequence[float] | Tensor, design: Tensor) -> None:
    if images.ndim != 3:
        raise InputError(
            "The light images are not one stack.",
            found=f"an array of {images.ndim} axes",
            expected="frames x rows x columns",
        )
    if design.shape[0] != images.shape[0]:
        raise InputError(
            "The light stack and the list of angles differ in length.",
            found=f"{images.shape[0]} images and {design.shape[0]} angles",
            expected="one angle for every image, in the same order",
            advice="check --angles (the stop value is excluded: 0:180:10 is 18 angles)",
        )
    turned = torch.as_tensor(angles_deg, dtype=torch.float64).flatten() % 180
    if not bool(torch.isfinite(turned).all()):
        raise InputError("An angle is not a number.", expected="finite angles in degrees")
    distinct = len({round(float(t) * 1e3) % 180_000 for t in turned})
    weakest = float(torch.linalg.eigvalsh(design.T @ design)[0]) / max(len(design), 1)
    if distinct < LEAST_ANGLES or weakest < LEAST_EIGENVALUE:
        raise InputError(
            "The angles do not determine the second and fourth harmonic.",
            found=f"{distinct} angles that differ modulo 180 degrees",
            expected="at least five, spread over 180 degrees",
            advice="take more images; 12 to 36 evenly over 180 degrees are usual",
        )
