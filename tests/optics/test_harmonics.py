"""The harmonic fit: exactness, noise, lamp drift, saturation, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from grainlight.errors import InputError
from grainlight.optics.calibration.harmonics import design_matrix, find_gains, fit_harmonics
from grainlight.optics.forward.reflectance import axis, harmonics, intensity

ANGLES = [10.0 * k for k in range(18)]


def coefficients(seed: int, rows: int = 12, columns: int = 15) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(5, rows, columns, generator=generator, dtype=torch.float64)
    values[0] = 8 + values[0].abs()
    return values


def stack(values: torch.Tensor, angles: list[float]) -> torch.Tensor:
    return torch.einsum("ni,ihw->nhw", design_matrix(angles), values)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), start=st.floats(-90, 90), extra=st.integers(0, 12), turn=st.sampled_from([180, 360]))
def test_any_angles_return_what_went_in(seed: int, start: float, extra: int, turn: int) -> None:
    count = 7 + extra
    jitter = torch.rand(count, generator=torch.Generator().manual_seed(seed)).mul(0.5 * turn / count).tolist()
    angles = [start + turn * k / count + j for k, j in enumerate(jitter)]
    truth = coefficients(seed)
    fit = fit_harmonics(stack(truth, angles), angles, frame_gains=False)
    assert torch.allclose(fit.coefficients, truth, atol=1e-8)
    assert float(fit.residual_rms.max()) < 1e-8


def test_a_fit_recovers_the_physics() -> None:
    c = axis(torch.linspace(0, 90, 12)[:, None], torch.linspace(0, 350, 9)[None, :])
    images = torch.stack([intensity(c, a, 20.0, 2.5) for a in ANGLES])
    fit = fit_harmonics(images, ANGLES, frame_gains=False)
    assert torch.allclose(fit.coefficients, harmonics(c, 2.5, 20.0), atol=1e-14)


def test_noise_is_what_the_covariance_says() -> None:
    generator = torch.Generator().manual_seed(1)
    angles = [0.0, 8.0, 31.0, 60.0, 77.0, 100.0, 124.0, 150.0, 171.0]
    truth = torch.tensor([1000.0, 20, 10, 5, 3], dtype=torch.float64)[:, None, None].expand(5, 150, 150)
    images = stack(truth, angles)
    images = images + 4.0 * torch.randn(images.shape, generator=generator, dtype=torch.float64)
    fit = fit_harmonics(images, angles, frame_gains=False)
    measured = (fit.coefficients - truth).flatten(1).std(1)
    assert torch.allclose(measured, 4.0 * fit.covariance.diagonal().sqrt(), rtol=0.04)
    assert float(fit.residual_rms.square().mean().sqrt()) == pytest.approx(4.0, rel=0.02)


def test_lamp_drift_is_found() -> None:
    generator = torch.Generator().manual_seed(2)
    phase = 2 * math.pi * torch.rand(60, 60, generator=generator, dtype=torch.float64)
    size = torch.rand(60, 60, generator=generator, dtype=torch.float64)
    truth = torch.stack(
        [
            1000 + 200 * size,
            400 * size * torch.cos(phase),
            400 * size * torch.sin(phase),
            200 * size * torch.cos(2 * phase),
            200 * size * torch.sin(2 * phase),
        ]
    )
    gain = 1 + 0.02 * torch.randn(18, generator=generator, dtype=torch.float64)
    images = stack(truth, ANGLES) * gain[:, None, None]
    fit = fit_harmonics(images, ANGLES)
    plain = fit_harmonics(images, ANGLES, frame_gains=False)
    assert float(fit.frame_gain.mean()) == pytest.approx(1)
    assert float(fit.residual_rms.mean()) < 0.2 * float(plain.residual_rms.mean())


def test_saturated_and_missing_values_do_not_count() -> None:
    truth = coefficients(3)
    images = stack(truth, ANGLES)
    images[4, 2, 3], images[7, 2, 3], images[1, 5, 5] = 1e9, torch.nan, torch.inf
    images[:15, 8, 8] = torch.nan
    fit = fit_harmonics(images, ANGLES, saturation=1e6, frame_gains=False)
    clear = torch.ones(12, 15, dtype=torch.bool)
    clear[8, 8] = False
    assert torch.allclose(fit.coefficients[:, clear], truth[:, clear], atol=1e-8)
    assert bool(fit.coefficients[:, 8, 8].isnan().all())
    assert [int(fit.clipped[p]) for p in ((2, 3), (5, 5), (8, 8), (0, 0))] == [2, 1, 15, 0]


def test_the_full_scale_of_an_integer_stack_counts_as_saturated() -> None:
    images = (stack(coefficients(4), ANGLES) * 20).clamp(0, 254).to(torch.uint8)
    assert int(fit_harmonics(images, ANGLES).clipped.max()) == 0
    images[3, 1, 1] = 255
    assert int(fit_harmonics(images, ANGLES).clipped[1, 1]) == 1


def test_integer_types_agree_with_floating_point() -> None:
    whole = (stack(coefficients(5), ANGLES) * 100).round().clamp_min(0)
    reference = fit_harmonics(whole, ANGLES)
    for dtype in (torch.uint16, torch.int32, torch.float32):
        fit = fit_harmonics(whole.to(torch.int32).to(dtype), ANGLES)
        assert torch.allclose(fit.coefficients.double(), reference.coefficients, atol=1e-3)


def test_five_frames_are_enough_and_leave_no_residual() -> None:
    angles = [0.0, 36.0, 72.0, 108.0, 144.0]
    truth = coefficients(6)
    fit = fit_harmonics(stack(truth, angles), angles)
    assert torch.allclose(fit.coefficients, truth, atol=1e-9)
    assert fit.freedom == 0
    assert float(fit.residual_rms.max()) == 0


@pytest.mark.parametrize(
    "angles", [[0.0, 45, 90, 135], [0.0, 45, 90, 135, 180, 225], [0.0, 1, 2, 3, 4], [0.0, 36, 72, 108, math.nan]]
)
def test_angles_that_do_not_determine_the_harmonics_are_refused(angles: list[float]) -> None:
    with pytest.raises(InputError):
        fit_harmonics(torch.ones(len(angles), 4, 4), angles)


def test_a_stack_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="17 images and 18 angles"):
        fit_harmonics(torch.ones(17, 4, 4), ANGLES)
    with pytest.raises(InputError, match="2 axes"):
        fit_harmonics(torch.ones(18, 4), ANGLES)


def test_a_stack_fitted_in_strips_is_the_same() -> None:
    """Gains of the whole stack, then any rows of it, saturated and missing values among them."""
    generator = torch.Generator().manual_seed(5)
    angles = ANGLES
    images = 800 + 300 * torch.rand(18, 40, 30, generator=generator)
    images *= 1 + 0.05 * torch.rand(18, 1, 1, generator=generator)
    images[3, 5, 6], images[4, 20, 2], images[:15, 33, 3] = torch.nan, torch.inf, 2000.0
    whole = fit_harmonics(images, angles, saturation=1500.0)
    gains = find_gains(images, angles, 1500.0)
    assert torch.equal(gains, whole.frame_gain)
    for rows in (slice(0, 7), slice(7, 34), slice(34, 40)):
        part = fit_harmonics(images[:, rows], angles, saturation=1500.0, gains=gains)
        assert torch.allclose(part.coefficients, whole.coefficients[:, rows], rtol=1e-5, atol=1e-3, equal_nan=True)
        assert torch.equal(part.clipped, whole.clipped[rows])
    assert whole.clipped.sum() == 17
    assert torch.isnan(whole.coefficients[:, 33, 3]).all()


def test_counts_of_16_bits_are_fitted_as_they_are() -> None:
    images = np.random.default_rng(0).integers(0, 4096, (18, 9, 11)).astype(np.uint16)
    angles = ANGLES
    one, other = (fit_harmonics(torch.from_numpy(i), angles, saturation=4095.0) for i in (images, images.astype("f4")))
    assert torch.equal(one.coefficients, other.coefficients)


class OldTorch(TorchDispatchMode):
    """What torch before 2.10 can do with uint16: look at it, copy it, and make another type of it."""

    ABLE = (
        "alias", "clone", "copy_", "_to_copy", "detach", "lift_fresh", "_reshape_alias", "select", "slice", "unbind",
        "_unsafe_view", "view",
    )  # fmt: skip

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name = func.overloadpacket.__name__
        if name not in self.ABLE:
            for one in tree_leaves((args, kwargs)):
                if isinstance(one, torch.Tensor) and one.dtype == torch.uint16:
                    raise NotImplementedError(f"\"{name}\" not implemented for 'UInt16'")
        return func(*args, **(kwargs or {}))


def test_counts_of_16_bits_are_fitted_by_an_old_torch() -> None:
    """Over their whole range, and with lamp drift, for which pixels are picked from every frame."""
    images = np.random.default_rng(0).integers(0, 65536, (18, 70, 80)).astype(np.uint16)
    images[4] //= 2
    images[:, :, 40:] //= 4
    wide = find_gains(torch.from_numpy(images.astype(np.int32)), ANGLES)
    with OldTorch():
        with pytest.raises(NotImplementedError, match="index"):
            torch.from_numpy(images)[0, torch.tensor([3])]
        gains = find_gains(torch.from_numpy(images), ANGLES)
        fit = fit_harmonics(torch.from_numpy(images[:, ::-1].copy()), ANGLES)
    assert torch.equal(gains, wide)
    assert not torch.equal(gains, torch.ones_like(gains))
    assert torch.isfinite(fit.coefficients).all()
