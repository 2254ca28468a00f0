"""The solver: truth in, truth out; seeds; measured pixels enter as themselves."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from benchmarks.peers.denoiser.solver import LAST_LEVEL, solve, stated_levels
from grainlight.diffusion.state import SIGMA_MAX


def task() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(23, 16, 16, generator=generator)
    sigma = torch.full((4, 16, 16), SIGMA_MAX)
    sigma[0, ::2, ::2] = 0.03
    sigma[2:] = 0.2
    return truth, truth + 0.05 * torch.randn(23, 16, 16, generator=generator), sigma


def test_levels_fall_and_measured_orientations_keep_theirs() -> None:
    _, _, sigma = task()
    found = [stated_levels(sigma, call) for call in range(12)]
    assert torch.equal(found[0], sigma)
    known = sigma[0] < SIGMA_MAX
    for before, after in pairwise(found):
        assert bool((after <= before).all())
        assert torch.equal(after[0][known], sigma[0][known])
    assert float(found[-1][1:].max()) == pytest.approx(LAST_LEVEL)


def test_good_light_is_never_made_worse() -> None:
    sigma = torch.full((4, 8, 8), 0.008)
    assert bool((stated_levels(sigma, 3) <= sigma).all())


def test_no_steps_are_refused() -> None:
    truth, measurement, sigma = task()
    with pytest.raises(ValueError, match="expected 1 or more"):
        solve(lambda x, s: truth, measurement, sigma, 0, torch.Generator())


@pytest.mark.parametrize("steps", [1, 4])
def test_a_perfect_denoiser_gives_the_truth(steps: int) -> None:
    truth, measurement, sigma = task()
    assert torch.equal(solve(lambda x, s: truth, measurement, sigma, steps, torch.Generator().manual_seed(1)), truth)


def test_what_the_denoiser_sees() -> None:
    truth, measurement, sigma = task()
    measurement[:18, 1::2] = torch.nan
    seen = []

    def denoise(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        seen.append((x, s))
        return truth

    solve(denoise, measurement, sigma, 5, torch.Generator().manual_seed(1))
    known = sigma < SIGMA_MAX
    channels = known.repeat_interleave(torch.tensor([18, 1, 2, 2]), 0)
    # Measured pixels enter as they are, at their own level.
    assert torch.equal(seen[0][0][channels], measurement[channels])
    assert torch.equal(seen[0][1][known], sigma[known])
    for call, (x, s) in enumerate(seen):
        assert bool(torch.isfinite(x).all())
        assert torch.equal(s, stated_levels(sigma, call))
    # Unmeasured pixels begin as noise of the highest level; later they, and all light, are the last estimate.
    noise = seen[0][0][~channels] / SIGMA_MAX
    assert float(noise.std()) == pytest.approx(1, abs=0.05)
    kept = channels.clone()
    kept[18:] = False
    for x, _ in seen[1:]:
        assert torch.equal(x[kept], measurement[kept])
        assert torch.equal(x[~kept], truth[~kept])


def test_seeds() -> None:
    _, measurement, sigma = task()

    def run(seed: int) -> torch.Tensor:
        return solve(lambda x, s: 0.5 * x, measurement, sigma, 3, torch.Generator().manual_seed(seed))

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
