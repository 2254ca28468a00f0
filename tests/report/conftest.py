"""Small restorations made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from browser import Page, opened_browser
from grainlight.constants import WEIGHTS, constants
from grainlight.crystal.frames import SampleFrame
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.restore.result import INFERRED, MEASURED, Result

PHASES = (Phase(1, "Titanium", "6/mmm"), Phase(2, "beta", "m-3m"))


def grains(shape: tuple[int, int], step: float) -> OrientationMap:
    """Two grains: c along Z in the left half, c along -X or so in the right."""
    q = np.empty((*shape, 4))
    q[:, : shape[1] // 2] = [1.0, 0.0, 0.0, 0.0]
    q[:, shape[1] // 2 :] = [np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0]
    return OrientationMap.from_quaternions(q, (step, step), PHASES)


@pytest.fixture
def restoration() -> tuple[OrientationMap, Result, OrientationMap]:
    """Coarse map 7 x 10, its restoration 25 x 37 with a corner not restored, and the truth."""
    full = grains((25, 37), 0.5)
    coarse = full.every(4)
    measured = np.zeros(full.shape, dtype=bool)
    measured[::4, ::4] = True
    source = np.where(measured, MEASURED, INFERRED).astype(np.uint8)
    source[:3, :5] = 0
    rng = np.random.default_rng(0)
    result = Result(
        map=full,
        uncertainty=rng.uniform(0.3, 30.0, full.shape).astype(np.float32),
        boundary=rng.uniform(0.0, 1.0, full.shape).astype(np.float32),
        source=source,
        light=np.zeros((5, *full.shape), dtype=np.float32),
        measured=measured,
        measured_points=full.quaternions[measured],
        correction=np.zeros(full.shape, dtype=np.float32),
        record={},
    )
    return coarse, result, full


@dataclass(frozen=True)
class Made:
    """A result as `enhance` leaves it, made from a synthetic section without the network, and its light stack."""

    result: Result
    stack: LightStack


@pytest.fixture(scope="session")
def made() -> Made:
    """60 x 76 pixels of 0.5 um, every fourth measured, three samples, a stain in the light, a few points replaced."""
    import torch

    from grainlight.crystal.quaternion import from_rotation_vector, multiply
    from grainlight.optics.forward.curves import IDEAL
    from grainlight.synth.section_map import synthetic_section

    rng = np.random.default_rng(3)
    clean = synthetic_section(4, "twinned", (60, 76), 14.0, 0.5)

    def noisy(degrees: float) -> np.ndarray:
        turn = torch.from_numpy(rng.standard_normal((*clean.shape, 3)) * np.radians(degrees) / np.sqrt(3))
        return multiply(from_rotation_vector(turn), torch.from_numpy(clean.quaternions)).numpy()

    full = clean.replace(quaternions=noisy(0.2))
    measured = np.zeros(full.shape, dtype=bool)
    measured[::4, ::4] = True
    source = np.where(measured, MEASURED, INFERRED).astype(np.uint8)
    source[8, ::8] = 2
    apart = [np.abs(np.diff(clean.quaternions, axis=axis)).sum(-1) > 0.1 for axis in (0, 1)]
    edge = np.zeros(full.shape, dtype=bool)
    edge[:-1] |= apart[0]
    edge[:, :-1] |= apart[1]
    light = IDEAL.of_axes(torch.from_numpy(full.c_axes())).numpy().astype(np.float32)
    angles = np.arange(0.0, 180.0, 30.0)
    t = np.radians(angles)[:, None, None]
    waves = (light[1] * np.cos(2 * t) + light[2] * np.sin(2 * t), light[3] * np.cos(4 * t) + light[4] * np.sin(4 * t))
    counts = 400 + 300 * light[0] + 150 * waves[0] + 80 * waves[1] + 4 * rng.standard_normal((6, *full.shape))
    flags = np.zeros(full.shape, dtype=np.uint16)
    flags[20:30, 20:30] = 8
    flags[40:44, 50:60] = 16
    counts[:, 20:30, 20:30] *= 0.4
    record = {
        "version": "0.1.0",
        "weights": constants().weights[WEIGHTS],
        "settings": {"scale": 4, "quality": "balanced", "steps": 3, "samples": 3, "seed": 0},
        "device": "cpu",
        "noise_deg": 0.5,
        "ebsd": {"step_um": [2.0, 2.0], "origin_um": [0.0, 0.0], "phases": {"1": "Titanium"}},
        "light_input": {
            "angles_deg": angles.tolist(),
            "step_um": 0.5,
            "origin_um": [0.0, 0.0],
            "rotates": "sample",
            "mirror": False,
        },
        "frames": {"sample": "edax2", "crystal": "a"},
        "inputs": [{"file": "section_coarse.ang", "sha256": "89abcdef01234567"}],
        "light": {"share_contradiction": 0.022, "share_inconsistent": 0.009},
        "registration": {"method": "affine", "residual_px": 0.3, "moved_px": 4.2, "trusted": True},
        "warnings": ["stated frame doubtful"],
        "seconds": 1.5,
    }
    full = full.in_frame(SampleFrame.EDAX2)
    result = Result(
        map=full,
        uncertainty=np.where(edge, 12.0, 0.9).astype(np.float32) * rng.lognormal(0, 0.2, full.shape).astype(np.float32),
        boundary=(edge * rng.choice([0.4, 1.0, 1.0], full.shape)).astype(np.float32),
        source=source,
        light=light,
        measured=measured,
        measured_points=full.quaternions[measured],
        correction=np.where(measured, 0.3, np.nan).astype(np.float32),
        record=record,
        samples=np.stack([SampleFrame.EDAX2.from_frame_s(noisy(1.0)) for _ in range(3)]).astype(np.float16),
        other_grain=np.where(edge, 0.4, 0.01).astype(np.float32),
        contradiction=np.where(flags == 8, 4.0, 0.9).astype(np.float32),
        light_flags=flags,
    )
    return Made(result, LightStack(counts.astype(np.float32), angles, 0.5))


@pytest.fixture(scope="session")
def page(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of `made`."""
    from grainlight.report.html import write_report

    return write_report(made.result, tmp_path_factory.mktemp("report") / "report.html", light=made.stack)


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """Chromium, which reaches nothing."""
    with opened_browser() as page:
        yield page
