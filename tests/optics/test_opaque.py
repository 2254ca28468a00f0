"""Opaque specks of a few pixels are told by the light alone; crystals and their boundaries are none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from grainlight.evaluation.damage import Damage, damage_stack
from grainlight.optics.calibration.canonical import NOT_USED, CanonicalLight, apply
from grainlight.optics.calibration.damage.opaque import find_opaque
from grainlight.optics.calibration.damage.regions import calibrate_trusted
from grainlight.optics.calibration.harmonics import fit_harmonics
from grainlight.optics.calibration.point_light import at_points
from grainlight.optics.forward.reflectance import axis
from grainlight.synth.camera import PRESETS, simulate_stack

SIDE, STEP = 120, 4
AT = torch.cartesian_prod(torch.arange(0, SIDE, STEP), torch.arange(0, SIDE, STEP))
BOTH = (True, True, True)


@pytest.fixture(scope="module")
def axes() -> Tensor:
    """Grains of some twelve pixels, of any axis."""
    rng = np.random.default_rng(5)
    seeds = rng.uniform(0, SIDE, (100, 2))
    at = np.stack(np.indices((SIDE, SIDE)), -1).reshape(-1, 1, 2)
    grain = np.linalg.norm(at - seeds, axis=-1).argmin(1).reshape(SIDE, SIDE)
    beta, azimuth = np.degrees(np.arccos(rng.uniform(0, 1, 100))), rng.uniform(0, 360, 100)
    return axis(torch.from_numpy(beta[grain]), torch.from_numpy(azimuth[grain]))


def light_of(axes: Tensor, level: str, damage: Damage | None) -> tuple[CanonicalLight, np.ndarray]:
    settings = PRESETS[level](5)
    images = simulate_stack(axes, settings, torch.Generator().manual_seed(4)).images.numpy()
    region = np.zeros((SIDE, SIDE), dtype=bool)
    if damage is not None:
        found = damage_stack(images, np.array(settings.angles), damage)
        images, region = found.images, found.region
    harmonics = fit_harmonics(torch.from_numpy(images), settings.angles)
    known = axes[AT[:, 0], AT[:, 1]]
    calibration, noise, regions = calibrate_trusted(at_points(harmonics, known, AT.double()), 0.3)
    return apply(calibration, harmonics, known, AT.double(), noise=noise, regions=regions), region


# One in three is as dark as a c-axis along the beam; and next to clean light the counts of a speck are noisy.
@pytest.mark.parametrize(("level", "least"), [("clean", 0.6), ("corrupted", 0.75)])
@pytest.mark.parametrize("strength", [1, 2, 3])
def test_specks_of_any_size_are_not_used(axes: Tensor, level: str, least: float, strength: int) -> None:
    light, region = light_of(axes, level, Damage("specks", strength, 3))
    unused = ((light.flags & NOT_USED) > 0).numpy()
    assert unused[region].mean() > least
    assert unused[~region].mean() < 0.08
    assert torch.isinf(light.sigma[:, torch.from_numpy(unused)]).all()


@pytest.mark.parametrize("level", ["clean", "mild"])
def test_crystals_are_no_specks(axes: Tensor, level: str) -> None:
    light, _ = light_of(axes, level, None)
    assert light.report["share_opaque"] < 0.01


def test_a_patch_must_be_still_strange_and_three_pixels_wide() -> None:
    state, sigma = torch.zeros(5, 20, 20), torch.full((3, 20, 20), 0.01)
    strange = torch.zeros(20, 20, dtype=torch.bool)
    strange[5:8, 5:8] = True
    found = find_opaque(state, sigma, strange, BOTH)
    assert int(found.sum()) == 25  # and a pixel around
    assert bool(found[4:9, 4:9].all())
    narrow = strange.clone()
    narrow[:, 7] = False
    assert not bool(find_opaque(state, sigma, narrow, BOTH).any())
    modulated = state.clone()
    modulated[1, 6, 6] = 0.1
    assert not bool(find_opaque(modulated, sigma, strange, BOTH).any())
    # A lamp that changes from image to image modulates a bright speck as well.
    modulated[0] = torch.where(strange, 4.0, 0.0)
    assert bool(find_opaque(modulated, sigma, strange, BOTH)[5:8, 5:8].all())
    # Without a brightness that is known nothing tells a speck from an axis along the beam.
    assert not bool(find_opaque(state, sigma, strange, (False, True, True)).any())
