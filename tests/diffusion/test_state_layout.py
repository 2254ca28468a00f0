"""Layout of the joint state."""

from __future__ import annotations

import torch

from grainlight.diffusion.state import SIGMA_MAX, SIGMA_MIN, group_sigma


def test_group_levels_stack_and_unknown_is_what_is_not_finite() -> None:
    ebsd = torch.tensor([[0.1, torch.nan], [torch.inf, 1e-9]])
    sigma = group_sigma(ebsd, torch.full((3, 2, 2), 0.2))
    assert sigma.shape == (4, 2, 2)
    torch.testing.assert_close(sigma[0], torch.tensor([[0.1, SIGMA_MAX], [SIGMA_MAX, SIGMA_MIN]]))
