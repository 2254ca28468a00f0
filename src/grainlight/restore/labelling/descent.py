"""Boundaries where the light says: which neighbour's grain a pixel belongs to, by analysis and synthesis.

The network names the grains and their orientations. Where exactly one ends and the next begins is a question that
physics answers: the light of a map, blurred as the optics blur it, must be the light that was measured. Pixels at
boundaries take a neighbour's orientation where that lowers the energy

    misfit of the blurred light + length of boundaries + distance to the network's estimate,

four interleaved sets of pixels in turn, all pixels of a set at once (iterated conditional modes, Besag 1986, with the
optics in the likelihood). Blur, gain and noise of the light are fitted anew to the map after every turn
(`optics.calibration.map_fit`). Where there is time, a chain then asks how often each pixel is in each grain near it
(`restore.labelling.chain`). No orientation is invented, and none that EBSD measured is touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE, image_distance
from grainlight.optics.forward.imaging_model import ImagingModel
from grainlight.optics.forward.local_forward import Field
from grainlight.optics.forward.point_spread import WIDTHS, blur_strips, grown
from grainlight.restore.labelling.chain import (
    Chain,
    Prior,
    find_choices,
    nearest_of,
    neighbours_of,
    shifted,
    with_company,
)
from grainlight.restore.labelling.isolated import AROUND
from grainlight.restore.light.forward_model import ForwardModel
from grainlight.restore.light.grain_offsets import join_neighbours
from grainlight.restore.sampling.grain_prior import GrainPrior

# Half of the neighbours: the others are the same pairs, seen from the other side. First the right and the lower one.
_PAIRS = ((0, 1), (1, 0), (1, 1), (1, -1))
# Pixels that choose at once: nine orientations of each stay in a CPU's cache.
_CHUNK = 1 << 11
_LEAST_PROBABILITY = 1e-4
# Shares of neighbours with a boundary between them that are believed.
_DENSITIES = (0.01, 0.5)


@dataclass(frozen=True)
class RelabelSettings:
    """Constants of the energy, those of `grainlight.constants` unless stated (`python -m benchmarks.relabel` shows what
    each changes).

    Parameters
    ----------
    guide
        Standard deviation, in degrees, of the network's estimate, one more term of the energy.
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
    settling, ring
        Sweeps of the chain before visits count, and the reach of its choices in pixels.
    unlit, beside_unlit
        Weight of what the network says without the light in the chain's energy, and the share of ``length`` that a
        boundary costs beside it.
    seed
        Of the chain.
    """

    guide: float = field(default_factory=lambda: constants().descent.guide)
    length: float = field(default_factory=lambda: constants().descent.length)
    full: float = field(default_factory=lambda: constants().descent.full)
    diagonal: float = field(default_factory=lambda: constants().descent.diagonal)
    apart: float = field(default_factory=lambda: constants().descent.apart)
    floor: float = field(default_factory=lambda: constants().descent.floor)
    interior: float = field(default_factory=lambda: constants().descent.interior)
    sweeps: int = field(default_factory=lambda: constants().descent.sweeps)
    visits: int = 0
    temperature: float = field(default_factory=lambda: constants().chain.temperature)
    settling: int = field(default_factory=lambda: constants().chain.settling)
    ring: int = field(default_factory=lambda: constants().chain.ring)
    unlit: float = field(default_factory=lambda: constants().chain.unlit)
    beside_unlit: float = field(default_factory=lambda: constants().chain.beside_unlit)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Relabelled:
    """A map whose boundaries agree with the light.

    ``embedding`` (18, H, W); ``second`` (H, W) flat index of the neighbour that has the next best orientation, the
    pixel itself where there is none; ``gap`` (H, W) energy that it is worse by, infinite where there is none;
    ``imaging`` model of the light; ``changed`` pixels.
    """

    embedding: Tensor
    second: Tensor
    gap: Tensor
    imaging: ImagingModel
    changed: int

    @property
    def blur(self) -> float:
        """Standard deviation of the light's blur in pixels."""
        return self.imaging.width


def relabel(
    e: Tensor,
    guide: Tensor,
    fixed: Tensor,
    light: Tensor,
    sigma: Tensor,
    settings: RelabelSettings | None = None,
    barred: Tensor | None = None,
    unlit: GrainPrior | None = None,
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
    unlit
        What is probable of the grains without the light, one more term of the chain's energy.
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
        near = grown(moved, 2)
        # Boundaries in the wrong place had been fitted as blur and noise, so both are fitted again.
        work.refit(WIDTHS if number == 0 else None)
    if settings.visits:
        second, gap, settled = work.settle(unlit)
        changed += settled
    else:
        second, gap = work.second_labels()
    return Relabelled(work.image(), second, gap, work.light.imaging, changed)


class _Relabelling:
    """The state of one run: orientations pixel by pixel, who is apart from whom, and the light that they give."""

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
        self.fixed, self.lends, self.settings = fixed, ~barred.reshape(-1), settings
        # What an energy has besides the light changes only where a pixel or its neighbour does: places in a table.
        self.place = torch.full((self.rows * self.columns,), -1, dtype=torch.int32)
        self.without_light = self.e.new_empty(0, 1 + len(AROUND))
        self.apart = _apart(e, settings.apart)
        pairs = self.rows * (self.columns - 1) + self.columns * (self.rows - 1)
        share = float(self.apart[:2].sum()) / max(1, pairs)
        self.length = settings.length * -math.log(min(max(share, _DENSITIES[0]), _DENSITIES[1]))
        self.light = ForwardModel(e, light, sigma, settings.floor, settings.interior)
        labels, count = self.grains()
        self.light.fit_offsets(labels, count)
        # Before any boundary has moved: once pixels follow dust, the map explains its light and it is not seen.
        self.light.inflate_outliers(fixed & ~barred)
        self.light.fit_offsets(labels, count)

    def refit(self, widths: tuple[float, ...] | None = None) -> None:
        """Fit blur, gain and noise of the light to the map as it is now; without ``widths`` near the last blur."""
        self.light.refit(widths)
        self.light.fit_offsets(*self.grains())

    def grains(self) -> tuple[Tensor, int]:
        """Grain of every pixel (H W,), and how many there are."""
        return join_neighbours(~self.apart[0, :, :-1], ~self.apart[1, :-1])

    def image(self) -> Tensor:
        return self.e.T.reshape(-1, self.rows, self.columns)

    def sweep(self, near: Tensor) -> Tensor:
        """Let the free boundary pixels of a mask choose once; return those that changed (H, W)."""
        moved = torch.zeros(self.rows * self.columns, dtype=torch.bool)
        candidates = near & ~self.fixed & self._at_boundary()
        for first_row in (0, 1):
            for first_column in (0, 1):
                chosen = torch.zeros_like(candidates)
                chosen[first_row::2, first_column::2] = candidates[first_row::2, first_column::2]
                taken, source = [], []
                for at, energy, neighbours in self._energies(chosen, (first_row, 2)):
                    best = energy.min(-1)
                    flips = best.values < energy[:, 0] - 1e-3
                    taken.append(at[flips])
                    source.append(neighbours[flips].gather(1, best.indices[flips, None] - 1)[:, 0])
                if taken:
                    to, of = torch.cat(taken), torch.cat(source)
                    self.e[to] = self.e[of]
                    self.light.take(to, of)
                    moved[to] = True
                    self.place[to] = -1
                    self.place[neighbours_of(to, (self.rows, self.columns))[0]] = -1
        self._compare(moved.nonzero()[:, 0])
        return moved.view(self.rows, self.columns)

    def second_labels(self) -> tuple[Tensor, Tensor]:
        """Second best choice of every free boundary pixel, and how much worse it is."""
        second = torch.arange(self.rows * self.columns)
        gap = torch.full((self.rows * self.columns,), torch.inf)
        for at, energy, neighbours in self._energies(self._at_boundary() & ~self.fixed):
            best = energy[:, 1:].min(-1)
            second[at] = neighbours.gather(1, best.indices[:, None])[:, 0]
            gap[at] = best.values - energy[:, 0]
        return second.view(self.rows, self.columns), gap.view(self.rows, self.columns)

    def settle(self, unlit: GrainPrior | None = None) -> tuple[Tensor, Tensor, int]:
        """Put every free pixel into the grain that it is in most often; return what `second_labels` does, and how
        many pixels have changed."""
        s, shape = self.settings, (self.rows, self.columns)
        labels, _ = self.grains()
        # Where no light was measured nothing holds a boundary in its place, so it is not moved.
        free = ~self.fixed & self.light.reached()
        choices = find_choices(labels, free.reshape(-1), self.lends, shape, s.ring)
        cost = torch.empty(choices.source.shape)
        for part in blur_strips(len(choices.at), 1):
            guide, offered = self.guide.index_select(1, choices.at[part]).T, self.e[choices.source[part]]
            cost[part] = (guide[:, None] - offered).square_().sum(-1).div_(2 * (s.guide * PER_DEGREE) ** 2)
            if unlit is not None:
                cost[part] += unlit.energy(choices.at[part], offered).mul_(s.unlit)
        # The prior knows of boundaries already, but for those between pixels that it looks at one by one.
        length = self.length if unlit is None else s.beside_unlit * self.length
        chain = Chain(
            choices,
            labels,
            self.light.expected.flatten(1),
            cost,
            Field(self.light.light, self.light.precision, self.light.kernel),
            Prior(length, s.diagonal, s.temperature),
            s.seed,
        )
        for number in range(s.settling + s.visits):
            chain.sweep(counts=number >= s.settling)
        probability, order = (chain.probability / s.visits).sort(dim=1, descending=True, stable=True)
        order = with_company(order, choices, labels, shape)
        probability = (chain.probability / s.visits).gather(1, order)
        taken = self.e[choices.source.gather(1, order[:, :1])[:, 0]]
        changed = int((self.e[choices.at] != taken).any(1).sum())
        self.e[choices.at] = taken
        self.place.fill_(-1)
        labels[choices.at] = choices.label.gather(1, order[:, :1])[:, 0]
        nearest = nearest_of(labels, choices.at, choices.label.gather(1, order[:, 1:2])[:, 0], shape, s.ring + 2)
        second = torch.arange(self.rows * self.columns)
        gap = torch.full((self.rows * self.columns,), torch.inf)
        second[choices.at] = nearest
        odds = (probability[:, 0].clamp(min=_LEAST_PROBABILITY) / probability[:, 1].clamp(min=_LEAST_PROBABILITY)).log()
        # As an energy that `second_probability` makes the share of visits of: how often is how probable.
        gap[choices.at] = torch.where(
            nearest == choices.at, torch.inf, constants().second_label.value * odds.clamp_(min=0.0)
        )
        return second.view(shape), gap.view(shape), changed

    def _at_boundary(self) -> Tensor:
        out = torch.zeros(self.rows, self.columns, dtype=torch.bool)
        for (r, c), apart in zip(_PAIRS, self.apart, strict=True):
            here, there = _sides(r, c, self.rows, self.columns)
            out[here] |= apart[here]
            out[there] |= apart[here]
        return out

    def _compare(self, at: Tensor) -> None:
        """See anew who is apart from pixels (n,) that have changed, and from whom they are."""
        for (r, c), apart in zip(_PAIRS, self.apart, strict=True):
            for sign in (1, -1):
                there, inside = shifted(at, (self.rows, self.columns), (sign * r, sign * c))
                here, there = at[inside], there[inside]
                away = (self.e[here] - self.e[there]).norm(dim=1) > self.settings.apart * PER_DEGREE
                apart.view(-1)[here if sign > 0 else there] = away

    def _energies(self, chosen: Tensor, rows: tuple[int, int] = (0, 1)) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Pixels (n,) of a mask (H, W), energy (n, 9) of keeping an orientation or taking that of one of the neighbours
        (n, 8), flat indices; ``rows``: the first that any is in, and the way to the next."""
        every = chosen.reshape(-1).nonzero()[:, 0]
        pull, stiff = self.light.terms(every, rows)
        self._look_up(every)
        flat = self.light.expected.flatten(1)
        for start in range(0, len(every), _CHUNK):
            part = slice(start, start + _CHUNK)
            at = every[part]
            around, _ = neighbours_of(at, (self.rows, self.columns))
            offered = flat.index_select(1, around.reshape(-1)).view(len(flat), *around.shape)
            misfit = torch.zeros(around.shape)
            for its, own, bend, slope in zip(
                offered, flat.index_select(1, at), stiff[:, part], pull[:, part], strict=True
            ):
                step = its.sub_(own)
                misfit.add_((step * (0.5 * bend)).sub_(slope).mul_(step))
            energy = self.without_light.index_select(0, self.place.index_select(0, at))
            energy[:, 1:] += misfit.T
            yield at, energy, around.T

    def _look_up(self, every: Tensor) -> None:
        """Let all these pixels (n,) have a place among the energies that do not depend on the light."""
        new = every[self.place.index_select(0, every) < 0]
        first = len(self.without_light)
        self.place[new] = torch.arange(first, first + len(new), dtype=torch.int32)
        self.without_light = torch.cat((self.without_light, *map(self._without_light, new.split(_CHUNK))))

    def _without_light(self, at: Tensor) -> Tensor:
        """Energy (n, 9) of `_energies` without the light's misfit, infinite for what cannot be taken."""
        s = self.settings
        around, beside = neighbours_of(at, (self.rows, self.columns))
        neighbours, inside = around.T, beside.T
        share = torch.tensor([1.0 if 0 in offset else s.diagonal for offset in AROUND])
        choices = F.embedding(torch.cat((at[:, None], neighbours), 1), self.e)
        guide = self.guide.index_select(1, at).T
        # Distances among nine orientations, and to the guide, by their inner products.
        square = choices.square().sum(-1)
        toward = (choices @ guide[:, :, None])[..., 0]
        away = (square + guide.square().sum(1, keepdim=True)).sub_(toward, alpha=2)
        between = torch.baddbmm(square[:, None], choices, choices.mT, alpha=-2).add_(square[:, :, None])
        between.clamp_(min=0.0).sqrt_()
        other = inside & self.lends[neighbours] & (between[:, 0, 1:] > s.apart * PER_DEGREE)
        between.mul_(1 / (s.full * PER_DEGREE)).clamp_(max=1.0)
        if not inside.all():
            between[:, :, 1:] *= inside[:, None]
        # One product for all: small matrices times vectors are slow.
        length = (between.view(-1, 1 + len(share)) @ F.pad(share, (1, 0))).view(square.shape)
        energy = away.mul_(0.5 / (s.guide * PER_DEGREE) ** 2).add_(length, alpha=self.length)
        energy[:, 1:].masked_fill_(~other, torch.inf)
        return energy


def _sides(r: int, c: int, rows: int, columns: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Pixels that have a neighbour so many rows below and columns to the right of them, and those neighbours."""
    here = (slice(0, rows - r), slice(max(0, -c), columns - max(0, c)))
    return here, (slice(r, rows), slice(max(0, c), columns - max(0, -c)))


def _apart(e: Tensor, degrees: float) -> Tensor:
    """Whether (4, H, W) pixels of embeddings (18, H, W) are farther than that from each neighbour of `_PAIRS`."""
    out = torch.zeros(len(_PAIRS), *e.shape[1:], dtype=torch.bool)
    for (r, c), apart in zip(_PAIRS, out, strict=True):
        here, there = _sides(r, c, e.shape[1], e.shape[2])
        apart[here] = image_distance(e[:, *here], e[:, *there]) > degrees * PER_DEGREE
    return out
