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


def masks(folder, shape: tuple[int, int]) -> dict[str, str]:
    """A mask that leaves out rows 3 to 5 and columns 4 to 9, in every form that an image may have."""
    import imageio.v3
    import tifffile

    metal = np.full(shape, 255, np.uint8)
    metal[3:6, 4:10] = 0
    made = {
        name: str(folder / name) for name in ("grey.png", "rgb.png", "rgba.png", "one.tif", "float.tif", "bits.png")
    }
    imageio.v3.imwrite(made["grey.png"], metal)
    blue = np.stack([0 * metal, 0 * metal, metal], -1)
    imageio.v3.imwrite(made["rgb.png"], blue)
    imageio.v3.imwrite(made["rgba.png"], np.concatenate([blue, np.full((*shape, 1), 255, np.uint8)], -1))
    tifffile.imwrite(made["one.tif"], (metal > 0).astype(np.uint16), photometric="minisblack")
    tifffile.imwrite(made["float.tif"], (metal / 255).astype(np.float32), photometric="minisblack")
    imageio.v3.imwrite(made["bits.png"], metal > 0)
    return made


def test_a_mask_of_any_make_leaves_points_out(source, tmp_path) -> None:
    for name, mask in masks(tmp_path, (12, 16)).items():
        ebsd = read(source, "--mask", mask)
        assert (ebsd.phase_id[3:6, 4:10] == -1).all(), name
        assert ebsd.indexed.sum() == 12 * 16 - 18, name
        assert any("18 of 192 points (9.38 %) are masked" in note for note in ebsd.notes)


def test_a_mask_is_of_the_whole_file(source, tmp_path) -> None:
    mask = masks(tmp_path, (12, 16))["grey.png"]
    ebsd = read(source, "--mask", mask, "--crop", "16,22,30,40", "--subsample", "2")
    whole = load_ebsd(source)
    metal = np.ones(whole.shape, bool)
    metal[3:6, 4:10] = False
    assert np.array_equal(ebsd.phase_id > 0, metal[1:11:2, 3:11:2])


@pytest.mark.parametrize("command", ["convert", "grains", "info", "register", "evaluate", "enhance"])
def test_unusable_masks(source, tmp_path, capsys, command) -> None:
    import imageio.v3

    wrong, black, text = tmp_path / "wrong.png", tmp_path / "black.png", tmp_path / "text.png"
    imageio.v3.imwrite(wrong, np.full((16, 12), 255, np.uint8))
    imageio.v3.imwrite(black, np.zeros((12, 16), np.uint8))
    text.write_text("no image")
    photo = tmp_path / "photo.jpg"
    imageio.v3.imwrite(photo, np.full((12, 16), 255, np.uint8))
    start = {
        "convert": ["convert", str(source), str(tmp_path / "out.ang")],
        "enhance": ["enhance", str(source), "--output", str(tmp_path / "out.ang")],
        "register": ["register", str(source), "--output", str(tmp_path / "out.json"), "--pl", str(wrong)],
    }.get(command, [command, str(source)])
    if command == "register":
        start += ["--angles", "0:180:10", "--pl-step", "1"]
    for mask, words in (
        (wrong, ["16 x 12 pixels", "12 x 16, the points of the file"]),
        (black, ["shows no metal"]),
        (text, ["the mask cannot be read"]),
        (photo, ["JPEG"]),
        (tmp_path / "none.png", ["does not exist"]),
    ):
        assert main([*start, "--mask", str(mask)]) == 2
        message = capsys.readouterr().err
        assert all(word in message for word in words), message
    assert not list(tmp_path.glob("out*"))


def test_a_masked_place_is_not_restored(inputs, tmp_path) -> None:
    import imageio.v3

    whole = load_ebsd(inputs.coarse)
    metal = np.full(whole.shape, 255, np.uint8)
    metal[4:7, 5:8] = 0
    fine = np.full((49, 61), 255, np.uint8)
    fine[15:27, 19:31] = 0
    for name, image in (("points.png", metal), ("output.png", fine)):
        imageio.v3.imwrite(tmp_path / name, image)
        output = tmp_path / f"{name}.ang"
        command = inputs.enhance(output, *inputs.light_options, "--register", "none", "--mask", str(tmp_path / name))
        assert main(command) == 0
        with np.load(output.with_suffix(".npz")) as saved:
            source = saved["source"]
        assert (source[16:25, 20:29] == NOT_RESTORED).all(), name
        assert (source[:14] != NOT_RESTORED).all(), name
    assert (source == NOT_RESTORED).sum() == (fine == 0).sum()


def test_grains_of_a_part_of_a_restoration(inputs, tmp_path, capsys) -> None:
    output = tmp_path / "fine.ang"
    assert main(inputs.enhance(output, "--samples", "2", "--steps", "1")) == 0
    npz = str(output.with_suffix(".npz"))
    with np.load(npz) as saved:
        rows, columns = saved["source"].shape
    for options in ([], ["--crop", "0,0,10,10"], ["--subsample", "2"]):
        assert main(["grains", npz, "--force", *options]) == 0
    assert "grains:" in capsys.readouterr().out
    import tifffile

    labels = tifffile.imread(tmp_path / "fine_grains.tif")
    assert labels.shape == ((rows + 1) // 2, (columns + 1) // 2)


def test_simulate_takes_a_crop(source, tmp_path) -> None:
    import tifffile

    output = tmp_path / "stack.tif"
    command = ["simulate", str(source), "--angles", "0,30", "--output", str(output), "--crop", "15,23.5,24,31"]
    assert main(command) == 0
    assert tifffile.imread(output).shape == (2, 4, 5)


def test_register_on_a_crop_tells_places_on_the_whole_map(inputs, tmp_path) -> None:
    from grainlight.register.transform import load_transform

    files = [tmp_path / "whole.json", tmp_path / "part.json"]
    for output, options in zip(files, ([], ["--crop", "4,4,30,24"]), strict=True):
        command = ["register", str(inputs.coarse), *inputs.light_options, "--output", str(output), *options]
        assert main(command) == 0
    one, other = (load_transform(file) for file in files)
    assert np.abs(other.offset - one.offset).max() < 2.0
    assert other.extent[0] == pytest.approx(4.0)


@pytest.mark.parametrize("keep", [False, True])
def test_grains_of_a_noisy_map(tmp_path, capsys, keep) -> None:
    rng = np.random.default_rng(5)
    q = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (50, 50, 4)).copy()
    wrong = np.zeros((50, 50), bool)
    wrong[20:32, 20:32] = True
    q[wrong] = rng.normal(size=(wrong.sum(), 4))
    q /= np.linalg.norm(q, axis=-1, keepdims=True) * np.where(q[..., :1] < 0, -1, 1)
    ci = np.where(wrong, 0.03, 0.5) + rng.normal(0, 0.01, wrong.shape)
    ebsd = OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM,), fields={"ci": ci})
    save_ebsd(ebsd, tmp_path / "noisy.ang")
    assert main(["grains", str(tmp_path / "noisy.ang"), *(["--keep-noise"] if keep else [])]) == 0
    out, err = capsys.readouterr()
    assert ("grains: 1\n" in out) is not keep
    assert ("taken as noise" in err) is not keep
