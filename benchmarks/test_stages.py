"""Time of every stage on a map of 257 x 257 pixels, one thread: `pytest benchmarks --benchmark-compare`.

`python -m benchmarks.speed` measures whole restorations, and how they grow.
"""

from __future__ import annotations

import pytest
import torch

from grainlight.crystal.embedding import decode, embed
from grainlight.diffusion.candidates import find_candidates, nearest_point, point_spacing
from grainlight.diffusion.checkpoint import load_weights
from grainlight.diffusion.evidence import gather_evidence, tabulate
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.state import EBSD, is_unknown
from grainlight.maps.io import load_ebsd, save_ebsd
from grainlight.register.register import register
from grainlight.restore.labelling.label import project_measured, relabel_by_light
from grainlight.restore.light.calibration import calibrate_light
from grainlight.restore.light.registration import RegisteredLight
from grainlight.restore.points.grid import rasterise
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.uncertainty.residual import normalised_residual


@pytest.fixture(scope="module")
def model():
    return load_weights()


@pytest.fixture(scope="module")
def tile(ready):
    """Measurement of 256 x 256 pixels, nothing revealed, and its candidates."""
    measured = Measurement.of_state(ready.measurement[None, :, :256, :256], ready.sigma[None, :, :256, :256])
    candidates = find_candidates(nearest_point(measured.points), point_spacing(measured.points))
    return measured, Revealed.none(measured), candidates


@pytest.fixture(scope="module")
def joint(ready):
    return ready.joint()


@pytest.fixture(scope="module")
def guide(task):
    return embed(torch.from_numpy(task.truth).float(), dim=-3)


def test_reading(benchmark, task, tmp_path):
    save_ebsd(task.coarse, tmp_path / "coarse.ang")
    benchmark(load_ebsd, tmp_path / "coarse.ang")


def test_writing(benchmark, task, tmp_path):
    benchmark(save_ebsd, task.coarse, tmp_path / "coarse.ang")


def test_registration(benchmark, task):
    benchmark.pedantic(register, (task.coarse, task.stack), {"scale": 2}, rounds=1)


def test_points_on_the_grid(benchmark, task):
    benchmark(rasterise, task.coarse, 2)


def test_calibration(benchmark, task, ready):
    benchmark(calibrate_light, RegisteredLight(task.stack, None), ready.grid, 0.5)


def test_candidates(benchmark, tile):
    points = tile[0].points
    benchmark(lambda: find_candidates(nearest_point(points), point_spacing(points)))


def test_evidence(benchmark, tile):
    measured, revealed, candidates = tile
    with torch.inference_mode():
        benchmark(lambda: gather_evidence(tabulate(measured, revealed), candidates))


def test_call(benchmark, model, tile):
    with torch.inference_mode():
        benchmark(model.label, *tile)


def test_neighbours(benchmark, ready):
    benchmark(find_neighbours, ~is_unknown(ready.sigma[0]))


def test_projection(benchmark, joint, guide):
    benchmark(project_measured, joint, guide)


def test_relabelling(benchmark, joint, guide):
    found = project_measured(joint, guide)
    benchmark(relabel_by_light, joint, found, guide)


def test_decoding(benchmark, ready):
    benchmark(decode, ready.measurement[EBSD], 0)


def test_contradiction(benchmark, task, ready):
    seen = ready.light
    benchmark(normalised_residual, task.truth, seen.state, seen.sigma, seen.curves)
