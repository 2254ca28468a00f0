"""Light of a map, and comparing maps, from Python."""

from __future__ import annotations

import numpy as np
import pytest

import grainlight as gl
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.phase import Phase


@pytest.fixture(scope="module")
def section():
    return gl.synthetic_section(9, "twinned", (49, 65), 16.0, 0.5)


def test_light_of_a_map_is_what_the_command_writes(section, tmp_path):
    from grainlight.cli.main import main

    gl.save_ebsd(section, tmp_path / "full.ang")
    words = ("simulate", str(tmp_path / "full.ang"), "--output", str(tmp_path / "s.tif"), "--level", "mild")
    assert main([*words, "--seed", "4", "--angles", "0:180:30"]) == 0
    written = gl.load_light(tmp_path / "s.tif", "0:180:30", 0.5)
    made = gl.simulate_light(gl.load_ebsd(tmp_path / "full.ang"), "0:180:30", level="mild", seed=4)
    np.testing.assert_array_equal(made.images, written.images)
    np.testing.assert_array_equal(made.angles, written.angles)
    assert made.step == written.step == 0.5
    assert made.saturation == 4095  # a camera of 12 bits


def test_light_of_another_step(section):
    fine = gl.simulate_light(section, [0, 36, 72, 108, 144], step=0.25)
    assert fine.images.shape == (5, 97, 129)
    assert fine.determined


def test_what_gives_no_light(section):
    cubic = section.replace(phases=(Phase(1, "Iron", "m-3m"),))
    with pytest.raises(InputError, match="6/mmm"):
        gl.simulate_light(cubic)


def test_light_helps(section):
    """The one thing that simulated light is for."""
    coarse, light = section.every(4), gl.simulate_light(section)
    wrong = [
        np.mean(gl.disorientation(gl.enhance(coarse, given, scale=4, quality="fast").map, section) > 5)
        for given in (None, light)
    ]
    assert wrong[1] < 0.5 * wrong[0]


def test_disorientation_sees_no_frames(section):
    other = section.in_frame(SampleFrame.OXFORD).in_crystal_frame(CrystalFrame.X_ALONG_A_STAR)
    assert np.nanmax(gl.disorientation(section, other)) < 1e-4
    angle = gl.disorientation(section, section.replace(quaternions=np.roll(section.quaternions, 1, axis=1)))
    assert angle.max() <= 93.85
    assert angle.max() > 30
    holed = section.replace(phase_id=np.where(np.eye(49, 65, dtype=bool), 0, section.phase_id).astype(np.int16))
    assert np.array_equal(np.isnan(gl.disorientation(section, holed)), np.eye(49, 65, dtype=bool))
    with pytest.raises(InputError, match="shapes"):
        gl.disorientation(section, section.every(2))


def test_grains_of_a_result_have_intervals(section):
    result = gl.enhance(section.every(2), gl.simulate_light(section), scale=2, samples=3)
    found = gl.find_grains(result)
    grains = found.figures["grains"]
    assert grains.low <= grains.value <= grains.high
    assert found.minimum_pixels == 5
    alone = gl.find_grains(result.map, minimum_pixels=12, threshold=10)
    assert (alone.minimum_pixels, alone.threshold) == (12, 10)
    assert np.isnan(alone.figures["grains"].low)
    axes = gl.plot_grains(found)
    assert axes.get_title().startswith(f"{len(found.grains)} grains")
    import matplotlib.pyplot as plt

    plt.close("all")
