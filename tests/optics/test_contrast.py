"""Places of less contrast than the rest are told from those that are dark, and a veil is undone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from grainlight.evaluation.damage import Damage, damage_stack
from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.canonical import BLURRED, VEILED, CanonicalLight, apply
from grainlight.optics.calibration.damage.contrast import LowContrast, find_low_contrast
from grainlight.optics.calibration.damage.regions import calibrate_trusted
from grainlight.optics.calibration.harmonics import Harmonics, fit_harmonics
from grainlight.optics.calibration.point_light import at_points
from grainlight.optics.forward.reflectance import axis
from grainlight.synth.camera import PRESETS, simulate_stack

SIDE, STEP = 120, 4
AT = torch.cartesian_prod(torch.arange(0, SIDE, STEP), torch.arange(0, SIDE, STEP))


@pytest.fixture(scope="module")
def axes() -> Tensor:
    """Grains of some twelve pixels, of any axis."""
    rng = np.random.default_rng(3)
    seeds = rng.uniform(0, SIDE, (100, 2))
    at = np.stack(np.indices((SIDE, SIDE)), -1).reshape(-1, 1, 2)
    grain = np.linalg.norm(at - seeds, axis=-1).argmin(1).reshape(SIDE, SIDE)
    beta, azimuth = np.degrees(np.arccos(rng.uniform(0, 1, 100))), rng.uniform(0, 360, 100)
    return axis(torch.from_numpy(beta[grain]), torch.from_numpy(azimuth[grain]))


def shot(axes: Tensor, level: str, damage: Damage | None) -> tuple[Harmonics, np.ndarray]:
    settings = PRESETS[level](5)
    images = simulate_stack(axes, settings, torch.Generator().manual_seed(4)).images.numpy()
    region = np.zeros((SIDE, SIDE), dtype=bool)
    if damage is not None:
        found = damage_stack(images, np.array(settings.angles), damage)
        images, region = found.images, found.region
    return fit_harmonics(torch.from_numpy(images), settings.angles), region


def calibrated(axes: Tensor, harmonics: Harmonics, but: np.ndarray | None = None) -> Calibration:
    """The calibration on all points, or those outside a region."""
    seen = at_points(harmonics, axes[AT[:, 0], AT[:, 1]], AT.double())
    if but is not None:
        seen = seen.without(torch.from_numpy(but)[AT[:, 0], AT[:, 1]])
    return calibrate_trusted(seen, 0.3)[0]


def looked(axes: Tensor, harmonics: Harmonics) -> LowContrast | None:
    found = calibrated(axes, harmonics)
    row, column = torch.arange(SIDE).double()[:, None], torch.arange(SIDE).double()
    state = found.canonical(harmonics.coefficients.double(), found.illumination.at(row, column))
    return find_low_contrast(found, state, harmonics.coefficients[0], axes[AT[:, 0], AT[:, 1]], AT.double())


def on_pixels(low: LowContrast) -> np.ndarray:
    return low.at(torch.arange(SIDE).double()[:, None], torch.arange(SIDE).double()).numpy()


@pytest.mark.parametrize(
    ("level", "kind", "strength", "blurred"),
    [
        ("clean", "haze", 1, False),
        ("clean", "haze", 2, False),
        ("clean", "defocus", 1, True),
        ("clean", "defocus", 2, True),
        ("mild", "haze", 2, False),
        ("corrupted", "haze", 2, False),
        ("corrupted", "defocus", 2, True),
    ],
)
def test_a_place_of_less_contrast_is_found(axes: Tensor, level: str, kind: str, strength: int, blurred: bool) -> None:
    harmonics, region = shot(axes, level, Damage(kind, strength, 1))
    low = looked(axes, harmonics)
    assert low is not None
    assert low.blurred == blurred
    assert on_pixels(low)[region].mean() > 0.8
    assert on_pixels(low)[~region].mean() < 0.05


@pytest.mark.parametrize("level", ["clean", "mild", "corrupted"])
@pytest.mark.parametrize("kind", [None, "stain", "dimmed tile", "dark"])
def test_neither_even_light_nor_a_stain_nor_a_blot_is_a_veil(axes: Tensor, level: str, kind: str | None) -> None:
    low = looked(axes, shot(axes, level, None if kind is None else Damage(kind, 2, 1))[0])
    assert low is None or on_pixels(low).mean() < 0.03


def made(axes: Tensor, damage: Damage) -> tuple[CanonicalLight, Calibration, np.ndarray]:
    harmonics, region = shot(axes, "clean", damage)
    found = calibrated(axes, harmonics, region)
    light = apply(found, harmonics, axes[AT[:, 0], AT[:, 1]], AT.double(), axis_noise=0.3)
    return light, found, region


def test_a_veil_is_undone_and_flagged(axes: Tensor) -> None:
    light, found, region = made(axes, Damage("haze", 2, 1))
    expected = found.expected(axes)
    inside = torch.from_numpy(region) & ((light.flags & VEILED) > 0)
    assert inside.double().mean() > 0.8 * region.mean()
    seen, model = light.state[1:, inside].double(), expected[1:, inside]
    gain = float((seen * model).sum() / model.square().sum())
    assert gain == pytest.approx(1, abs=0.1)
    # What a veil adds to brightness is its own.
    assert torch.isinf(light.sigma[0, inside]).all()
    assert torch.isfinite(light.sigma[1, inside]).double().mean() > 0.95


def test_a_place_out_of_focus_is_flagged_and_its_light_used(axes: Tensor) -> None:
    light, _, region = made(axes, Damage("defocus", 2, 1))
    blurred = ((light.flags & BLURRED) > 0).numpy()
    assert blurred[region].mean() > 0.8
    assert torch.isfinite(light.sigma[1, torch.from_numpy(blurred)]).double().mean() > 0.9


def test_a_part_of_an_image_is_looked_at_in_its_own_place(axes: Tensor) -> None:
    harmonics, region = shot(axes, "clean", Damage("haze", 2, 1))
    found = calibrated(axes, harmonics, region)
    top = 20
    part = replace(
        harmonics,
        coefficients=harmonics.coefficients[:, top:],
        residual_rms=harmonics.residual_rms[top:],
        clipped=harmonics.clipped[top:],
    )
    points = AT[:, 0] >= top
    at = AT[points] - torch.tensor((top, 0))
    light = apply(found, part, axes[AT[points, 0], AT[points, 1]], at.double(), axis_noise=0.3, corner=(top, 0))
    veiled = ((light.flags & VEILED) > 0).numpy()
    assert veiled[region[top:]].mean() > 0.8
    assert veiled[~region[top:]].mean() < 0.05
