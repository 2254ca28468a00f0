"""A vendor's .h5oina in, the same file out: a copy on the same points, else a new one with its header."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import grainlight as gl
from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io.save import carried_over

from .vendor_hdf5 import h5oina


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two acquisitions, the second of 6 x 7 points at 100, 40 um, with a stage, an image, patterns and phases."""
    path = h5oina(tmp_path / "field.h5oina", 6, 7, ("1", "2"))
    with h5py.File(path, "r+") as file:
        file.attrs["exported"] = "by hand"
        file["Software Version"] = "6.0"
        data, header = file["2/EBSD/Data"], file["2/EBSD/Header"]
        x, y = (axis.ravel() * 0.5 for axis in np.meshgrid(np.arange(7), np.arange(6)))
        data["X"], data["Y"] = np.float32(x + 100), np.float32(y + 40)
        data["Error"] = np.ones(42, np.uint8)
        data["Processed Patterns"] = np.zeros((42, 4, 4), np.uint8)
        header["Specimen Label"] = "Ti-6Al-4V, rolled"
        header["Hit Rate"] = np.float32(100)
        header["Beam Voltage"] = np.float32(20)
        header["Beam Voltage"].attrs["Unit"] = "kV"
        header["Relative Offset"] = np.float32([0.1, 0.2])
        header["Stage Position/X"] = np.float32(12.5)
        header["Phases/1/Reference"] = "a database"
        file["2/Electron Image/Data/SE"] = np.arange(12, dtype=np.uint8)
    return path


def _turned(ebsd: gl.OrientationMap) -> gl.OrientationMap:
    q = quaternion_from_bunge(np.array([0.3, 1.0, 0.2]))
    return ebsd.replace(quaternions=np.broadcast_to(q, ebsd.quaternions.shape))


def test_copy_holds_all_but_what_changed(source, tmp_path):
    ebsd = gl.load_ebsd(source, scan="2")
    assert (ebsd.sample, ebsd.scan) == ("Ti-6Al-4V, rolled", "2")
    changed = ebsd.phase_id.copy()
    changed[0, 0] = 0
    layer = np.ones(ebsd.shape, np.uint8)
    layer[2, 3] = 3
    out = tmp_path / "out.h5oina"
    assert "copy of field.h5oina" in carried_over(ebsd, out)[0]
    gl.save_ebsd(_turned(ebsd).replace(phase_id=changed), out, {"source": layer}, {"made": "here"})
    with h5py.File(source) as before, h5py.File(out) as after:
        assert after.attrs["exported"] == "by hand"
        assert "grainlight" in after
        assert "Processed Patterns" not in after["2/EBSD/Data"]
        kept: list[str] = []
        before.visit(kept.append)
        replaced = {f"2/EBSD/{name}" for name in ("Data/Euler", "Data/Phase", "Data/Error", "Header/Hit Rate")}
        for name in set(kept) - replaced - {"2/EBSD/Data/Processed Patterns"}:
            if isinstance(before[name], h5py.Dataset):
                np.testing.assert_array_equal(before[name][()], after[name][()])
                assert before[name].dtype == after[name].dtype
        assert after["2/EBSD/Header/Beam Voltage"].attrs["Unit"] == "kV"
        data = after["2/EBSD/Data"]
        assert data["Phase"].shape == before["2/EBSD/Data/Phase"].shape
        assert data["Error"][0] == 2
        assert data["Error"][2 * 7 + 3] == 7
        assert (np.delete(data["Error"][()], [0, 17]) == 1).all()
        assert after["2/EBSD/Header/Hit Rate"][()] == pytest.approx(100 * 41 / 42)
        np.testing.assert_allclose(data["Euler"][1], [0.3, 1.0, 0.2], atol=1e-6)
    again = gl.load_ebsd(out, scan="2")
    assert (again.sample, again.origin, again.phases) == (ebsd.sample, ebsd.origin, ebsd.phases)
    np.testing.assert_array_equal(again.phase_id, changed)


def test_a_copy_of_what_did_not_change_says_so(source, tmp_path):
    ebsd = gl.load_ebsd(source, scan="2")
    gl.save_ebsd(ebsd, tmp_path / "out.h5oina")
    with h5py.File(source) as before, h5py.File(tmp_path / "out.h5oina") as after:
        assert (after["2/EBSD/Data/Error"][()] == 1).all()
        again = quaternion_from_bunge(after["2/EBSD/Data/Euler"][()])
        there = quaternion_from_bunge(before["2/EBSD/Data/Euler"][()])
        np.testing.assert_allclose(np.abs((again * there).sum(-1)), 1.0, atol=1e-6)


def test_another_frame_is_written_as_the_file_has_it(source, tmp_path):
    ebsd = gl.load_ebsd(source, scan="2")
    turned = ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    gl.save_ebsd(turned, tmp_path / "out.h5oina")
    again = gl.load_ebsd(tmp_path / "out.h5oina", scan="2")
    assert again.sample_frame is SampleFrame.OXFORD
    np.testing.assert_allclose(np.abs((again.quaternions * ebsd.quaternions).sum(-1)), 1.0, atol=1e-6)


@pytest.mark.parametrize("part", [False, True])
def test_another_grid_takes_the_header(source, tmp_path, part):
    ebsd = gl.load_ebsd(source, scan="2")
    other = ebsd.cropped(3, 4) if part else ebsd.every(2)
    out = tmp_path / "out.h5oina"
    assert "Header" in carried_over(other, out)[0]
    gl.save_ebsd(other, out)
    with h5py.File(out) as after:
        assert list(after["Index"].asstr()) == ["2"]
        assert "1" not in after
        header = after["2/EBSD/Header"]
        assert header["Stage Position/X"][()] == 12.5
        assert header["Phases/1/Reference"].asstr()[()] == "a database"
        assert (header["X Cells"][0], header["Y Cells"][0]) == other.shape[::-1]
        assert ("Relative Offset" in header) is not part
        assert after["2/Electron Image/Data/SE"].shape == (12,)
        assert after["Software Version"].asstr()[()] == "6.0"
    again = gl.load_ebsd(out)
    assert (again.sample, again.origin, again.step) == (other.sample, other.origin, other.step)
    assert again.phases == other.phases
    np.testing.assert_array_equal(again.fields["bc"], other.fields["bc"])
    np.testing.assert_allclose(np.abs((again.quaternions * other.quaternions).sum(-1)), 1.0, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_restoration_keeps_the_file(source, tmp_path, scale):
    ebsd = gl.load_ebsd(source, scan="2")
    result = gl.enhance(ebsd, scale=scale, quality="fast")
    out = tmp_path / "out.h5oina"
    result.save(out)
    with h5py.File(out) as after:
        assert ("1" in after) is (scale == 1)
        assert after["2/EBSD/Header/Stage Position/X"][()] == 12.5
        assert after["2/EBSD/Data/source"].shape == (result.source.size,)
        assert ("ci" in after["2/EBSD/Data"]) is (scale == 2)
    again = gl.load_ebsd(out, scan="2")
    assert again.shape == result.map.shape
    assert (again.origin, again.sample) == (ebsd.origin, ebsd.sample)
    assert gl.load_result(tmp_path / "out.npz").map.sample == ebsd.sample


def test_a_file_that_is_gone_is_not_missed(source, tmp_path):
    ebsd = gl.load_ebsd(source, scan="2")
    source.unlink()
    out = tmp_path / "out.h5oina"
    assert carried_over(ebsd, out) == []
    gl.save_ebsd(ebsd, out)
    assert gl.load_ebsd(out).sample == ebsd.sample


def test_onto_itself(source):
    ebsd = gl.load_ebsd(source, scan="2")
    gl.save_ebsd(_turned(ebsd), source)
    again = gl.load_ebsd(source, scan="2")
    np.testing.assert_allclose(again.quaternions, _turned(ebsd).quaternions, atol=1e-6)
    with h5py.File(source) as after:
        assert after["2/EBSD/Header/Stage Position/X"][()] == 12.5


@pytest.mark.parametrize("ending", [".ang", ".ctf", ".h5oina", ".h5", ".dream3d"])
def test_every_format_keeps_the_name_of_the_specimen(source, tmp_path, ending):
    ebsd = gl.load_ebsd(source, scan="2").replace(path=None, sample="Ti64 rolled,  no 3")
    gl.save_ebsd(ebsd, tmp_path / f"out{ending}")
    again = gl.load_ebsd(tmp_path / f"out{ending}")
    assert again.sample == "Ti64 rolled, no 3"
    assert again.origin == pytest.approx(ebsd.origin)
    assert [phase.name for phase in again.phases] == ["Ti-Hex"]


@pytest.mark.parametrize("version", [1, 2])
def test_real_file(shared_data, tmp_path, version):
    real = shared_data / f"kikuchipy/oxford_patterns_v{version}.h5oina"
    ebsd = gl.load_ebsd(real)
    gl.save_ebsd(_turned(ebsd), tmp_path / "out.h5oina")
    with h5py.File(real) as before, h5py.File(tmp_path / "out.h5oina") as after:
        for name in ("Beam Voltage", "Tilt Angle", "Processed Static Background"):
            np.testing.assert_array_equal(before[f"1/EBSD/Header/{name}"][()], after[f"1/EBSD/Header/{name}"][()])
        np.testing.assert_array_equal(before["1/EBSD/Data/Pattern Quality"], after["1/EBSD/Data/Pattern Quality"])
        np.testing.assert_allclose(after["1/EBSD/Data/Euler"][4], [0.3, 1.0, 0.2], atol=1e-6)
