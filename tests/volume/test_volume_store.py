"""A volume on disk is the volume that was written, whole or not there, and what is damaged is said."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_volumes import synthetic_volume

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.phase import TITANIUM, Phase
from grainlight.restore.result import Result
from grainlight.volume.grains.grain_volume import find_volume_grains
from grainlight.volume.output.layout import LAYERS, NAME
from grainlight.volume.output.load import load_volume
from grainlight.volume.output.writer import VolumeWriter, header_of, save_volume
from grainlight.volume.section import Section, section_of, volume_section
from grainlight.volume.volume import Volume

zarr = pytest.importorskip("zarr")

ARRAYS = ("quaternions", "phase_id", "uncertainty", "other_grain", "boundary", "source", "light", "grain_id", "z")


@pytest.fixture
def volume() -> Volume:
    return synthetic_volume(sections=4, shape=(9, 7))[0]


def same(one: Volume, two: Volume) -> None:
    for field in dataclasses.fields(Volume):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if field.name in (*ARRAYS, "measured") and a is not None:
            assert np.asarray(b).dtype == np.asarray(a).dtype, field.name
            np.testing.assert_array_equal(np.asarray(b), np.asarray(a), field.name)
        else:
            assert a == b, field.name


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("grains", [True, False])
def test_round_trip(volume: Volume, tmp_path: Path, whole: bool, light: bool, grains: bool) -> None:
    beta = Phase(3, "β <phase>", "m-3m", 3.3, 3.3, 3.3)
    volume = dataclasses.replace(
        volume,
        light=volume.light if light else None,
        grain_id=find_volume_grains(volume).labels if grains else None,
        phases=(TITANIUM, beta),
        sample_frame=SampleFrame.EDAX1,
        crystal_frame=CrystalFrame.X_ALONG_A_STAR,
        z=np.array([0.1, 0.4, 1.9, 2.0]),
    )
    assert save_volume(volume, tmp_path) == tmp_path / NAME
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
    same(volume, load_volume(tmp_path, whole=whole))
    same(volume, load_volume(tmp_path / NAME, whole=whole))


def test_what_is_on_disk_serves_as_what_is_in_memory(volume: Volume, tmp_path: Path) -> None:
    save_volume(volume, tmp_path)
    lazy = load_volume(tmp_path, whole=False)
    np.testing.assert_array_equal(find_volume_grains(lazy).labels, find_volume_grains(volume).labels)
    np.testing.assert_array_equal(lazy.light[-1], volume.light[-1])
    with pytest.raises(IndexError):
        lazy.light[4]
    save_volume(lazy, tmp_path, overwrite=True)
    same(volume, load_volume(tmp_path))


def test_metadata_are_those_of_ome_zarr(volume: Volume, tmp_path: Path) -> None:
    volume = dataclasses.replace(volume, grain_id=find_volume_grains(volume).labels)
    group = zarr.open_group(str(save_volume(volume, tmp_path)), mode="r")
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    names = [image["name"] for image in ome["multiscales"]]
    assert set(names) == {layer.name for layer in LAYERS} - {"quaternions"}
    for image in ome["multiscales"]:
        (dataset,) = image["datasets"]
        array = group[dataset["path"]]
        axes = [axis["name"] for axis in image["axes"]]
        assert list(array.metadata.dimension_names) == axes
        assert axes[-3:] == ["z", "y", "x"]
        kinds = [axis["type"] for axis in image["axes"]]
        # channels before space, as OME-Zarr wants them
        assert kinds == sorted(kinds)
        scale, translation = dataset["coordinateTransformations"]
        assert scale["scale"][-3:] == [volume.spacing, volume.step, volume.step]
        assert translation["translation"][-3:] == [volume.z[0], *volume.origin[::-1]]
        assert array.shards is None
    assert group["quaternions"].chunks == (1, 9, 7, 4)
    assert group["light"].chunks == (5, 1, 9, 7)
    np.testing.assert_array_equal(group["light"][:, 2], volume.light[2])


def test_sections_in_any_order_are_the_same_bits(volume: Volume, tmp_path: Path) -> None:
    for name, order in (("a", (0, 1, 2, 3)), ("b", (2, 0, 3, 1))):
        (tmp_path / name).mkdir()
        for k in order:
            # opened anew each time, as by tasks of their own
            VolumeWriter.open(tmp_path / name, header_of(volume)).put(k, section_of(volume, k), f"key {k}")
        VolumeWriter.open(tmp_path / name, header_of(volume)).finish(volume.record)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    same(volume, load_volume(tmp_path / "a"))


def test_interrupted_volume_is_refused_and_resumes(volume: Volume, tmp_path: Path) -> None:
    writer = VolumeWriter.open(tmp_path, header_of(volume))
    writer.put(1, section_of(volume, 1), "one")
    writer.put(3, section_of(volume, 3), "three")
    with pytest.raises(InputError, match="not whole"):
        load_volume(tmp_path)
    with pytest.raises(InputError, match="no section 0, 2"):
        writer.finish({})
    again = VolumeWriter.open(tmp_path, header_of(volume))
    assert again.done == {1: "one", 3: "three"}
    again.forget(1)
    assert list(again.done) == [3]
    for k in (0, 1, 2):
        again.put(k, section_of(volume, k))
    again.finish(volume.record, np.zeros(volume.shape, np.int32))
    assert load_volume(tmp_path).grain_id is not None
    # what is changed afterwards makes it unfinished, and its grains are those of another volume
    again.put(0, section_of(volume, 1))
    with pytest.raises(InputError, match="not whole"):
        load_volume(tmp_path)
    again.finish(volume.record)
    changed = load_volume(tmp_path)
    assert changed.grain_id is None
    np.testing.assert_array_equal(changed.boundary[0], volume.boundary[1])


def test_section_of_a_restoration_is_what_it_found(volume: Volume) -> None:
    ebsd = volume_section(volume, 2)
    phase = ebsd.phase_id.copy()
    phase[0, 0] = -1  # no scan point there
    whole = section_of(volume, 2)
    result = Result(
        map=ebsd.replace(phase_id=phase),
        uncertainty=whole.uncertainty,
        boundary=whole.boundary,
        source=whole.source,
        light=whole.light,
        measured=np.zeros(phase.shape, bool),
        measured_points=np.zeros((0, 4)),
        correction=whole.boundary,
        record={},
        other_grain=whole.other_grain,
    )
    section = Section.of_result(result)
    assert section.phase_id[0, 0] == 0
    np.testing.assert_allclose(section.quaternions, whole.quaternions, atol=1e-6)
    for name in ("uncertainty", "other_grain", "boundary", "source", "light"):
        np.testing.assert_array_equal(getattr(section, name), getattr(whole, name), name)
    assert Section.of_result(result, light=False).light is None


class Killed(BaseException):
    """Stands for a process that ends."""


@pytest.mark.parametrize("write", range(1, 14, 3))
def test_section_that_was_cut_off_has_no_mark(volume: Volume, tmp_path: Path, monkeypatch, write: int) -> None:
    writer = VolumeWriter.open(tmp_path, header_of(volume))
    writer.put(2, section_of(volume, 2), "old")
    count, replace = 0, Path.replace

    def cut(self: Path, target):
        nonlocal count
        count += 1
        if count > write:
            raise Killed
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", cut)
    try:
        writer.put(2, section_of(volume, 1), "new")
    except (Killed, InputError):
        assert writer.done == {}
    else:
        assert writer.done == {2: "new"}
    monkeypatch.undo()
    for k in range(4):
        writer.put(k, section_of(volume, k))
    writer.finish(volume.record)
    assert not list(tmp_path.rglob("*.partial"))
    same(volume, load_volume(tmp_path))


@pytest.mark.parametrize("change", ["z", "step", "shape", "light", "phases"])
def test_volume_of_another_layout_is_not_gone_on_with(volume: Volume, tmp_path: Path, change: str) -> None:
    header = header_of(volume)
    VolumeWriter.open(tmp_path, header)
    other = {
        "z": volume.z + 1,
        "step": 0.25,
        "shape": (9, 8),
        "light": False,
        "phases": (dataclasses.replace(TITANIUM, name="other"),),
    }[change]
    with pytest.raises(InputError, match="laid out otherwise"):
        VolumeWriter.open(tmp_path, dataclasses.replace(header, **{change: other}))


def test_existing_volume_stays_unless_told(volume: Volume, tmp_path: Path) -> None:
    save_volume(volume, tmp_path)
    before = files(tmp_path)
    with pytest.raises(InputError, match="exists already"):
        save_volume(volume, tmp_path)
    assert files(tmp_path) == before
    save_volume(dataclasses.replace(volume, record={"other": 1}), tmp_path, overwrite=True)
    assert load_volume(tmp_path).record == {"other": 1}
    with pytest.raises(InputError, match="folder does not exist"):
        save_volume(volume, tmp_path / "nowhere")


def test_full_disk_is_said(volume: Volume, tmp_path: Path, monkeypatch) -> None:
    writer = VolumeWriter.open(tmp_path, header_of(volume))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match="no room") as told:
        writer.put(0, section_of(volume, 0))
    assert "run again" in str(told.value)
    assert writer.done == {}


def test_missing_zarr_is_said(volume: Volume, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "zarr" else sys.modules.get(name))
    for call in (lambda: save_volume(volume, tmp_path), lambda: load_volume(tmp_path)):
        with pytest.raises(InputError, match=r"grainlight\[volume\]"):
            call()


def edit(file: Path, change) -> None:
    meta = json.loads(file.read_text())
    change(meta)
    file.write_text(json.dumps(meta))


def own(**values):
    return "", lambda meta: meta["attributes"]["grainlight"].update(values)


def layer(name: str, **values):
    return name, lambda meta: meta.update(values)


CHANGES = {
    "heights fall": own(z_um=[3, 2, 1, 0]),
    "a height is text": own(z_um=["a", 1, 2, 3]),
    "too many heights": own(z_um=[0, 1, 2, 3, 4]),
    "no heights": own(z_um=[]),
    "huge section": own(shape=[10**9, 10**9]),
    "shape of text": own(shape="ab"),
    "no step": own(step_um=0),
    "step of NaN": own(step_um=float("nan")),
    "origin": own(origin_um=[1]),
    "measured": own(measured=[1, 0, 0, 1]),
    "phases": own(phases=[{"id": 1}]),
    "phase number": own(phases=[dataclasses.asdict(dataclasses.replace(TITANIUM, id=0))]),
    "Laue group": own(phases=[dataclasses.asdict(dataclasses.replace(TITANIUM, laue_group="7/m"))]),
    "other phases": own(phases=[dataclasses.asdict(dataclasses.replace(TITANIUM, id=2))]),
    "frame": own(sample_frame="up"),
    "layout": own(layout=99),
    "record": own(record=[1]),
    "not whole": own(complete="yes"),
    "type": layer("quaternions", data_type="float64"),
    "huge array": layer("uncertainty", shape=[4, 10**8, 10**8]),
    "chunk": layer("boundary", chunk_grid={"name": "regular", "configuration": {"chunk_shape": [4, 9, 7]}}),
    "chunk grid": layer("boundary", chunk_grid=7),
    "separator": layer("boundary", chunk_key_encoding={"name": "v2", "configuration": {"separator": "."}}),
    "codec": layer("light", codecs=[{"name": "numcodecs.pickle", "configuration": {}}]),
    "codecs": layer("light", codecs=None),
    "format": layer("light", zarr_format=2),
    "transformers": layer("source", storage_transformers=[{"name": "x"}]),
}


@pytest.mark.parametrize("what", list(CHANGES))
def test_damaged_metadata_are_refused(volume: Volume, tmp_path: Path, what: str) -> None:
    path = save_volume(volume, tmp_path)
    where, change = CHANGES[what]
    edit(path / where / "zarr.json", change)
    with pytest.raises(InputError) as told:
        load_volume(tmp_path)
    assert NAME in str(told.value)


def test_damaged_files_are_refused(volume: Volume, tmp_path: Path) -> None:
    for number, (file, content) in enumerate(
        [
            ("zarr.json", b"{"),
            ("zarr.json", b"[1]"),
            ("zarr.json", b"\xff\xfe"),
            ("phase_id/zarr.json", b""),
            ("phase_id/zarr.json", None),
            ("phase_id/c/2/0/0", None),
            ("phase_id/c/2/0/0", b"rubbish"),
            ("phase_id/c/2/0/0", b""),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = save_volume(volume, folder)
        if content is None:
            (path / file).unlink()
        else:
            (path / file).write_bytes(content)
        with pytest.raises(InputError):
            load_volume(folder)


def test_values_that_no_volume_has_are_refused(volume: Volume, tmp_path: Path) -> None:
    path = save_volume(dataclasses.replace(volume, grain_id=np.ones(volume.shape, np.int32)), tmp_path)
    group = zarr.open_group(str(path), mode="r+")
    wrong = {"quaternions": np.nan, "phase_id": 9, "source": 4, "grain_id": -1}
    for name, value in wrong.items():
        before = np.asarray(group[name][1])
        group[name][1] = value
        with pytest.raises(InputError, match="section 1 of the volume is damaged"):
            load_volume(tmp_path)
        group[name][1] = before
    load_volume(tmp_path)


def test_volume_larger_than_the_memory_is_refused(volume: Volume, tmp_path: Path, monkeypatch) -> None:
    save_volume(volume, tmp_path)
    monkeypatch.setattr("grainlight.volume.output.load.available_memory", lambda: 1000.0)
    with pytest.raises(InputError, match="whole=False"):
        load_volume(tmp_path)
    load_volume(tmp_path, whole=False)


def test_nothing_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no volume here"):
            load_volume(path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_closed_folder_is_said(volume: Volume, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        save_volume(volume, tmp_path)
