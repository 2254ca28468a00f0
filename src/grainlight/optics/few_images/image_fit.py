"""Single images as measurements of the five harmonics: each image regressed on the c-axes of the known points.

Whatever the setting of polarizer, analyzer, stage and wavelength, the brightness of a grain in one image is

    y = V(x, y) (m0 + m1 s + m2 s^2 + Re[m3 h2 (1 + k (1 - s))] + Re[m4 h4])

with s = sin^2(beta), h2 = s exp(2 i phi), h4 = h2^2 and complex m3, m4. The numbers m of an image are its row of the
design; they come from the points whose c-axis is known, so no angle is needed. Angles tie the rows of a full stack
together (`optics.calibration`); for few images free rows are as good, and nothing that was stated can be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.optics.calibration.point_light import chosen
from grainlight.optics.calibration.relief import Relief, fit_relief
from grainlight.optics.calibration.resample import sample_at
from grainlight.optics.calibration.robust import cauchy_weight, polynomial, spread, weighted_fit
from grainlight.optics.forward.state import powers

_ROUNDS = 10
_TURNS = 16
_LEAST_SHARE = 0.1
# Standard deviations by which the c-axes must explain more than the same c-axes do at other places.
_BEYOND_CHANCE = 6.0
# Doubt about each number of the row before the fit, in units of the image's mean.
_RIDGE = (0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 4.0, 4.0)


@dataclass(frozen=True)
class ImageFit:
    """Rows of the design of K images and what the P points say of them.

    Parameters
    ----------
    rows
        (K, 9): numbers of the basis `columns`, in each image's unit at the mean light.
    light, relief
        Per image: coefficients of the smooth light in `polynomial`, and the local brightness on top.
    residual
        (P, K): brightness at the points, freed of uneven light, minus what their c-axes should show.
    brightness
        (P, K): that brightness itself.
    c_axes, positions
        (P, 3) in frame S and (P, 2) row and column of the points used.
    explained, chance
        (K,): share of an image's variance that the c-axes explain; what c-axes put at wrong places might explain.
    shape, order
        Rows and columns of the images; order of the smooth light.
    """

    rows: Tensor
    light: tuple[Tensor, ...]
    relief: tuple[Relief, ...]
    residual: Tensor
    brightness: Tensor
    c_axes: Tensor
    positions: Tensor
    explained: Tensor
    chance: Tensor
    shape: tuple[int, int]
    order: int

    @property
    def follows(self) -> Tensor:
        """(K,) whether an image follows the c-axes, beyond what chance does."""
        return (self.explained > _LEAST_SHARE) & (self.explained > self.chance)

    @property
    def expected(self) -> Tensor:
        """(P, K) what the c-axes of the points should show under even light."""
        return columns(self.c_axes) @ self.rows.T

    def light_at(self, image: int, row: Tensor, column: Tensor) -> Tensor:
        """Return the brightness of the light in an image at pixel positions (broadcast together)."""
        basis = polynomial(row, column, self.shape, self.order)
        even = torch.tensordot(self.light[image], basis, dims=1).clamp_min(0.1)
        return even * self.relief[image].at(row, column)

    def part(self, keep: Tensor) -> ImageFit:
        """Return the fit of the images that are kept, (K,) bool."""
        chosen = keep.nonzero()[:, 0].tolist()
        return ImageFit(
            self.rows[keep],
            tuple(self.light[k] for k in chosen),
            tuple(self.relief[k] for k in chosen),
            self.residual[:, keep],
            self.brightness[:, keep],
            self.c_axes,
            self.positions,
            self.explained[keep],
            self.chance[keep],
            self.shape,
            self.order,
        )


def columns(c_axes: Tensor) -> Tensor:
    """Return the basis (P, 9) of brightness against c-axes (P, 3) in frame S."""
    s, h2, h4 = powers(c_axes)
    bent = (1 - s) * h2
    parts = (torch.ones_like(s), s, s * s, h2.real, h2.imag, h4.real, h4.imag, bent.real, bent.imag)
    return torch.stack(parts, 1)


def fit_images(images: Tensor, c_axes: Tensor, positions: Tensor) -> ImageFit:
    """Find each image's row of the design, its light and how well it follows the c-axes.

    Parameters
    ----------
    images
        (K, H, W), NaN where nothing was measured.
    c_axes
        (P, 3) unit vectors in frame S at known points; wrong ones are tolerated.
    positions
        (P, 2) row and column of the points in pixels of the images; points outside are ignored.

    Raises
    ------
    InputError
        If too few points lie on the images.
    """
    shape = (int(images.shape[1]), int(images.shape[2]))
    at, axes = positions.to("cpu", torch.float64), c_axes.to("cpu", torch.float64)
    values = sample_at(images.double(), at).cpu()
    good = chosen(torch.isfinite(values).all(0) & torch.isfinite(axes).all(1))
    values, axes, at = values[:, good], axes[good], at[good]
    order = 0 if len(at) < 40 else 1 if len(at) < 100 else 2 if len(at) < 400 else 3
    basis, design = polynomial(at[:, 0], at[:, 1], shape, order), columns(axes)
    rows, light, relief, residual, brightness, explained, chance = [], [], [], [], [], [], []
    for y in values:
        row, even, noise = _fit(y, design, basis)
        v = (even @ basis).clamp_min(0.1)
        local = fit_relief(y, v * (design @ row), noise, at, shape)
        seen = y / (v * local.at(at[:, 0], at[:, 1]))
        rows.append(row)
        light.append(even)
        relief.append(local)
        brightness.append(seen)
        residual.append(seen - design @ row)
        # the light is fitted with the rows: what it took up is no evidence, so it is divided out for both
        level = y / v
        explained.append(_share(level, design))
        chance.append(_chance(level, design))
    return ImageFit(
        torch.stack(rows),
        tuple(light),
        tuple(relief),
        torch.stack(residual, 1),
        torch.stack(brightness, 1),
        axes,
        at,
        torch.tensor(explained, dtype=torch.float64),
        torch.tensor(chance, dtype=torch.float64),
        shape,
        order,
    )


def _fit(values: Tensor, design: Tensor, basis: Tensor) -> tuple[Tensor, Tensor, float]:
    """Alternate between the row (given the light) and the light (given the row), outliers losing weight."""
    unit = values.abs().median().clamp_min(1e-300)
    y = values / unit
    light = torch.zeros(len(basis), dtype=torch.float64)
    light[0] = 1.0
    weight, noise = torch.ones_like(y), 1.0
    ridge = torch.tensor(_RIDGE, dtype=torch.float64)
    prior = torch.full((len(basis),), 1 / 0.3**2, dtype=torch.float64)
    row = torch.zeros(design.shape[1], dtype=torch.float64)
    for _ in range(_ROUNDS):
        v = (light @ basis).clamp_min(0.1)
        row, _ = weighted_fit(design * v[:, None], y, weight, ridge * noise**2)
        model = design @ row
        residual = y - v * model
        noise = max(spread(residual), 1e-6)
        weight = cauchy_weight(residual, noise)
        scaled = weight / noise**2 * model
        normal = (basis * (scaled * model)) @ basis.T + torch.diag(prior)
        right = basis @ (scaled * y)
        right[0] += prior[0]
        light = torch.linalg.solve(normal, right)
        light = light / light[0].clamp_min(1e-3)
    return row * unit, light, noise * float(unit)


def _chance(level: Tensor, design: Tensor) -> float:
    """Return the share that the columns (P, 9) might explain of a brightness (P,) that they have nothing to do with.

    Points are in the order of their rows, so that moving the list along moves the section against itself: grains stay
    whole, and few grains explain much by chance.
    """
    turned = [
        order.roll(round(len(design) * share), 0)
        for order in (design, design.flip(0))
        for share in torch.linspace(0.2, 0.8, _TURNS // 2).tolist()
    ]
    left = torch.tensor([1 - _share(level, other) for other in turned], dtype=torch.float64)
    left = left.clamp_min(1e-6).log()
    return 1 - float((left.mean() - _BEYOND_CHANCE * left.std()).exp())


def _share(level: Tensor, design: Tensor) -> float:
    """Return the share of the variance of a brightness (P,), outliers cut off, that the columns (P, 9) explain."""
    y = level - level.median()
    most = 4 * spread(y)
    y = y.clamp(-most, most)
    y = y - y.mean()
    before = float(y.square().sum())
    if before <= 0:
        return 0.0
    row, _ = weighted_fit(design, y, torch.ones_like(y), torch.full((design.shape[1],), 1e-6, dtype=torch.float64))
    return max(0.0, 1 - float((y - design @ row).square().sum()) / before)
