"""What is found of a volume before it is restored."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, load_light, save_ebsd
from grainlight.maps.io.headers import read_image_header, read_map_header
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.restore.settings import Settings
from grainlight.volume.inputs.check import ManifestCheck, check_manifest
from grainlight.volume.inputs.section_headers import Stated
from grainlight.volume.inputs.synthetic import VolumeRecipe, write_synthetic_volume
from tests.maps.vendor_hdf5 import h5ebsd
from tests.real_files import RealFiles

STATED = Stated(tuple(10.0 * k for k in range(18)), 0.5)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume of five sections of 33 x 41 pixels, EBSD on the first and the last."""
    folder = tmp_path_factory.mktemp("volume")
    write_synthetic_volume(VolumeRecipe(5, (33, 41), 8.0, scale=2, family="equiaxed", level="clean"), folder)
    return folder


@pytest.fixture
def volume(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "v")
    return tmp_path / "v"


def check(volume: Path, stated: Stated | None = STATED) -> ManifestCheck:
    return check_manifest(volume / "volume.csv", Settings(device="cpu"), stated)


def edited(volume: Path, old: str, new: str) -> None:
    path = volume / "volume.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_good_volume(volume: Path) -> None:
    found = check(volume)
    assert found.faults == ()
    assert found.remarks == ()
    text = "\n".join(found.lines)
    for part in (
        "sections: 5, z 0 to 1.6 um, 0.4 um apart",
        "EBSD: on 2 of them, at most 1.6 um apart; 17 x 21 points of 1 x 1 um, 1 Titanium (6/mmm)",
        "light: on 5 of them; 18 images of 33 x 41 pixels, 0.5 um, angles 0:180:10",
        "volume: 5 x 33 x 41 voxels of 0.5 um",
        "time: about",
        "memory: ",
        "disk: at most 0.4 MB",
    ):
        assert part in text


def test_nothing_but_headers_is_read(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("points or pixels were read")

    for name in (
        "grainlight.maps.io.readers.ang.read_body",
        "grainlight.maps.io.readers.images.read_image",
        "tifffile.TiffPage.asarray",
        "tifffile.TiffPageSeries.asarray",
    ):
        monkeypatch.setattr(name, refuse)
    assert check(volume).faults == ()


def test_what_options_must_tell(volume: Path) -> None:
    found = check(volume, None)
    assert found.faults == ()
    assert [note.split(" not stated")[0] for note in found.remarks] == [
        "The angles of the images are",
        "The step of the images is",
    ]
    assert all("--angles" in note or "--pl-step" in note for note in found.remarks)


def test_all_missing_files_are_named(volume: Path) -> None:
    for name in ("s001_light.tif", "s003_light.tif", "s004_ebsd.ang"):
        (volume / name).unlink()
    places = [fault.place for fault in check(volume).faults]
    assert len(places) == 3
    assert {place.split(" (")[0] for place in places if place} == {"row 2", "row 4", "row 5"}


def test_damaged_files_are_named_with_their_rows(volume: Path) -> None:
    (volume / "s002_light.tif").write_bytes(b"II*\0 nothing")
    (volume / "s000_ebsd.ang").write_text("nothing\n")
    text = (volume / "s004_ebsd.ang").read_text().splitlines(keepends=True)
    (volume / "s004_ebsd.ang").write_text("".join(text[: len(text) // 4]))
    report = check(volume)
    found = {fault.place.split(",")[0]: fault for fault in report.faults if fault.place}
    assert set(found) == {"row 1", "row 3"}
    assert any(note.startswith("EBSD of row 5: The header promises 357 points") for note in report.remarks)
    assert "column light" in str(found["row 3"])
    assert "s000_ebsd.ang" in str(found["row 1"])


def test_sections_that_differ_are_named(volume: Path) -> None:
    images = tifffile.imread(volume / "s001_light.tif")
    tifffile.imwrite(volume / "s001_light.tif", images[:, :-2], photometric="minisblack")
    tifffile.imwrite(volume / "s002_light.tif", (images // 16).astype(np.uint8), photometric="minisblack")
    ebsd = load_ebsd(volume / "s004_ebsd.ang")
    other = OrientationMap.from_quaternions(
        ebsd.quaternions[:-1], (1.5, 1.5), (Phase(1, "Zirconium", "6/mmm", 3.2, 3.2, 5.1, 90, 90, 120),)
    )
    save_ebsd(other, volume / "s004_ebsd.ctf")
    edited(volume, "s004_ebsd.ang", "s004_ebsd.ctf")
    found = check(volume)
    assert [fault.problem for fault in found.faults] == ["the EBSD steps of the sections differ"]
    told = {note.split(" differ")[0]: note for note in found.remarks}
    assert set(told) == {
        "The size of the EBSD map",
        "The step of the EBSD map",
        "The frames of the EBSD map",
        "The phases of the EBSD map",
        "The size of the images",
        "The depth of the images",
    }
    assert "33 x 41 pixels in most (4), 31 x 41 pixels in row 2" in told["The size of the images"]
    assert "8 bits in row 3" in told["The depth of the images"]
    assert "1.5 x 1.5 um in row 5" in told["The step of the EBSD map"]


def test_angles_and_images_are_counted(volume: Path) -> None:
    images = tifffile.imread(volume / "s001_light.tif")
    tifffile.imwrite(volume / "s001_light.tif", images[:-1], photometric="minisblack")
    (fault,) = check(volume).faults
    assert fault.place is not None
    assert fault.place.startswith("row 2, column light")
    assert fault.found == "17 images, 18 angles"


def test_images_of_one_section_have_one_size(volume: Path) -> None:
    images = tifffile.imread(volume / "s001_light.tif")
    for k, angle in enumerate((0, 45, 90, 135)):
        tifffile.imwrite(volume / f"s1_{angle}deg.tif", images[k, k // 3 :], photometric="minisblack")
    edited(volume, "s001_light.tif", "s1_*deg.tif")
    (fault,) = check(volume).faults
    assert "differ in size" in fault.problem
    assert "s1_135deg.tif" in str(fault.place)


def test_angles_in_names_go_before_options(volume: Path) -> None:
    images = tifffile.imread(volume / "s001_light.tif")
    for k, angle in enumerate(range(0, 181, 15)):
        tifffile.imwrite(volume / f"s1_{angle}deg.tif", images[k], photometric="minisblack")
    edited(volume, "s001_light.tif", "s1_*deg.tif")
    found = check(volume)
    assert found.faults == ()
    assert any("0:195:15 in row 2" in note for note in found.remarks)


def test_gaps_ends_and_rows_left_out(volume: Path) -> None:
    edited(volume, "0.4,,s001_light.tif,", "0.4,,s001_light.tif,scratched")
    edited(volume, "1.6,s004_ebsd.ang,", "1.6,,")
    found = check(volume)
    assert found.faults == ()
    assert "sections: 4, z 0 to 1.6 um, 0.4 um apart (median); 1 left out" in found.lines
    gap, ends = found.remarks
    assert "row 2 is left out: scratched" in gap
    assert ends == "Rows 3 to 5 lie above the last section with EBSD."


def test_no_hexagonal_phase(volume: Path) -> None:
    ebsd = load_ebsd(volume / "s000_ebsd.ang")
    iron = OrientationMap.from_quaternions(
        ebsd.quaternions, (1, 1), (Phase(1, "Iron", "m-3m", 2.9, 2.9, 2.9, 90, 90, 90),)
    )
    save_ebsd(iron, volume / "s000_ebsd.ang")
    (fault,) = check(volume).faults
    assert "6/mmm" in fault.problem
    assert "Iron" in str(fault.found)


def test_lengths_in_other_units_are_suspected(volume: Path) -> None:
    (fault,) = check(volume, Stated(STATED.angles, 500.0)).faults
    assert "is it in nm?" in str(fault.advice)
    text = (volume / "volume.csv").read_text()
    for k in (1, 2, 3, 4):
        text = text.replace(f"\n{0.4 * k:g},", f"\n{0.0004 * k:g},")
    (volume / "volume.csv").write_text(text)
    assert any("is z in um" in note for note in check(volume).remarks)


def test_a_job_larger_than_memory_is_a_fault(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grainlight.restore.cost.available_memory", lambda: 1e6)
    (fault,) = check(volume).faults
    assert "does not fit into memory" in fault.problem


@pytest.mark.parametrize("ending", [".ang", ".ctf", ".h5oina"])
def test_headers_of_maps_say_what_the_maps_are(made: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    save_ebsd(load_ebsd(made / "s000_ebsd.ang"), path)
    header, ebsd = read_map_header(path), load_ebsd(path)
    assert header.whole == (ending == ".h5oina")
    assert header.shape == ebsd.shape
    assert header.step == pytest.approx(ebsd.step)
    assert header.phases == ebsd.phases
    assert (header.sample_frame, header.crystal_frame) == (ebsd.sample_frame, ebsd.crystal_frame)


def test_a_slice_of_a_volume_file(tmp_path: Path) -> None:
    path = h5ebsd(tmp_path / "a.h5ebsd", "TSL")
    assert read_map_header(path, section=4).shape == (4, 5)
    with pytest.raises(InputError, match="three-dimensional"):
        read_map_header(path)


def test_headers_of_real_maps(shared_data: RealFiles) -> None:
    read = 0
    for path in sorted([*shared_data.rglob("*.ang"), *shared_data.rglob("*.ctf")]):
        try:
            ebsd = load_ebsd(path)
        except InputError:
            continue
        header = read_map_header(path)
        assert header.shape == ebsd.shape, path
        assert header.step == pytest.approx(ebsd.step, rel=1e-3), path
        assert (header.sample_frame, header.crystal_frame) == (ebsd.sample_frame, ebsd.crystal_frame)
        read += not header.whole
    if shared_data.whole:
        assert read > 3


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("a.tif", np.zeros((5, 6, 7), np.uint16)),
        ("a.tif", np.zeros((6, 7), np.uint8)),
        ("a.tif", np.zeros((6, 7, 3), np.uint8)),
        ("a.tif", np.zeros((4, 6, 7, 3), np.uint8)),
        ("a.png", np.zeros((6, 7), np.uint8)),
        ("a.png", np.zeros((6, 7, 3), np.uint8)),
        ("a.png", np.zeros((6, 7), np.uint16)),
        ("a.bmp", np.zeros((6, 7), np.uint8)),
    ],
)
def test_headers_of_images(tmp_path: Path, name: str, array: np.ndarray) -> None:
    import imageio.v3

    path = tmp_path / name
    if path.suffix == ".tif":
        colour = array.shape[-1] == 3
        tifffile.imwrite(path, array, photometric="rgb" if colour else "minisblack")
    else:
        imageio.v3.imwrite(path, array)
    header = read_image_header(path)
    light = load_light(path, list(np.arange(header.images) * 30.0), 1.0)
    # with few angles each colour is an image of its own
    colours = array.shape[-1] == 3 and light.images.shape[0] % 3 == 0
    assert header.shape == light.shape == (6, 7)
    assert header.itemsize == array.itemsize
    assert header.images == light.images.shape[0] // (3 if colours else 1)


def test_thumbnails_are_no_images_of_the_stack(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for _ in range(3):
            file.write(np.zeros((16, 17), np.uint16), photometric="minisblack")
        file.write(np.zeros((4, 5), np.uint8), photometric="minisblack", subfiletype=1)
    header = read_image_header(tmp_path / "a.tif")
    assert (header.images, header.shape) == (3, (16, 17))
    (tmp_path / "b.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        read_image_header(tmp_path / "b.png")


def test_command(volume: Path, run) -> None:
    options = ("--angles", "0:180:10", "--pl-step", "500nm", "--device", "cpu")
    code, out, err = run("volume", "check", volume / "volume.csv", *options)
    assert (code, out.splitlines()[-1]) == (0, "faults: none")
    assert not err.strip()
    (volume / "s003_light.tif").unlink()
    code, out, err = run("volume", "check", volume / "volume.csv", *options)
    assert code == 2
    assert "row 4 (line 5), column light" in err
    (volume / "s001_light.tif").unlink()
    code, out, err = run("volume", "check", volume / "volume.csv", *options)
    assert code == 2
    assert "row 2 (line 3), column light" in err
    assert "the 2 faults above" in err
    assert "Traceback" not in err
    code, _, err = run("volume", "check", volume / "none.csv")
    assert code == 2
    assert "does not exist" in err
    assert run("volume")[0] == 2


def test_command_of_plan(volume: Path, run, tmp_path: Path) -> None:
    code, out, err = run("volume", "plan", volume)
    assert code == 2
    assert "--spacing" in err
    code, out, err = run("volume", "plan", volume, "--spacing", "400nm")
    assert code == 2
    assert "exists already" in err
    before = (volume / "volume.csv").read_text()
    code, out, err = run("volume", "plan", volume, "--spacing", "400nm", "--output", tmp_path / "p.csv")
    assert code == 0, err
    assert "5 sections, z 0 to 1.6 um; light on 5, EBSD on 2" in out
    assert f"grainlight volume check {tmp_path / 'p.csv'}" in err
    code, out, err = run("volume", "plan", volume, "--spacing", "0.4", "--force")
    assert code == 0
    assert (volume / "volume.csv").read_text() == before
    for folder, problem in ((tmp_path / "none", "does not exist"), (volume / "truth.npz", "no folder")):
        code, out, err = run("volume", "plan", folder, "--spacing", "1")
        assert code == 2
        assert problem in err
    code, out, err = run("volume", "plan", volume, "--spacing", "1", "--output", tmp_path / "p.txt")
    assert code == 2
    assert "format of the output" in err
    code, out, err = run("volume", "plan", volume, "--spacing", "-1")
    assert code == 2


@pytest.mark.parametrize(("compression", "left"), [(None, 0.7), ("zlib", 0.99)])
def test_an_image_file_that_was_cut_off_is_a_fault(volume: Path, compression: str | None, left: float) -> None:
    file = volume / "s002_light.tif"
    tifffile.imwrite(file, tifffile.imread(file), photometric="minisblack", compression=compression)
    assert check(volume).faults == ()
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * left)])
    (fault,) = check(volume).faults
    assert "row 3, column light" in str(fault)
    assert "cut off" in str(fault)


def test_another_ebsd_step_is_a_fault(volume: Path) -> None:
    file = volume / "s004_ebsd.ang"
    ebsd = load_ebsd(file)
    other = OrientationMap.from_quaternions(
        np.array(ebsd.quaternions[::2, ::2]),
        (2.0, 2.0),
        ebsd.phases,
        sample_frame=ebsd.sample_frame,
        crystal_frame=ebsd.crystal_frame,
    )
    save_ebsd(other, file)
    (fault,) = check(volume).faults
    assert "row 5, column ebsd" in str(fault)
    assert "steps of the sections differ" in str(fault)
