"""From the camera to the canonical state: accuracy, honest noise levels, every handedness, bad input."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch
from light_chain import Chain, points, run, voronoi

from grainlight.errors import InputError
from grainlight.optics.calibration.canonical import OUTSIDE, apply
from grainlight.optics.calibration.harmonics import fit_harmonics
from grainlight.optics.calibration.point_fit import calibrate
from grainlight.optics.calibration.resample import resample_harmonics
from grainlight.optics.forward.axis_powers import axis_powers
from grainlight.optics.forward.material import TI750
from grainlight.synth.camera import CameraSettings, clean, corrupted, simulate_stack

SEEDS = (0, 1, 2, 3, 4, 5)


@pytest.fixture(scope="module")
def chains() -> dict[tuple[str, int], Chain]:
    """Clean and corrupted sections; optics turn in the odd ones, sample in the even."""
    made = {}
    for seed in SEEDS:
        for name, level in (("clean", clean), ("corrupted", corrupted)):
            settings = replace(level(seed), rotates="optics" if seed % 2 else "sample")
            made[name, seed] = run(voronoi(seed), settings, seed)
    return made


@pytest.mark.parametrize(
    ("level", "limits", "inside"),
    [("clean", (0.12, 0.12, 0.12), (0.012, 0.008, 0.014)), ("corrupted", (0.8, 0.28, 0.30), (0.12, 0.04, 0.065))],
)
def test_the_state_comes_back(
    chains: dict[tuple[str, int], Chain],
    level: str,
    limits: tuple[float, float, float],
    inside: tuple[float, float, float],
) -> None:
    for seed in SEEDS:
        chain = chains[level, seed]
        for group in range(3):
            # blurred boundaries make up most of the first number; the second is what grains' interiors are off by
            assert chain.nrmse(group) < limits[group], (seed, group)
            assert float(chain.error(group).abs().median()) < inside[group], (seed, group)


@pytest.mark.parametrize("level", ["clean", "corrupted"])
def test_stated_noise_is_the_real_noise(chains: dict[tuple[str, int], Chain], level: str) -> None:
    for seed in SEEDS:
        for group in range(3):
            assert 0.5 < chains[level, seed].covered(group) < 0.85, (seed, group)


def test_stained_pixels_are_trusted_less(chains: dict[tuple[str, int], Chain]) -> None:
    ratios = []
    for seed in SEEDS:
        chain = chains["corrupted", seed]
        sigma = chain.light.sigma[0]
        ratios.append(float(sigma[chain.shot.stained].median() / sigma[~chain.shot.stained].median()))
        for group in range(3):
            error = chain.error(group).abs()[:, chain.shot.stained]
            assert float((error < chain.light.sigma[group][chain.shot.stained]).float().mean()) > 0.4
    assert min(ratios) > 1.1
    assert sum(ratios) / len(ratios) > 1.4


def test_dust_is_trusted_less(chains: dict[tuple[str, int], Chain]) -> None:
    for seed in SEEDS:
        chain = chains["corrupted", seed]
        dust = (chain.shot.transmission < 0.6) & ~chain.shot.stained
        if int(dust.sum()) > 20:
            sigma = chain.light.sigma[1]
            assert float(sigma[dust].median()) > 1.5 * float(sigma[~dust].median())


def test_the_polarizer_zero_is_found(chains: dict[tuple[str, int], Chain]) -> None:
    for chain in chains.values():
        settings = chain.shot.settings
        expected = settings.polarizer + settings.delta / 2
        assert abs((chain.calibration.zero - expected + 45) % 90 - 45) < 0.5
        assert chain.calibration.phase_disagreement < 1.0
        assert chain.calibration.sense_ratio > 3
        assert chain.light.warnings == ()


@pytest.mark.parametrize("delta", [2.5, -2.5, 0.8])
@pytest.mark.parametrize("polarizer", [0.0, 57.0])
@pytest.mark.parametrize("rotates", ["sample", "optics"])
def test_any_zero_and_uncrossing(delta: float, polarizer: float, rotates: str) -> None:
    settings = replace(clean(1), polarizer=polarizer, delta=delta, material=TI750, rotates=rotates)
    chain = run(voronoi(7, 96, 40), settings)
    assert chain.calibration.signal == (True, True, True)
    assert float(chain.error(1).abs().median()) < 0.02
    assert float(chain.error(2).abs().median()) < 0.02


@pytest.mark.parametrize("seed", [1, 2])
def test_the_forward_direction_is_the_inverse_of_the_calibration(
    chains: dict[tuple[str, int], Chain], seed: int
) -> None:
    found = chains["corrupted", seed].calibration
    c = chains["corrupted", seed].c_axes.double()
    raw = found.imaging.expected(axis_powers(c))
    row, column = (torch.arange(n, dtype=torch.float64) for n in c.shape[:2])
    back = found.canonical(raw, found.illumination.at(row[:, None], column))
    assert all(found.signal)
    assert torch.allclose(back, found.expected(c), atol=1e-9)
    measured = chains["corrupted", seed].harmonics.coefficients
    for channel in (0, 1, 3):
        assert float(torch.corrcoef(torch.stack((raw[channel], measured[channel].double())).flatten(1))[0, 1]) > 0.9


def test_crossed_polars_leave_the_second_harmonic_unknown() -> None:
    chain = run(voronoi(8), replace(clean(3), delta=0.0, material=TI750))
    assert chain.calibration.signal == (True, False, True)
    assert bool(torch.isinf(chain.light.sigma[1]).all())
    assert float(chain.light.state[1:3].abs().max()) == 0
    assert float(chain.error(2).abs().median()) < 0.02
    assert float(chain.error(0).abs().median()) < 0.02
    assert any("crossed" in w for w in chain.light.warnings)


@pytest.mark.parametrize("wrong", ["rotates", "mirror"])
def test_a_wrong_handedness_is_noticed_and_put_right(wrong: str) -> None:
    c = voronoi(9)
    settings = clean(9)
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(0))
    harmonics = fit_harmonics(shot.images, settings.angles)
    known, at = points(c)
    stated = {"rotates": "optics"} if wrong == "rotates" else {"mirror": True}
    calibration = calibrate(harmonics, known, at, **stated)  # type: ignore[arg-type]
    right = calibrate(harmonics, known, at)
    assert calibration.sense == right.sense
    assert calibration.sense_ratio == pytest.approx(right.sense_ratio)
    assert any("other way round" in w for w in calibration.warnings)
    assert right.warnings == ()


def test_a_mirrored_path_is_put_right_by_flipping_columns() -> None:
    c = voronoi(10)
    settings = replace(clean(10), mirror=True)
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(0))
    fit = fit_harmonics(shot.images, settings.angles)
    fit = fit.replaced(
        coefficients=fit.coefficients.flip(-1), residual_rms=fit.residual_rms.flip(-1), clipped=fit.clipped.flip(-1)
    )
    known, at = points(c)
    calibration = calibrate(fit, known, at, mirror=True)
    light = apply(calibration, fit, known, at)
    chain = Chain(c, shot, fit, calibration, light)
    assert calibration.warnings == ()
    assert float(chain.error(1).abs().median()) < 0.02


def test_wrong_ebsd_points_do_not_spoil_it() -> None:
    c = voronoi(11)
    settings = corrupted(11)
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(0))
    fit = fit_harmonics(shot.images, settings.angles)
    known, at = points(c)
    generator = torch.Generator().manual_seed(1)
    wrong = torch.rand(len(known), generator=generator) < 0.15
    random = torch.nn.functional.normalize(torch.randn(len(known), 3, generator=generator), dim=-1)
    light = apply(calibrate(fit, known, at), fit, known, at)
    spoiled_axes = torch.where(wrong[:, None], random, known)
    spoiled_axes[::50] = torch.nan
    spoiled = apply(calibrate(fit, spoiled_axes, at), fit, spoiled_axes, at)
    assert float((spoiled.state - light.state)[1:].abs().median()) < 0.02
    assert float(spoiled.sigma[1].median()) < 1.6 * float(light.sigma[1].median())


def test_noise_of_the_known_axes_is_taken_off_again() -> None:
    c = voronoi(18)
    settings = clean(3)
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(0))
    fit = fit_harmonics(shot.images, settings.angles)
    known, at = points(c, 2)
    tilt = 0.5 * torch.pi / 180 * torch.randn(known.shape, generator=torch.Generator().manual_seed(1))
    known = torch.nn.functional.normalize(known + tilt, dim=-1)
    calibration = calibrate(fit, known, at)
    aware, unaware = (apply(calibration, fit, known, at, axis_noise=n) for n in (0.5, 0.0))
    assert float(aware.sigma[2].median()) < 0.9 * float(unaware.sigma[2].median())
    chain = Chain(c, shot, fit, calibration, aware)
    for group in range(3):
        assert 0.5 < chain.covered(group) < 0.87


@pytest.mark.slow
def test_a_large_stack_takes_seconds() -> None:
    c = voronoi(19, 250, 300).repeat_interleave(4, 0).repeat_interleave(4, 1)
    settings = corrupted(19)
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(0))
    known, at = points(c)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        start = time.process_time()
        fit = fit_harmonics(shot.images, settings.angles)
        light = apply(calibrate(fit, known, at), fit, known, at)
        taken = time.process_time() - start
    finally:
        torch.set_num_threads(threads)
    assert light.state.shape == (5, 1000, 1000)
    assert taken < 8.0


def test_finer_images_resampled_first() -> None:
    c = voronoi(12)
    fine = c.repeat_interleave(2, 0).repeat_interleave(2, 1)
    settings = replace(corrupted(12), blur=1.2)
    shot = simulate_stack(fine, settings, torch.Generator().manual_seed(0))
    fit = fit_harmonics(shot.images, settings.angles)
    # pixel 0 of the fine image is a quarter of an output pixel up and left of the first point
    fit = resample_harmonics(fit, step_pl=0.5, origin=(-0.25, -0.25), rows=128, columns=130, step_out=1.0)
    known, at = points(c)
    light = apply(calibrate(fit, known, at), fit, known, at)
    assert bool((light.flags[:, 128:] & OUTSIDE).bool().all())
    assert bool(torch.isinf(light.sigma[:, :, 128:]).all())
    assert bool(torch.isfinite(light.state).all())
    cut = replace(light, state=light.state[:, :, :128], sigma=light.sigma[:, :, :128])
    chain = Chain(c, shot, fit, calibrate(fit, known, at), cut)
    for group in range(3):
        assert 0.5 < chain.covered(group) < 0.87


def test_straightening_brings_a_strong_metal_to_the_ideal() -> None:
    c = voronoi(2)
    settings = clean(2)
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(2))
    fit = fit_harmonics(shot.images, settings.angles)
    known, at = points(c)
    calibration = calibrate(fit, known, at)
    assert calibration.curves.k2 < -0.2
    bent, straight = (apply(calibration, fit, known, at, straighten=on) for on in (False, True))
    ideal = Chain(c, shot, fit, calibration, bent).ideal
    for part in (slice(0, 1), slice(1, 3), slice(3, 5)):
        before = (bent.state - ideal)[part].abs().median()
        after = (straight.state - ideal)[part].abs().median()
        assert float(after) < 0.75 * float(before)


def test_saturated_pixels_are_flagged_and_trusted_less() -> None:
    c = voronoi(13, 96, 40)
    settings = clean(13)
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(0))
    images = shot.images.to(torch.float32)
    limit = float(images.flatten()[::7].quantile(0.97))
    fit = fit_harmonics(images.clamp(max=limit), settings.angles, saturation=limit)
    known, at = points(c)
    light = apply(calibrate(fit, known, at), fit, known, at)
    hit = (light.flags & 2).bool()
    assert 0.02 < float(hit.float().mean()) < 0.6
    assert float(light.sigma[1][hit].median()) > 1.5 * float(light.sigma[1][~hit].median())


def test_five_frames_calibrate() -> None:
    settings = replace(clean(1), angles=(0.0, 36.0, 72.0, 108.0, 144.0))
    chain = run(voronoi(14), settings)
    assert float(chain.error(1).abs().median()) < 0.02
    assert 0.5 < chain.covered(1) < 0.9


def test_a_place_that_does_not_match_is_refused() -> None:
    settings = clean(15)
    shot = simulate_stack(voronoi(15), settings, torch.Generator().manual_seed(0))
    fit = fit_harmonics(shot.images, settings.angles)
    known, at = points(voronoi(16))
    with pytest.raises(InputError, match="does not follow"):
        calibrate(fit, known, at)
    with pytest.raises(InputError, match="Too few"):
        calibrate(fit, known, at + 1000)
    with pytest.raises(InputError, match="rotating"):
        calibrate(fit, known, at, rotates="stage")


def test_few_points_still_calibrate() -> None:
    chain = run(voronoi(17, 96, 80), clean(17), every=16)
    assert chain.calibration.points == 36
    assert chain.calibration.illumination.order == 0
    assert float(chain.error(1).abs().median()) < 0.03


def test_a_basal_section_says_nothing() -> None:
    c = torch.zeros(64, 64, 3)
    c[..., 2] = 1.0
    settings = CameraSettings(tuple(10.0 * k for k in range(18)))
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(0))
    fit = fit_harmonics(shot.images, settings.angles)
    known, at = points(c)
    with pytest.raises(InputError, match="does not follow"):
        calibrate(fit, known, at)
