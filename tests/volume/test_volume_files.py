"""Files of a volume for other programs: the same voxels, in the same places, with the same orientations."""

from __future__ import annotations

import base64
import dataclasses
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import numpy as np
import pytest
from drawn_volumes import synthetic_volume

from grainlight.crystal.euler import quaternion_from_bunge, rotation_angle
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, save_ebsd
from grainlight.maps.io.readers.dream3d import read_dream3d
from grainlight.maps.io.writers.dream3d_image import array_path
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM, Phase
from grainlight.volume.grains.grain_volume import GrainVolume, find_volume_grains
from grainlight.volume.output.damask import write_volume_vti
from grainlight.volume.output.dream3d import write_volume_dream3d
from grainlight.volume.output.regular import levels_of
from grainlight.volume.section import volume_section
from grainlight.volume.volume import Volume

LAYOUTS = ("7.0", "8.0")
BETA = Phase(4, "beta & <others>", "m-3m", 3.3, 3.3, 3.3)


def in_s(ebsd: OrientationMap) -> np.ndarray:
    return ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A).quaternions


@pytest.fixture
def volume() -> Volume:
    made, _ = synthetic_volume(sections=5, shape=(9, 14))
    phase = np.ones(made.shape, np.int16)
    phase[1, 2, 3:6], phase[3, :3, 8:] = 0, 4
    return dataclasses.replace(
        made,
        phase_id=phase,
        phases=(TITANIUM, BETA),
        sample_frame=SampleFrame.EDAX1,
        crystal_frame=CrystalFrame.X_ALONG_A_STAR,
    )


@pytest.fixture
def found(volume: Volume) -> GrainVolume:
    return find_volume_grains(volume)


def test_even_sections_are_the_levels(volume: Volume) -> None:
    levels = levels_of(volume)
    np.testing.assert_array_equal(levels.section, range(5))
    assert (levels.spacing, levels.start, levels.notes) == (1.5, 2.0, ())
    one = dataclasses.replace(volume, **{f: getattr(volume, f)[:1] for f in ("z", "quaternions", "phase_id")})
    assert levels_of(one).spacing == volume.step


def test_uneven_sections_stand_in_the_nearest_levels(volume: Volume) -> None:
    levels = levels_of(dataclasses.replace(volume, z=np.array([0.0, 1.0, 2.0, 5.0, 5.2])))
    np.testing.assert_array_equal(levels.section, [0, 1, 2, 2, 3, 3])
    (note,) = levels.notes
    assert "2 sections stand in more than one level, 1 in none" in note


@pytest.mark.parametrize("layout", LAYOUTS)
def test_dream3d_has_the_voxels(volume: Volume, found: GrainVolume, tmp_path: Path, layout: str) -> None:
    import h5py

    path = tmp_path / "volume.dream3d"
    volume = dataclasses.replace(volume, grain_id=found.labels)
    assert write_volume_dream3d(volume, path, layout=layout) == ()
    with h5py.File(path) as stream:
        assert stream.attrs["FileVersion"].decode() == layout
        read = {
            name: stream[array_path(layout, name)][()][::-1]
            for name in ("EulerAngles", "Phases", "FeatureIds", "uncertainty", "other_grain", "boundary", "source")
        }
    np.testing.assert_array_equal(read["Phases"][..., 0], np.where(volume.phase_id == 4, 2, volume.phase_id))
    np.testing.assert_array_equal(read["FeatureIds"][..., 0], found.labels)
    for name in ("uncertainty", "other_grain", "boundary", "source"):
        np.testing.assert_array_equal(read[name][..., 0], getattr(volume, name))
    for k in range(5):
        section = volume_section(volume, k).in_crystal_frame(CrystalFrame.X_ALONG_A)
        q = SampleFrame.NONE.to_frame_s(quaternion_from_bunge(read["EulerAngles"][k].astype(float)))
        assert np.degrees(rotation_angle(q, in_s(section)))[section.indexed].max() < 1e-2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_layouts_are_read_section_by_section(volume: Volume, tmp_path: Path, layout: str) -> None:
    write_volume_dream3d(volume, tmp_path / "a.dream3d", layout=layout)
    for k in (0, 3):
        read, section = read_dream3d(tmp_path / "a.dream3d", section=4 - k), volume_section(volume, k)
        np.testing.assert_array_equal(read.phase_id, np.where(section.phase_id == 4, 2, section.phase_id))
        assert np.degrees(rotation_angle(in_s(read), in_s(section)))[section.indexed].max() < 1e-2
        assert read.step == section.step
        np.testing.assert_allclose(read.origin, section.origin, atol=1e-5)


def test_layout_8_has_the_objects_of_simplnx(volume: Volume, tmp_path: Path) -> None:
    """Names, types and sizes as its source says (`ImageGeomIO`, `AttributeMatrixIO`, `DataArrayIO`)."""
    import h5py

    write_volume_dream3d(volume, tmp_path / "a.dream3d")
    with h5py.File(tmp_path / "a.dream3d") as stream:
        root = stream["DataStructure"]
        objects = {}
        root.visititems(lambda name, item: objects.update({name: item}))
        numbers = [int(item.attrs["ObjectId"]) for item in objects.values()]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert root.attrs["NextObjectId"] == len(numbers) + 1
        assert root.attrs["NextObjectId"].dtype == np.uint64
        for name, item in objects.items():
            assert item.attrs["Importable"] == 1
            assert item.attrs["Importable"].dtype == np.int32
            assert item.attrs["ObjectId"].dtype == np.uint64, name
        geometry = root["ImageDataContainer"]
        assert geometry.attrs["ObjectType"] == b"ImageGeom"
        assert geometry.attrs["_DIMENSIONS"].tolist() == [14, 9, 5]
        np.testing.assert_allclose(geometry.attrs["_SPACING"], [0.5, 0.5, 1.5])
        # the corner of the highest section: z points into the specimen
        np.testing.assert_allclose(geometry.attrs["_ORIGIN"], [9.75, -3.25, -(2 + 4 * 1.5) - 0.75])
        types = [geometry.attrs[name].dtype for name in ("_DIMENSIONS", "_SPACING", "_ORIGIN")]
        assert types == [np.uint64, np.float32, np.float32]
        cells = geometry["CellData"]
        assert geometry.attrs["Cell Data ID"] == cells.attrs["ObjectId"]
        assert cells.attrs["ObjectType"] == b"AttributeMatrix"
        assert cells.attrs["TupleDims"].tolist() == [5, 9, 14]
        kinds = {np.dtype("f4"): b"DataArray<float32>", np.dtype("i4"): b"DataArray<int32>"}
        kinds |= {np.dtype("u1"): b"DataArray<uint8>"}
        for data in cells.values():
            assert data.attrs["ObjectType"] == kinds[data.dtype]
            shape = (*data.attrs["TupleDimensions"], *data.attrs["ComponentDimensions"])
            assert tuple(map(int, shape)) == data.shape
        ensemble = geometry["CellEnsembleData"]
        assert ensemble.attrs["TupleDims"].tolist() == [3]
        assert ensemble["MaterialName"].attrs["ObjectType"] == b"StringArray"
        assert ensemble["MaterialName"].asstr()[:].tolist() == ["Invalid Phase", "Titanium", BETA.name]
        assert ensemble["CrystalStructures"][:, 0].tolist() == [999, 0, 1]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_xdmf_names_what_is_there(volume: Volume, tmp_path: Path, layout: str) -> None:
    import h5py

    path = tmp_path / "a & b.dream3d"
    write_volume_dream3d(volume, path, layout=layout)
    grid = ET.parse(tmp_path / "a & b.xdmf").getroot().find("Domain/Grid")
    assert grid.find("Topology").get("Dimensions") == "6 10 15"
    origin, spacing = ([float(x) for x in item.text.split()] for item in grid.find("Geometry"))
    assert spacing == [1.5, 0.5, 0.5]
    assert origin == [-8.75, -3.25, 9.75]
    with h5py.File(path) as stream:
        names = set()
        for attribute in grid.findall("Attribute"):
            item = attribute.find("DataItem")
            file, inside = item.text.strip().split(":")
            assert file == path.name
            data = stream[inside]
            assert tuple(int(n) for n in item.get("Dimensions").split()) == data.shape
            kind = {"f": "Float", "i": "Int", "u": "UChar"}[data.dtype.kind]
            assert (item.get("NumberType"), int(item.get("Precision"))) == (kind, data.dtype.itemsize)
            assert attribute.get("Center") == "Cell"
            names.add(attribute.get("Name"))
        assert names == set(stream[array_path(layout, "Phases")].parent)


def test_uneven_volume_says_what_its_file_shows(volume: Volume, found: GrainVolume, tmp_path: Path) -> None:
    uneven = dataclasses.replace(volume, z=np.array([0.0, 1.0, 2.0, 5.0, 6.0]))
    for notes in (
        write_volume_dream3d(uneven, tmp_path / "a.dream3d", layout="7.0"),
        write_volume_vti(uneven, found, tmp_path / "a.vti"),
    ):
        assert "7 levels 1 um apart" in notes[0]
    read = read_dream3d(tmp_path / "a.dream3d", section=6 - 3)
    np.testing.assert_array_equal(read.phase_id > 0, volume.phase_id[2] > 0)


@pytest.mark.parametrize("name", ["a.dream3d", "a.vti"])
def test_nothing_is_left_of_what_fails(volume: Volume, found: GrainVolume, tmp_path: Path, name: str) -> None:
    write = write_volume_dream3d if name.endswith("3d") else lambda one, path: write_volume_vti(one, found, path)
    with pytest.raises(InputError, match="folder does not exist"):
        write(volume, tmp_path / "nowhere" / name)

    class Broken:
        shape = volume.shape
        dtype = volume.boundary.dtype

        def __getitem__(self, k: int) -> np.ndarray:
            raise InputError("this section cannot be read")

    with pytest.raises(InputError, match="cannot be read"):
        write(dataclasses.replace(volume, boundary=Broken()), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_damask_reads_dream3d(volume: Volume, found: GrainVolume, tmp_path: Path, layout: str) -> None:
    damask = pytest.importorskip("damask")
    labels = found.labels
    # one orientation a grain, as DAMASK groups cells by it
    q = np.concatenate([[[1.0, 0, 0, 0]], found.grains.orientation])[labels].astype(np.float32)
    phase = np.concatenate([[0], found.grains.phase])[labels].astype(np.int16)
    volume = dataclasses.replace(
        volume, quaternions=q, phase_id=phase, grain_id=labels, crystal_frame=CrystalFrame.X_ALONG_A
    )
    path = tmp_path / "a.dream3d"
    write_volume_dream3d(volume, path, layout=layout)
    # z goes down, DAMASK's index is (x, y, z)
    expected = labels[::-1].transpose(2, 1, 0)
    for features in (None, "FeatureIds"):
        grid = damask.GeomGrid.load_DREAM3D(str(path), feature_IDs=features)
        assert grid.cells.tolist() == [14, 9, 5]
        np.testing.assert_allclose(grid.size, [7, 4.5, 7.5], rtol=1e-6)
        pairs = np.unique(np.stack([grid.material.ravel(), expected.ravel()]), axis=1)
        # the same division of the cells
        assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    np.testing.assert_array_equal(grid.material, expected)
    materials = damask.ConfigMaterial.load_DREAM3D(str(path))
    assert len(materials["material"]) == len(np.unique(labels))


def test_damask_grid_has_a_material_for_each_grain(volume: Volume, found: GrainVolume, tmp_path: Path) -> None:
    damask = pytest.importorskip("damask")
    write_volume_vti(volume, found, tmp_path / "a.vti")
    grid = damask.GeomGrid.load(tmp_path / "a.vti")
    assert grid.cells.tolist() == [14, 9, 5]
    np.testing.assert_allclose(grid.size, [7e-6, 4.5e-6, 7.5e-6], rtol=1e-6)
    # z and y go up
    labels = found.labels[:, ::-1].transpose(2, 1, 0)
    np.testing.assert_array_equal(grid.material, np.where(labels > 0, labels - 1, len(found.grains)))
    materials = damask.ConfigMaterial.load(tmp_path / "a.material.yaml")
    assert len(materials["material"]) == len(found.grains) + 1
    one = damask.Rotation(materials["material"][2]["constituents"][0]["O"])
    q = SampleFrame.EDAX1.to_frame_s(found.grains.orientation[2])
    np.testing.assert_allclose(np.abs(one.as_quaternion() @ damask.Rotation.from_quaternion(q, P=1).as_quaternion()), 1)


def test_grid_has_its_cells_from_below(volume: Volume, found: GrainVolume, tmp_path: Path) -> None:
    write_volume_vti(volume, found, tmp_path / "a.vti")
    image = ET.parse(tmp_path / "a.vti").getroot().find("ImageData")
    assert image.get("WholeExtent") == "0 14 0 9 0 5"
    assert [float(x) for x in image.get("Spacing").split()] == [5e-7, 5e-7, 1.5e-6]
    arrays = {array.get("Name"): array.text.strip() for array in image.find("Piece/CellData")}
    for name, values in (("boundary", volume.boundary), ("source", volume.source)):
        # one block: three sizes and its own, each 8 bytes, then the block
        raw = base64.b64decode(arrays[name][:44]), base64.b64decode(arrays[name][44:])
        assert np.frombuffer(raw[0], "<u8").tolist() == [1, values.nbytes, 0, len(raw[1])]
        read = np.frombuffer(zlib.decompress(raw[1]), values.dtype).reshape(values.shape)
        np.testing.assert_array_equal(read[:, ::-1], values)


@pytest.mark.parametrize("ending", [".ang", ".ctf", ".h5oina"])
def test_sections_are_written_as_maps(volume: Volume, tmp_path: Path, ending: str) -> None:
    section = volume_section(volume, 3)
    assert section.origin == volume.origin
    save_ebsd(section, tmp_path / f"a{ending}")
    read = load_ebsd(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(read.phase_id > 0, volume.phase_id[3] > 0)
    at = section.indexed
    assert np.degrees(rotation_angle(in_s(read), in_s(section)))[at].max() < 0.05
    np.testing.assert_array_equal(volume_section(volume, -2).quaternions, section.quaternions)
    np.testing.assert_array_equal(volume.section(3).quaternions, section.quaternions)
    np.testing.assert_allclose(section.fields["mad"][at], volume.uncertainty[3][at])
    with pytest.raises(IndexError):
        volume_section(volume, 5)
