"""What a network says of a map before any measurement has the last word: the seam between networks and the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from grainlight.restore.sampling.grain_prior import GrainPrior
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.settings import Plan


@dataclass(frozen=True, eq=False)
class Samples:
    """What a network says of a map.

    Parameters
    ----------
    guide
        (18, H, W) embedding of the orientation that a pixel is taken to have: which grain it is in.
    mean
        (18, H, W) posterior mean, shorter than an orientation's by the variance that it averages over.
    light
        (5, H, W) clean harmonics, None where the network has no word on them.
    members
        Embedding (18, H, W) of each sample of the map in half precision; none where there is one member.
    unlit
        What the network says of the grains without the light, for the chain; None where it was not asked.
    """

    guide: Tensor
    mean: Tensor
    light: Tensor | None
    members: tuple[Tensor, ...]
    unlit: GrainPrior | None = None


class Prior(Protocol):
    """A network, ready to be asked about whole maps."""

    def draft(self, measured: JointMeasurement, seed: int) -> Tensor:
        """A quick guide (18, H, W), on which the light is calibrated a second time."""
        ...

    def sample(self, measured: JointMeasurement, plan: Plan) -> Samples:
        """Guide, mean and members as the plan asks for them."""
        ...
