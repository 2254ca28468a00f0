"""Bilinear interpolation, regression of the c-axis from light, and the figures of colour images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from benchmarks.peers.bilinear import interpolate
from benchmarks.peers.ipf_image import ipf_z, psnr_ssim
from benchmarks.peers.neighbours import k_neighbours, random_forest
from grainlight.crystal.hexagonal import rotations
from grainlight.crystal.quaternion import multiply, random
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import BASELINES
from grainlight.evaluation.metrics import disorientation, score
from grainlight.evaluation.scenario import Scenario
from grainlight.maps.orientation_map import OrientationMap


def about_x(degrees: float) -> NDArray[np.float64]:
    half = np.radians(degrees) / 2
    return np.array([np.cos(half), np.sin(half), 0.0, 0.0])


def on_grid(rows: int, cols: int, scale: int) -> NDArray[np.bool_]:
    measured = np.zeros((rows, cols), dtype=bool)
    measured[::scale, ::scale] = True
    return measured


def scattered_orientations(seed: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    return random(shape, torch.Generator().manual_seed(seed), dtype=torch.float64).numpy()


class TestBilinear:
    def test_measured_points_stay(self) -> None:
        q, measured = scattered_orientations(1, (9, 13)), on_grid(9, 13, 4)
        assert_allclose(interpolate(q, measured, 4)[measured], q[measured])

    def test_turns_evenly_between_two_points(self) -> None:
        q = np.broadcast_to(about_x(0.0), (5, 5, 4)).copy()
        q[:, 4] = about_x(8.0)
        filled = interpolate(q, on_grid(5, 5, 4), 4)
        assert_allclose(disorientation(filled[2], about_x(0.0)), [0, 2, 4, 6, 8], atol=0.01)

    def test_equivalent_readings_are_the_same_orientation(self) -> None:
        base = multiply(
            torch.from_numpy(np.stack([about_x(angle) for angle in np.linspace(0, 6, 81)])),
            random((1,), torch.Generator().manual_seed(2), dtype=torch.float64),
        ).reshape(9, 9, 4)
        generator = torch.Generator().manual_seed(3)
        chosen = rotations()[torch.randint(12, (9, 9), generator=generator)]
        signs = torch.randint(2, (9, 9, 1), generator=generator) * 2 - 1
        measured = on_grid(9, 9, 4)
        plain = interpolate(base.numpy(), measured, 4)
        other = interpolate((signs * multiply(chosen, base)).numpy(), measured, 4)
        assert disorientation(plain, other).max() < 1e-5
        assert disorientation(plain, base.numpy()).max() < 6

    def test_a_missing_corner_leaves_the_nearest(self) -> None:
        q, measured = scattered_orientations(4, (9, 9)), on_grid(9, 9, 4)
        measured[0, 0] = False
        filled = interpolate(q, measured, 4)
        assert_allclose(filled[1, 3], q[0, 4])
        # a cell edge between two measured corners does not need the others
        assert disorientation(filled[4, 2], q[4, 0]) > 1e-3


@pytest.fixture(scope="module")
def easy(section: OrientationMap) -> Task:
    return Scenario(4, "clean").degrade(section.cropped(65, 65), 0)


@pytest.mark.parametrize("peer", [k_neighbours, random_forest])
def test_learned_c_axes_beat_the_nearest_neighbour(peer, easy: Task) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is in the group of the benchmarks")
    method = peer()
    found = [score(one(easy).quaternions, easy.truth, easy.measured) for one in (method, BASELINES["nearest"])]
    assert found[0].edge_f1 > found[1].edge_f1 + 0.2
    assert found[0].near_over_5 < 0.7 * found[1].near_over_5
    # only measured orientations are handed on
    handed = method(easy).quaternions.reshape(-1, 4)
    assert {tuple(q) for q in handed} <= {tuple(q) for q in easy.quaternions[easy.measured]}


def test_learning_needs_light(section: OrientationMap) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is in the group of the benchmarks")
    with pytest.raises(InputError, match="light"):
        k_neighbours()(Scenario(4, None).degrade(section.cropped(33, 33), 0))


class TestIpfImage:
    def test_corners_of_the_triangle(self) -> None:
        # c, a and the second prism's normal (10-10) along z
        turned = [
            np.array([1.0, 0, 0, 0]),
            np.array([np.cos(np.pi / 4), 0, np.sin(np.pi / 4), 0]),
            np.array([np.cos(np.pi / 4), np.sin(np.pi / 4), 0, 0]),
        ]
        assert_allclose(ipf_z(np.stack(turned)), np.eye(3), atol=1e-7)

    def test_equivalents_have_one_colour(self) -> None:
        q = random((200,), torch.Generator().manual_seed(5), dtype=torch.float64)
        colours = ipf_z(q.numpy())
        assert colours.min() >= 0
        assert_allclose(colours.max(axis=-1), 1)
        for rotation in rotations():
            assert_allclose(ipf_z(multiply(rotation.expand_as(q), q).numpy()), colours, atol=1e-6)

    def test_equal_images(self) -> None:
        pytest.importorskip("skimage", reason="scikit-image is in the group of the benchmarks")
        q = scattered_orientations(6, (16, 16))
        assert psnr_ssim(q, q) == (np.inf, pytest.approx(1.0))
        spoiled = (np.arange(16) // 4 == 1)[:, None].repeat(16, axis=1)
        worse = np.where(spoiled[..., None], scattered_orientations(7, (16, 16)), q)
        psnr, ssim = psnr_ssim(worse, q)
        assert 5 < psnr < 20
        assert 0 < ssim < 0.95
        assert psnr_ssim(worse, q, ~spoiled) == (np.inf, pytest.approx(1.0))
