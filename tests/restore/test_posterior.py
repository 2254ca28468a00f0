"""The stages in their order, from a joint measurement to a posterior."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.crystal.embedding import embed
from grainlight.crystal.quaternion import random
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.optics.forward.curves import IDEAL
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.posterior import infer, second_look
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.sampling.prior import Samples
from grainlight.restore.settings import Plan

from .stage import SIDE, measurement, two_grains


class Knows:
    """A prior that says the same of everything."""

    def __init__(self, embedding: Tensor) -> None:
        self.embedding = embedding

    def draft(self, measured: JointMeasurement, seed: int) -> Tensor:
        return self.embedding.clone()

    def sample(self, measured: JointMeasurement, plan: Plan) -> Samples:
        return Samples(self.embedding.clone(), self.embedding.clone(), None, ())


def test_a_network_that_knows_gives_the_map_without_doubt() -> None:
    truth = two_grains().contiguous()
    joint = measurement(truth)
    found = infer(Knows(truth), joint, Plan(steps=1, samples=1))
    assert ((found.embedding - truth).norm(dim=0) < 0.1).all()
    assert found.samples is None
    assert found.blur is not None
    assert found.uncertainty.raw.median() < 1.0
    torch.testing.assert_close(found.light, IDEAL.of_embedding(truth), atol=0.05, rtol=0)


def test_nothing_to_look_at_a_second_time_without_light() -> None:
    joint = measurement(two_grains().contiguous(), light=False)
    assert second_look(Knows(joint.state[:18]), joint, seed=0) is joint


def test_the_seed_reaches_the_chain_that_places_boundaries() -> None:
    """The network says the same whatever noise it is given: what differs between seeds is the chain's."""
    left, right = embed(random((2,), torch.Generator().manual_seed(11)))
    row, column = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    e = torch.where(column + 0.3 * row > 0.65 * SIDE, right[:, None, None], left[:, None, None])
    light = IDEAL.of_embedding(e)
    noisy = light + 0.5 * torch.randn(light.shape, generator=torch.Generator().manual_seed(3))
    measured = (row % 4 == 0) & (column % 4 == 0)
    sigma = torch.full((4, SIDE, SIDE), 0.5)
    sigma[0] = torch.where(measured, 0.01, SIGMA_MAX)
    joint = JointMeasurement(torch.cat((e, noisy)), sigma, find_neighbours(measured))

    found = [
        infer(Knows(e), joint, Plan(steps=1, samples=1, seed=seed, visits=3)).uncertainty.boundary for seed in (0, 0, 1)
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
