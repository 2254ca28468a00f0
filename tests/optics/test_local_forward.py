"""What a subgrid of pixels is told of its light, and changes in it, is what blurring whole images gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from grainlight.optics.forward.local_forward import Field, LocalForwardModel, subgrids
from grainlight.optics.forward.misfit import FREEDOM
from grainlight.optics.forward.point_spread import blurred, gaussian, spread_back


def columns_in_order(images: Tensor, columns: int) -> Tensor:
    """Images (5, H, W) of columns that lie a stride apart side by side."""
    return images.transpose(-1, -2).flatten(-2)[..., :columns]


@pytest.mark.parametrize("shape", [(61, 70), (130, 9), (3, 4)])
@pytest.mark.parametrize("width", [0.0, 0.5, 0.8, 1.6])
def test_terms_and_changes_are_those_of_whole_images(shape: tuple[int, int], width: float) -> None:
    generator = torch.Generator().manual_seed(4)
    kernel = gaussian(width)
    field = Field(torch.randn(5, *shape, generator=generator), 50 * torch.rand(5, *shape, generator=generator), kernel)
    expected = torch.randn(5, *shape, generator=generator)
    stride = 2 + (len(kernel) > 4) + (len(kernel) > 8)
    light = LocalForwardModel(expected, field, stride)
    pixels = 0
    for subgrid in subgrids(shape, stride):
        count = subgrid.shape[0] * subgrid.shape[1]
        pixels += count
        at = torch.randperm(count, generator=generator)[: max(1, count // 2)]
        row = at // subgrid.shape[1] * stride + subgrid.first[0]
        column = at % subgrid.shape[1] * stride + subgrid.first[1]
        assert torch.equal(subgrid.index(row, column), at)
        residual = field.light - blurred(expected, kernel)
        weight = field.precision / (1 + residual.square() * field.precision / FREEDOM)
        pull, stiff = light.terms(subgrid, at)
        assert torch.allclose(pull, spread_back(residual * weight, kernel)[:, row, column], atol=1e-3)
        assert torch.allclose(stiff, spread_back(weight, kernel**2)[:, row, column], rtol=1e-3, atol=1e-3)
        change = torch.randn(5, len(at), generator=generator)
        light.add(subgrid, at, change)
        expected[:, row, column] += change
        assert torch.allclose(
            columns_in_order(light.residual, shape[1]), field.light - blurred(expected, kernel), atol=1e-5
        )
    assert pixels == shape[0] * shape[1]
