"""A light whose gain was taken too small comes back as it should have been."""

from __future__ import annotations

import torch

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.state import LIGHT, SIGMA_MAX
from grainlight.optics.calibration.map_fit import fit_imaging_model
from grainlight.optics.forward.axis_powers import embedding_powers
from grainlight.optics.forward.curves import IDEAL
from grainlight.restore.light.recalibration import recalibrate

SIDE, CELL = 48, 8


def squares() -> torch.Tensor:
    """Embedding (18, 48, 48) of 36 square grains."""
    each = embed(random(((SIDE // CELL) ** 2,), torch.Generator().manual_seed(7))).float()
    at = torch.arange(SIDE) // CELL
    return each[at[:, None] * (SIDE // CELL) + at].movedim(-1, 0)


def test_gain_and_noise_are_put_right() -> None:
    e = squares()
    ideal = IDEAL.of_embedding(e)
    noise = 0.03 * torch.randn(ideal.shape, generator=torch.Generator().manual_seed(1))
    gain = torch.tensor([1.2, 1.5, 1.5, 1.4, 1.4])[:, None, None]
    measurement = torch.cat((e, gain * (ideal + noise)))
    sigma = torch.full((4, SIDE, SIDE), 0.15)
    precision = torch.full((5, SIDE, SIDE), 0.15**-2)
    found = fit_imaging_model(measurement[LIGHT], precision, embedding_powers(e))
    better, level = recalibrate(measurement, sigma, e, found)
    assert (better[LIGHT] - ideal - noise).square().mean() < 0.02**2
    assert torch.equal(better[:18], measurement[:18])
    assert torch.equal(level[0], sigma[0])
    assert torch.allclose(level[1:], torch.tensor(0.03), atol=0.012)
    assert (sigma == 0.15).all()


def test_an_ideal_response_changes_nothing_and_the_unknown_stays() -> None:
    e = squares()
    measurement = torch.cat((e, IDEAL.of_embedding(e)))
    sigma = torch.full((4, SIDE, SIDE), 0.1)
    sigma[2] = SIGMA_MAX
    better, level = recalibrate(measurement, sigma, e, IDEAL)
    assert torch.allclose(better, measurement, atol=1e-5)
    assert torch.allclose(level, sigma, atol=1e-5)
