"""Regions whose light contradicts the known axes are found, of any kind, and light that is right is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from grainlight.evaluation.damage import Damage, damage_stack
from grainlight.optics.calibration.canonical import NOT_USED, apply
from grainlight.optics.calibration.damage.regions import ALL, BRIGHTNESS, Regions, calibrate_trusted
from grainlight.optics.calibration.harmonics import Harmonics, fit_harmonics
from grainlight.optics.calibration.point_light import at_points
from grainlight.optics.forward.reflectance import axis
from grainlight.synth.camera import PRESETS, simulate_stack

SIDE, STEP = 96, 3


@pytest.fixture(scope="module")
def axes() -> Tensor:
    """Grains of some ten pixels, of any axis, with boundaries that no grid of points follows."""
    rng = np.random.default_rng(3)
    seeds = rng.uniform(0, SIDE, (90, 2))
    at = np.stack(np.indices((SIDE, SIDE)), -1).reshape(-1, 1, 2)
    grain = np.linalg.norm(at - seeds, axis=-1).argmin(1).reshape(SIDE, SIDE)
    beta, azimuth = np.degrees(np.arccos(rng.uniform(0, 1, 90))), rng.uniform(0, 360, 90)
    return axis(torch.from_numpy(beta[grain]), torch.from_numpy(azimuth[grain]))


def shot(axes: Tensor, level: str, damage: Damage | None = None) -> tuple[Harmonics, np.ndarray]:
    settings = PRESETS[level](5)
    images = simulate_stack(axes, settings, torch.Generator().manual_seed(4)).images.numpy()
    region = np.zeros((SIDE, SIDE), dtype=bool)
    if damage is not None:
        found = damage_stack(images, np.array(settings.angles), damage)
        images, region = found.images, found.region
    return fit_harmonics(torch.from_numpy(images), settings.angles), region


def looked(axes: Tensor, harmonics: Harmonics) -> Regions | None:
    at = torch.cartesian_prod(torch.arange(0, SIDE, STEP), torch.arange(0, SIDE, STEP))
    seen = at_points(harmonics, axes[at[:, 0], at[:, 1]], at.double())
    return calibrate_trusted(seen, 0.3)[2]


def on_pixels(regions: Regions) -> np.ndarray:
    return regions.at(torch.arange(SIDE).double()[:, None], torch.arange(SIDE).double()).numpy()


@pytest.mark.parametrize("level", ["clean", "mild", "corrupted"])
def test_light_that_is_right_is_left_alone(axes: Tensor, level: str) -> None:
    regions = looked(axes, shot(axes, level)[0])
    assert regions is None or on_pixels(regions).any(0).mean() < 0.03


@pytest.mark.parametrize("level", ["clean", "corrupted"])
@pytest.mark.parametrize(
    ("kind", "strength"), [("dark", 1), ("dark", 2), ("bright", 2), ("grey", 2), ("moved tile", 2), ("unrelated", 2)]
)
def test_a_region_of_lying_light_is_found(axes: Tensor, level: str, kind: str, strength: int) -> None:
    harmonics, region = shot(axes, level, Damage(kind, strength, 1))
    regions = looked(axes, harmonics)
    assert regions is not None
    found = on_pixels(regions)[ALL]
    assert found[region].mean() > 0.8
    assert found[~region].mean() < 0.12


def test_a_stain_costs_brightness_at_most(axes: Tensor) -> None:
    """It is corrected: its harmonics follow the axes, with half the gain."""
    harmonics, region = shot(axes, "clean", Damage("stain", 2, 1))
    regions = looked(axes, harmonics)
    assert regions is None or on_pixels(regions)[ALL][region].mean() < 0.1


def test_light_of_a_region_is_unknown(axes: Tensor) -> None:
    harmonics, region = shot(axes, "clean", Damage("grey", 2, 1))
    at = torch.cartesian_prod(torch.arange(0, SIDE, STEP), torch.arange(0, SIDE, STEP)).double()
    its = axes[at[:, 0].long(), at[:, 1].long()]
    seen = at_points(harmonics, its, at)
    found, noise, regions = calibrate_trusted(seen, 0.3)
    light = apply(found, harmonics, its, at, noise=noise, regions=regions)
    unknown = torch.isinf(light.sigma).all(0).numpy()
    assert unknown[region].mean() > 0.9
    assert (unknown == ((light.flags & NOT_USED) > 0).numpy()).all()


def test_the_sentence_names_share_and_place() -> None:
    share = torch.zeros(2, 10, 20)
    share[ALL, 2:4, 5:10] = 1
    share[BRIGHTNESS, 8, :] = 1
    told = Regions(share, (100, 200), torch.zeros(2, 0, dtype=torch.bool)).told()
    assert "5 % of the field (within rows 20 to 40, columns 50 to 100" in told[0]
    assert "brightness of the light is not used over 10 %" in told[1]
