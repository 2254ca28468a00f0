"""Input that cannot be used: a clear message, exit code 2, no traceback, and nothing written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

BROKEN_MAPS = {
    "empty": (b"", ["empty"]),
    "blank": (b"\n \n", ["empty"]),
    "prose": (b"Dear colleague,\nplease find the map attached.\n", ["no scan points"]),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ["not a text file", "expected"]),
    "hdf5": (b"\x89HDF\r\n\x1a\n\0\0", ["HDF5"]),
}


@pytest.fixture
def refused(run: Callable, tmp_path: Path) -> Callable[..., str]:
    """Check that a command refuses and leaves its folder as it was; return the message."""

    def check(*argv: str | Path) -> str:
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
        code, out, err = run(*argv)
        assert code == 2, err
        assert "Traceback" not in err
        assert out == ""
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
        return err

    return check


def edited(inputs, tmp_path: Path, change: Callable[[list[str]], list[str]], name: str = "edited.ang") -> Path:
    file = tmp_path / name
    file.write_text("\n".join(change(inputs.coarse.read_text().splitlines())) + "\n")
    return file


def points(lines: list[str]) -> list[int]:
    return [i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")]


def test_missing_file(inputs, refused, tmp_path):
    message = refused(*inputs.enhance(tmp_path / "out.ang", ebsd=tmp_path / "nowhere.ang"))
    assert "nowhere.ang" in message
    assert "does not exist" in message


@pytest.mark.parametrize("kind", BROKEN_MAPS)
@pytest.mark.parametrize("ending", [".ang", ".ctf"])
def test_no_map(inputs, refused, tmp_path, kind, ending):
    content, words = BROKEN_MAPS[kind]
    file = tmp_path / f"map{ending}"
    file.write_bytes(content)
    message = refused(*inputs.enhance(tmp_path / "out.ang", ebsd=file))
    assert file.name in message
    if ending == ".ang" or kind in ("empty", "blank", "hdf5", "picture"):
        assert all(word in message for word in words)


def test_truncated_row(inputs, refused, tmp_path):
    def cut(lines):
        return [*lines[:-1], lines[-1][:25]]

    message = refused(*inputs.enhance(tmp_path / "out.ang", ebsd=edited(inputs, tmp_path, cut)))
    assert "line" in message


def test_rows_missing_at_the_end(inputs, refused, tmp_path):
    def cut(lines):
        return lines[: points(lines)[3]]

    message = refused(*inputs.enhance(tmp_path / "out.ang", ebsd=edited(inputs, tmp_path, cut)))
    assert "promises" in message


def test_comma_decimals_are_read(inputs, run, tmp_path):
    def commas(lines):
        return [line if line.startswith("#") else line.replace(".", ",") for line in lines]

    file = edited(inputs, tmp_path, commas)
    code, out, err = run(*inputs.enhance(tmp_path / "out.ang", ebsd=file))
    assert code == 0, err
    code, same, _ = run(*inputs.enhance(tmp_path / "same.ang"))
    assert code == 0
    assert out.splitlines()[0] == same.splitlines()[0]
    for written in ("out.ang", "out.npz"):
        assert (tmp_path / written).stat().st_size > 0
    with np.load(tmp_path / "out.npz") as a, np.load(tmp_path / "same.npz") as b:
        np.testing.assert_array_equal(a["quaternions"], b["quaternions"])


def test_hexagonal_header_with_a_square_body(inputs, refused, tmp_path):
    def hexagonal(lines):
        return [line.replace("SqrGrid", "HexGrid") for line in lines]

    message = refused(*inputs.enhance(tmp_path / "out.ang", ebsd=edited(inputs, tmp_path, hexagonal)))
    assert "hexagonal" in message
    assert "SqrGrid" in message


def test_cubic_map_says_which_phases_are_there(inputs, refused, tmp_path):
    def cubic(lines):
        lines = [line.replace("Titanium", "Nickel") for line in lines]
        return ["# Symmetry              43" if line.startswith("# Symmetry") else line for line in lines]

    file = edited(inputs, tmp_path, cubic)
    message = refused(*inputs.enhance(tmp_path / "out.ang", ebsd=file))
    assert "6/mmm" in message
    assert "Nickel" in message
    assert "Nickel" in refused("simulate", file, "--output", tmp_path / "stack.tif")


def test_nothing_indexed(inputs, refused, tmp_path):
    def lost(lines):
        for i in points(lines):
            cells = lines[i].split()
            lines[i] = "  ".join(["12.56637"] * 3 + cells[3:6] + ["-1.000"] + cells[7:])
        return lines

    message = refused(*inputs.enhance(tmp_path / "out.ang", ebsd=edited(inputs, tmp_path, lost)))
    assert "indexed" in message


def test_another_number_of_angles_than_images(inputs, refused, tmp_path):
    options = ["--pl", str(inputs.light), "--angles", "0:180:20", "--pl-step", "0.5"]
    message = refused(*inputs.enhance(tmp_path / "out.ang", *options))
    assert "18 images" in message
    assert "9 angles" in message


def test_angles_of_which_some_are_no_numbers(inputs, refused, tmp_path):
    message = refused(
        *inputs.enhance(tmp_path / "out.ang", "--pl", str(inputs.light), "--angles", "0,x,20", "--pl-step", "0.5")
    )
    assert "unknown" in message


def test_images_of_several_sizes(inputs, refused, tmp_path):
    names = []
    for i, image in enumerate(tifffile.imread(inputs.light)[:6]):
        names.append(str(tmp_path / f"{i}.tif"))
        tifffile.imwrite(names[-1], image[: 30 + 5 * (i == 3)])
    options = ["--pl", *names, "--angles", "0:180:30", "--pl-step", "0.5"]
    assert "3.tif" in refused(*inputs.enhance(tmp_path / "out.ang", *options))


def test_counts_that_are_no_numbers(inputs, run, refused, tmp_path):
    """What is not a number was not recorded; a count without end is a fault."""
    images = tifffile.imread(inputs.light).astype(np.float32)
    images[2, 7, 11] = np.nan
    file = tmp_path / "nan.tif"
    light = ("--pl", str(file), "--angles", "0:180:10", "--pl-step", "0.5")
    tifffile.imwrite(file, images)
    code, _, message = run(*inputs.enhance(tmp_path / "out.ang", *light))
    assert code == 0
    assert "without any contrast" not in message
    images[2, 7, 11] = np.inf
    tifffile.imwrite(file, images)
    assert "row 7, column 11" in refused(*inputs.enhance(tmp_path / "other.ang", *light))


def test_light_that_misses_the_map_is_not_used_and_said_so(inputs, run, refused, tmp_path):
    beside = (*inputs.light_options, "--pl-origin", "5000,5000")
    code, _, message = run(*inputs.enhance(tmp_path / "out.ang", *beside))
    assert code == 0, message
    assert "light is not used" in message
    message = refused(*inputs.enhance(tmp_path / "other.ang", *beside, "--register", "none"))
    assert "light" in message or "image" in message


@pytest.mark.parametrize("scale", ["0", "99", "-1", "2.5", "two"])
def test_scale(inputs, refused, tmp_path, scale):
    argv = inputs.enhance(tmp_path / "out.ang")
    argv[argv.index("--scale") + 1] = scale
    assert "1 to 8" in refused(*argv)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--pl", "STACK"], "--angles"),
        (["--pl", "BARE", "--angles", "0:180:10"], "--pl-step"),
        (["--angles", "0:180:10"], "--pl"),
        (["--pl", "STACK", "--angles", "0:180:0", "--pl-step", "0.5"], "start:stop:step"),
        (["--pl", "STACK", "--angles", "often", "--pl-step", "0.5"], "start:stop:step"),
        (["--pl", "STACK", "--angles", "0:180:10", "--pl-step", "0"], "above 0"),
        (["--pl", "STACK", "--angles", "0:180:10", "--pl-step", "nan"], "above 0"),
        (["--pl", "STACK", "--angles", "0:180:10", "--pl-step", "0.5", "--pl-origin", "3"], "X,Y in um"),
        (["--pl", "STACK", "--angles", "0:180:10", "--pl-step", "0.5", "--polars", "3"], "P,D in degrees"),
        (["--pl", "nowhere.tif", "--angles", "0:180:10", "--pl-step", "0.5"], "nowhere.tif"),
        (["--frame", "edax5"], "edax4"),
        (["--noise", "400"], "0 to 20"),
        (["--weights", "nowhere.safetensors"], "nowhere.safetensors"),
    ],
)
def test_options(inputs, refused, tmp_path, options, word):
    bare = tmp_path / "bare.tif"  # of no scale
    tifffile.imwrite(bare, tifffile.imread(inputs.light))
    files = {"STACK": str(inputs.light), "BARE": str(bare)}
    options = [files.get(option, option) for option in options]
    assert word in refused(*inputs.enhance(tmp_path / "out.ang", *options))


def test_weights_that_are_none(inputs, refused, tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"none")
    assert "weights" in refused(*inputs.enhance(tmp_path / "out.ang", "--weights", str(file)))


def test_output_folder_missing(inputs, refused, tmp_path):
    assert "does not exist" in refused(*inputs.enhance(tmp_path / "nowhere" / "out.ang"))
    assert "does not exist" in refused("simulate", inputs.full, "--output", tmp_path / "nowhere" / "stack.tif")
    assert "does not exist" in refused("synthesize", "--output", tmp_path / "nowhere" / "folder")
    assert "does not exist" in refused("train", "--preset", "tiny", "--output", tmp_path / "nowhere" / "run")


def test_output_folder_not_writable(inputs, refused, tmp_path):
    # root may write anywhere, but not below a file
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(*inputs.enhance(tmp_path / "file" / "out.ang"))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if not os.access(closed, os.W_OK):
        assert "cannot be written" in refused(*inputs.enhance(closed / "out.ang"))


def test_output_folder_that_refuses_new_files(inputs, refused, tmp_path, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    message = refused(*inputs.enhance(tmp_path / "out.ang"))
    assert "cannot be written" in message
    assert "Read-only" in message


@pytest.mark.parametrize("name", ["out.txt", "out", "out.xyz"])
def test_output_of_unknown_format(inputs, refused, tmp_path, name):
    assert ".ang or .ctf" in refused(*inputs.enhance(tmp_path / name))


@pytest.mark.parametrize("there", ["out.ang", "out.npz"])
def test_existing_output_needs_force(inputs, refused, run, tmp_path, there):
    (tmp_path / there).write_text("dear old map")
    argv = inputs.enhance(tmp_path / "out.ang")
    assert "--force" in refused(*argv)
    code, _, err = run(*argv, "--force")
    assert code == 0, err
    assert (tmp_path / there).read_bytes()[:12] != b"dear old map"


def test_input_is_never_overwritten(inputs, refused, tmp_path):
    copy = tmp_path / "coarse.ang"
    copy.write_bytes(inputs.coarse.read_bytes())
    assert "input" in refused(*inputs.enhance(copy, "--force", ebsd=copy))


def test_folder_with_something_in_it(refused, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("")
    for command in ("synthesize", "demo"):
        assert "not empty" in refused(command, "--output", tmp_path / "folder")


@pytest.mark.parametrize("command", [["enhanse"], ["enhance"], ["info"], ["train", "--output", "x", "--preset", "big"]])
def test_wrong_usage(refused, command):
    assert "usage" in refused(*command)


def test_unexpected_errors_say_how_to_report(inputs, run, tmp_path, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("a tensor walks into a bar")

    monkeypatch.setattr("grainlight.restore.enhance.enhance", fail)
    code, _, err = run(*inputs.enhance(tmp_path / "out.ang"))
    assert code == 1
    assert "a tensor walks into a bar" in err
    assert "report" in err
    assert "Traceback" not in err
    with pytest.raises(RuntimeError, match="bar"):
        run(*inputs.enhance(tmp_path / "out.ang", "--debug"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "word"), [(MemoryError(), "--quality fast"), (OSError(28, "No space left"), "No space")]
)
def test_the_machine_gives_out(inputs, run, tmp_path, monkeypatch, error, word):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("grainlight.restore.enhance.enhance", fail)
    code, _, err = run(*inputs.enhance(tmp_path / "out.ang"))
    assert code == 1
    assert word in err
    assert "report" not in err


@pytest.mark.parametrize("option", ["--transform", "--points"])
def test_place_of_no_light(refused, inputs, tmp_path, option):
    (tmp_path / "a.json").write_text("{}")
    message = refused(*inputs.enhance(tmp_path / "x.ang", option, str(tmp_path / "a.json")))
    assert "no images" in message
    assert "--pl" in message


def test_outputs_of_one_name(refused, inputs, tmp_path):
    file = tmp_path / "x.png"
    assert "two outputs have the same name" in refused(*inputs.enhance(file, "--picture", str(file)))
    (tmp_path / "y.material.yaml").write_text("kept")
    message = refused(*inputs.enhance(tmp_path / "y.vti"))
    assert "exists already" in message
    assert "device:" not in message, "said before any work"


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY"], ids=["empty", "truncated", "array"])
def test_npz_of_nothing(refused, tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    message = refused("info", tmp_path / "a.npz")
    assert "no .npz of grainlight" in message
    assert "expected" in message


def test_truncated_light_says_it_once(refused, inputs, tmp_path):
    whole = inputs.light.read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 3])
    assert refused("info", tmp_path / "a.tif").startswith("grainlight: ")
