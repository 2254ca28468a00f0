"""Transforms: records, splines, placements as stated, points of the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.register.points import from_pairs, load_points
from grainlight.register.transform import Transform, load_transform, spline_basis, stated

EXTENT = (0.0, 0.0, 40.0, 30.0)
CORNERS = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 30.0], [40.0, 30.0], [13.0, 21.0]])


def turned(degrees: float, mirror: bool = False, scale: float = 2.0) -> Transform:
    a = -np.radians(degrees)
    matrix = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    if mirror:  # turned, then the image's columns are flipped
        matrix = np.diag([-1.0, 1.0]) @ matrix
    return Transform(matrix, np.array([30.0, 50.0]), EXTENT)


def stack(mirror: bool = False) -> LightStack:
    images = np.ones((5, 60, 80), dtype=np.float32)
    return LightStack(images, np.arange(5) * 30.0, 0.5, origin=(-3.0, 2.0), mirror=mirror)


@settings(deadline=None, max_examples=30)
@given(st.integers(4, 12), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_splines_add_up_to_one_and_are_smooth(count: int, at: list[float]) -> None:
    t = np.array(at)
    basis = spline_basis(t, count)
    assert np.allclose(basis.sum(1), 1)
    assert (basis >= 0).all()
    # cubic splines reproduce a straight line from its Greville points
    line = (np.arange(count) - 1) / (count - 3)
    assert np.allclose(basis @ line, t, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.floats(-170, 170), st.booleans())
def test_turn_and_mirror_are_read_back(degrees: float, mirror: bool) -> None:
    found = turned(degrees, mirror)
    assert found.mirrored is mirror
    assert found.turn == pytest.approx(degrees, abs=1e-9)


def test_record_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    bent = turned(12.0).replaced(drift=0.3 * rng.normal(size=(6, 2)), bend=0.2 * rng.normal(size=(4, 5, 2)))
    again = load_transform(bent.save(tmp_path / "t.json", {"registration": {"residual_px": 0.2}}))
    assert np.allclose(again(CORNERS), bent(CORNERS), atol=1e-12)
    assert again.distance(bent) < 1e-12


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "other"}', '{"kind": "grainlight transform", "matrix": [1]}'])
def test_no_transform_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(InputError, match="transform"):
        load_transform(path)


def test_a_fold_is_seen_and_refused(tmp_path: Path) -> None:
    drift = np.zeros((8, 2))
    drift[4] = (0.0, -60.0)
    folded = turned(0.0).replaced(drift=drift)
    assert folded.folds
    assert not turned(170.0, mirror=True).folds
    folded.save(tmp_path / "t.json")
    with pytest.raises(InputError, match="folds"):
        load_transform(tmp_path / "t.json")


def test_stated_placement() -> None:
    # pixel (column 6, row -4) is the first EBSD point: 3 um right and 2 um above the first pixel
    assert np.allclose(stated(stack(), EXTENT)(np.zeros(2)), (6.0, -4.0))
    assert np.allclose(stated(stack(mirror=True), EXTENT)(np.zeros(2)), (79.0 - 6.0, -4.0))
    assert stated(stack(mirror=True), EXTENT).mirrored


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_points_give_back_the_transform(count: int) -> None:
    true = turned(93.0, mirror=True)
    start = true if count == 1 else stated(stack(mirror=True), EXTENT)
    start = start.replaced(offset=start.offset + 5.0)
    found = from_pairs(CORNERS[:count], true(CORNERS[:count]), start)
    assert found.distance(true) < 1e-9


def test_points_on_a_line_are_refused() -> None:
    line = np.array([[0.0, 0.0], [10.0, 10.0], [20.0, 20.0]])
    with pytest.raises(InputError, match="line"):
        from_pairs(line, line, turned(0.0))


def test_points_file(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("ebsd_column,ebsd_row,image_column,image_row\n314,533,467,653\n# a remark\n\n543;242;806;239\n")
    points, pixels = load_points(path)
    assert points.tolist() == [[314, 533], [543, 242]]
    assert pixels.tolist() == [[467, 653], [806, 239]]
    path.write_text("1,2,3,4\n1,2,x,4\n")
    with pytest.raises(InputError, match="line 2"):
        load_points(path)


def test_a_view_is_the_same_in_strips_and_on_blocks(monkeypatch) -> None:
    """Rows read a few at a time; a wide Gaussian taken on blocks of pixels, at the same places."""
    from grainlight.register import blocks as blocks_module
    from grainlight.register import moving as module

    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:120, 0:150]
    images = np.stack([1000 + 200 * np.sin(x / 9 + k) * np.cos(y / 7) for k in range(3)]) + rng.normal(
        0, 5, (3, 120, 150)
    )
    whole = module.moving_images(images, 1.0, 1.0, 30.0)
    monkeypatch.setattr(module, "_AT_ONCE", 1000)
    strips = module.moving_images(images, 1.0, 1.0, 30.0)
    assert np.array_equal(whole.channels, strips.channels)
    sharp, blocks = whole.blurred(1.4), whole.blurred(4.5)
    assert (sharp.binning, blocks.binning) == (1, 3)
    monkeypatch.setattr(blocks_module, "_FINEST", 100.0)
    direct = whole.blurred(4.5)
    inner = np.s_[:, 5:-5, 5:-5]
    row, column = (np.arange(n) * 3 + 1 for n in blocks.seen.shape)
    apart = blocks.channels[inner] - direct.channels[:, row][:, :, column][inner]
    assert np.abs(apart).max() < 0.1 * direct.channels.std()
