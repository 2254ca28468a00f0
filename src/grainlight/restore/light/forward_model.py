"""The light of a map as physics and the fitted imaging model have it, against the light that was measured.

Images are worked on strip by strip: what is held of a whole map is the light, its precision and what is expected.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.maps.strips import with_halo
from grainlight.optics.calibration.map_fit import fit_imaging_model, middle_of
from grainlight.optics.forward.axis_powers import H2_REAL, H4_IMAG, basis, embedding_powers
from grainlight.optics.forward.imaging_model import ImagingModel
from grainlight.optics.forward.misfit import robust_weight
from grainlight.optics.forward.point_spread import WIDTHS, blur_strips, grown, spread_back
from grainlight.restore.light.grain_offsets import offset_sums, shrunk
from grainlight.restore.light.outlier_variance import variance_inflation

# Light with more noise than this is left out (canonical units; the light of grains has a spread of some 0.5).
_USELESS = 2.0
_LEAST = 1e-3


class ForwardModel:
    """The light of a map whose pixels change, and the imaging model that makes it the measured one.

    ``axis`` (3, H W) `axis_powers` of the map; ``expected`` (5, H, W) its light without blur, offsets of its grains
    included; ``precision`` (5, H, W) of the light, 0 where unknown.
    """

    def __init__(self, e: Tensor, light: Tensor, sigma: Tensor, floor: float, interior: float) -> None:
        """Fit the imaging model to a map; `fit_offsets` has to be called before the light is asked for.

        Parameters
        ----------
        e
            Embedding (18, H, W) of the map.
        light, sigma
            Measured harmonics (5, H, W) and their stated noise.
        floor, interior
            As for `RelabelSettings`.
        """
        self.light, self.sigma, self.interior = light, sigma, interior
        self.rows, self.columns = light.shape[1], light.shape[2]
        self.axis = embedding_powers(e).flatten(1)
        spread = basis(self.axis, range(H2_REAL, H4_IMAG + 1)).var(1, correction=0)
        self.floor = max(floor * float(spread.mean().sqrt()), _LEAST)
        lit = (sigma < _USELESS).any(0)
        self.part = middle_of(lit) if bool(lit.any()) else (slice(0, 1), slice(0, 1))
        stated = sigma[:, *self.part]
        self.stated = torch.where(stated < _USELESS, stated.clamp(min=_LEAST) ** -2, 0.0)
        self.inflation: Tensor | None = None
        self.expected, self.precision = torch.empty_like(light), torch.empty_like(light)
        self.refit(WIDTHS)

    def refit(self, widths: tuple[float, ...] | None = None) -> None:
        """Fit blur, gain and noise of the light to the map as it is now; without ``widths`` near the last blur."""
        if widths is None:
            at = WIDTHS.index(self.imaging.width)
            widths = WIDTHS[max(0, at - 1) : at + 2]
        axis = self.axis.view(-1, self.rows, self.columns)[:, *self.part]
        self.imaging: ImagingModel = fit_imaging_model(self.light[:, *self.part], self.stated, axis, widths)
        self.kernel = self.imaging.kernel
        self._weigh()

    def _weigh(self) -> None:
        for rows in blur_strips(self.rows, self.columns):
            sigma = self.sigma[:, rows]
            variance = self.imaging.variance(sigma).add_(self.floor**2)
            if self.inflation is not None:
                variance *= self.inflation[:, rows]
            self.precision[:, rows] = torch.where(sigma < _USELESS, 1 / variance, 0.0)

    def inflate_outliers(self, points: Tensor) -> None:
        """Let measured pixels (H, W) say where the light is wrong (`restore.light.outlier_variance`)."""
        factor = torch.empty_like(self.light)
        for strip in blur_strips(self.rows, self.columns):
            # The window of the outliers and the blur reach no farther.
            wide, inner = with_halo(strip, 8 + len(self.kernel) // 2, self.rows)
            residual = self.light[:, wide] - self.imaging.imaged(self.expected[:, wide])
            factor[:, strip] = variance_inflation(residual, self.precision[:, wide], points[wide])[:, inner]
        self.inflation = factor
        self.precision /= factor

    def fit_offsets(self, labels: Tensor, count: int) -> None:
        """Expect the light of the map anew, with an offset for each of so many grains; ``labels`` (H W,)."""
        sums = torch.zeros(2, len(self.light), count, dtype=torch.float64)
        axis = self.axis.view(-1, self.rows, self.columns)
        grain = labels.view(self.rows, self.columns)
        for strip in blur_strips(self.rows, self.columns):
            wide, inner = with_halo(strip, len(self.kernel) // 2, self.rows)
            expected = self.imaging.light(axis[:, wide])
            mixed = (self.imaging.imaged(expected) - expected).abs_().amax(0)[inner] >= self.interior
            expected = expected[:, inner]
            residual = self.light[:, strip] - expected
            weight = robust_weight(residual, self.precision[:, strip]).masked_fill_(mixed, 0.0)
            sums += offset_sums(grain[strip].reshape(-1), count, residual.flatten(1), weight.flatten(1))
            self.expected[:, strip] = expected
        offsets = shrunk(sums)
        for strip in blur_strips(self.rows, self.columns):
            each = offsets.index_select(1, grain[strip].reshape(-1))
            self.expected[:, strip] += each.view(self.expected[:, strip].shape)

    def take(self, to: Tensor, source: Tensor) -> None:
        """Let pixels (flat indices) have the light of others."""
        self.axis[:, to] = self.axis[:, source]
        expected = self.expected.flatten(1)
        expected[:, to] = expected[:, source]

    def reached(self) -> Tensor:
        """Pixels (H, W) whose light, blurred, comes to where some was measured."""
        return grown((self.precision > 0).any(0), len(self.kernel) // 2)

    def terms(self, at: Tensor, rows: tuple[int, int] = (0, 1)) -> tuple[Tensor, Tensor]:
        """First and second derivative (5, n) of the misfit by the light of pixels (n,), flat indices in their order.

        ``rows``: the first row that any of them can be in, and the way to the next.
        """
        pull, stiff = torch.empty(2, len(self.light), len(at))
        squared = self.kernel**2
        for strip in blur_strips(self.rows, self.columns):
            ends = torch.tensor([strip.start * self.columns, strip.stop * self.columns])
            first, last = torch.searchsorted(at, ends).tolist()
            if first == last:
                continue
            wide, _ = with_halo(strip, len(self.kernel) - 1, self.rows)
            residual = self.light[:, wide] - self.imaging.imaged(self.expected[:, wide])
            weight = robust_weight(residual, self.precision[:, wide])
            asked = ((rows[0] - wide.start) % rows[1], rows[1])
            its = at[first:last] - (wide.start + asked[0]) * self.columns
            its = its // (self.columns * rows[1]) * self.columns + its % self.columns
            stiff[:, first:last] = spread_back(weight, squared, asked).flatten(1).index_select(1, its)
            pull[:, first:last] = spread_back(residual.mul_(weight), self.kernel, asked).flatten(1).index_select(1, its)
        return pull, stiff
