"""Polarized light before and after: the same frame, in the same place and unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grainlight.report.light_view import grey, on_output_grid, view_light


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[known], b[known])[0, 1])


def test_restored_light_explains_the_frame_but_not_the_stain(made):
    seen = view_light(made.result, made.stack)
    assert seen.angle in made.stack.angles
    stain = np.zeros(made.result.map.shape, dtype=bool)
    stain[20:30, 20:30] = True
    off = np.abs(seen.measured - seen.restored)
    assert np.median(off[~stain]) < 15
    assert np.median(off[stain]) > 100
    assert 0 < seen.explained < 1


def test_without_a_stack_only_the_restored_light_is_shown(made):
    seen = view_light(made.result, None)
    assert seen.measured is None
    assert np.isfinite(seen.restored).all()


@pytest.mark.parametrize("mirror", [False, True])
def test_origin_and_mirror_put_a_frame_in_its_place(made, mirror):
    image = made.stack.images[0]
    # two rows and three columns more than the map, on the left and above
    wide = np.pad(image, ((2, 0), (3, 0)), mode="edge")
    stack = replace(
        made.stack,
        images=(wide[:, ::-1] if mirror else wide)[None],
        angles=np.array([0.0]),
        origin=(-1.5, -1.0),
        mirror=mirror,
    )
    result = replace(made.result, record=made.result.record | {"registration": None})
    assert np.allclose(on_output_grid(stack, 0, result), image, atol=1e-3)


def test_registration_decides_over_what_was_stated(made):
    from grainlight.register.transform import Transform

    moved = np.roll(made.stack.images, (5, -4), axis=(1, 2))
    transform = Transform(np.eye(2) / 0.5, np.array([-4.0, 5.0]), (0.0, 0.0, 38.0, 30.0))
    placed = {"method": "rigid", "trusted": True, "moved_px": 6.0, "transform": transform.as_record()}
    result = replace(made.result, record=made.result.record | {"registration": placed})
    found = on_output_grid(replace(made.stack, images=moved), 2, result)
    assert np.allclose(found[:50, 10:60], made.stack.images[2][:50, 10:60], atol=1e-3)
    assert np.isnan(found[58, 2])


def test_what_an_image_did_not_record_is_a_gap(made):
    images = made.stack.images.astype(np.float32)
    images[:, :9, :12] = np.nan
    images[0] = np.nan
    result = replace(made.result, record=made.result.record | {"registration": None})
    stack = replace(made.stack, images=images)
    found = on_output_grid(stack, 1, result)
    gap = np.isnan(images[1])
    assert (np.isnan(found) == gap).all()
    assert np.allclose(found[~gap], images[1][~gap], atol=1e-3)
    assert np.isnan(view_light(result, stack).measured).sum() == gap.sum()


def test_grey_keeps_order_and_shows_gaps_white():
    image = np.linspace(-3, 5, 100).reshape(10, 10)
    image[4, 4] = np.nan
    shown = grey(image)
    assert shown[4, 4] == 255
    assert (np.diff(np.delete(shown.ravel(), 44).astype(int)) >= 0).all()
    assert grey(np.full((3, 3), np.nan)).min() == 255


def test_finer_light_is_averaged(made):
    fine = np.kron(made.stack.images[:1], np.ones((1, 4, 4)))
    rng = np.random.default_rng(0)
    noisy = (fine + rng.normal(0, 80, fine.shape)).astype(np.float32)
    stack = replace(made.stack, images=noisy, angles=np.array([0.0]), step=0.125, origin=(-0.1875, -0.1875))
    result = replace(made.result, record=made.result.record | {"registration": None})
    assert correlation(on_output_grid(stack, 0, result), made.stack.images[0]) > 0.95
