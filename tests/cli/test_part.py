"""Parts of a map by options: points of enough quality, a rectangle, every n-th point."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.cli import values
from grainlight.cli.main import main, parser
from grainlight.maps.io import load_ebsd, save_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.restore.result import NOT_RESTORED

TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)


@pytest.fixture
def source(tmp_path):
    """A map of 12 x 16 points, 2 um apart, that begins at x 10, y 20; CI is the column over 100."""
    q = np.random.default_rng(1).normal(size=(12, 16, 4))
    q /= np.linalg.norm(q, axis=-1, keepdims=True) * np.where(q[..., :1] < 0, -1, 1)
    ci = np.broadcast_to(np.arange(16) / 100, (12, 16)).astype(np.float32)
    ebsd = OrientationMap.from_quaternions(q, (2.0, 2.0), (TITANIUM,), fields={"ci": ci})
    file = tmp_path / "map.ang"
    save_ebsd(ebsd.replace(origin=(10.0, 20.0)), file)
    return file


def read(source, *options: str) -> OrientationMap:
    arguments = parser().parse_args(["convert", str(source), "out.ang", *options])
    return values.load_map(source, arguments)


@pytest.mark.parametrize("options", [["--min-ci", "0.095"], ["--min", "CI=0.095"]])
def test_points_of_low_confidence_count_as_not_indexed(source, options) -> None:
    ebsd = read(source, *options)
    assert (ebsd.phase_id == np.where(np.arange(16) < 10, 0, 1)).all()
    assert any("120 of 192 indexed points have ci below 0.095" in note for note in ebsd.notes)


def test_thresholds_come_together(source) -> None:
    ebsd = read(source, "--min-ci", "0.035", "--max", "ci=0.075")
    assert np.flatnonzero(ebsd.indexed[0]).tolist() == [4, 5, 6, 7]


def test_crop_is_in_the_coordinates_of_the_file(source) -> None:
    whole, ebsd = load_ebsd(source), read(source, "--crop", "15,23.5,24,31")
    assert (ebsd.origin, ebsd.shape) == ((16.0, 24.0), (4, 5))
    np.testing.assert_array_equal(ebsd.quaternions, whole.quaternions[2:6, 3:8])
    assert (ebsd.x[0, 0], ebsd.y[0, 0], ebsd.x[0, -1]) == (0.0, 0.0, 8.0)


def test_subsample(source) -> None:
    ebsd = read(source, "--crop", "10,20,30,30", "--subsample", "2")
    assert (ebsd.shape, ebsd.step, ebsd.origin) == ((3, 6), (4.0, 4.0), (10.0, 20.0))


def test_the_stated_place_of_the_light_stays(source) -> None:
    command = ["enhance", str(source), "--output", "o.ang", "--pl", "a.tif", "--pl-origin=-3,4"]
    arguments = parser().parse_args([*command, "--crop", "15,23.5,24,31"])
    values.load_map(source, arguments)
    assert arguments.pl_origin == (-9.0, 0.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-mad", "1"], ["no quality field 'mad'", "ci"]),
        (["--crop", "100,100,120,120"], ["no scan point", "10 to 40"]),
    ],
)
def test_what_is_not_there_is_said(source, tmp_path, capsys, options, words) -> None:
    assert main(["convert", str(source), str(tmp_path / "out.ang"), *options]) == 2
    message = capsys.readouterr().err
    assert all(word in message for word in words)
    assert not (tmp_path / "out.ang").exists()


def test_holes_are_left_out_where_asked_with_light_too(inputs, tmp_path) -> None:
    whole = load_ebsd(inputs.coarse)
    phase_id = whole.phase_id.copy()
    phase_id[4:8, 5:9] = 0
    hole = tmp_path / "hole.ang"
    save_ebsd(whole.replace(phase_id=phase_id), hole)
    output = tmp_path / "out.ang"
    command = inputs.enhance(output, *inputs.light_options, "--register", "none", "--fill-holes", "none", ebsd=hole)
    assert main(command) == 0
    with np.load(output.with_suffix(".npz")) as saved:
        source = saved["source"]
    assert (source[16:29, 20:33] == NOT_RESTORED).all()
    assert (source[:12] != NOT_RESTORED).all()


@pytest.mark.parametrize("options", [["--crop", "5,5,1,1"], ["--crop", "1,2"], ["--min", "0.1"], ["--subsample", "0"]])
def test_options_that_cannot_be_read(source, options, capsys) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["convert", str(source), "out.ang", *options])
    assert "expected" in capsys.readouterr().err
