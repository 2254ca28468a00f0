"""From the network's estimate to a map: projection on the measurement, isolated pixels, boundaries by the light."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, SQUARED_NORM
from grainlight.diffusion.state import EBSD, LIGHT, group_to_channel_light
from grainlight.restore.labelling.descent import Relabelled, RelabelSettings, relabel
from grainlight.restore.labelling.isolated import join_isolated_pixels
from grainlight.restore.labelling.projection import Projected, project
from grainlight.restore.sampling.grain_prior import GrainPrior
from grainlight.restore.sampling.measurement import JointMeasurement

# Points noisier than this (degrees, root mean square) are projected so many times more. On the tuning sections without
# light, noise of 5 degrees: edge F1 .850 -> .985 and median error 1.91 -> 1.50 degrees at scale 1, 15.2 -> 14.3 % near
# boundaries at scale 2; noise of 2 degrees: medians .71 -> .62 and .85 -> .79; noise of .5 degrees: nothing is gained.
_NOISY, _REPEATED = 1.0, 2


@dataclass(frozen=True, eq=False)
class LabelledMap:
    """A map whose every pixel is in a grain.

    ``embedding`` (18, H, W) on the manifold's sphere; ``error`` (H, W) standard error of the orientation of the grain
    there, in embedding units, 0 where nothing was projected; ``relabelled`` what the light said of the boundaries, None
    where there is no light or nothing was projected.
    """

    embedding: Tensor
    error: Tensor
    relabelled: Relabelled | None

    @property
    def blur(self) -> float | None:
        """Standard deviation of the light's blur in pixels."""
        return None if self.relabelled is None else self.relabelled.blur


def label_map(
    measured: JointMeasurement, guide: Tensor, settings: RelabelSettings | None = None, unlit: GrainPrior | None = None
) -> LabelledMap:
    """Give every pixel of an estimate (18, H, W) the orientation of a grain; ``unlit``: see `relabel`."""
    if measured.neighbours is None:
        return LabelledMap(normalised(guide), torch.zeros_like(guide[0]), None)
    found = project_measured(measured, guide)
    moved = relabel_by_light(measured, found, guide, settings, unlit)
    return LabelledMap(found.embedding if moved is None else moved.embedding, found.error, moved)


def project_measured(measured: JointMeasurement, guide: Tensor) -> Projected:
    """Project an estimate (18, H, W); the embedding that comes back is on the manifold's sphere."""
    assert measured.neighbours is not None
    found = project(guide, measured.state[EBSD], measured.sigma[0], measured.neighbours, measured.gradient)
    for _ in range(_passes(measured)):
        # Where the guide has the noise of the points in it, the projected map is a better guide than the one before.
        guide = normalised(found.embedding)
        found = project(guide, measured.state[EBSD], measured.sigma[0], measured.neighbours, measured.gradient)
    joined = join_isolated_pixels(found.embedding, guide, measured.measured)
    return replace(found, embedding=normalised(joined))


def _passes(measured: JointMeasurement) -> int:
    """How often a projection is repeated."""
    level = measured.sigma[0][measured.measured]
    noise = float(level.median()) * 3**0.5 / PER_DEGREE if len(level) else 0.0
    return _REPEATED if noise > _NOISY else 0


def relabel_by_light(
    measured: JointMeasurement,
    found: Projected,
    guide: Tensor,
    settings: RelabelSettings | None = None,
    unlit: GrainPrior | None = None,
) -> Relabelled | None:
    """Move the boundaries of what was projected to where the light says; None without light."""
    if not measured.has_light:
        return None
    channels = group_to_channel_light(measured.sigma[1:])
    fixed = (measured.measured & ~found.wrong) | ~measured.lit
    return relabel(found.embedding, guide, fixed, measured.state[LIGHT], channels, settings, measured.barred, unlit)


def normalised(e: Tensor) -> Tensor:
    """Embeddings (18, H, W) brought to the length of an orientation's."""
    return e * (SQUARED_NORM**0.5 / e.square().sum(0).sqrt_().clamp_(min=1e-6))
