"""The simulated camera: levels as named, seeds, photon statistics, geometry of blemishes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from grainlight.optics.calibration.harmonics import fit_harmonics
from grainlight.optics.forward.material import TI750
from grainlight.optics.forward.reflectance import axis, intensity
from grainlight.synth.blemish import draw_spots, draw_stain, gaussian_blur
from grainlight.synth.camera import CameraSettings, SimulatedStack, clean, corrupted, simulate_stack

ANGLES = tuple(10.0 * k for k in range(18))
QUIET = CameraSettings(ANGLES, 17.0, 2.5, TI750, blur=0.0, electrons=1e7, bits=16)


def shoot(c: torch.Tensor, settings: CameraSettings, seed: int = 0) -> SimulatedStack:
    return simulate_stack(c, settings, torch.Generator().manual_seed(seed))


def patches() -> torch.Tensor:
    """Four by four squares of eight pixels, each one grain."""
    c = axis(torch.linspace(0, 90, 16).view(4, 4), torch.linspace(0, 330, 16).view(4, 4))
    return c.repeat_interleave(8, 0).repeat_interleave(8, 1)


def test_a_quiet_camera_shows_the_physics() -> None:
    c = patches()
    images = shoot(c, QUIET).images.to(torch.float64)
    offset = 0.01 * 65535
    expected = torch.stack([intensity(c, a, 17.0, 2.5, TI750) for a in ANGLES])
    expected = expected / expected.max() * 0.8 * 65535
    assert images.shape == (18, 32, 32)
    assert torch.allclose(images - offset, expected, rtol=0.01, atol=40.0)


@pytest.mark.parametrize(("rotates", "mirror"), [("optics", False), ("sample", True), ("optics", True)])
def test_handedness(rotates: str, mirror: bool) -> None:
    c = patches()
    images = shoot(c, replace(QUIET, rotates=rotates, mirror=mirror)).images.to(torch.int32)
    sense = (1 if rotates == "sample" else -1) * (-1 if mirror else 1)
    turned = shoot(c, replace(QUIET, angles=tuple(sense * a for a in ANGLES))).images.to(torch.int32)
    assert torch.equal(images.flip(-1) if mirror else images, turned)


def test_the_seed_decides_and_nothing_else() -> None:
    c = patches()
    state = torch.random.get_rng_state()
    one, two, three = (shoot(c, corrupted(4), seed).images.to(torch.int32) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_levels_are_those_of_the_design() -> None:
    for seed in range(30):
        good, bad = clean(seed), corrupted(seed)
        assert good == clean(seed)
        assert (good.material, good.delta, good.polarizer) == (bad.material, bad.delta, bad.polarizer)
        assert len(good.angles) == 18
        assert max(good.angles) < 180
        assert 1.5 <= abs(good.delta) <= 3.5
        mean = (2 * good.material.eps_o + good.material.eps_e) / 3
        assert 0.4 <= abs((good.material.eps_e - good.material.eps_o) / mean) <= 0.9
        assert (good.blur, good.electrons) == (0.5, 9000.0)
        assert (good.uneven, good.relief, good.stray, good.lamp, good.scratches, good.dust, good.stain) == (0,) * 7
        assert (bad.blur, bad.electrons, bad.read_noise) == (0.9, 600.0, 4.0)
        assert (bad.uneven, bad.relief, bad.stray, bad.lamp) == (0.25, 0.05, 0.04, 0.01)
        assert (bad.scratches, bad.dust, bad.stain) == (8, 12, 0.06)
    assert len({clean(seed).delta > 0 for seed in range(30)}) == 2


def test_shot_and_read_noise() -> None:
    c = axis(70.0, 20.0).expand(160, 160, 3)
    settings = CameraSettings(ANGLES, 0.0, 3.0, TI750, blur=0.0, electrons=600.0, read_noise=4.0, bits=16)
    images = shoot(c, settings).images.to(torch.float64)
    per_electron = 0.8 * 65535 / 600
    electrons = (images - 0.01 * 65535) / per_electron
    assert float(electrons.mean((1, 2)).max()) == pytest.approx(600, rel=0.01)
    for frame in electrons:
        assert float(frame.var()) == pytest.approx(float(frame.mean()) + 16, rel=0.06)


def test_pixels_without_orientation_do_not_turn() -> None:
    c = patches()
    valid = torch.ones(32, 32, dtype=torch.bool)
    valid[8:16] = False
    c[0:2, 0:2] = torch.nan
    shot = simulate_stack(c, QUIET, torch.Generator().manual_seed(0), valid=valid)
    fit = fit_harmonics(shot.images, ANGLES, frame_gains=False)
    strength = fit.coefficients[1:].abs().amax(0) / fit.coefficients[0].abs()
    assert float(strength[8:16].max()) < 0.02
    assert float(strength[0:2, 0:2].max()) < 0.02
    assert float(strength[24:].min()) > 0.1


def test_blur_mixes_intensities_and_keeps_their_sum() -> None:
    image = torch.zeros(1, 41, 41)
    image[0, 20, 20] = 1.0
    blurred = gaussian_blur(image, 1.5)[0]
    spread = (blurred * (torch.arange(41.0) - 20) ** 2).sum()
    assert float(blurred.sum()) == pytest.approx(1)
    assert float(spread) == pytest.approx(1.5**2, rel=0.01)
    c = torch.zeros(32, 32, 3)
    c[:, :16, 0], c[:, 16:, 1] = 1.0, 1.0
    sharp, soft = (shoot(c, replace(QUIET, blur=b)).images.to(torch.float64) for b in (0.0, 2.0))
    middle = soft[:, 16, 15:17].mean(1)
    assert torch.allclose(middle, (sharp[:, 16, 2] + sharp[:, 16, 29]) / 2, rtol=0.02, atol=60)


@pytest.mark.parametrize("share", [0.02, 0.06, 0.2])
def test_a_stain_covers_its_share_in_one_dark_piece(share: float) -> None:
    left, where = draw_stain((100, 140), share, torch.Generator().manual_seed(3))
    assert float(where.float().mean()) == pytest.approx(share, abs=0.002)
    assert float(left[where].mean()) < 0.8
    assert float(left[~where].mean()) > 0.97
    assert bool(((left > 0) & (left <= 1)).all())


def test_dust_darkens() -> None:
    left, where = draw_spots((80, 80), 12, torch.Generator().manual_seed(1))
    assert 0.01 < float(where.float().mean()) < 0.2
    assert float(left[~where].min()) > 0.85
    assert float(left.min()) < 0.6


def test_blemishes_stand_where_they_are_said_to_be() -> None:
    c = axis(60.0, 30.0).expand(128, 128, 3)
    settings = replace(QUIET, dust=12, stain=0.06, scratches=8)
    dirty, plain = shoot(c, settings), shoot(c, QUIET)
    ratio = dirty.images.double().sum(0) / plain.images.double().sum(0)
    hit = dirty.stained | dirty.spoiled
    ratio = ratio / ratio[~hit].median()  # a bright scratch shortens the exposure
    assert float((ratio[~hit] - 1).abs().quantile(0.95)) < 0.03
    assert float(ratio[dirty.stained].mean()) < 0.85


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="rotates"):
        CameraSettings(ANGLES, rotates="stage")
    with pytest.raises(ValueError, match="bits"):
        CameraSettings(ANGLES, bits=20)
