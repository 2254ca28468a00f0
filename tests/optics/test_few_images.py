"""Few images and images of unknown settings: rows of the design, honest posteriors, and chance that is no evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from light_chain import channels, points, voronoi

from grainlight.errors import InputError
from grainlight.optics.calibration.canonical import INCONSISTENT, OUTSIDE, SATURATED
from grainlight.optics.few_images.image_fit import fit_images
from grainlight.optics.few_images.posterior import few_images
from grainlight.optics.forward.axis_powers import axis_powers
from grainlight.optics.forward.curves import IDEAL
from grainlight.synth.camera import CameraSettings, clean, corrupted, simulate_stack


def shoot(c: torch.Tensor, settings: CameraSettings, angles: tuple[float, ...], seed: int = 0) -> torch.Tensor:
    shot = simulate_stack(c, replace(settings, angles=angles), torch.Generator().manual_seed(seed))
    return shot.images.to(torch.float64)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("level", [clean, corrupted])
def test_an_image_is_explained_by_the_c_axes_and_by_no_others(seed: int, level) -> None:
    c = voronoi(seed)
    images = shoot(c, level(seed), (0.0, 50.0), seed)
    known, at = points(c)
    fit = fit_images(images, known, at)
    assert bool(fit.follows.all())
    assert float(fit.explained.min()) > (0.95 if level is clean else 0.6)
    wrong, _ = points(voronoi(seed + 100))
    other = fit_images(images, wrong, at)
    assert not bool(other.follows.any()), (other.explained, other.chance)


def test_the_row_predicts_the_image_where_nothing_was_known() -> None:
    c = voronoi(4)
    images = shoot(c, clean(4), (0.0,))
    fit = fit_images(images, *points(c))
    model = fit.models[0].expected(axis_powers(c.double()))[0]
    assert float(((images[0] - model).abs() / images[0].std()).median()) < 0.05


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("level", [clean, corrupted])
def test_posteriors_are_nearer_than_neighbours_and_honest(count: int, level) -> None:
    errors, inside = [], []
    for seed in (5, 6):
        c = voronoi(seed)
        images = shoot(c, level(seed), (0.0, 50.0, 90.0, 140.0)[:count], seed)
        light = few_images(images, fit_images(images, *points(c)))
        true = IDEAL.of_axes(c)
        nearest = IDEAL.of_axes(c[::4, ::4]).repeat_interleave(4, 1).repeat_interleave(4, 2)
        nearest = nearest.roll((-2, -2), (1, 2))
        for group in range(3):
            off = channels(light.state - true, group)
            errors.append(float(off.square().mean() / channels(nearest - true, group).square().mean()))
            known = torch.isfinite(light.sigma[group]).expand_as(off)
            inside.append(float((off.abs() < 2 * light.sigma[group])[known].float().mean()))
    assert max(errors) < 1.0
    assert sum(errors) / len(errors) < (0.5 if level is clean else 0.75)
    assert min(inside) > 0.85


def test_more_images_say_more() -> None:
    c = voronoi(7)
    images = shoot(c, corrupted(7), (0.0, 50.0, 90.0, 140.0), 7)
    true = IDEAL.of_axes(c)
    off = []
    for count in (1, 2, 4):
        light = few_images(images[:count], fit_images(images[:count], *points(c)))
        off.append(float((light.state - true).square().mean()))
    assert off[0] > off[1] > off[2]


def test_unit_and_uneven_light_do_not_matter() -> None:
    c = voronoi(8)
    images = shoot(c, clean(8), (0.0,))
    known, at = points(c)
    one = few_images(images, fit_images(images, known, at))
    fall = 1 - 0.3 * torch.linspace(0, 1, 128, dtype=torch.float64)
    other = few_images(images * 1e-3 * fall, fit_images(images * 1e-3 * fall, known, at))
    assert float((one.state - other.state).abs().median()) < 0.02
    assert float((one.state - other.state).abs().mean()) < 0.06


def test_what_is_outside_or_saturated_is_unknown() -> None:
    c = voronoi(9)
    images = shoot(c, clean(9), (0.0,))
    images[:, :, 100:] = torch.nan
    saturated = torch.zeros(images.shape, dtype=torch.bool)
    saturated[:, 20:30, 20:30] = True
    known, at = points(c)
    light = few_images(images, fit_images(images.masked_fill(saturated, torch.nan), known, at), saturated=saturated)
    assert bool((light.flags[:, 100:] & OUTSIDE).bool().all())
    assert bool(torch.isinf(light.sigma[:, :, 100:]).all())
    assert float(light.state[:, :, 100:].abs().max()) == 0
    assert bool((light.flags[20:30, 20:30] & SATURATED).bool().all())
    assert bool(torch.isinf(light.sigma[:, 20:30, 20:30]).all())
    assert bool(torch.isfinite(light.state).all())


def test_a_brightness_that_no_grain_has_is_flagged() -> None:
    c = voronoi(10)
    images = shoot(c, clean(10), (0.0,))
    images[:, 60:64, 41:44] = 3 * images.max()
    light = few_images(images, fit_images(images, *points(c)))
    assert bool((light.flags[60:64, 41:44] & INCONSISTENT).bool().all())
    assert float((light.flags & INCONSISTENT).bool().float().mean()) < 0.02


def test_wrong_points_are_outvoted() -> None:
    c = voronoi(11)
    images = shoot(c, clean(11), (0.0, 90.0))
    known, at = points(c)
    generator = torch.Generator().manual_seed(1)
    wrong = torch.rand(len(known), generator=generator) < 0.05
    random = torch.nn.functional.normalize(torch.randn(len(known), 3, generator=generator), dim=-1)
    spoiled = torch.where(wrong[:, None], random, known)
    true = IDEAL.of_axes(c)
    right, other = (few_images(images, fit_images(images, axes, at)) for axes in (known, spoiled))
    row, column = at[wrong].long().T
    there = (other.state - true)[1:, row, column].abs().median()
    assert float(there) < 0.1
    assert float((other.state - true).square().mean()) < 1.6 * float((right.state - true).square().mean())


def test_too_few_points_are_refused() -> None:
    c = voronoi(12)
    images = shoot(c, clean(12), (0.0,))
    known, at = points(c)
    with pytest.raises(InputError, match="Too few"):
        fit_images(images, known, at + 1000)
