"""The orientation embedding: isometry, symmetry, decoding."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grainlight.crystal import embedding, quaternion
from grainlight.crystal.embedding import PER_DEGREE, basal_frame, decode, degrees_between, embed, principal_axis
from grainlight.crystal.hexagonal import disorientation_angle, rotations

COUNT = 4000


def some(seed: int = 0, count: int = COUNT, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return quaternion.random((count,), torch.Generator().manual_seed(seed), dtype=dtype)


def turned(q: torch.Tensor, degrees: float, seed: int = 1) -> torch.Tensor:
    axis = torch.randn(*q.shape[:-1], 3, generator=torch.Generator().manual_seed(seed), dtype=q.dtype)
    axis = torch.nn.functional.normalize(axis, dim=-1)
    return quaternion.multiply(quaternion.from_rotation_vector(axis * math.radians(degrees)), q)


@pytest.mark.parametrize(
    ("degrees", "mean", "spread"),
    [(0.01, 0.0641, 1e-4), (1.0, 0.0641, 1e-3), (5.0, 0.0639, 4e-3), (10.0, 0.0632, 0.015), (20.0, 0.0605, 0.05)],
)
def test_distance_per_degree(degrees: float, mean: float, spread: float) -> None:
    q = some()
    distance = (embed(q) - embed(turned(q, degrees))).norm(dim=-1) / degrees
    assert float(distance.mean()) == pytest.approx(mean, abs=1e-4)
    assert float(distance.std() / distance.mean()) < spread
    # From the shortest to the longest: 1 % up to 5 degrees.
    assert degrees > 5 or float((distance.max() - distance.min()) / distance.mean()) < 0.0102


def test_tilt_and_turn_move_the_same_distance() -> None:
    q = some(2, 100)
    step = math.radians(0.01)
    distances = []
    for axis in torch.eye(3, dtype=torch.float64):
        # Rotations from the left act in the crystal's own frame: the third is about c.
        moved = quaternion.multiply(quaternion.from_rotation_vector(axis * step), q)
        distances.append((embed(moved) - embed(q)).norm(dim=-1) / 0.01)
    torch.testing.assert_close(distances[0], distances[2], rtol=1e-4, atol=0)
    torch.testing.assert_close(distances[1], distances[2], rtol=1e-4, atol=0)
    assert float(distances[2].mean()) == pytest.approx(PER_DEGREE, rel=1e-3)


def test_norms_and_channel_deviations() -> None:
    e = embed(some(3, 40_000))
    torch.testing.assert_close((e * e).sum(-1), torch.full((40_000,), embedding.SQUARED_NORM, dtype=torch.float64))
    assert e.mean(0).abs().max() < 0.02
    std = torch.tensor(embedding.CHANNEL_STD, dtype=torch.float64)
    assert (e.std(0) / std - 1).abs().max() < 0.02
    assert embedding.CHANNEL_STD[0] == pytest.approx(0.91, abs=0.005)
    assert embedding.CHANNEL_STD[5] == pytest.approx(0.17, abs=0.005)


finite = st.floats(-1.0, 1.0, allow_nan=False, width=32)
quaternions = st.tuples(finite, finite, finite, finite).filter(lambda q: sum(x * x for x in q) > 0.01)


@given(quaternions, st.integers(0, 11))
def test_equivalent_orientations_have_one_embedding(values: tuple, i: int) -> None:
    q = torch.nn.functional.normalize(torch.tensor(values, dtype=torch.float64), dim=-1)
    for other in (quaternion.multiply(rotations()[i], q), -q):
        torch.testing.assert_close(embed(other), embed(q), atol=1e-12, rtol=0)


@given(quaternions)
def test_decoding_undoes_embedding(values: tuple) -> None:
    q = torch.nn.functional.normalize(torch.tensor(values, dtype=torch.float64), dim=-1)
    assert math.degrees(float(disorientation_angle(decode(embed(q)), q))) < 1e-5


def test_other_choice_of_x_turns_the_sixfold_part_by_its_sign() -> None:
    q = some(4, 50)
    thirty = quaternion.from_rotation_vector(torch.tensor([0.0, 0.0, math.pi / 6], dtype=torch.float64))
    e, other = embed(q), embed(quaternion.multiply(thirty, q))
    torch.testing.assert_close(other[:, :5], e[:, :5])
    torch.testing.assert_close(other[:, 5:], -e[:, 5:])


def test_single_precision_decodes_to_hundredths_of_a_degree() -> None:
    q = some(5, 20_000, torch.float32)
    error = torch.rad2deg(disorientation_angle(decode(embed(q)), q))
    assert error.max() < 0.02


def test_images_have_their_channels_before_rows_and_columns() -> None:
    q = some(6, 2 * 3 * 5).reshape(2, 3, 5, 4)
    e = embed(q, dim=-3)
    assert e.shape == (2, 18, 3, 5)
    torch.testing.assert_close(e.movedim(1, -1), embed(q))
    assert torch.rad2deg(disorientation_angle(decode(e, dim=1), q)).max() < 1e-5


def test_decoding_does_not_depend_on_how_an_image_lies_in_memory() -> None:
    e = embed(some(13, 200 * 90, torch.float32).reshape(200, 90, 4), dim=-3)
    by_pixel = e.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    found = decode(e, dim=0)
    assert torch.equal(found, decode(by_pixel, dim=0))
    assert (found[..., 0] >= 0).all()
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(200, 90))
    torch.testing.assert_close(found[150, 70], decode(e[:, 150, 70]))


def test_perturbed_embeddings_decode_close_to_the_nearest_orientation() -> None:
    q = some(7, 400)
    generator = torch.Generator().manual_seed(8)
    e = embed(q) + PER_DEGREE * torch.randn(400, 18, generator=generator, dtype=torch.float64)
    found = decode(e)
    distance = (embed(found) - e).norm(dim=-1)
    # A dense cloud around the answer holds orientations that are nearer by 1 % at most: e2 alone decides on c.
    steps = torch.randn(400, 1500, 3, generator=generator, dtype=torch.float64) * math.radians(0.5)
    cloud = quaternion.multiply(quaternion.from_rotation_vector(steps), found[:, None].expand(400, 1500, 4))
    best = (embed(cloud) - e[:, None]).norm(dim=-1).amin(-1)
    assert float((distance - best).mean() / best.mean()) < 0.01
    # Noise of one degree per channel comes out as one degree about each of three axes: 3 % from the best possible.
    error = torch.rad2deg(disorientation_angle(found, q)).square().mean().sqrt()
    assert float(error) == pytest.approx(math.sqrt(3), rel=0.08)


def test_mean_of_a_cloud_is_its_centre() -> None:
    centre = some(9, 20)
    generator = torch.Generator().manual_seed(10)
    steps = torch.randn(20, 2000, 3, generator=generator, dtype=torch.float64) * math.radians(3.0)
    cloud = quaternion.multiply(quaternion.from_rotation_vector(steps), centre[:, None].expand(20, 2000, 4))
    # Symmetry-equivalents at random: the mean must not see them.
    cloud = quaternion.multiply(rotations()[torch.randint(12, (20, 2000), generator=generator)], cloud)
    assert torch.rad2deg(disorientation_angle(decode(embed(cloud).mean(1)), centre)).max() < 0.5


def test_degrees_between_neighbours() -> None:
    q = some(11, 500)
    found = degrees_between(embed(q), embed(turned(q, 3.0)))
    torch.testing.assert_close(found, torch.full((500,), 3.0, dtype=torch.float64), rtol=0.01, atol=0)


def test_principal_axis_is_the_eigenvector() -> None:
    e2 = torch.randn(300, 5, generator=torch.Generator().manual_seed(12), dtype=torch.float64)
    d, xy, xz, yz = (e2[:, :4] / math.sqrt(3.0)).unbind(-1)
    zz = e2[:, 4] / 3
    rows = ((d - zz, xy, xz), (xy, -d - zz, yz), (xz, yz, 2 * zz))
    t = torch.stack([torch.stack(row, -1) for row in rows], -2)
    expected = torch.linalg.eigh(t)[1][..., -1]
    found = principal_axis(e2)
    torch.testing.assert_close((found * expected).sum(-1).abs(), torch.ones(300, dtype=torch.float64))


def test_nothing_known_decodes_to_something_finite() -> None:
    q = decode(torch.zeros(2, 18))
    torch.testing.assert_close(q.norm(dim=-1), torch.ones(2))


@pytest.mark.parametrize("z", [1.0, -1.0, 0.0, 1e-9, -1e-9, -0.999999999])
def test_basal_frame_is_right_handed_everywhere(z: float) -> None:
    c = torch.tensor([math.sqrt(max(0.0, 1 - z * z)), 0.0, z], dtype=torch.float64)
    u, v = basal_frame(c)
    g = torch.stack((u, v, c))
    torch.testing.assert_close(g @ g.T, torch.eye(3, dtype=torch.float64))
    assert float(torch.linalg.det(g)) == pytest.approx(1.0)
