"""How often is a pixel in each grain near it: a Gibbs chain over the labels of pixels near boundaries.

The best single answer follows the noise wherever that lowers its energy. The grain that a pixel is in most often,
over all answers weighted by how well they fit, is wrong less often, and how often is its probability (maximiser of
the posterior marginals, Marroquin, Mitter and Poggio 1987). Probabilities of a visit are summed, not visits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.restore.blur import FREEDOM, blurred, spread_back
from grainlight.restore.lone import AROUND

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
        its = labels[there]
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


@dataclass(frozen=True, eq=False)
class Field:
    """What the chain moves in: measured light (5, H, W), its precision, and the kernel of the blur."""

    light: Tensor
    precision: Tensor
    kernel: Tensor


class Chain:
    """A walk through labellings; ``probability`` (n, k) of each choice, summed over ``visits`` sweeps."""

    def __init__(
        self,
        choices: Choices,
        labels: Tensor,
        expected: Tensor,
        cost: Tensor,
        field: Field,
        length: float,
        diagonal: float,
        temperature: float,
        seed: int = 0,
    ) -> None:
        """Begin where every pixel is in its own grain.

        Parameters
        ----------
        labels, expected
            Grain (H W,) and light without blur (5, H W) of every pixel.
        cost
            Energy (n, k) of each choice besides boundaries and light.
        length, diagonal, temperature
            Energy of a boundary between neighbours, the share of it for diagonal ones, and what energies are divided
            by.
        """
        self.choices, self.field = choices, field
        self.labels, self.expected = labels.clone(), expected.clone()
        self.shape = (field.light.shape[1], field.light.shape[2])
        self.offered = expected[:, choices.source]
        self.cost = torch.where(choices.label >= 0, cost, torch.inf)
        self.length, self.diagonal, self.temperature = length, diagonal, temperature
        self.generator = torch.Generator().manual_seed(seed)
        self.probability = torch.zeros(choices.label.shape)
        self.visits = 0
        # Pixels that move at once must not share light.
        stride = 2 + (len(field.kernel) > 4) + (len(field.kernel) > 8)
        row, column = choices.at // self.shape[1], choices.at % self.shape[1]
        colour = (row % stride) * stride + column % stride
        self.sets = [(colour == number).nonzero()[:, 0] for number in range(stride * stride)]

    def sweep(self, counts: bool = True) -> None:
        """Visit every pixel once."""
        for members in self.sets:
            if not len(members):
                continue
            energy = self._energies(members) / self.temperature
            share = torch.softmax(-energy, 1)
            if counts:
                self.probability[members] += share
            drawn = torch.multinomial(share, 1, generator=self.generator)[:, 0]
            at = self.choices.at[members]
            self.labels[at] = self.choices.label[members, drawn]
            self.expected[:, at] = self.offered[:, members, drawn]
        self.visits += counts

    def _energies(self, members: Tensor) -> Tensor:
        field, at = self.field, self.choices.at[members]
        residual = field.light - blurred(self.expected.view(-1, *self.shape), field.kernel)
        weight = field.precision / (1 + residual.square() * field.precision / FREEDOM)
        pull = spread_back(residual * weight, field.kernel).flatten(1)[:, at, None]
        stiff = spread_back(weight, field.kernel**2).flatten(1)[:, at, None]
        step = self.offered[:, members] - self.expected[:, at, None]
        energy = self.cost[members] + (step * (0.5 * step * stiff - pull)).sum(0)
        for offset in AROUND:
            there, inside = shifted(at, self.shape, offset)
            weight_of = self.length * (1.0 if 0 in offset else self.diagonal)
            energy += weight_of * (inside[:, None] & (self.choices.label[members] != self.labels[there][:, None]))
        return energy
