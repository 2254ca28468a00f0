"""Boundaries where the light says: which neighbour's grain a pixel belongs to, by analysis and synthesis.

The network names the grains and their orientations. Where exactly one ends and the next begins is a question that
physics answers: the light of a map, blurred as the optics blur it, must be the light that was measured. Pixels at
boundaries take a neighbour's orientation where that lowers the energy

    misfit of the blurred light + length of boundaries + distance to the network's estimate,

four interleaved sets of pixels in turn, all pixels of a set at once (iterated conditional modes, Besag 1986, with the
optics in the likelihood). Blur, gain and noise of the light are fitted anew to the map after every turn
(`restore.response`). Where there is time, a chain then asks how often each pixel is in each grain near it
(`restore.chain`). No orientation is invented, and none that EBSD measured is touched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.crystal.embedding import PER_DEGREE
from grainlight.restore.blur import FREEDOM, WIDTHS, blurred, gaussian, spread_back
from grainlight.restore.chain import Chain, Field, find_choices, nearest_of
from grainlight.restore.grain_light import grain_offsets, label_grains, neighbour_distances
from grainlight.restore.lone import AROUND
from grainlight.restore.response import Response, fit_response, light_powers
from grainlight.restore.witness import distrust

_CHUNK = 1 << 15
# Light worse than this says nothing worth an equation (canonical units; a grain's light spreads by some 0.5).
_USELESS = 2.0
_LEAST = 1e-3
# Sweeps of the chain before visits count, and the reach of its choices in pixels.
_SETTLING, _RING = 3, 2
_LEAST_PROBABILITY = 1e-4
# Shares of neighbours with a boundary between them that are believed.
_DENSITIES = (0.01, 0.5)


@dataclass(frozen=True)
class RelabelSettings:
    """Constants of the energy, found on synthetic sections (`python -m grainlight.benchmark.relabel`).

    Parameters
    ----------
    guide
        Standard deviation, in degrees, of the network's estimate as one more witness.
    length, full
        Energy of a boundary between a pixel and a neighbour of ``full`` degrees or more, less in proportion below,
        for each unit of -log(share of neighbours with a boundary between them): where boundaries are rare, it takes
        more to believe in one. Diagonal neighbours count ``diagonal`` of it.
    apart
        Neighbours closer than this, in degrees, are one grain: nothing to choose.
    floor
        Noise of the light that its stated levels leave out, as a share of the light's spread over the map: what physics
        and blur leave unexplained is in proportion to what they explain.
    interior
        Blur moves the light of an interior pixel by less than this.
    sweeps
        Turns of the descent.
    visits
        Sweeps of the chain that count; none for no chain.
    temperature
        What the chain divides energies by: neighbouring pixels share their errors.
    """

    guide: float = 40.0
    length: float = 1.5
    full: float = 5.0
    diagonal: float = 0.7
    apart: float = 3.0
    floor: float = 0.04
    interior: float = 0.03
    sweeps: int = 3
    visits: int = 0
    temperature: float = 3.0


@dataclass(frozen=True, eq=False)
class Relabelled:
    """A map whose boundaries agree with the light.

    ``embedding`` (18, H, W); ``rival`` (H, W) flat index of the neighbour that has the next best orientation, the pixel
    itself where there is none; ``margin`` (H, W) energy that it is worse by, infinite where there is none; ``response``
    of the light; ``changed`` pixels.
    """

    embedding: Tensor
    rival: Tensor
    margin: Tensor
    response: Response
    changed: int

    @property
    def blur(self) -> float:
        """Standard deviation of the light's blur in pixels."""
        return self.response.width


def relabel(
    e: Tensor,
    guide: Tensor,
    fixed: Tensor,
    light: Tensor,
    sigma: Tensor,
    settings: RelabelSettings | None = None,
    barred: Tensor | None = None,
) -> Relabelled:
    """Move the boundaries of a restored map to where the light says.

    Parameters
    ----------
    e, guide
        Projected and restored embedding (18, H, W).
    fixed
        Pixels (H, W) that keep their orientation: EBSD measured them.
    light, sigma
        Measured canonical harmonics (5, H, W) and the noise level per channel (5, H, W).
    barred
        Pixels (H, W) of other phases: they neither take an orientation nor lend one.
    """
    settings = settings or RelabelSettings()
    barred = torch.zeros_like(fixed) if barred is None else barred
    work = _Relabelling(e, guide, fixed | barred, barred, light, sigma, settings)
    near = torch.ones(e.shape[1:], dtype=torch.bool)
    changed = 0
    for number in range(settings.sweeps):
        moved = work.sweep(near)
        changed += int(moved.sum())
        if not moved.any():
            break
        near = F.max_pool2d(moved[None].float(), 5, 1, 2)[0] > 0
        # Boundaries that were displaced looked like blur and noise.
        work.refit(WIDTHS if number == 0 else None)
    if settings.visits:
        before = work.image().clone()
        rival, margin = work.settle()
        changed += int((work.image() != before).any(0).sum())
    else:
        rival, margin = work.rivals()
    return Relabelled(work.image(), rival, margin, work.response, changed)


class _Relabelling:
    """The state of one run: orientations pixel by pixel, and the light that they give."""

    def __init__(
        self,
        e: Tensor,
        guide: Tensor,
        fixed: Tensor,
        barred: Tensor,
        light: Tensor,
        sigma: Tensor,
        settings: RelabelSettings,
    ) -> None:
        self.rows, self.columns = e.shape[1:]
        # A copy: what is given stays as it is.
        self.e = e.reshape(len(e), -1).T.clone(memory_format=torch.contiguous_format)
        self.guide = guide.reshape(len(e), -1)
        self.fixed, self.light, self.sigma = fixed, light, sigma
        self.lends = ~barred.reshape(-1)
        self.settings = settings
        self.length = settings.length * _surprise(e, settings.apart)
        self.powers = light_powers(e).flatten(1)
        turns = self.powers[2:6]
        self.floor = max(settings.floor * float((turns - turns.mean(1, keepdim=True)).square().mean().sqrt()), _LEAST)
        self.stated = torch.where(sigma < _USELESS, sigma.clamp(min=_LEAST) ** -2, 0.0)
        self.distrust: Tensor | None = None
        self._adopt(fit_response(light, self.stated, self.powers.view(-1, self.rows, self.columns)))
        # Asked before a boundary has moved: pixels that follow dust would explain its light.
        points = fixed & ~barred
        self.distrust = distrust(light - blurred(self.expected, self.kernel), self.precision, points)
        self.precision /= self.distrust
        self.expected = self._with_offsets()

    def refit(self, widths: tuple[float, ...] | None = None) -> None:
        """Fit blur, gain and noise of the light to the map as it is now; without ``widths`` near the last blur."""
        at = WIDTHS.index(self.response.width)
        widths = widths or WIDTHS[max(0, at - 1) : at + 2]
        self._adopt(fit_response(self.light, self.stated, self.powers.view(-1, self.rows, self.columns), widths))

    def _adopt(self, response: Response) -> None:
        self.response, self.kernel = response, gaussian(response.width)
        noise = (self.sigma * response.noise[:, None, None]).square() + self.floor**2
        if self.distrust is not None:
            noise *= self.distrust
        self.precision = torch.where(self.stated > 0, 1 / noise, 0.0)
        self.expected = self._with_offsets()

    def image(self) -> Tensor:
        return self.e.T.reshape(-1, self.rows, self.columns)

    def sweep(self, near: Tensor) -> Tensor:
        """Let the free boundary pixels of a mask choose once; return those that changed (H, W)."""
        self.expected = self._with_offsets()
        moved = torch.zeros(self.rows * self.columns, dtype=torch.bool)
        candidates = near & ~self.fixed & self._at_boundary()
        for first_row in (0, 1):
            for first_column in (0, 1):
                chosen = torch.zeros_like(candidates)
                chosen[first_row::2, first_column::2] = candidates[first_row::2, first_column::2]
                pull, stiff = self._light_terms()
                taken, source = [], []
                for at in chosen.reshape(-1).nonzero()[:, 0].split(_CHUNK):
                    energy, neighbours = self._energies(at, pull, stiff)
                    best = energy.min(-1)
                    flips = best.values < energy[:, 0] - 1e-3
                    taken.append(at[flips])
                    source.append(neighbours[flips].gather(1, best.indices[flips, None] - 1)[:, 0])
                if taken:
                    to, of = torch.cat(taken), torch.cat(source)
                    self.e[to] = self.e[of]
                    self.powers[:, to] = self.powers[:, of]
                    flat = self.expected.view(len(self.expected), -1)
                    flat[:, to] = flat[:, of]
                    moved[to] = True
        return moved.view(self.rows, self.columns)

    def rivals(self) -> tuple[Tensor, Tensor]:
        """Second best choice of every free boundary pixel, and how much worse it is."""
        rival = torch.arange(self.rows * self.columns)
        margin = torch.full((self.rows * self.columns,), torch.inf)
        pull, stiff = self._light_terms()
        for at in (self._at_boundary() & ~self.fixed).reshape(-1).nonzero()[:, 0].split(_CHUNK):
            energy, neighbours = self._energies(at, pull, stiff)
            best = energy[:, 1:].min(-1)
            rival[at] = neighbours.gather(1, best.indices[:, None])[:, 0]
            margin[at] = best.values - energy[:, 0]
        return rival.view(self.rows, self.columns), margin.view(self.rows, self.columns)

    def settle(self) -> tuple[Tensor, Tensor]:
        """Put every free pixel into the grain that it is in most often; return rivals and margins as `rivals`."""
        s, shape = self.settings, (self.rows, self.columns)
        labels, _ = label_grains(self.image())
        # Where no light reaches, a boundary would only wander.
        free = ~self.fixed & (spread_back(self.precision, self.kernel).amax(0) > 0)
        choices = find_choices(labels, free.reshape(-1), self.lends, shape, _RING)
        away = torch.stack([(self.guide[:, choices.at].T - self.e[k]).square().sum(-1) for k in choices.source.T], 1)
        chain = Chain(
            choices,
            labels,
            self.expected.flatten(1),
            away / (2 * (s.guide * PER_DEGREE) ** 2),
            Field(self.light, self.precision, self.kernel),
            self.length,
            s.diagonal,
            s.temperature,
        )
        for number in range(_SETTLING + s.visits):
            chain.sweep(counts=number >= _SETTLING)
        probability, order = (chain.probability / s.visits).sort(dim=1, descending=True, stable=True)
        chosen = choices.source.gather(1, order[:, :1])[:, 0]
        self.e[choices.at], self.powers[:, choices.at] = self.e[chosen], self.powers[:, chosen]
        labels[choices.at] = choices.label.gather(1, order[:, :1])[:, 0]
        second = nearest_of(labels, choices.at, choices.label.gather(1, order[:, 1:2])[:, 0], shape, _RING + 2)
        rival = torch.arange(self.rows * self.columns)
        margin = torch.full((self.rows * self.columns,), torch.inf)
        rival[choices.at] = second
        odds = (probability[:, 0] / probability[:, 1].clamp(min=_LEAST_PROBABILITY)).log()
        margin[choices.at] = torch.where(second == choices.at, torch.inf, s.temperature * odds)
        return rival.view(shape), margin.view(shape)

    def _with_offsets(self) -> Tensor:
        e = self.image()
        expected = self.response.light(self.powers).view(-1, self.rows, self.columns)
        mixed = (blurred(expected, self.kernel) - expected).abs().amax(0) >= self.settings.interior
        residual = self.light - expected
        weight = self._robust(residual).masked_fill(mixed, 0.0)
        return expected + grain_offsets(e, residual, weight)

    def _robust(self, residual: Tensor) -> Tensor:
        return self.precision / (1 + residual.square() * self.precision / FREEDOM)

    def _light_terms(self) -> tuple[Tensor, Tensor]:
        """First and second derivative of the misfit by the light of each pixel, (H W, 5) each."""
        residual = self.light - blurred(self.expected, self.kernel)
        weight = self._robust(residual)
        pull = spread_back(residual * weight, self.kernel)
        stiff = spread_back(weight, self.kernel**2)
        return pull.reshape(len(pull), -1).T, stiff.reshape(len(stiff), -1).T

    def _at_boundary(self) -> Tensor:
        e, limit = self.image(), self.settings.apart * PER_DEGREE
        out = torch.zeros(self.rows, self.columns, dtype=torch.bool)
        for r, c in ((0, 1), (1, 0), (1, 1), (1, -1)):
            here = (slice(0, self.rows - r), slice(max(0, -c), self.columns - max(0, c)))
            there = (slice(r, self.rows), slice(max(0, c), self.columns - max(0, -c)))
            apart = (e[:, *here] - e[:, *there]).norm(dim=0) > limit
            out[here] |= apart
            out[there] |= apart
        return out

    def _energies(self, at: Tensor, pull: Tensor, stiff: Tensor) -> tuple[Tensor, Tensor]:
        """Energy (n, 9) of keeping an orientation or taking that of one of the neighbours (n, 8, flat indices)."""
        s = self.settings
        row, column = at // self.columns, at % self.columns
        r = torch.stack([row + dr for dr, _ in AROUND], 1)
        c = torch.stack([column + dc for _, dc in AROUND], 1)
        inside = (r >= 0) & (r < self.rows) & (c >= 0) & (c < self.columns)
        neighbours = r.clamp(0, self.rows - 1) * self.columns + c.clamp(0, self.columns - 1)
        around = self.e[neighbours]
        choices = torch.cat((self.e[at][:, None], around), 1)
        share = torch.tensor([1.0 if 0 in offset else s.diagonal for offset in AROUND])
        between = torch.cdist(choices, around, compute_mode="use_mm_for_euclid_dist")
        length = self.length * ((between / (s.full * PER_DEGREE)).clamp(max=1.0) * (share * inside)[:, None]).sum(-1)
        away = (self.guide[:, at].T[:, None] - choices).square().sum(-1) / (2 * (s.guide * PER_DEGREE) ** 2)
        flat = self.expected.view(len(self.expected), -1)
        own = flat[:, at].T
        step = torch.cat((torch.zeros_like(own)[:, None], flat[:, neighbours].permute(1, 2, 0) - own[:, None]), 1)
        misfit = (step * (0.5 * step * stiff[at][:, None] - pull[at][:, None])).sum(-1)
        energy = length + away + misfit
        other = inside & self.lends[neighbours] & (between[:, 0] > s.apart * PER_DEGREE)
        energy[:, 1:] = torch.where(other, energy[:, 1:], torch.inf)
        return energy, neighbours


def _surprise(e: Tensor, degrees: float) -> float:
    """Minus the logarithm of the share of neighbours in embeddings (18, H, W) that are farther apart than that."""
    apart = torch.cat([part.reshape(-1) for part in neighbour_distances(e)]) > degrees * PER_DEGREE
    return -math.log(min(max(float(apart.float().mean()), _DENSITIES[0]), _DENSITIES[1]))
