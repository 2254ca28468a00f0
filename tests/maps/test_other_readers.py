"""Other people's readers see the same orientations in what is written here.

orix is always there. The others are no dependencies: these tests skip where one is not installed, and run
with `pip install defdap ebsdlab damask` beside the test tools.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from grainlight.crystal.euler import bunge_from_quaternion, conjugate, quaternion_from_bunge, rotation_angle
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io import save_ebsd
from grainlight.maps.orientation_map import OrientationMap

from .samples import BETA, TITANIUM

pytestmark = pytest.mark.filterwarnings("ignore")  # what other packages warn of is theirs


@pytest.fixture
def titanium() -> OrientationMap:
    """One phase, square cells, every point indexed but two."""
    rng = np.random.default_rng(8)
    phase_id = np.ones((9, 14), dtype=np.int16)
    phase_id[2, 3] = phase_id[5, 0] = 0
    q = quaternion_from_bunge(rng.uniform([0, 0, 0], [2 * np.pi, np.pi, 2 * np.pi], (9, 14, 3)))
    q[phase_id == 0] = [1, 0, 0, 0]
    return OrientationMap.from_quaternions(q, (0.5, 0.5), (TITANIUM,), phase_id=phase_id)


@pytest.fixture
def cubic(titanium: OrientationMap) -> OrientationMap:
    """Of a cubic phase, which is all that some readers of .ang know."""
    from dataclasses import replace

    return titanium.replace(phases=(replace(BETA, id=1),))


def oxford(ebsd: OrientationMap) -> np.ndarray:
    return ebsd.in_frame(SampleFrame.OXFORD).in_crystal_frame(CrystalFrame.X_ALONG_A_STAR).quaternions


def edax(ebsd: OrientationMap) -> np.ndarray:
    return ebsd.in_frame(SampleFrame.EDAX2).in_crystal_frame(CrystalFrame.X_ALONG_A).quaternions


def assert_same(euler: np.ndarray, expected: np.ndarray, indexed: np.ndarray) -> None:
    """Angles (rows, cols, 3) in radians are these orientations to 0.001 degrees."""
    assert euler.shape == (*indexed.shape, 3)
    assert rotation_angle(quaternion_from_bunge(euler), expected)[indexed].max() < 1e-3


def quietly(read, *arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        return read(*arguments)


@pytest.mark.parametrize("suffix", [".ang", ".ctf", ".h5"])
def test_orix(titanium: OrientationMap, tmp_path: Path, suffix: str) -> None:
    orix_io = pytest.importorskip("orix.io")
    layers = {"source": np.ones(titanium.shape, np.uint8)}
    save_ebsd(titanium, tmp_path / f"a{suffix}", layers if suffix != ".ctf" else None)
    found = quietly(orix_io.load, str(tmp_path / f"a{suffix}"))
    expected = oxford(titanium) if suffix == ".ctf" else edax(titanium)
    got = found.rotations.data.reshape(*titanium.shape, 4)
    assert rotation_angle(got, expected)[titanium.indexed].max() < 1e-3
    np.testing.assert_array_equal(found.is_indexed.reshape(titanium.shape), titanium.indexed)
    assert found.phases[1].point_group.laue.name == "6/mmm"


@pytest.mark.parametrize("suffix", [".ctf", ".h5oina"])
def test_defdap(titanium: OrientationMap, tmp_path: Path, suffix: str) -> None:
    readers = pytest.importorskip("defdap.file_readers")
    path = tmp_path / f"a{suffix}"
    save_ebsd(titanium, path)
    if suffix == ".h5oina":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "a") as stream:  # DefDAP wants this group, which the format does not ask for
            stream.create_group("1/Data Processing")
    loader = (readers.OxfordTextLoader if suffix == ".ctf" else readers.Oxfordh5Loader)()
    quietly(loader.load, path)
    assert_same(np.moveaxis(loader.loaded_data.euler_angle, 0, -1), oxford(titanium), titanium.indexed)
    np.testing.assert_array_equal(loader.loaded_data.phase > 0, titanium.indexed)
    assert loader.loaded_metadata["step_size"] == 0.5
    assert loader.loaded_metadata["phases"][0].name == "Titanium"


def test_defdap_ang(cubic: OrientationMap, tmp_path: Path) -> None:
    """DefDAP reads .ang of cubic phases and takes 90 degrees off phi1."""
    readers = pytest.importorskip("defdap.file_readers")
    save_ebsd(cubic, tmp_path / "a.ang", {"source": np.ones(cubic.shape, np.uint8)})
    loader = readers.EdaxAngLoader()
    quietly(loader.load, tmp_path / "a.ang")
    euler = np.moveaxis(loader.loaded_data.euler_angle, 0, -1) + np.array([np.pi / 2, 0, 0])
    assert_same(euler, edax(cubic), cubic.indexed)


def test_ebsdlab(cubic: OrientationMap, tmp_path: Path) -> None:
    ebsdlab = pytest.importorskip("ebsdlab.ebsd")
    save_ebsd(cubic, tmp_path / "a.ang")
    found = quietly(ebsdlab.EBSD, str(tmp_path / "a.ang"))
    # it keeps the inverse rotations
    q = conjugate(np.stack([getattr(found.quaternions, axis) for axis in "wxyz"], axis=-1))
    expected = edax(cubic)[cubic.indexed]
    assert rotation_angle(q.reshape(*cubic.shape, 4)[cubic.indexed], expected).max() < 1e-3


def test_damask(titanium: OrientationMap, tmp_path: Path) -> None:
    damask = pytest.importorskip("damask")
    save_ebsd(titanium, tmp_path / "a.vti", {"source": np.full(titanium.shape, 3, np.uint8)})
    grid = damask.GeomGrid.load(tmp_path / "a.vti")
    materials = damask.ConfigMaterial.load(tmp_path / "a.material.yaml")
    rows, cols = titanium.shape
    assert tuple(grid.cells) == (cols, rows, 1)
    np.testing.assert_allclose(grid.size[:2], [cols * 0.5e-6, rows * 0.5e-6])
    assert materials.is_complete
    # columns first, y upward
    number = grid.material[:, ::-1, 0].T
    o = np.array([entry["constituents"][0]["O"] for entry in materials["material"]])[number]
    in_s = titanium.quaternions
    assert rotation_angle(conjugate(o), in_s)[titanium.indexed].max() < 1e-3
    # and DAMASK means the same by its quaternions
    ours = bunge_from_quaternion(in_s[0, 0])
    theirs = damask.Rotation.from_Euler_angles(ours).as_quaternion()
    assert rotation_angle(theirs, o[0, 0]) < 1e-3
