"""What the page shows as the command line means to the command what the page asks of the API."""

from __future__ import annotations

import shlex

import pytest

from grainlight.app.choices import SETTINGS, EbsdChoice, LightChoice, Settings, command
from grainlight.cli.main import _join_negative, parser
from grainlight.errors import InputError

EBSD = [
    {},
    {"frame": "edax1", "crystal_frame": "a*"},
    {"frame": "none", "scan": "Scan 1 of 'two'", "section": "3"},
    {"columns": "phi1=4,Phi=5,phi2=6,x=2,y=3"},
]
LIGHT = [
    None,
    {"angles": "0:180:10", "step": "0,5"},
    {"angles": "-10,20,30", "step": 0.123456789, "origin": [-3, 4.5], "rotates": "optics", "mirror": True},
]
CHOSEN = [
    {},
    {"scale": "4", "quality": "fast", "seed": 7},
    {"steps": 2, "samples": 3, "visits": 0, "device": "cpu", "noise": "0.25", "fill_holes": 0},
    {"projection": False, "keep_noise": True, "fill_holes": 2.5, "register": "affine"},
]


def parsed(line: str):
    words = shlex.split(line)
    assert words[0] == "grainlight"
    return parser().parse_args(_join_negative(words[1:]))


@pytest.mark.parametrize("ebsd", EBSD)
@pytest.mark.parametrize("light", LIGHT)
@pytest.mark.parametrize("chosen", CHOSEN)
def test_command_and_call_say_the_same(ebsd, light, chosen):
    map_choice = EbsdChoice.of("/tmp/x.ang", "a map; rm -rf.ang", ebsd)
    stack = None if light is None else LightChoice.of(["/tmp/y.tif"], ["light $(x).tif"], light)
    settings = Settings.of(chosen)
    found = parsed(
        command("enhance", map_choice.words(), [] if stack is None else stack.words(), settings.words(), output="o.ang")
    )
    assert found.ebsd == "a map; rm -rf.ang"
    assert (found.frame, found.scan, found.section) == (map_choice.frame, map_choice.scan, map_choice.section)
    assert {"a-star": "a*"}.get(found.crystal_frame, found.crystal_frame) == map_choice.crystal_frame
    assert str(found.columns or "") == str(map_choice.columns or "") or found.columns is not None
    if stack is None:
        assert found.pl is None
    else:
        assert found.pl == ["light $(x).tif"]
        assert (found.angles, found.pl_step, found.pl_origin) == (stack.angles, stack.step, stack.origin)
        assert (found.rotates, found.mirror) == (stack.rotates, stack.mirror)
    asked = settings.arguments()
    for option in SETTINGS:
        told = not found.no_projection if option.name == "projection" else getattr(found, option.name)
        assert told == asked[option.name], option.name


def test_every_setting_of_the_api_is_there_or_is_a_file():
    import inspect

    import grainlight

    taken = set(inspect.signature(grainlight.enhance).parameters)
    files = {"ebsd", "also", "light", "mask", "progress", "weights", "transform", "points", "calibration"}
    # a run whose light is refused says so on the page; nothing there needs it as an error
    assert taken - files - {"light_required"} == {option.name for option in SETTINGS}


@pytest.mark.parametrize(
    "given", [{"scale": "x"}, {"scale": True}, {"scale": 2.5}, {"noise": "nan"}, {"quality": 3}, {"no": 1}]
)
def test_settings_that_are_none(given):
    with pytest.raises(InputError):
        Settings.of(given)


def test_angles_in_names():
    """As `load_light` takes them from the names; the names on the disk hold none."""
    shown = [f"pl_{angle:03d}deg.png" for angle in range(0, 180, 30)]
    assert LightChoice(("x",) * 6, tuple(shown)).known_angles == [0, 30, 60, 90, 120, 150]
    # the order of a shell, 0, 120, 150, 30, 60, 90, is that of the numbers
    bare = [f"pl_{angle}deg.png" for angle in (0, 120, 150, 30, 60, 90)]
    choice = LightChoice.of(list("abcdef"), bare, {})
    assert choice.paths == tuple("adefbc")
    assert choice.known_angles == [0, 30, 60, 90, 120, 150]


def test_frames_point_where_the_table_says():
    """docs/conventions.md: to the right, up, and out of the surface."""
    from grainlight.app.tasks.cards import axes_of
    from grainlight.crystal.frames import SampleFrame

    assert axes_of(SampleFrame.EDAX1) == {"X": [0, -1, 0], "Y": [1, 0, 0], "Z": [0, 0, 1]}
    assert axes_of(SampleFrame.EDAX2) == {"X": [0, 1, 0], "Y": [-1, 0, 0], "Z": [0, 0, 1]}
    assert axes_of(SampleFrame.EDAX4) == {"X": [-1, 0, 0], "Y": [0, -1, 0], "Z": [0, 0, 1]}
    assert axes_of(SampleFrame.NONE) == {"X": [1, 0, 0], "Y": [0, -1, 0], "Z": [0, 0, -1]}


def test_files_are_called_what_the_user_calls_them():
    from grainlight.app.tasks.worker import with_names

    names = {"/tmp/run/upload-abc.ang": "../my map.ang", "/data/coarse.ang": "data/coarse.ang"}
    assert (
        with_names("/tmp/run/upload-abc.ang, line 3 of upload-abc.ang", names)
        == "../my map.ang, line 3 of ../my map.ang"
    )
    # once, and not again inside what was put there
    assert with_names("/data/coarse.ang is empty", names) == "data/coarse.ang is empty"
    assert with_names("upload-abc.crc is missing", names) == "my map.crc is missing"
    assert with_names("nothing", {}) == "nothing"
