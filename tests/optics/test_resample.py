"""Images on another grid: sums kept, positions kept, outside unknown."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grainlight.optics.calibration.harmonics import fit_harmonics
from grainlight.optics.calibration.resample import resample, resample_harmonics, sample_at


def ramp(rows: int, columns: int, step: float, origin: tuple[float, float]) -> torch.Tensor:
    y = origin[1] + step * torch.arange(rows, dtype=torch.float64)
    x = origin[0] + step * torch.arange(columns, dtype=torch.float64)
    return torch.stack((x.expand(rows, columns), y[:, None].expand(rows, columns)))


@settings(max_examples=60, deadline=None)
@given(
    step_pl=st.floats(0.2, 3.0),
    step_out=st.floats(0.2, 3.0),
    x=st.floats(-30, 5),
    y=st.floats(-30, 5),
)
def test_a_ramp_tells_the_position_of_every_pixel(step_pl: float, step_out: float, x: float, y: float) -> None:
    result = resample(
        ramp(160, 150, step_pl, (x, y)), step_pl=step_pl, origin=(x, y), rows=20, columns=25, step_out=step_out
    )
    grid = ramp(20, 25, step_out, (0.0, 0.0))
    # the outermost pixels average over what is there, or repeat the edge
    margin = max(step_out, 2 * step_pl) * 1.01
    low = torch.tensor([x, y], dtype=torch.float64)[:, None, None] + margin
    high = torch.tensor([x + 149 * step_pl, y + 159 * step_pl], dtype=torch.float64)[:, None, None] - margin
    inside = ((grid > low) & (grid < high)).all(0)
    # a mean over pixels cut by the edge of the area takes each as even: an eighth of a pixel at most
    tolerance = 1e-9 if step_out < step_pl else 0.126 * step_pl
    assert torch.allclose(result[:, inside], grid[:, inside], rtol=0, atol=tolerance)
    outside = ((grid < low - margin - step_pl) | (grid > high + margin + step_pl)).any(0)
    assert bool(result[:, outside].isnan().all())


@pytest.mark.parametrize("ratio", [1, 2, 3, 5])
def test_whole_number_reduction_is_the_mean_of_blocks(ratio: int) -> None:
    image = torch.rand(2, 10 * ratio, 12 * ratio, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shift = -(ratio - 1) / 2
    result = resample(image, step_pl=1.0, origin=(shift, shift), rows=10, columns=12, step_out=float(ratio))
    blocks = image.reshape(2, 10, ratio, 12, ratio).mean((2, 4))
    assert torch.allclose(result, blocks)


@given(step_out=st.floats(1.0, 4.0))
def test_area_is_preserved(step_out: float) -> None:
    image = torch.zeros(60, 60, dtype=torch.float64)
    image[25:33, 28:36] = torch.rand(8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    size = int(59 / step_out)
    result = resample(image, step_pl=1.0, rows=size, columns=size, step_out=step_out)
    assert float(result.nansum()) * step_out**2 == pytest.approx(float(image.sum()), rel=1e-9)


def test_the_same_grid_changes_nothing() -> None:
    image = torch.rand(3, 9, 11, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(resample(image, step_pl=0.7, rows=9, columns=11, step_out=0.7), image, atol=1e-6)


def test_missing_pixels_do_not_spread_far() -> None:
    image = torch.ones(40, 40)
    image[10:20, 10:20] = torch.nan
    result = resample(image, step_pl=1.0, rows=19, columns=19, step_out=2.0)
    assert bool(result[6:9, 6:9].isnan().all())
    known = ~result.isnan()
    assert bool(known[:4].all())
    assert torch.allclose(result[known], torch.ones(()))


def test_points_between_pixels_are_linear() -> None:
    image = ramp(20, 30, 1.0, (0.0, 0.0))
    at = torch.tensor([[3.25, 7.5], [0.0, 0.0], [19.0, 29.0], [-2.0, 4.0], [5.0, 40.0]])
    values = sample_at(image, at)
    assert torch.allclose(values[:, :3], at[:3].flip(1).T.double())
    assert bool(values[:, 3:].isnan().all())


def test_averaging_lowers_the_noise_as_written() -> None:
    generator = torch.Generator().manual_seed(3)
    angles = [10.0 * k for k in range(18)]
    images = 1000 + 10 * torch.randn(18, 240, 240, generator=generator)
    fit = fit_harmonics(images, angles, frame_gains=False)
    small = resample_harmonics(fit, step_pl=0.3, origin=(-0.1, 0.05), rows=70, columns=70, step_out=1.0)
    measured = small.coefficients[1:3].flatten().std()
    assert float(measured) == pytest.approx(10 * small.group_noise[1], rel=0.06)
    assert float(small.residual_rms.mean()) == pytest.approx(10, rel=0.05)
