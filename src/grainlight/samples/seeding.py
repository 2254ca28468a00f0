"""Labels of a section drawn jointly around points, with a point put into every grain that has none.

The network chooses among points, so it cannot begin a grain: where nothing was measured it says of every pixel that no
point lies in its grain. It does say where such grains are. A point is put there, its orientation drawn by what is given
for that, and the labels are drawn again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, decode, embed
from grainlight.diffusion.asked import Asked, Question
from grainlight.diffusion.candidates import Candidates, find_candidates, nearest_point, point_spacing
from grainlight.diffusion.measurement import Measurement
from grainlight.diffusion.sampler import DrawnLabels, draw_known, draw_revised
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.evaluation.metrics import boundary_edges

OrientationsAt = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Orientations (n, 4), frame S, X along a, of points that are put at pixels (n, 2), row and column."""
Ask = Callable[[Measurement, Candidates], Question]
"""The network and a batch of sections, to be asked."""
SPARSEST = 0.008
"""Points per pixel, fewest that the network met in training (`training.hidden_labels`)."""
# How often points are added, in how many calls labels are drawn meanwhile and at last, and how often some are drawn
# again then. Chosen by the boundary density of six sections, a family each (seeds 100 to 105): 1.27 times that of the
# families without revision, 1.01 to 1.03 with ten rounds.
_SEEDINGS, _FIRST_STEPS, _STEPS, _ROUNDS = 4, 4, 12, 10
# Pixels of a grain that is worth a point, and the noise of one in degrees.
_SMALLEST, _NOISE = 5, 0.3


@dataclass(frozen=True, eq=False)
class DrawnSection:
    """A section that was drawn.

    Parameters
    ----------
    quaternions
        (H, W, 4) in frame S, X along a.
    added
        (H, W) bool: pixels whose orientation was put there as a point.
    unmeasured
        Share of the pixels that the network gave to grains without a point before any was added.
    """

    quaternions: NDArray[np.float64]
    added: NDArray[np.bool_]
    unmeasured: float


def draw_section(
    ask: Ask,
    measured: Measurement,
    orientations: OrientationsAt,
    density: float,
    generator: torch.Generator,
    leaning: float = 0.0,
) -> DrawnSection:
    """Draw a section.

    Parameters
    ----------
    ask
        The label network.
    measured
        A batch of one section, sides multiples of the network's; without a point where it is drawn from nothing.
    orientations
        Of points that are added.
    density
        Of the Poisson process of added points in grains that have none, per pixel; such a grain gets one at least.
    generator
        On the CPU.
    leaning
        Added to the logit of a grain that no point lies in, over the whole section.
    """
    given, first = measured.points[0].cpu().numpy(), 0.0
    for seeding in range(_SEEDINGS):
        new = _drawn(ask, measured, generator, _FIRST_STEPS, 0, leaning)[0].new[0].cpu().numpy()
        if not seeding:
            first = float(new.mean())
        places = _places(new, density, generator)
        if len(places):
            measured = _with_points(measured, places, orientations(places))
    if not bool(measured.points.any()):
        middle = np.array([[n // 2 for n in measured.points.shape[1:]]])
        measured = _with_points(measured, middle, orientations(middle))
    drawn, asked = _drawn(ask, measured, generator, _STEPS, _ROUNDS, leaning)
    # a grain that still has no point is one where it is large enough; pixels of smaller ones join a grain
    region, _ = ndimage.label(drawn.new[0].cpu().numpy())
    small = np.bincount(region.ravel())[region] < _SMALLEST
    where = torch.from_numpy(small & (region > 0))[None].to(drawn.new.device)
    with torch.inference_mode():
        drawn = draw_known(asked, generator, drawn, where)
    quaternions = decode(drawn.embedding[0].movedim(0, -1).double().cpu()).numpy()
    left = np.unique(region[(region > 0) & ~small])
    if len(left):
        first_of = np.array([np.argwhere(region == number)[0] for number in left])
        for number, q in zip(left, orientations(first_of), strict=True):
            quaternions[region == number] = q
    added = measured.points[0].cpu().numpy() & ~given
    alone = added & _alone(quaternions)
    # nobody around is in the grain of such a point: it was one of a few pixels that the section does not have
    quaternions[alone] = np.roll(quaternions, -1, axis=1)[alone]
    return DrawnSection(quaternions, added & ~alone, first)


def _alone(quaternions: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels (H, W) with a boundary to all their neighbours, not those of the border."""
    right, down = boundary_edges(quaternions)
    alone = np.zeros(quaternions.shape[:2], dtype=bool)
    alone[1:-1, 1:-1] = right[1:-1, :-1] & right[1:-1, 1:] & down[:-1, 1:-1] & down[1:, 1:-1]
    return alone


def _drawn(
    ask: Ask, measured: Measurement, generator: torch.Generator, steps: int, rounds: int, leaning: float
) -> tuple[DrawnLabels, Asked]:
    candidates = find_candidates(nearest_point(measured.points), point_spacing(measured.points))
    with torch.inference_mode():
        asked = ask(measured, candidates).ask()
        return draw_revised(asked, generator, steps=steps, rounds=rounds, leaning=leaning), asked


def _places(new: NDArray[np.bool_], density: float, generator: torch.Generator) -> NDArray[np.int64]:
    """Pixels (n, 2) of a Poisson process in the connected regions of a mask (H, W), one in each at least."""
    region, count = ndimage.label(new)
    lots = torch.rand(new.shape, generator=generator).numpy()
    chosen = new & (lots < -math.expm1(-density))
    size = np.bincount(region.ravel(), minlength=count + 1)
    has = np.bincount(region[chosen], minlength=count + 1) > 0
    small = size < _SMALLEST
    # where the process left a region out, its pixel of the smallest lot
    order = np.lexsort((lots.ravel(), region.ravel()))
    first = order[np.searchsorted(region.ravel()[order], np.arange(1, count + 1))]
    chosen.ravel()[first[~has[1:]]] = True
    return np.argwhere(chosen & ~small[region]).astype(np.int64)


def _with_points(measured: Measurement, places: NDArray[np.int64], quaternions: NDArray[np.float64]) -> Measurement:
    """The same with more points."""
    row, column = (torch.from_numpy(axis.copy()).to(measured.points.device) for axis in places.T)
    points, embedding, noise = measured.points.clone(), measured.embedding.clone(), measured.noise.clone()
    points[0, row, column] = True
    embedding[0, :, row, column] = embed(torch.from_numpy(quaternions).float(), dim=0).to(embedding)
    noise[0, row, column] = _NOISE * PER_DEGREE / math.sqrt(3.0)
    return replace(measured, points=points, embedding=embedding, noise=noise)


def unlit(points: Tensor, embedding: Tensor, noise: Tensor) -> Measurement:
    """A measurement (B, H, W), (B, 18, H, W), (B, H, W) without light."""
    batch, rows, columns = points.shape
    dark = torch.full((batch, 3, rows, columns), SIGMA_MAX)
    return Measurement(points, embedding, noise, torch.zeros(batch, 5, rows, columns), dark)
