"""What is written comes back: every writer, any map."""

from __future__ import annotations

import base64
import errno
import json
import re
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from grainlight.crystal.euler import bunge_from_quaternion, conjugate, rotation_angle
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, losses, save_ebsd
from grainlight.maps.io.save import OUTPUT_FORMATS
from grainlight.maps.io.writers.ome_tiff import write_light_ome_tiff
from grainlight.maps.io.writers.png import ipf_bytes
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

from .drawn import maps
from .samples import BETA, TITANIUM

READ_AGAIN = (".ang", ".ctf", ".h5oina", ".h5", ".dream3d")
RECORD = {"weights": "abcdef", "settings": {"scale": 4, "quality": "fast", "seed": 3}, "odd": float("nan")}


def in_s(ebsd: OrientationMap) -> np.ndarray:
    """Orientations in frame S with X along a."""
    return ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A).quaternions


def assert_same(before: OrientationMap, after: OrientationMap, degrees: float = 1e-3) -> None:
    """The same orientations at the same places, of phases with the same name, symmetry and lattice."""
    assert after.shape == before.shape
    assert np.array_equal(after.indexed, before.indexed)
    at = before.indexed
    assert rotation_angle(in_s(before)[at], in_s(after)[at]).max(initial=0.0) < degrees
    np.testing.assert_allclose(after.x[at], before.x[at], atol=1e-4)
    np.testing.assert_allclose(after.y[at], before.y[at], atol=1e-4)
    then, now = ({phase.id: phase for phase in ebsd.phases} for ebsd in (before, after))
    for old, new in set(zip(before.phase_id[at].tolist(), after.phase_id[at].tolist(), strict=True)):
        assert now[new].laue_group == then[old].laue_group
        assert now[new].name.split() == then[old].name.split()
        np.testing.assert_allclose(now[new].lattice, then[old].lattice, atol=2e-3)


@pytest.mark.parametrize("suffix", READ_AGAIN)
@settings(max_examples=12, deadline=None)
@given(ebsd=maps())
def test_round_trip(suffix: str, ebsd: OrientationMap) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"map{suffix}"
        assert save_ebsd(ebsd, path, record=RECORD) == [path]
        assert [file.name for file in path.parent.iterdir()] == [path.name]
        again = load_ebsd(path)
    assert_same(ebsd, again)
    if OUTPUT_FORMATS[suffix].absent:
        assert np.array_equal(again.present, ebsd.present)
    kept = OUTPUT_FORMATS[suffix].fields or tuple(ebsd.fields)
    for name in set(kept) & set(ebsd.fields):
        at = ebsd.indexed
        np.testing.assert_allclose(again.fields[name][at], ebsd.fields[name][at], atol=1e-3, rtol=1e-6)


@pytest.mark.parametrize("suffix", [".ang", ".h5"])
@settings(max_examples=8, deadline=None)
@given(ebsd=maps(hexagonal=True))
def test_hexagonal_round_trip(suffix: str, ebsd: OrientationMap) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"map{suffix}"
        save_ebsd(ebsd, path)
        again = load_ebsd(path)
    assert again.grid == "hexagonal"
    assert_same(ebsd, again)


@settings(max_examples=12, deadline=None)
@given(ebsd=maps(absent=False), chain=st.lists(st.sampled_from(READ_AGAIN), min_size=2, max_size=4))
def test_any_chain_of_formats_keeps_map_and_picture(ebsd: OrientationMap, chain: list[str]) -> None:
    """The 30 degrees between a and a* and the frames of the sample go there and back."""
    again = ebsd
    with tempfile.TemporaryDirectory() as folder:
        for number, suffix in enumerate(chain):
            path = Path(folder) / f"map{number}{suffix}"
            save_ebsd(again, path)
            again = load_ebsd(path)
    assert_same(ebsd, again, 1e-3 * len(chain))
    for direction in "XYZ":
        apart = np.abs(ipf_bytes(ebsd, direction).astype(int) - ipf_bytes(again, direction))
        # colours jump where a triangle of one symmetry meets its mirror image without colour continuity
        assert np.median(apart) == 0


def test_an_ang_from_a_ctf_is_the_same_map_and_the_same_picture(random_map, tmp_path) -> None:
    save_ebsd(random_map, tmp_path / "a.ctf")
    first = load_ebsd(tmp_path / "a.ctf")
    save_ebsd(first, tmp_path / "b.ang")
    second = load_ebsd(tmp_path / "b.ang")
    assert (first.crystal_frame, second.crystal_frame) == (CrystalFrame.X_ALONG_A_STAR, CrystalFrame.X_ALONG_A)
    assert (first.sample_frame, second.sample_frame) == (SampleFrame.OXFORD, SampleFrame.EDAX2)
    assert_same(first, second, 1e-3)
    for direction in "XYZ":
        assert np.abs(ipf_bytes(first, direction).astype(int) - ipf_bytes(second, direction)).max() <= 1
    # the numbers themselves differ, by phi2 for the hexagonal phase and by phi1 for both
    at = first.is_6mmm
    ctf, ang = (np.degrees(bunge_from_quaternion(ebsd.quaternions[at])) for ebsd in (first, second))
    np.testing.assert_allclose((ctf - ang)[:, 2] % 360, 30.0, atol=0.01)
    np.testing.assert_allclose((ang - ctf)[:, 0] % 360, 270.0, atol=0.01)


def test_real_titanium_through_every_format(shared_data, tmp_path) -> None:
    ebsd = load_ebsd(shared_data / "pymicro/Ti64-200x200.ang")
    picture = ipf_bytes(ebsd).astype(int)
    for suffix in READ_AGAIN:
        save_ebsd(ebsd, tmp_path / f"map{suffix}")
        again = load_ebsd(tmp_path / f"map{suffix}")
        assert_same(ebsd, again)
        assert np.abs(ipf_bytes(again) - picture).max() <= 1


@pytest.mark.parametrize("suffix", [".h5oina", ".h5", ".dream3d"])
def test_layers_and_record_are_in_the_file(random_map, tmp_path, suffix) -> None:
    import h5py

    layers = {
        "uncertainty": np.linspace(0, 5, random_map.phase_id.size).reshape(random_map.shape).astype(np.float32),
        "source": (random_map.phase_id % 4).astype(np.uint8),
    }
    save_ebsd(random_map, tmp_path / f"a{suffix}", layers, RECORD)
    again = load_ebsd(tmp_path / f"a{suffix}")
    for name, values in layers.items():
        np.testing.assert_allclose(again.fields[name], values, rtol=1e-6)
    with h5py.File(tmp_path / f"a{suffix}") as stream:
        note = json.loads(stream["grainlight"][()])
    assert note["record"]["settings"] == RECORD["settings"]
    assert note["record"]["odd"] is None


def test_a_layer_of_another_shape_is_refused_and_nothing_is_left(random_map, tmp_path) -> None:
    for suffix in OUTPUT_FORMATS:
        if OUTPUT_FORMATS[suffix].layers != "none":
            with pytest.raises(InputError, match="strange"):
                save_ebsd(random_map, tmp_path / f"a{suffix}", {"strange": np.zeros((2, 2))})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", sorted(OUTPUT_FORMATS))
def test_an_existing_file_stays_whole_when_writing_fails(random_map, tmp_path, suffix, monkeypatch) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("before")

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises((InputError, OSError), match="no space"):
        save_ebsd(random_map, path)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_h5oina_follows_the_description(random_map, tmp_path) -> None:
    import h5py

    absent = random_map.phase_id.copy()
    absent[3, 4] = -1
    save_ebsd(random_map.replace(phase_id=absent), tmp_path / "a.h5oina")
    with h5py.File(tmp_path / "a.h5oina") as stream:
        assert stream["Format Version"][0] == b"2.0"
        assert list(stream["Index"]) == [b"1"]
        data, header = stream["1/EBSD/Data"], stream["1/EBSD/Header"]
        n = random_map.phase_id.size
        assert data["Euler"].shape == (n, 3)
        assert (data["Euler"].dtype, data["Euler"].attrs["Unit"]) == (np.float32, "rad")
        assert np.nanmax(data["Euler"][()]) < 2 * np.pi + 1e-6
        assert np.isnan(data["Euler"][3 * 17 + 4]).all()
        assert data["Phase"].dtype == np.uint8
        assert np.array_equal(data["Phase"][()].reshape(absent.shape) > 0, absent > 0)
        assert set(np.unique(data["Error"][()])) == {0, 1, 2}
        assert (header["X Cells"][0], header["Y Cells"][0]) == (17, 12)
        assert header["Phases/1/Laue Group"][0] == 9
        assert header["Phases/1/Laue Group"].attrs["Symbol"] == "6/mmm"
        np.testing.assert_allclose(header["Phases/1/Lattice Angles"][0], np.radians([90, 90, 120]), rtol=1e-6)


def test_dream3d_has_the_types_of_a_file_that_dream3d_wrote(shared_data, random_map, tmp_path) -> None:
    """Same attributes, types and shapes as in a real file of layout 7."""
    import h5py

    save_ebsd(random_map, tmp_path / "a.dream3d")
    with (
        h5py.File(tmp_path / "a.dream3d") as mine,
        h5py.File(shared_data / "dream3d/Small_IN100_Slice1.dream3d") as real,
    ):
        assert mine.attrs["FileVersion"] == real.attrs["FileVersion"]
        ours, theirs = mine["DataContainers/ImageDataContainer"], real["DataContainers/Small IN100 Slice 1"]
        pairs = {
            "_SIMPL_GEOMETRY": "_SIMPL_GEOMETRY",
            "_SIMPL_GEOMETRY/DIMENSIONS": "_SIMPL_GEOMETRY/DIMENSIONS",
            "_SIMPL_GEOMETRY/SPACING": "_SIMPL_GEOMETRY/SPACING",
            "CellData": "EBSD Scan Data",
            "CellData/EulerAngles": "EBSD Scan Data/EulerAngles",
            "CellData/Phases": "EBSD Scan Data/Phases",
            "CellData/Confidence Index": "EBSD Scan Data/Confidence Index",
            "CellEnsembleData": "Phase Data",
            "CellEnsembleData/CrystalStructures": "Phase Data/CrystalStructures",
            "CellEnsembleData/LatticeConstants": "Phase Data/LatticeConstants",
            "CellEnsembleData/MaterialName": "Phase Data/MaterialName",
        }
        for name, real_name in pairs.items():
            one, other = ours[name], theirs[real_name]
            assert set(one.attrs) == set(other.attrs), name
            for key in other.attrs:
                types = [item.attrs.get_id(key).dtype.kind for item in (one, other)]
                assert types[0] == types[1], (name, key)
            if isinstance(other, h5py.Dataset):
                assert (one.dtype, one.ndim) == (other.dtype, other.ndim), name
        assert list(ours["CellData"].attrs["TupleDimensions"]) == [17, 12, 1]
        assert ours["CellEnsembleData/CrystalStructures"][:, 0].tolist() == [999, 0, 1]


def _unpacked(text: str, name: str) -> np.ndarray:
    """Cell data of a .vti, unpacked as VTK describes it."""
    kind, data = re.search(rf'<DataArray type="(\w+)" Name="{name}" format="binary">\s*(\S+)\s*<', text).groups()
    count = int(np.frombuffer(base64.b64decode(data[:12])[:8], "<u8")[0])
    head = 4 * -(-8 * (3 + count) // 3)
    sizes = np.frombuffer(base64.b64decode(data[:head]), "<u8")[3:]
    raw, parts, start = base64.b64decode(data[head:]), [], 0
    for size in sizes:
        parts.append(zlib.decompress(raw[start : start + int(size)]))
        start += int(size)
    return np.frombuffer(b"".join(parts), {"Int64": "<i8", "Int32": "<i4", "Float32": "<f4", "UInt8": "u1"}[kind])


@settings(max_examples=8, deadline=None)
@given(ebsd=maps(absent=False))
def test_damask_grid(ebsd: OrientationMap) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = save_ebsd(ebsd, Path(folder) / "a.vti", {"source": np.ones(ebsd.shape, np.uint8)}, RECORD)
        assert [file.name for file in files] == ["a.vti", "a.material.yaml"]
        grid, materials = (file.read_text(encoding="utf-8") for file in files)
    rows, cols = ebsd.shape
    assert f'WholeExtent="0 {cols} 0 {rows} 0 1"' in grid
    spacing = [float(value) for value in re.search(r'Spacing="([^"]+)"', grid).group(1).split()]
    np.testing.assert_allclose(spacing[:2], np.array(ebsd.step) * 1e-6, rtol=1e-6)
    # y is up: the last row of the map comes first
    number = _unpacked(grid, "material").reshape(ebsd.shape)[::-1]
    assert (_unpacked(grid, "source") == 1).all()
    table = re.findall(r'phase: ("[^\n]*?"), v: 1.0, O: \[([^\]]+)\]', materials)
    assert number.max() == len(table) - 1
    names = np.array([json.loads(name) for name, _ in table])[number]
    assert np.array_equal(names != "not_indexed", ebsd.indexed)
    o = np.array([[float(value) for value in text.split(",")] for _, text in table])[number]
    at = ebsd.indexed
    assert rotation_angle(conjugate(o[at]), in_s(ebsd)[at]).max(initial=0.0) < 1e-3


@settings(max_examples=6, deadline=None)
@given(ebsd=maps(absent=False))
def test_ome_tiff_channels(ebsd: OrientationMap) -> None:
    import tifffile

    layer = np.full(ebsd.shape, np.nan, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        save_ebsd(ebsd, Path(folder) / "a.ome.tif", {"uncertainty": layer}, RECORD)
        with tifffile.TiffFile(Path(folder) / "a.ome.tif") as file:
            assert file.is_ome
            images, text = file.asarray(), file.ome_metadata
    names = re.findall(r'<Channel[^>]*Name="([^"]+)"', text)
    assert names == ["phase", "phi1", "Phi", "phi2", "iq", "ci", "mad", "bc", "uncertainty"]
    images = images.reshape(len(names), *ebsd.shape)
    assert np.array_equal(images[0], ebsd.phase_id.clip(0))
    euler = np.degrees(bunge_from_quaternion(in_s(ebsd)))
    at = ebsd.indexed
    np.testing.assert_allclose(np.moveaxis(images[1:4], 0, -1)[at], euler[at], atol=1e-3)
    assert np.isnan(images[1:4][:, ~at]).all()
    assert np.isnan(images[-1]).all()
    assert f'PhysicalSizeX="{ebsd.step[0]}"' in text


def test_light_as_ome_tiff(tmp_path) -> None:
    import tifffile

    images = np.random.default_rng(0).uniform(0, 4000, (6, 5, 7)).astype(np.float32)
    light = LightStack(images=images, angles=np.arange(0, 180, 30.0), step=0.3)
    write_light_ome_tiff(light, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert np.array_equal(file.asarray(), images)
        assert 'Name="150 deg"' in file.ome_metadata


def test_picture_has_a_pixel_a_point_and_the_reports_colours(random_map, tmp_path) -> None:
    import imageio.v3

    from grainlight.report.colours import ipf_colours

    save_ebsd(random_map, tmp_path / "a.png", record=RECORD)
    picture = imageio.v3.imread(tmp_path / "a.png")
    assert picture.shape == (*random_map.shape, 3)
    assert (picture[~random_map.indexed] == 0).all()
    at = random_map.is_6mmm
    np.testing.assert_allclose(picture[at] / 255, ipf_colours(random_map)[at], atol=0.005)


@pytest.mark.parametrize("ending", [".ang", ".ctf", ".h5oina", ".h5", ".dream3d"])
@pytest.mark.parametrize("origin", [(100.0, 50.0), (-850.0, -0.5), (0.125, 7.5), (20000.25, 3.5)])
def test_origin_survives_two_round_trips(random_map, tmp_path, ending, origin) -> None:
    if ending == ".ang":
        # which takes no positions below 0
        origin = (max(origin[0], 0.0), max(origin[1], 0.0))
    once, twice = tmp_path / f"once{ending}", tmp_path / f"twice{ending}"
    save_ebsd(random_map.replace(origin=origin), once)
    save_ebsd(load_ebsd(once), twice)
    found = load_ebsd(twice)
    assert found.origin == pytest.approx(origin, abs=1e-3)
    assert found.step == pytest.approx(random_map.step, rel=1e-3)
    np.testing.assert_array_equal(found.phase_id > 0, random_map.indexed)


def test_what_a_format_cannot_hold_is_said(random_map) -> None:
    hole = random_map.phase_id.copy()
    hole[2, 2] = -1
    ebsd = random_map.replace(phase_id=hole, origin=(3.0, 4.0))
    told = " ".join(losses(ebsd, "a.ctf"))
    assert "iq, ci" in told
    assert "1 places without a scan point" in told
    assert "origin" not in told
    for name in ("a.vti", "a.tif"):
        assert not any("origin" in one for one in losses(ebsd, name))
    assert "origin -3, 4" in losses(ebsd.replace(origin=(-3.0, 4.0)), "a.ang")[-1]
    assert losses(random_map, "a.ang") == []
    assert losses(ebsd.replace(origin=(0.0, 0.0)), "a.h5oina") == []
    assert "picture" in losses(random_map, "a.png")[0]
    strange = random_map.replace(phases=(TITANIUM, Phase(2, "omega", "")))
    assert "symmetry of omega" in losses(strange, "a.ang")[0]
    assert losses(strange, "a.dream3d") == []


def test_place_in_tiff_and_damask(random_map, tmp_path) -> None:
    (rows, _), (dx, dy) = random_map.shape, random_map.step
    for x, y in ((0.0, 0.0), (3.0, 4.0), (-2.5, 7.0)):
        ebsd = random_map.replace(origin=(x, y))
        save_ebsd(ebsd, tmp_path / f"{x:g}.tif")
        save_ebsd(ebsd, tmp_path / f"{x:g}.vti")
        with tifffile.TiffFile(tmp_path / f"{x:g}.tif") as file:
            text = file.ome_metadata
        assert f'PositionX="{x}"' in text
        assert f'PositionY="{y}"' in text
        found = re.search(r'Origin="(\S+) (\S+) 0"', (tmp_path / f"{x:g}.vti").read_text())
        # the corner of the lowest row, y upwards, in metres
        left, low = (1e6 * float(found.group(k)) for k in (1, 2))
        assert left == pytest.approx(x - dx / 2, abs=1e-6)
        assert low == pytest.approx(-(y + (rows - 0.5) * dy), abs=1e-6)


def test_hexagonal_grids_and_unknown_endings_are_refused(tmp_path) -> None:
    x, y = np.meshgrid(np.arange(4.0), np.arange(3.0))
    x = x + 0.5 * (np.arange(3) % 2)[:, None]
    ones = np.ones((3, 4), np.int16)
    q = np.broadcast_to([1.0, 0, 0, 0], (3, 4, 4))
    ebsd = OrientationMap(q, ones, x, y, (TITANIUM, BETA), (1.0, 1.0), grid="hexagonal")
    for suffix, chosen in OUTPUT_FORMATS.items():
        if not chosen.hexagonal:
            with pytest.raises(InputError, match="cannot hold a hexagonal grid"):
                save_ebsd(ebsd, tmp_path / f"a{suffix}")
    with pytest.raises(InputError, match="unknown"):
        save_ebsd(ebsd, tmp_path / "a.xyz")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_with_the_file_and_leaves_nothing(random_map, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("grainlight.maps.io.writers.ang.write_rows", full)
    with pytest.raises(InputError, match=r"a\.ang: there is no room for the output"):
        save_ebsd(random_map, tmp_path / "a.ang")
    assert list(tmp_path.iterdir()) == []
