"""Tiles of a mosaic that lie beside their place are moved back, and nothing else is."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import Level, Task, degrade
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Silent
from grainlight.register.transform import stated
from grainlight.restore.large.windows import windows
from grainlight.restore.light.placed import PlacedLight, place_light
from grainlight.restore.light.tiles import Retiled, retile
from grainlight.restore.points.grid import PointGrid, rasterise
from grainlight.restore.settings import Settings
from tests.restore.conftest import section_map

NOISE = 0.5


@cache
def taken(level: Level, damage: Damage | None = None, family: str = "equiaxed") -> tuple[Task, PointGrid]:
    task = degrade(section_map(11, 97, 15.0, family), scale=4, level=level, seed=3, damage=damage)
    return task, rasterise(task.coarse, 4)


def retiled(level: Level, damage: Damage | None = None, family: str = "equiaxed") -> Retiled | None:
    task, grid = taken(level, damage, family)
    assert task.stack is not None
    return retile(task.stack, grid, NOISE / 3**0.5)


@pytest.mark.parametrize(
    ("level", "family", "strength", "by"),
    [
        ("clean", "equiaxed", 1, (3, 2)),
        ("clean", "equiaxed", 2, (17, 11)),
        ("clean", "elongated", 2, (17, 11)),
        ("corrupted", "equiaxed", 1, (3, 2)),
        ("corrupted", "equiaxed", 2, (17, 11)),
        ("corrupted", "elongated", 1, (3, 2)),
        ("corrupted", "elongated", 2, (17, 11)),
        ("corrupted", "colony", 2, (17, 11)),
    ],
)
def test_a_tile_is_moved_back(level: Level, strength: int, by: tuple[int, int], family: str) -> None:
    damage = Damage("moved tile", strength)
    found = retiled(level, damage, family)
    assert found is not None
    assert 0.4 < found.share < 0.6
    said = re.search(r"lies ([-+.0-9]+) rows and ([-+.0-9]+) columns", found.told[0])
    assert said is not None
    assert [float(x) for x in said.groups()] == pytest.approx(by, abs=0.3)
    right = taken(level, None, family)[0].stack
    task = taken(level, damage, family)[0]
    assert right is not None
    assert task.stack is not None
    assert task.damaged is not None
    known = ~np.isnan(found.light.images)
    # What was rolled in from the other side, and the seam, are lost; the rest is what it was before.
    inside = np.zeros(right.shape, bool)
    inside[by[0] : -by[0] - 8, task.damaged.argmax(1)[0] + by[1] + 8 : -by[1] - 8] = True
    assert known[:, inside].mean() > 0.95

    def apart(images: np.ndarray) -> float:
        return float(np.nanmedian(np.abs(images.astype(float) - right.images)[:, inside]))

    assert apart(found.light.images) < 0.05 * apart(task.stack.images)


@pytest.mark.parametrize("level", ["clean", "corrupted"])
@pytest.mark.parametrize("kind", [None, "dark", "stain", "haze", "defocus", "dimmed tile", "lower black"])
def test_what_lies_in_its_place_stays_there(level: Level, kind: str | None) -> None:
    assert retiled(level, None if kind is None else Damage(kind)) is None


def placed(level: Level, damage: Damage | None = None) -> PlacedLight:
    task, grid = taken(level, damage)
    assert task.stack is not None
    return place_light(task.coarse, task.stack, grid, NOISE, windows(*grid.shape), Settings(scale=4), Silent())


@pytest.mark.parametrize("strength", [1, 2])
def test_light_with_a_tile_beside_its_place_is_not_bent_to_fit(strength: int) -> None:
    """As one piece it is moved by half of what the tile lies beside its place, and fits nowhere."""
    found = placed("clean", Damage("moved tile", strength))
    assert any("was moved back" in told for told in found.registered.told)
    assert found.registered.transform is None
    assert found.residual < 0.5
    assert found.unused < 0.1


def test_no_tile_is_looked_for_where_a_transform_places_the_light(monkeypatch, tmp_path) -> None:
    """In the stated place all light contradicts the points, in the given one what is damaged: neither is a tile."""
    task, grid = taken("clean", Damage("dark"))
    assert task.stack is not None
    rows, columns = grid.shape
    right = stated(task.stack, (0.0, 0.0, float(columns - 1), float(rows - 1)))
    path = right.save(tmp_path / "transform.json")
    elsewhere = replace(task.stack, origin=(task.stack.origin[0] + 9, task.stack.origin[1] - 7))
    asked = []
    monkeypatch.setattr("grainlight.restore.light.placed.retile", lambda *a: asked.append(a))
    settings = Settings(scale=4, transform=path)
    found = place_light(task.coarse, elsewhere, grid, NOISE, windows(*grid.shape), settings, Silent())
    assert not asked
    assert found.unused < 0.4
    # in its stated place, with nothing given, a tile is looked for
    place_light(task.coarse, task.stack, grid, NOISE, windows(*grid.shape), Settings(scale=4), Silent())
    assert asked


def test_light_that_lies_elsewhere_as_a_whole_is_no_tile() -> None:
    task, _ = taken("corrupted")
    assert task.stack is not None
    inner = task.coarse.cropped(23, 23)
    inner = OrientationMap.from_quaternions(
        np.array(inner.quaternions[2:, 2:]),
        inner.step,
        inner.phases,
        sample_frame=inner.sample_frame,
        crystal_frame=inner.crystal_frame,
    )
    assert retile(task.stack, rasterise(inner, 4), NOISE / 3**0.5) is None
