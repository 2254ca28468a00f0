from __future__ import annotations

import torch

from grainlight.crystal.embedding import PER_DEGREE, degrees_between, embed
from grainlight.crystal.quaternion import from_rotation_vector, multiply, random
from grainlight.restore.labelling.projection import project
from grainlight.restore.points.neighbours import find_neighbours


def _two_grains(size: int = 33, at: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Quaternions of two grains side by side and their embedding (18, H, W)."""
    q = random((2,), torch.Generator().manual_seed(4))
    which = (torch.arange(size) >= at).long()
    q = q[which].expand(size, size, 4)
    return q, embed(q, dim=-3)


def _measured(q: torch.Tensor, stride: int, degrees: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    vector = torch.randn(*q.shape[:2], 3, generator=generator) * degrees * torch.pi / 180 / 3**0.5
    mask = torch.zeros(q.shape[:2], dtype=torch.bool)
    mask[::stride, ::stride] = True
    return embed(multiply(q, from_rotation_vector(vector)), dim=-3), mask


def test_flat_indices_are_those_of_the_measured_pixels() -> None:
    mask = torch.rand(7, 11, generator=torch.Generator().manual_seed(1)) < 0.3
    assert torch.equal(find_neighbours(mask).flat(11), mask.reshape(-1).nonzero()[:, 0])


def test_noise_is_averaged_inside_grains_and_nothing_crosses_the_boundary() -> None:
    q, truth = _two_grains()
    noisy, mask = _measured(q, 4, 1.0)
    sigma = torch.full(mask.shape, PER_DEGREE / 3**0.5)
    out = project(truth, noisy, sigma, find_neighbours(mask))
    error = degrees_between(out.embedding, truth, dim=0)
    assert bool(out.supported.all())
    assert float(error.median()) < 0.6
    assert float(error.max()) < 2.0


def test_a_guide_between_two_grains_takes_a_side() -> None:
    q, truth = _two_grains()
    noisy, mask = _measured(q, 4, 0.1)
    guide = truth.clone()
    guide[:, :, 15] = 0.6 * truth[:, :, 15] + 0.4 * truth[:, :, 16]
    out = project(guide, noisy, torch.full(mask.shape, 0.01), find_neighbours(mask))
    assert float(degrees_between(out.embedding, truth, dim=0)[:, 15].max()) < 1.0


def test_a_certain_grain_that_nobody_measured_stays() -> None:
    q, truth = _two_grains()
    noisy, mask = _measured(q, 4, 0.1)
    other = embed(random((1,), torch.Generator().manual_seed(9)), dim=-1)[0]
    guide = truth.clone()
    guide[:, 5:8, 5:8] = other[:, None, None]
    out = project(guide, noisy, torch.full(mask.shape, 0.01), find_neighbours(mask))
    assert not bool(out.supported[5:8, 5:8].any())
    assert torch.equal(out.embedding[:, 6, 6], other)


def test_a_wrong_point_is_found_and_not_copied() -> None:
    q, truth = _two_grains()
    noisy, mask = _measured(q, 2, 0.1)
    noisy[:, 4, 4] = embed(random((1,), torch.Generator().manual_seed(9)), dim=-1)[0]
    out = project(truth, noisy, torch.full(mask.shape, 0.01), find_neighbours(mask))
    assert bool(out.wrong[4, 4])
    assert int(out.wrong.sum()) == 1
    assert float(degrees_between(out.embedding, truth, dim=0).max()) < 1.0


def test_drift_makes_a_measured_pixel_trust_itself() -> None:
    q, truth = _two_grains()
    noisy, mask = _measured(q, 1, 1.0)
    sigma = torch.full(mask.shape, PER_DEGREE / 3**0.5)
    near = find_neighbours(mask)
    loose = degrees_between(project(truth, noisy, sigma, near).embedding, noisy, dim=0).mean()
    strict = degrees_between(project(truth, noisy, sigma, near, gradient=0.1).embedding, noisy, dim=0).mean()
    assert strict < 0.5 * loose
