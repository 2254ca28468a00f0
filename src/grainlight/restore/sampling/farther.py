"""Grains that none of a pixel's candidates lies in: a point farther away whose orientation the light may fit."""

from __future__ import annotations

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from grainlight.diffusion.candidates import CELL, PIXELS, SLOTS, Candidates, at_points, by_pixel, from_cells
from grainlight.diffusion.evidence import ideal_light
from grainlight.diffusion.measurement import Measurement
from grainlight.diffusion.network import Labels
from grainlight.diffusion.state import is_unknown

# Pixels are asked where the network gives "none of them" at least this probability; so many of the nearest points.
# Chosen by hand.
_PROBABILITY, _POINTS = 0.35, 48
# Noise of the light beyond its stated level: curves that are not ideal, blur (A0, A2, A4, canonical units).
_CURVES = (0.20, 0.10, 0.12)
# A point is believed up to this squared misfit of five harmonics, and pays for its distance in units of the spacing.
_FITS, _FAR = 12.0, 3.0
_AT_ONCE = 1 << 14


def look_farther(labels: Labels, candidates: Candidates, measured: Measurement) -> Labels:
    """Let the orientation expected of an unmeasured grain be that of a farther point, where the light fits it.

    A grain reaches farther than its pixels' candidates now and then: light knows its c-axis, and a point with that axis
    near by is likelier its own than that of one which nobody measured. Of a batch of one section.
    """
    size = (measured.points.shape[1], measured.points.shape[2])
    asked = from_cells(labels.logits.softmax(2)[:, :, SLOTS][:, None], size)[0, 0] > _PROBABILITY
    asked &= ~is_unknown(measured.sigma[0, 1:]).all(0) & ~measured.points[0]
    points = measured.points[0].nonzero()
    if not bool(asked.any()) or len(points) <= SLOTS:
        return labels
    tree = cKDTree(points.cpu().numpy())
    flat_points = points[:, 0] * size[1] + points[:, 1]
    embedding, light, sigma = (by_pixel(x) for x in (measured.embedding, measured.light, measured.sigma))
    other = labels.other.clone()
    for at in asked.nonzero().split(_AT_ONCE):
        distance, rank = tree.query(at.cpu().numpy(), k=min(_POINTS, len(points)))
        index = flat_points[torch.from_numpy(rank).to(at.device)]
        cell = torch.div(at[:, 0], CELL, rounding_mode="floor") * (size[1] // CELL)
        cell = cell + torch.div(at[:, 1], CELL, rounding_mode="floor")
        near = (index[:, :, None] == candidates.index[cell][:, None]).any(2)
        theirs, flat = at_points(embedding, index), at[:, 0] * size[1] + at[:, 1]
        misfit = _misfit(light[flat], sigma[flat], ideal_light(theirs)).masked_fill(near, torch.inf)
        reach = _FAR * candidates.spacing[cell][:, None]
        cost = misfit + (torch.from_numpy(distance).to(misfit) / reach).square()
        best = cost.argmin(1, keepdim=True)
        fits = misfit.gather(1, best)[:, 0] < _FITS
        found = theirs.gather(1, best[..., None].expand(-1, -1, theirs.shape[2]))[:, 0]
        pixel = (at[:, 0] % CELL) * CELL + at[:, 1] % CELL
        other[cell[fits], :, pixel[fits]] = found[fits]
    assert other.shape[2] == PIXELS
    return Labels(labels.logits, other)


def _misfit(seen: Tensor, sigma: Tensor, expected: Tensor) -> Tensor:
    """Squared misfit (n, k) of light (n, 5) with noise levels (n, 3) and what is expected (n, k, 5)."""
    total = expected.new_zeros(expected.shape[:2])
    for group, channels in enumerate((slice(0, 1), slice(1, 3), slice(3, 5))):
        level = sigma[:, group, None]
        away = (seen[:, None, channels] - expected[..., channels]).square().sum(2)
        total += torch.where(is_unknown(level), 0.0, away / (level.square() + _CURVES[group] ** 2))
    return total
