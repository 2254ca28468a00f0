"""Sections without EBSD, restored from the sections below and above and their own light."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks.between import Stack, draw_stack, light_of, score
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore.between import KnownSection, calibration_points, restore_between
from grainlight.restore.result import INFERRED, Result
from grainlight.restore.settings import Settings
from grainlight.volume.shape import interpolate_shapes

SIZE = 64


@cache
def stack() -> Stack:
    # Of a texture that light sees: c-axes along the normal of the section show next to no contrast.
    return draw_stack("equiaxed", 2, SIZE, 6, 3)


def neighbours(of: Stack) -> list[KnownSection]:
    known = np.ones((SIZE, SIZE), bool)
    return [
        KnownSection(OrientationMap.from_quaternions(q, (0.5, 0.5), (TITANIUM,)), known, 0.5 * d)
        for q, d in zip(of.beside, of.distance, strict=True)
    ]


def shape_of(of: Stack) -> OrientationMap:
    known = np.ones((SIZE, SIZE), bool)
    q, there = interpolate_shapes(*of.beside, (known, known), of.distance)
    phase = np.where(there, TITANIUM.id, 0).astype(np.int16)
    return OrientationMap.from_quaternions(q, (0.5, 0.5), (TITANIUM,), phase_id=phase)


def restored(level: str, below: bool = True, above: bool = True) -> Result:
    of = stack()
    sides = neighbours(of)
    light = light_of(of, level, 3)
    light = None if light is None else replace(light, step=0.5)
    return restore_between(
        light, sides[0] if below else None, sides[1] if above else None, shape_of(of), Settings(quality="fast", seed=1)
    )


@pytest.mark.parametrize(("level", "most"), [("clean", 0.5), ("corrupted", 0.7)])
def test_light_places_the_grains_of_the_sections_below_and_above(level: str, most: float) -> None:
    found, shape = (
        score(np.asarray(restored(level).map.quaternions), stack()),
        score(shape_of(stack()).quaternions, stack()),
    )
    assert found.near < most * shape.near


def test_nothing_is_measured() -> None:
    found = restored("clean")
    assert not found.measured.any()
    assert np.isnan(found.correction).all()
    assert set(np.unique(found.source)) == {INFERRED}
    assert np.isfinite(found.uncertainty).all()


def test_doubt_is_larger_where_it_is_wrong() -> None:
    of, found = stack(), restored("corrupted")
    right = score(np.asarray(found.map.quaternions), of, found)
    assert right.covered > 0.8


@pytest.mark.parametrize("level", ["none", "unrelated"])
def test_without_light_to_believe_it_is_no_worse_than_shapes(level: str) -> None:
    found = restored(level)
    shape = score(shape_of(stack()).quaternions, stack())
    assert score(np.asarray(found.map.quaternions), stack()).near < 1.05 * shape.near
    assert np.nanmean(found.other_grain) > 0.2


def test_one_side_is_enough() -> None:
    found = restored("clean", above=False)
    copy = score(stack().beside[0], stack())
    assert score(np.asarray(found.map.quaternions), stack()).near < copy.near


def test_light_is_calibrated_where_both_maps_agree() -> None:
    of = stack()
    below, above = neighbours(of)
    use = calibration_points(below, above).phase_id > 0
    assert 0.02 < use.mean() < 0.9
    alone = calibration_points(below, None).phase_id > 0
    assert 0.2 < alone.mean() < 0.5
