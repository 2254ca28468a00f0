"""What a run leaves: a volume with its grains, tables, a page, and files for others where they are asked for."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from drawn_volumes import synthetic_volume

from grainlight.volume.output import write_volume
from grainlight.volume.output.load import load_volume

pytest.importorskip("zarr")


def test_all_files_are_written_and_replaced(tmp_path: Path) -> None:
    volume, _ = synthetic_volume(sections=4, shape=(12, 10))
    uneven = dataclasses.replace(volume, z=np.array([0.0, 1.0, 2.0, 4.0]))
    names = ["volume.zarr", "grains.csv", "contacts.csv", "figures.csv", "report.html"]
    assert [file.name for file in write_volume(volume, tmp_path)] == names
    said: list[str] = []
    files = write_volume(uneven, tmp_path, vti=True, dream3d="7", say=said.append)
    assert [file.name for file in files] == [*names[:-1], "volume.vti", "volume.dream3d", names[-1]]
    assert all(file.exists() for file in files)
    beside = {"volume.xdmf", "volume.material.yaml"}
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in files} | beside
    # the same levels, said once
    (note,) = said
    assert "5 levels 1 um apart" in note
    loaded = load_volume(tmp_path)
    np.testing.assert_array_equal(loaded.z, uneven.z)
    with (tmp_path / "grains.csv").open() as file:
        grains = list(csv.DictReader(file))
    assert [int(line["voxels"]) for line in grains] == np.bincount(loaded.grain_id.ravel())[1:].tolist()
