"""The frame that a map is said to have, against its light: every pair of frames, and no false alarm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from light_chain import points, voronoi

from grainlight.crystal.euler import c_axis, quaternion_from_bunge
from grainlight.crystal.frames import SampleFrame
from grainlight.optics.calibration.frame_check import FRAMES, FrameCheck, Polars, check_frame
from grainlight.optics.calibration.harmonics import Harmonics, fit_harmonics
from grainlight.optics.calibration.point_fit import calibrate
from grainlight.optics.forward.material import TI750
from grainlight.synth.camera import CameraSettings, clean, corrupted, simulate_stack

# What light tells apart at all: azimuths modulo 180 degrees.
LIKE = ({"oxford", "edax3", "edax4"}, {"edax1", "edax2"}, {"none"})
ONE_OF_EACH = (SampleFrame.EDAX4, SampleFrame.EDAX1, SampleFrame.NONE)


def seen_in(frame: SampleFrame, true: SampleFrame, c: torch.Tensor) -> torch.Tensor:
    """Where c-axes (P, 3) in frame S seem to be if the file's angles, truly in one frame, are read in another."""
    x, y, z = c.double().numpy().T
    tilt, azimuth = np.arccos(np.clip(z, -1, 1)), np.arctan2(y, x)
    q = quaternion_from_bunge(np.stack((azimuth + np.pi / 2, tilt, np.zeros_like(tilt)), -1))
    return torch.from_numpy(c_axis(frame.to_frame_s(true.from_frame_s(q))))


def shoot(c: torch.Tensor, settings: CameraSettings, seed: int = 0) -> Harmonics:
    shot = simulate_stack(c, settings, torch.Generator().manual_seed(seed))
    fit = fit_harmonics(shot.images, settings.angles)
    if settings.mirror:
        fit = fit.replaced(
            coefficients=fit.coefficients.flip(-1),
            residual_rms=fit.residual_rms.flip(-1),
            clipped=fit.clipped.flip(-1),
        )
    return fit


def check(
    fit: Harmonics, c: torch.Tensor, stated: SampleFrame, true: SampleFrame, settings: CameraSettings, sign: int | None
) -> FrameCheck:
    known, at = points(c)
    how = {"rotates": settings.rotates, "mirror": settings.mirror}
    found = calibrate(fit, seen_in(stated, true, known), at, **how)  # type: ignore[arg-type]
    polars = Polars(settings.polarizer, settings.delta, sign) if sign is not None else None
    return check_frame(found, stated, polars=polars, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rotates", "mirror", "delta"), [("sample", False, 2.5), ("optics", False, -2.5), ("sample", True, 2.5)]
)
def test_every_pair_of_frames_with_known_polars(rotates: str, mirror: bool, delta: float) -> None:
    c = voronoi(3, 64, 40)
    settings = replace(clean(3), polarizer=33.0, delta=delta, material=TI750, rotates=rotates, mirror=mirror)
    fit = shoot(c, settings)
    # 'edax3' is 'oxford' by another name
    every = [frame for frame in FRAMES if frame is not SampleFrame.EDAX3]
    some = every if rotates == "sample" and not mirror else ONE_OF_EACH
    for stated in some:
        for true in some:
            said = check(fit, c, stated, true, settings, 1)  # TI750 reflects more along c
            same = next(group for group in LIKE if true.value in group)
            assert said.contradicted == (stated.value not in same), (stated, true, said)
            assert bool(said.warnings) == said.contradicted
            assert true in said.fitting
            if said.contradicted:
                assert {frame.value for frame in said.fitting} == same
                assert f"'{true.value}'" in said.warnings[0]


def test_without_polars_only_the_hand_shows() -> None:
    c = voronoi(4, 64, 40)
    settings = clean(4)
    fit = shoot(c, settings)
    for stated in ONE_OF_EACH:
        for true in ONE_OF_EACH:
            said = check(fit, c, stated, true, settings, None)
            assert said.contradicted == ((stated.value == "none") != (true.value == "none")), (stated, true)
            assert true in said.fitting
            assert np.isnan(said.turn)
            assert said.ratio > 2


@pytest.mark.parametrize("level", [clean, corrupted])
def test_no_false_alarm(level) -> None:
    frames = (*FRAMES, SampleFrame.S)
    for seed in range(20):
        c = voronoi(seed, 64, 40)
        settings = replace(level(seed), rotates="optics" if seed % 2 else "sample")
        frame = frames[seed % len(frames)]
        known, at = points(c)
        found = calibrate(shoot(c, settings, seed), known, at, rotates=settings.rotates)
        for polars in (None, Polars(settings.polarizer, settings.delta)):
            said = check_frame(found, frame, rotates=settings.rotates, polars=polars)
            assert not said.contradicted, (seed, said)
            assert said.warnings == ()


def test_a_turned_map_is_measured() -> None:
    c = voronoi(6, 64, 40)
    settings = replace(clean(6), polarizer=10.0, delta=2.5, material=TI750)
    fit = shoot(c, settings)
    known, at = points(c)
    turn = np.radians(25.0)
    matrix = torch.tensor([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
    found = calibrate(fit, known.double() @ matrix.T, at)
    said = check_frame(found, SampleFrame.OXFORD, polars=Polars(10.0, 2.5, 1))
    assert said.turn == pytest.approx(-25.0, abs=1.0)
    assert said.period == 180
    assert not said.contradicted
    assert "turn of -25" in said.warnings[0]


def test_crossed_polars_know_turns_modulo_90() -> None:
    c = voronoi(7, 64, 40)
    settings = replace(clean(7), polarizer=10.0, delta=0.0, material=TI750)
    fit = shoot(c, settings)
    for stated in (SampleFrame.OXFORD, SampleFrame.EDAX1):
        said = check(fit, c, stated, SampleFrame.OXFORD, settings, 1)
        assert not said.contradicted
        assert said.period == 90
        assert abs(said.turn) < 2


def test_few_grains_raise_no_alarm_in_bad_light() -> None:
    for seed in range(6):
        c = voronoi(seed, 48, 4)
        settings = corrupted(seed)
        known, at = points(c)
        try:
            found = calibrate(shoot(c, settings, seed), known, at)
        except ValueError:
            continue
        assert not check_frame(found, SampleFrame.EDAX1).contradicted
