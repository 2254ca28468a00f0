"""Single images as measurements of the five harmonics: each image regressed on the c-axes of the known points.

Whatever the setting of polarizer, analyzer, stage and wavelength, the brightness of a grain in one image is

    y = V(x, y) (m0 + m1 s + m2 s^2 + Re[m3 h2 (1 + k (1 - s))] + Re[m4 h4])

with s = sin^2(beta), h2 = s exp(2 i phi), h4 = h2^2 and complex m3, m4. The numbers m of an image are its row of the
design; they come from the points whose c-axis is known, so no angle is needed. Angles tie the rows of a full stack
together (`optics.calibration`); for few images free rows are as good, and nothing that was stated can be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grainlight.optics.calibration.point_light import chosen
from grainlight.optics.calibration.relief import fit_relief, fit_smooth_light
from grainlight.optics.calibration.resample import sample_at
from grainlight.optics.calibration.robust import cauchy_weight, spread, weighted_fit
from grainlight.optics.forward.axis_powers import (
    BENT,
    H2_IMAG,
    H2_REAL,
    H4_IMAG,
    H4_REAL,
    S2,
    TERMS,
    S,
    axis_powers,
    basis,
)
from grainlight.optics.forward.illumination import Illumination, flat_relief, order_for, polynomial
from grainlight.optics.forward.imaging_model import ImagingModel

_ROUNDS = 10
_TERMS = (S, S2, H2_REAL, H2_IMAG, H4_REAL, H4_IMAG, H2_REAL + BENT, H2_IMAG + BENT)
_TURNS = 16
_LEAST_SHARE = 0.1
# Standard deviations by which the c-axes must explain more than the same c-axes do at other places.
_BEYOND_CHANCE = 6.0
# A priori standard deviation of each number of the row, in units of the image's mean.
_RIDGE = (0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 4.0, 4.0)


@dataclass(frozen=True)
class ImageFit:
    """Imaging models of K images and what the P points say of them.

    Parameters
    ----------
    models
        Of each image, one channel each, in the image's unit; its row of the design is their response.
    residual
        (P, K): brightness at the points, freed of uneven light, minus what their c-axes should show.
    brightness
        (P, K): that brightness itself.
    c_axes, positions
        (P, 3) in frame S and (P, 2) row and column of the points used.
    explained, chance
        (K,): share of an image's variance that the c-axes explain; what c-axes put at wrong places might explain.
    shape
        Rows and columns of the images.
    """

    models: tuple[ImagingModel, ...]
    residual: Tensor
    brightness: Tensor
    c_axes: Tensor
    positions: Tensor
    explained: Tensor
    chance: Tensor
    shape: tuple[int, int]

    @property
    def follows(self) -> Tensor:
        """(K,) whether an image follows the c-axes, beyond what chance does."""
        return (self.explained > _LEAST_SHARE) & (self.explained > self.chance)

    @property
    def expected(self) -> Tensor:
        """(P, K) what the c-axes of the points should show under even light."""
        return torch.cat([model.of_axes(self.c_axes) for model in self.models]).T

    def light_at(self, image: int, row: Tensor, column: Tensor) -> Tensor:
        """Return the brightness of the light in an image at pixel positions (broadcast together)."""
        illumination = self.models[image].illumination
        assert illumination is not None
        return illumination.at(row, column)

    def part(self, keep: Tensor) -> ImageFit:
        """Return the fit of the images that are kept, (K,) bool."""
        per_image = {name: getattr(self, name)[keep] for name in ("explained", "chance")}
        per_image |= {name: getattr(self, name)[:, keep] for name in ("residual", "brightness")}
        return replace(self, models=tuple(self.models[k] for k in keep.nonzero()[:, 0].tolist()), **per_image)


def columns(axis: Tensor) -> Tensor:
    """Return the basis (P, 9) of brightness, the constant first, of `axis_powers` (3, P)."""
    return torch.cat((torch.ones_like(axis[:1]), basis(axis, _TERMS))).T


def _model(row: Tensor, illumination: Illumination) -> ImagingModel:
    """Return the imaging model of an image whose row (9,) of the design is known."""
    response = torch.zeros(1, len(TERMS), dtype=torch.float64)
    response[0, list(_TERMS)] = row[1:]
    return ImagingModel(response, row[:1], illumination=illumination)


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
    place, axis, order = (at[:, 0], at[:, 1]), axis_powers(axes), order_for(len(at))
    smooth, design = polynomial(*place, shape, order), columns(axis)
    models, residual, brightness, explained, chance = [], [], [], [], []
    for y in values:
        row, even, noise = _fit(y, design, smooth)
        light = Illumination(even, flat_relief(shape), shape, order)
        model = _model(row, light)
        relief = fit_relief(y, model.at(axis, *place)[0], noise, at, shape)
        model = replace(model, illumination=light.with_relief(relief))
        seen = y / (light.at(*place) * relief.at(*place))
        models.append(model)
        brightness.append(seen)
        residual.append(seen - model.light(axis)[0])
        # the light is fitted with the rows: what it took up is no evidence, so it is divided out for both
        level = y / light.at(*place)
        explained.append(_share(level, design))
        chance.append(_chance(level, design))
    return ImageFit(
        tuple(models),
        torch.stack(residual, 1),
        torch.stack(brightness, 1),
        axes,
        at,
        torch.tensor(explained, dtype=torch.float64),
        torch.tensor(chance, dtype=torch.float64),
        shape,
    )


def _fit(values: Tensor, design: Tensor, smooth: Tensor) -> tuple[Tensor, Tensor, float]:
    """Alternate between the row (given the light) and the light (given the row), outliers losing weight."""
    unit = values.abs().median().clamp_min(1e-300)
    y = values / unit
    light = torch.zeros(len(smooth), dtype=torch.float64)
    light[0] = 1.0
    weight, noise = torch.ones_like(y), 1.0
    ridge = torch.tensor(_RIDGE, dtype=torch.float64)
    row = torch.zeros(design.shape[1], dtype=torch.float64)
    for _ in range(_ROUNDS):
        v = (light @ smooth).clamp_min(0.1)
        row, _ = weighted_fit(design * v[:, None], y, weight, ridge * noise**2)
        model = design @ row
        residual = y - v * model
        noise = max(spread(residual), 1e-6)
        weight = cauchy_weight(residual, noise)
        light = fit_smooth_light([model], [y], [weight], [noise], smooth)
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
