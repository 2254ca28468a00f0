"""EBSD lies in its volume where registration finds it in the light of its section."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.crystal.symmetry import disorientation
from grainlight.maps.io import load_ebsd, save_ebsd
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.register.register import Registration
from grainlight.register.transform import Transform, stated
from grainlight.restore.settings import Settings
from grainlight.volume.alignment.anchor import Place, place_of
from grainlight.volume.inputs.manifest_file import load_manifest
from grainlight.volume.inputs.synthetic import VolumeRecipe, write_synthetic_volume
from grainlight.volume.jobs import LightOptions
from grainlight.volume.run import VolumeSettings, restore_volume

EXTENT = (0.0, 0.0, 40.0, 30.0)


def light(origin: tuple[float, float] = (1.0, -2.0), mirror: bool = False) -> LightStack:
    return LightStack(np.zeros((3, 90, 110), np.uint8), np.array([0.0, 60.0, 120.0]), 0.5, origin, mirror=mirror)


def record(transform: Transform, moved: float = 9.0, trusted: bool = True) -> dict:
    return Registration(transform, "translation", 0.1, moved, trusted, {}, ()).as_record()


@pytest.mark.parametrize("mirror", [False, True])
def test_a_shift_is_told_in_um_of_the_map(mirror: bool) -> None:
    stack = light(mirror=mirror)
    there = stated(stack, EXTENT)
    moved = there.replaced(offset=there.offset + there.matrix @ np.array([3.0, 5.0]))
    place = place_of(record(moved), stack)
    assert place is not None
    assert (place.x, place.y, place.bent) == pytest.approx((3, 5, 0), abs=1e-6)


def test_within_a_pixel_the_stated_place_is_taken_and_what_is_not_sure_tells_nothing() -> None:
    stack = light()
    there = stated(stack, EXTENT)
    near = there.replaced(offset=there.offset + 0.5)
    assert place_of(record(near, 0.7), stack) == Place(0.0, 0.0, 0.0)
    assert place_of(record(there, 0.0), stack) == Place()
    assert place_of(record(near, trusted=False), stack) is None
    assert place_of(None, stack) is None
    assert place_of(record(near), None) is None


def test_a_turn_is_told_by_the_corners() -> None:
    stack = light()
    there, turn = stated(stack, EXTENT), np.radians(2.0)
    matrix = there.matrix @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([20.0, 15.0])
    turned = there.replaced(matrix=matrix, offset=there(middle) - matrix @ middle)
    place = place_of(record(turned), stack)
    assert place is not None
    assert place.bent == pytest.approx(25 * 2 * np.sin(turn / 2), rel=1e-6)


def test_maps_that_begin_elsewhere_than_stated_lie_where_their_light_does(tmp_path: Path) -> None:
    """Three sections in their places; the maps of the outer ones begin at different points, which nobody says."""
    recipe = VolumeRecipe(3, (97, 97), 12.0, family="equiaxed", scale=2, every=2, level="mild", seed=3)
    manifest = load_manifest(write_synthetic_volume(recipe, tmp_path))
    firsts = {0: (2, 3), 2: (5, 6)}
    for k, (top, left) in firsts.items():
        file = tmp_path / f"s{k:03d}_ebsd.ang"
        whole = load_ebsd(file)
        part = OrientationMap.from_quaternions(
            np.array(whole.quaternions[top:, left:]),
            whole.step,
            whole.phases,
            sample_frame=whole.sample_frame,
            crystal_frame=whole.crystal_frame,
        )
        save_ebsd(part, file)
    angles = tuple(10.0 * k for k in range(18))
    settings = VolumeSettings(Settings(scale=2, quality="fast"), LightOptions(angles, recipe.step))
    volume = restore_volume(manifest, tmp_path / "OUT", settings)
    assert volume is not None
    assert volume.record["ebsd_in_light_um"] == pytest.approx([3.0, 2.0], abs=0.3)
    truth = np.load(tmp_path / "truth.npz")["quaternions"][:, 4:, 6:]
    for k in range(3):
        found = OrientationMap.from_quaternions(
            volume.quaternions[k].astype(np.float64),
            (volume.step, volume.step),
            volume.phases,
            sample_frame=volume.sample_frame,
            crystal_frame=volume.crystal_frame,
        )
        q = found.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A).quaternions
        known = volume.phase_id[k] > 0
        rows, columns = known.shape
        assert (disorientation(q, truth[k, :rows, :columns])[known] > 5).mean() < 0.08
    assert any("section 3" in said and "no EBSD reaches" in said for said in volume.record["warnings"])
