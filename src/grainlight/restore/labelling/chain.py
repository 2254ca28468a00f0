"""How often a pixel is in each grain near it: a Gibbs chain over the labels of pixels near boundaries.

The best single answer follows the noise wherever that lowers its energy. The grain that a pixel is in most often,
over all answers weighted by how well they fit, is wrong less often, and how often is its probability (maximiser of
the posterior marginals, Marroquin, Mitter and Poggio 1987). Probabilities of a visit are summed, not visits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.optics.forward.local_forward import Field, LocalForwardModel, Subgrid, subgrids
from grainlight.restore.labelling.isolated import AROUND

_MOST = 6


def window(ring: int) -> list[tuple[int, int]]:
    """Offsets up to ``ring`` rows and columns away, nearest first: the pixel itself, then others."""
    side = range(-ring, ring + 1)
    return sorted(((r, c) for r in side for c in side), key=lambda at: (at[0] ** 2 + at[1] ** 2, at))


@dataclass(frozen=True, eq=False)
class Choices:
    """Grains that pixels may be in.

    ``at`` (n,) flat index of the pixel; ``source`` (n, k) flat index of the nearest pixel of each grain within reach,
    the pixel itself first; ``label`` (n, k) the grain, -1 where there are fewer than k.
    """

    at: Tensor
    source: Tensor
    label: Tensor


def shifted(at: Tensor, shape: tuple[int, int], offset: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Flat indices (n,) of the pixels at an offset from others, and whether they are inside the map."""
    row, column = at // shape[1] + offset[0], at % shape[1] + offset[1]
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    return row.clamp(0, shape[0] - 1) * shape[1] + column.clamp(0, shape[1] - 1), inside


def neighbours_of(at: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Flat indices (8, n) of the neighbours of pixels, in the order of `AROUND`, and whether the map has them."""
    r, c = torch.tensor(AROUND).T[..., None]
    row, column = at // shape[1] + r, at % shape[1] + c
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    return row.clamp_(0, shape[0] - 1).mul_(shape[1]).add_(column.clamp_(0, shape[1] - 1)), inside


def find_choices(labels: Tensor, free: Tensor, lends: Tensor, shape: tuple[int, int], ring: int) -> Choices:
    """Return the grains within ``ring`` rows and columns of each free pixel, where there are two or more.

    Parameters
    ----------
    labels
        Grain (H W,) of every pixel.
    free, lends
        Pixels (H W,) that may change, and those whose grain may be taken.
    """
    at = free.nonzero()[:, 0]
    source, label = at[:, None].repeat(1, _MOST), torch.full((len(at), _MOST), -1)
    count = torch.zeros_like(at)
    for offset in window(ring):
        there, inside = shifted(at, shape, offset)
        its = labels.index_select(0, there)
        usable = inside & (lends[there] if offset != (0, 0) else True)
        new = (usable & (label != its[:, None]).all(1) & (count < _MOST)).nonzero()[:, 0]
        source[new, count[new]], label[new, count[new]] = there[new], its[new]
        count[new] += 1
    several = count > 1
    return Choices(at[several], source[several], label[several])


def nearest_of(labels: Tensor, at: Tensor, wanted: Tensor, shape: tuple[int, int], ring: int) -> Tensor:
    """Flat index (n,) of the nearest pixel of a wanted grain (n,) around each pixel; its own where there is none."""
    out, open_ = at.clone(), torch.ones_like(at, dtype=torch.bool)
    for offset in window(ring)[1:]:
        there, inside = shifted(at, shape, offset)
        here = open_ & inside & (labels[there] == wanted)
        out[here] = there[here]
        open_ &= ~here
    return out


def with_company(order: Tensor, choices: Choices, labels: Tensor, shape: tuple[int, int]) -> Tensor:
    """Order (n, k) of the choices in which a pixel that would be alone in its grain takes the best one beside it first.

    ``order`` from the most to the least probable, ``labels`` (H W,) of all pixels before. A grain of one pixel that
    nobody measured is not believed.
    """
    taken = labels.clone()
    first = choices.label.gather(1, order[:, :1])[:, 0]
    taken[choices.at] = first
    around, inside = neighbours_of(choices.at, shape)
    beside = torch.where(inside, taken[around], -2)
    alone = ((beside != first).all(0)).nonzero()[:, 0]
    if not len(alone):
        return order
    its = order[alone]
    label = choices.label[alone].gather(1, its)
    near = (label[:, :, None] == beside[:, alone].T[:, None]).any(2) & (label >= 0)
    # The first of those beside it comes to the front, the others keep their order.
    front = torch.where(near.any(1), near.int().argmax(1), 0)
    place = torch.arange(its.shape[1]).expand_as(its)
    rank = torch.where(place == front[:, None], -1, place)
    out = order.clone()
    out[alone] = its.gather(1, rank.argsort(1))
    return out


@dataclass(frozen=True)
class Prior:
    """Energy ``length`` of a boundary between neighbours, the share ``diagonal`` of it for diagonal ones, and the
    ``temperature`` that energies are divided by."""

    length: float
    diagonal: float
    temperature: float


class Chain:
    """A walk through labellings; ``probability`` (n, k) of each choice, summed over ``visits`` sweeps."""

    def __init__(
        self,
        choices: Choices,
        labels: Tensor,
        expected: Tensor,
        cost: Tensor,
        field: Field,
        prior: Prior,
        seed: int = 0,
    ) -> None:
        """Begin where every pixel is in its own grain.

        Parameters
        ----------
        labels, expected
            Grain (H W,) and light without blur (5, H W) of every pixel.
        cost
            Energy (n, k) of each choice besides boundaries and light.
        field
            The measured light.
        prior
            Of boundaries.
        """
        self.choices = choices
        self.prior = prior
        self.generator = torch.Generator().manual_seed(seed)
        self.probability = torch.zeros(choices.label.shape)
        self.visits = 0
        shape = (field.light.shape[1], field.light.shape[2])
        # Beyond the edge there is no label; the cost of a boundary with it is the same for all choices, so it cancels.
        self.labels = F.pad(labels.view(shape).int(), (1, 1, 1, 1), value=-2)
        # Pixels that change at once are so far apart that their blurred light hardly overlaps.
        stride = 2 + (len(field.kernel) > 4) + (len(field.kernel) > 8)
        self.light = LocalForwardModel(expected.view(-1, *shape), field, stride)
        row, column = choices.at // shape[1], choices.at % shape[1]
        self.sets = []
        for subgrid in subgrids(shape, stride):
            members = ((row % stride == subgrid.first[0]) & (column % stride == subgrid.first[1])).nonzero()[:, 0]
            if len(members):
                at = subgrid.index(row[members], column[members])
                padded = (row[members] + 1) * (shape[1] + 2) + column[members] + 1
                label = choices.label[members].T
                source = choices.source[members].T
                offered = expected.index_select(1, source.reshape(-1)).view(len(expected), *source.shape)
                its = torch.where(label >= 0, cost[members].T, torch.inf)
                own = expected.index_select(1, choices.at[members])
                self.sets.append(_Members(members, subgrid, at, padded, label.int().contiguous(), offered, its, own))

    def sweep(self, counts: bool = True) -> None:
        """Visit every pixel once."""
        labels = self.labels.view(-1)
        for its in self.sets:
            share = torch.softmax(self._energies(its).div_(-self.prior.temperature), 0).T.contiguous()
            if counts:
                self.probability[its.members] += share
            drawn = torch.multinomial(share, 1, generator=self.generator).T
            labels[its.padded] = its.label.gather(0, drawn)[0]
            new = its.offered.gather(1, drawn.expand(len(its.own), 1, -1))[:, 0]
            self.light.add(its.subgrid, its.at, new - its.own)
            its.own.copy_(new)
        self.visits += counts

    def _energies(self, its: _Members) -> Tensor:
        """Energy (k, n) of the choices, but for what all have in common."""
        pull, stiff = self.light.terms(its.subgrid, its.at)
        energy = its.cost.clone()
        for offered, own, bend, slope in zip(its.offered, its.own, 0.5 * stiff, pull, strict=True):
            step = offered - own
            energy.add_((step * bend).sub_(slope).mul_(step))
        labels, width = self.labels.view(-1), self.labels.shape[1]
        for r, c in AROUND:
            same = its.label == labels.index_select(0, its.padded + (r * width + c))
            energy.add_(same, alpha=-self.prior.length * (1.0 if 0 in (r, c) else self.prior.diagonal))
        return energy


@dataclass(frozen=True, eq=False)
class _Members:
    """Choices that are asked at once: ``members`` (n,) of all, their place ``at`` in a subgrid and in the ``padded``
    labels, ``label``, ``cost`` (k, n), the light that is ``offered`` (5, k, n) and their ``own`` (5, n) now."""

    members: Tensor
    subgrid: Subgrid
    at: Tensor
    padded: Tensor
    label: Tensor
    offered: Tensor
    cost: Tensor
    own: Tensor
