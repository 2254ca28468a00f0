"""Every kind of damage does to a stack what it says, at three strengths, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.evaluation.damage import KINDS, STRENGTHS, Damage, damage_stack
from grainlight.optics.forward.reflectance import axis
from grainlight.synth.camera import clean, simulate_stack

ANGLES = np.arange(0.0, 180.0, 10.0)
REGIONS = (
    "dark",
    "bright",
    "grey",
    "stain",
    "haze",
    "defocus",
    "moved tile",
    "dimmed tile",
    "unrelated",
    "lower black",
)
IMAGES = ("repeated", "black image", "moved image", "order", "backwards")


@pytest.fixture(scope="module")
def stack() -> np.ndarray:
    c = axis(torch.linspace(20, 90, 36).view(6, 6), torch.linspace(0, 330, 36).view(6, 6))
    c = c.repeat_interleave(10, 0).repeat_interleave(10, 1)
    return simulate_stack(c, clean(1), torch.Generator().manual_seed(0)).images.numpy()


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_type_stays_and_the_seed_decides(stack: np.ndarray, kind: str, strength: int) -> None:
    found, again = (damage_stack(stack, ANGLES, Damage(kind, strength, 3)) for _ in range(2))
    assert found.images.dtype == stack.dtype
    assert found.images.shape == stack.shape
    assert found.region.shape == stack.shape[1:]
    assert (found.images != stack).any()
    assert (found.images == again.images).all()


@pytest.mark.parametrize("kind", REGIONS)
def test_outside_a_region_nothing_changes(stack: np.ndarray, kind: str) -> None:
    found = damage_stack(stack, ANGLES, Damage(kind, 1, 2))
    changed = (found.images != stack).any(0)
    assert 0.02 < found.region.mean() < 0.6
    assert not changed[~found.region].any()
    assert changed[found.region].mean() > 0.9


@pytest.mark.parametrize("kind", IMAGES)
def test_faults_of_images_leave_no_region(stack: np.ndarray, kind: str) -> None:
    found = damage_stack(stack, ANGLES, Damage(kind, 1, 2))
    changed = (found.images != stack).any((1, 2))
    assert 0 < changed.sum() < len(stack)
    assert not found.region.any()


@pytest.mark.parametrize("kind", ["dark", "bright", "grey", "stain", "haze", "lower black", "moire", "black image"])
def test_strength_grows(stack: np.ndarray, kind: str) -> None:
    off = [
        np.abs(damage_stack(stack, ANGLES, Damage(kind, strength, 2)).images.astype(float) - stack).mean()
        for strength in STRENGTHS
    ]
    assert off[0] < off[1] < off[2]


def test_corners_are_black_where_the_turned_camera_did_not_look(stack: np.ndarray) -> None:
    found = damage_stack(stack, ANGLES, Damage("corners", 2)).images
    black = found == 0
    assert not black[0].any()
    assert black[4, :5, :5].any()
    assert not black[:, 20:40, 20:40].any()


def test_what_is_no_kind_and_no_strength_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of"):
        Damage("coffee")
    with pytest.raises(ValueError, match="expected 1, 2 or 3"):
        Damage("dark", 4)
