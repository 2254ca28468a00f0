"""A section from nothing: orientations and grain sizes of the training families, arrangement by the network."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.restore.sampling.label_prior import LabelPrior
from grainlight.samples.seeding import SPARSEST, DrawnSection, draw_section, unlit
from grainlight.synth.draw import Draw
from grainlight.synth.polycrystal import cut, draw_polycrystal

# Points of the first process in a grain of the mean size.
_POINTS = 0.7
_STREAM = 4_000_037  # of the network's lots, apart from the recipe's


def sample_from_nothing(
    prior: LabelPrior,
    shape: tuple[int, int],
    seed: int,
    *,
    size_range: tuple[float, float] = (16.0, 16.0),
    family: str | None = None,
) -> tuple[DrawnSection, NDArray[np.float64]]:
    """Draw a section for which nothing was measured.

    A polycrystal of the recipe of training is drawn and asked at single points: they come from a Poisson process, of
    0.7 points in a grain of the mean size, not fewer than training met, and from where the network sees a grain
    without a point. That tells their orientations (texture, twins, variants) and how many there are. Which
    pixel lies in the grain of which point is the network's alone.

    Parameters
    ----------
    shape
        Rows and columns.
    seed
        The same seed, the same section.
    size_range
        Smallest and largest mean grain diameter in pixels.
    family
        One of `synth.families.FAMILIES`; drawn if None.

    Returns
    -------
    drawn
        The section.
    recipe
        (H, W, 4): the section of the recipe that was asked at the points, for comparison.
    """
    multiple = prior.model.config.multiple
    rows, columns = (math.ceil(n / multiple) * multiple for n in shape)
    solid = draw_polycrystal(Draw.seeded(seed), 1, (rows, columns), size_range, family)
    q = cut(solid)[0][0].double().numpy()
    density = max(_POINTS / (math.pi / 4 * float(solid.grain_size[0]) ** 2), SPARSEST)
    nothing = unlit(
        torch.zeros(1, rows, columns, dtype=torch.bool),
        torch.zeros(1, 18, rows, columns),
        torch.zeros(1, rows, columns),
    ).to(prior.device)
    generator = torch.Generator().manual_seed(seed + _STREAM)
    found = draw_section(prior.question, nothing, lambda at: q[at[:, 0], at[:, 1]], density, generator)
    inside = np.s_[: shape[0], : shape[1]]
    return DrawnSection(found.quaternions[inside], found.added[inside], found.unmeasured), q[inside]
