"""How sure a labelled map is: the choice between grains, the orientation of a grain, and where boundaries run."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.constants import constants
from grainlight.crystal.embedding import PER_DEGREE, SQUARED_NORM
from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.restore.labelling.descent import Relabelled
from grainlight.restore.labelling.label import LabelledMap
from grainlight.restore.labelling.members import LabelledMembers, boundary_starts
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.uncertainty.gradient import intragranular_gradient, orientation_spread
from grainlight.restore.uncertainty.lit_boundary import lit_boundary
from grainlight.restore.uncertainty.second_label import boundary_probability, second_distance, second_probability
from grainlight.restore.uncertainty.surroundings import Surroundings, surroundings
from grainlight.restore.uncertainty.unlit_boundary import unlit_boundary


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """What is not known of a map, before the tables of `bound` and `misassignment`.

    ``raw`` (H, W) expected distance (root mean square) of the truth from the map in degrees, for the choice between
    grains; ``lit`` (H, W) whether light had a say in that choice; ``spread`` (H, W) the same distance for the
    orientation of the grain there, its ``turn`` (H, W) the part that is the grain's own (`gradient.OrientationSpread`),
    and ``orientation`` (H, W) what that distance stays under in nine of ten pixels;
    ``boundary`` (H, W) probability of a boundary of 5 degrees to the right or below.
    """

    raw: Tensor
    lit: Tensor
    spread: Tensor
    turn: Tensor
    orientation: Tensor
    boundary: Tensor


def measure_uncertainty(
    measured: JointMeasurement, guide: Tensor, labelled: LabelledMap, members: LabelledMembers
) -> Uncertainty:
    """Say how sure a map is.

    Parameters
    ----------
    guide
        Mean embedding (18, H, W) of the ensemble.
    labelled, members
        The map and the ensemble's members beside it.
    """
    variance = network_variance(guide)
    open_ = torch.maximum(variance, members.variance)
    if measured.neighbours is None:
        if not measured.measured.any():
            # With no point to choose from the network's spread means nothing: the orientation may be any.
            open_ = torch.full_like(open_, 2 * SQUARED_NORM)
        # Without projection orientations are the network's, and its spread stands for their error as well.
        raw = open_.sqrt() / PER_DEGREE
        single = members.orientations is None
        boundary = boundary_starts(labelled.embedding).float() if single else members.boundary
        # Points as far apart as any that the table knows.
        widest = raw * constants().spread_quantile.turn[-1]
        return Uncertainty(raw, torch.zeros_like(raw, dtype=torch.bool), raw, torch.zeros_like(raw), widest, boundary)
    lit, e, moved = measured.lit, labelled.embedding, labelled.relabelled
    around = surroundings(measured.state, measured.sigma, measured.neighbours)
    gradient = intragranular_gradient(e, measured.state, measured.sigma, measured.neighbours)
    spread = orientation_spread(labelled.error, measured.gradient, gradient, around.nearest)
    boundary = torch.zeros_like(variance)
    if not lit.all():
        boundary = unlit_boundary(e, guide, measured.sigma[0], measured.measured, around, ~lit)
    if moved is not None:
        probability = second_probability(moved.gap)
        # With light the boundary was placed by it, and the gap between the best labels gives its probability.
        decided = boundary_probability(e, moved.second, probability, BOUNDARY_ANGLE)
        boundary = torch.where(lit, lit_boundary(decided, around), boundary)
        open_ = torch.where(lit, _open_with_light(e, moved, probability, around, variance), open_)
    bound = spread.bound(around.spacing)
    return Uncertainty(open_.sqrt() / PER_DEGREE, lit, spread.both, spread.turn, bound, boundary)


def network_variance(guide: Tensor) -> Tensor:
    """Variance (H, W) of the network's estimate, from its mean embedding (18, H, W), up to `SQUARED_NORM`: a posterior
    mean is shorter than an orientation by the variance that it averages over."""
    return (SQUARED_NORM - guide.square().sum(0)).clamp(min=0.0)


def _open_with_light(
    e: Tensor, moved: Relabelled, probability: Tensor, around: Surroundings, variance: Tensor
) -> Tensor:
    """Expected square distance (H, W) of the truth that light leaves open: the second label, and a grain that no point
    met, which is no neighbour's and whose orientation is any."""
    # A small chance of it, which there is everywhere between points, moves no bound that holds for nine in ten.
    everywhere = constants().missed_everywhere.value
    missed = (around.missed(variance / SQUARED_NORM) - everywhere).clamp(min=0.0)
    return probability * second_distance(e, moved.second) + missed * 2 * SQUARED_NORM
