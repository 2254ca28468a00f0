"""Which grain a pixel is likely in before its light is looked at: the word of the network, for the chain.

The posterior of a label is its prior times the likelihood of the light. The network answers for the one, asked without
light, and the imaging model for the other, so that the light counts once (as the steps of DPnP do, Xu and Chi 2024,
arXiv 2403.17042).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.diffusion.candidates import CELL, SLOTS, Candidates, at_points
from grainlight.diffusion.evidence import same_grain_width
from grainlight.diffusion.measurement import Measurement
from grainlight.diffusion.misfit import likeness
from grainlight.diffusion.network import Labels

# Of the probability of a grain that nobody measured, the share that a grain near the pixel gets which no candidate is
# like; and what is given to every grain, so that light of any strength can still decide.
_UNMEASURED, _LEAST = 0.3, 0.01


@dataclass(frozen=True, eq=False)
class GrainPrior:
    """Probabilities of the candidates of a map.

    ``probability`` (n, 16, 17) of each pixel of a cell for its candidates and, last, for a grain that none of them lies
    in; ``candidates`` of the cells; ``embedding`` (P, 18) and squared ``width`` (P,) of one grain
    (`evidence.same_grain_width`) of the points that they name; ``columns`` of the map, and ``cells`` in a row of cells.
    """

    probability: Tensor
    candidates: Candidates
    embedding: Tensor
    width: Tensor
    columns: int
    cells: int

    @classmethod
    def of(cls, labels: Labels, candidates: Candidates, measured: Measurement, columns: int) -> GrainPrior:
        """What labels say, that were asked of a batch of one map without light, grown from ``columns`` columns."""
        embedding, noise = measured.orientation_rows()
        return cls(
            labels.logits.softmax(2),
            candidates,
            embedding,
            same_grain_width(noise[:, 0]),
            columns,
            measured.points.shape[2] // CELL,
        )

    def energy(self, at: Tensor, offered: Tensor) -> Tensor:
        """-log of the probability (n, k) that pixels are in the grains of orientations.

        Parameters
        ----------
        at
            Flat index (n,) of the pixels in the map.
        offered
            Embeddings (n, k, 18), each that of a grain. A candidate is of the grain as far as their orientations are
            alike; candidates of one grain share its probability.
        """
        row, column = torch.div(at, self.columns, rounding_mode="floor"), at % self.columns
        cell = torch.div(row, CELL, rounding_mode="floor") * self.cells + torch.div(column, CELL, rounding_mode="floor")
        p = self.probability[cell, row % CELL * CELL + column % CELL]
        index = self.candidates.index[cell]
        points = at_points(self.embedding, index)
        away = torch.baddbmm(points.square().sum(-1)[:, None], offered, points.transpose(1, 2), alpha=-2)
        away.add_(offered.square().sum(-1)[:, :, None])
        alike = likeness(away, self.width[index][:, None]).mul_(self.candidates.usable[cell][:, None].to(away))
        known = (alike * p[:, None, :SLOTS]).sum(2)
        new = (1 - alike.amax(2)) * p[:, SLOTS:]
        return (known + _UNMEASURED * new + _LEAST).log_().neg_()
