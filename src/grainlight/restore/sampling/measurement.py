"""What every estimate starts from: the joint state of a map or a window, its noise levels, and its measured points."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from grainlight.diffusion.state import SIGMA_MAX, is_unknown
from grainlight.optics.forward.point_spread import grown
from grainlight.restore.points.neighbours import Neighbours

# Pixels that a blur carries light over.
_REACH = 3


@dataclass(frozen=True, eq=False)
class JointMeasurement:
    """What was measured of a map or a window, as sampling, labelling and uncertainty take it.

    Parameters
    ----------
    state
        (23, H, W) embedding and canonical harmonics; what it holds where ``sigma`` says unknown counts for nothing.
    sigma
        (4, H, W) noise level of a channel per group: EBSD in embedding units, A0, A2, A4 in canonical units;
        `diffusion.state.SIGMA_MAX` where unknown.
    neighbours
        Nearest measured points of every pixel; None where orientations are not to be re-estimated from them.
    gradient
        Growth of the variance of a channel inside a grain, per pixel of distance, in squared embedding units.
    barred
        (H, W) pixels of other phases, which neither take an orientation nor lend one; None for none.
    """

    state: Tensor
    sigma: Tensor
    neighbours: Neighbours | None
    gradient: float = 0.0
    barred: Tensor | None = None

    @property
    def measured(self) -> Tensor:
        """Pixels (H, W) whose orientation was measured."""
        return ~is_unknown(self.sigma[0])

    @property
    def has_light(self) -> bool:
        """Whether light was measured anywhere."""
        return not bool(is_unknown(self.sigma[1:]).all())

    @property
    def lit(self) -> Tensor:
        """Pixels (H, W) with light, or within the reach of a blur of some."""
        return grown((~is_unknown(self.sigma[1:])).any(0), _REACH)

    def without_light(self, where: Tensor) -> JointMeasurement:
        """Return the same with the light of some pixels (H, W) unknown."""
        sigma = self.sigma.clone()
        sigma[1:, where] = SIGMA_MAX
        return replace(self, sigma=sigma)
