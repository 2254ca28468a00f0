"""A film over a few coarse grains keeps its light, and what is out of focus is outlined inside grains too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import Level, degrade
from grainlight.evaluation.reference_map import FIRST_TUNING_SEED, validation_section
from grainlight.optics.calibration.canonical import BLURRED, NOT_USED
from grainlight.restore.light.calibration import calibrate_light
from grainlight.restore.light.registration import RegisteredLight
from grainlight.restore.points.grid import rasterise


def flags_and_region(section: tuple[str, int], level: Level, damage: Damage, scale: int = 4) -> tuple[np.ndarray, ...]:
    full = validation_section(*section, 97, first=FIRST_TUNING_SEED).full
    task = degrade(full, scale=scale, level=level, seed=damage.seed, damage=damage)
    assert task.damaged is not None
    with torch.inference_mode():
        light = calibrate_light(RegisteredLight(task.stack, None), rasterise(task.coarse, scale), task.noise)
    return light.flags.numpy(), task.damaged


@pytest.mark.parametrize("strength", [1, 2])
def test_a_film_over_coarse_grains_keeps_its_light(strength: int) -> None:
    flags, region = flags_and_region(("elongated", 7), "clean", Damage("stain", strength, 0))
    assert ((flags & NOT_USED) > 0)[region].mean() < 0.1


@pytest.mark.parametrize("level", ["clean", "corrupted"])
@pytest.mark.parametrize("scale", [4, 2])
def test_what_is_out_of_focus_is_outlined_beyond_its_boundaries(level: Level, scale: int) -> None:
    flags, region = flags_and_region(("equiaxed", 1), level, Damage("defocus", 2, 10), scale)
    told = (flags & (BLURRED | NOT_USED)) > 0
    assert told[region].mean() > 0.8
    assert told[~region].mean() < 0.06
