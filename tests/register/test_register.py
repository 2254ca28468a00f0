"""Registration: finds what was moved, leaves what was not, and says when it cannot tell."""

from __future__ import annotations

from dataclasses import replace

import imageio.v3
import numpy as np
import pytest
import torch

from benchmarks.misplaced import Misplaced, misplace
from grainlight.crystal.euler import c_axis
from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.optics.calibration.harmonics import fit_harmonics
from grainlight.optics.calibration.point_fit import calibrate
from grainlight.register.overlay import boundary_segments, overlay_picture
from grainlight.register.register import Registration, register
from grainlight.register.transform import Transform, stated
from grainlight.register.warp import warp_stack
from grainlight.synth import camera
from grainlight.synth.misregister import Misregistration, seen_axes

from .conftest import section_map


@pytest.fixture(scope="module")
def found(moved: Misplaced) -> Registration:
    return register(moved.task.coarse, moved.light, scale=2)


def rms(distance: np.ndarray) -> float:
    return float(np.sqrt((distance**2).mean()))


def test_finds_turn_mirror_and_distortion(moved: Misplaced, found: Registration) -> None:
    assert found.trusted
    assert found.transform.mirrored
    assert rms(moved.residual(found.transform)) < 0.5
    assert found.report["distinct"] > 3
    assert any("mirrored" in warning for warning in found.warnings)


def test_the_estimated_residual_is_honest(moved: Misplaced, found: Registration) -> None:
    true = rms(moved.residual(found.transform))
    assert 0.4 * true < found.residual < 2.5 * true


def test_what_is_in_place_stays(still: Misplaced) -> None:
    kept = register(still.task.coarse, still.light, scale=2)
    assert kept.trusted
    assert kept.moved < 0.1
    assert kept.warnings == ()


def test_more_freedom_finds_more(moved: Misplaced, found: Registration) -> None:
    affine = register(moved.task.coarse, moved.light, "affine", scale=2)
    assert not len(affine.transform.drift)
    assert rms(moved.residual(found.transform)) < rms(moved.residual(affine.transform))
    rigid = register(moved.task.coarse, moved.light, "rigid", scale=2)
    sizes = np.linalg.svd(rigid.transform.matrix, compute_uv=False)
    assert sizes[0] == pytest.approx(sizes[1], rel=0.2)
    assert rms(moved.residual(affine.transform)) < rms(moved.residual(rigid.transform))


def test_nothing_folds(found: Registration) -> None:
    assert found.transform.determinants().min() > 0.5


def test_noise_is_no_evidence(still: Misplaced) -> None:
    noise = np.random.default_rng(1).poisson(400, still.light.images.shape).astype(np.float32)
    lost = register(still.task.coarse, replace(still.light, images=noise), scale=2)
    assert not lost.trusted
    assert any("hardly better" in warning for warning in lost.warnings)


def test_another_section_is_no_evidence(moved: Misplaced) -> None:
    """Real grains, real contrast, no map of them."""
    elsewhere = misplace(section_map(22), Misregistration(), scale=2, level="corrupted", seed=3)
    lost = register(moved.task.coarse, elsewhere.light, scale=2)
    assert not lost.trusted


def test_few_points_are_not_registered(still: Misplaced) -> None:
    few = register(still.task.coarse.every(6), still.light)
    assert few.method == "stated"
    assert few.warnings


def test_unknown_method(still: Misplaced) -> None:
    with pytest.raises(InputError, match="registration"):
        register(still.task.coarse, still.light, "magic")  # type: ignore[arg-type]


def test_identity_lays_the_stack_as_it_is(still: Misplaced) -> None:
    light = still.light
    rows, columns = light.shape
    extent = (0.0, 0.0, 1.0, 1.0)
    first = stated(replace(light, origin=(0.0, 0.0)), extent)
    same = warp_stack(light, first, rows=rows, columns=columns, step=light.step)
    known = light.images < light.saturation
    # the neighbourhood of a saturated pixel is left out too
    kept = known & (same.images < light.saturation)
    assert np.abs(same.images - light.images)[kept].max() < 0.5
    assert np.array_equal(same.angles, light.angles)
    assert kept.mean() > 0.9


@pytest.mark.parametrize("rotates", ["sample", "optics"])
def test_phases_turn_with_the_images(moved: Misplaced, rotates: str) -> None:
    """Known optics stay what they are: the zero found after registration is the one in the images' own frame."""
    axes = torch.from_numpy(c_axis(moved.task.truth))
    shot = replace(camera.clean(7), rotates=rotates)
    images = camera.simulate_stack(seen_axes(axes, moved.truth), shot, torch.Generator().manual_seed(1)).images
    light = replace(moved.light, images=images.numpy().astype(np.float32), rotates=rotates)
    step, shape = light.step, moved.task.measured.shape

    class True_(Transform):
        def __call__(self, points: np.ndarray) -> np.ndarray:
            return moved.truth.image_position(torch.from_numpy(points / step), shape).numpy()

    true = True_((moved.truth.matrix / step).numpy(), np.zeros(2))
    warped = warp_stack(light, true, rows=shape[0], columns=shape[1], step=step)
    assert warped.mirror
    harmonics = fit_harmonics(
        torch.from_numpy(warped.images[:, :, ::-1].copy()), warped.angles.tolist(), saturation=4095.0
    )
    at = torch.from_numpy(np.argwhere(moved.task.measured).astype(np.float64))
    known = torch.from_numpy(c_axis(moved.task.quaternions[moved.task.measured]))
    fit = calibrate(harmonics, known, at, rotates=rotates, mirror=True)
    assert fit.sense == (-1 if rotates == "sample" else 1)
    # a mirrored image shows the polarizer at minus its azimuth, and uncrossed the other way
    zero = -(shot.polarizer + shot.delta / 2)
    assert abs((fit.zero - zero + 45) % 90 - 45) < 0.7


@pytest.mark.parametrize("size", [None, 20, 1400])
def test_overlay_draws_boundaries_where_they_are(moved: Misplaced, found: Registration, tmp_path, size) -> None:
    segments = boundary_segments(moved.task.coarse)
    assert len(segments) > 100
    light, placed = moved.light, found.transform
    if size is not None:
        images = np.resize(np.random.default_rng(0).normal(900, 50, 4000), (3, size, size)).astype(np.float32)
        light = LightStack(images, np.full(3, np.nan), 0.5)
    file = overlay_picture(light, segments, placed, "place NOT TRUSTED: affine", tmp_path / "a.png")
    picture = imageio.v3.imread(file)[..., :3].astype(int)
    # sized for a screen, whatever the map
    assert 1000 < max(picture.shape[:2]) < 2600
    orange = np.abs(picture - [255, 127, 14]).sum(-1) < 60
    blue = np.abs(picture - [86, 180, 233]).sum(-1) < 60
    dark_red = np.abs(picture - [176, 0, 32]).sum(-1) < 40
    assert orange.mean() > 0.002
    assert blue.mean() > 0.001
    assert dark_red.any()
