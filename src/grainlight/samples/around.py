"""Sections around measured points: joint samples of what may lie between them, without light."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.inputs import Prepared, prepare
from grainlight.restore.points.grid import check_usable, output_shape
from grainlight.restore.sampling.label_prior import LabelPrior
from grainlight.restore.settings import Settings
from grainlight.samples.seeding import SPARSEST, draw_section, unlit

MOST_PIXELS = 1_200
"""Of a side: a sample is drawn as a whole."""
_STREAM = 5_000_011
# Mean and standard deviation, from sample to sample, of what is added to the logit of a grain that no point lies in.
# Points do not tell whether a section has many such grains: the network gives every pixel a mean over sections of many
# and of few, and without it all samples would have as many. Chosen by `python -m benchmarks.sample_ranks --first 43000
# --size 61`: samples of one section deviate by .05 of their number of grains without it, by .10 with -.18 and .6, .12
# with -.32 and .8, .14 with -.35 and 1, where the truth deviates from their mean by .16 to .19; of their boundary
# length by .02, .07, .09 and .12, where the truth deviates by .09 to .14. Samples have .97 of the truth's grains with
# -.32 and .8, 1.00 with -.35 and 1.
_LEANING = (-0.35, 1.0)


def prepared_points(ebsd: OrientationMap, scale: int, noise: float | None = None) -> Prepared:
    """Points of a map on the output grid, step / ``scale``, with their noise; misindexed ones are left out.

    Raises
    ------
    InputError
        If the output is too large for one sample, or no point is of a 6/mmm phase.
    """
    check_usable(ebsd)
    rows, columns, _ = output_shape(ebsd, scale)
    if max(rows, columns) > MOST_PIXELS:
        raise InputError(
            "the map is too large to be sampled as a whole",
            found=f"{rows} x {columns} pixels",
            expected=f"{MOST_PIXELS} along a side at most",
            advice="a part of it (--crop), or a smaller --scale",
        )
    return prepare(ebsd, None, Settings(scale=scale, noise=noise))


def sample_around(prior: LabelPrior, ebsd: OrientationMap, points: Prepared, seed: int) -> tuple[OrientationMap, float]:
    """Draw a section around points (`prepared_points`) of a map.

    A grain that no point lies in is where the network sees one; its orientation is that of a measured point drawn at
    random, so that the texture of the map is kept: points do not tell more of it.

    Returns
    -------
    section
        In the frames of the map; pixels nearest to a point of another phase are not indexed.
    unmeasured
        Share of the pixels that the network gave to grains without a point.
    """
    multiple = prior.model.config.multiple
    joint = points.joint(projection=False)
    rows, columns = joint.state.shape[1:]
    grow = (0, -columns % multiple, 0, -rows % multiple)
    measured = F.pad(joint.measured, grow)[None]
    embedding = torch.where(measured, F.pad(joint.state[:18], grow), 0.0)[None].float()
    noise = torch.where(measured[0], F.pad(joint.sigma[0], grow), 0.0)[None].float()
    asked = unlit(measured, embedding, noise).to(prior.device)
    known, lots = points.grid.measured_points, np.random.default_rng((seed, _STREAM))
    density = max(float(joint.measured.float().mean()) / 4, SPARSEST)
    found = draw_section(
        prior.question,
        asked,
        lambda at: known[lots.integers(len(known), size=len(at))],
        min(density, 1 / 64),
        torch.Generator().manual_seed(seed + _STREAM),
        float(lots.normal(*_LEANING)),
    )
    grid = points.grid
    phase = np.where(grid.other | ~np.isfinite(found.quaternions[:rows, :columns, 0]), 0, _main_phase(ebsd))
    made = OrientationMap.from_quaternions(
        found.quaternions[:rows, :columns],
        (grid.step, grid.step),
        ebsd.phases,
        phase_id=phase.astype(np.int16),
        sample_frame=SampleFrame.S,
        crystal_frame=CrystalFrame.X_ALONG_A,
        source="grainlight sample",
    )
    origin = (float(ebsd.origin[0]) + grid.left, float(ebsd.origin[1]))
    return (
        made.in_frame(ebsd.sample_frame).in_crystal_frame(ebsd.crystal_frame).replace(origin=origin),
        found.unmeasured,
    )


def _main_phase(ebsd: OrientationMap) -> int:
    """Phase of most of the 6/mmm points."""
    return int(np.bincount(ebsd.phase_id[ebsd.is_6mmm].ravel()).argmax())
