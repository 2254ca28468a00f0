"""What a run holds of a volume does not grow with its sections."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.phase import TITANIUM
from grainlight.restore.result import INFERRED
from grainlight.restore.settings import Settings
from grainlight.volume.alignment.record import Alignment
from grainlight.volume.gather import gather
from grainlight.volume.jobs import Grid, LightOptions, Specimen
from grainlight.volume.manifest import Manifest, SectionEntry
from grainlight.volume.output import write_volume
from grainlight.volume.output.load import load_volume
from grainlight.volume.section_store import StoredSection, store

pytest.importorskip("zarr")

ROWS, COLUMNS = 40, 140
SPECIMEN = Specimen(
    Grid(ROWS, COLUMNS, 0.5, (1.0, 2.0)),
    (TITANIUM,),
    SampleFrame.S,
    CrystalFrame.X_ALONG_A,
    Settings(scale=2, quality="fast"),
    LightOptions(),
)


def section(k: int) -> StoredSection:
    """Grains of 20 x 20 pixels, other ones from every fourth section on; values that tell the section."""
    row, column = np.divmod(np.arange(ROWS * COLUMNS), COLUMNS)
    angle = (row // 20 * 7 + column // 20 * 3 + k // 4 * 11) % 40 * 0.05
    q = np.zeros((ROWS, COLUMNS, 4), np.float32)
    q[..., 0], q[..., 1] = np.cos(angle).reshape(ROWS, COLUMNS), np.sin(angle).reshape(ROWS, COLUMNS)
    field = np.full((ROWS, COLUMNS), k / 100, np.float32)
    light = np.full((5, ROWS, COLUMNS), k, np.float16)
    return StoredSection(
        q,
        np.ones((ROWS, COLUMNS), np.int16),
        field,
        field,
        field,
        np.full((ROWS, COLUMNS), INFERRED, np.uint8),
        light,
        (f"number {k}",),
    )


def run_of(folder: Path, count: int) -> tuple[Manifest, Alignment]:
    """A folder with the stored sections of a run."""
    folder.mkdir()
    entries = tuple(SectionEntry(k + 1, 0.5 * k, Path("s.ang") if k % 4 == 0 else None, ()) for k in range(count))
    for k in range(count):
        store(section(k), folder, k + 1, "")
    z, none = np.array([e.z for e in entries]), np.zeros(count)
    return Manifest(folder / "volume.csv", entries), Alignment(z, np.zeros((count, 2)), none, none, none == 0)


def peak(folder: Path, count: int) -> int:
    """Bytes that were held at most while the volume of so many sections was written."""
    manifest, alignment = run_of(folder, count)
    tracemalloc.start()
    try:
        write_volume(gather(manifest, SPECIMEN, alignment, folder), folder)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_sections(tmp_path: Path) -> None:
    peak(tmp_path / "warm", 2)
    one = sum(a.nbytes for a in vars(section(0)).values() if isinstance(a, np.ndarray))
    few, many = (peak(tmp_path / f"of_{count}", count) for count in (6, 22))
    # the labels of grains are held up to 64 MB, and lie in a file from there on
    labels = 16 * ROWS * COLUMNS * 4
    assert many - few - labels < 2 * one


def test_a_gathered_volume_is_that_of_its_sections(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    manifest, alignment = run_of(folder, 5)
    volume = gather(manifest, SPECIMEN, alignment, folder)
    assert volume.shape == (5, ROWS, COLUMNS)
    assert volume.record["warnings"] == [f"section {k + 1} (z {0.5 * k:g} um): number {k}" for k in range(5)]
    write_volume(volume, folder)
    read = load_volume(folder)
    for k in range(5):
        # q and -q are one orientation
        np.testing.assert_allclose(np.abs((read.quaternions[k] * section(k).quaternions).sum(-1)), 1, atol=1e-6)
        assert (read.uncertainty[k] == np.float32(k / 100)).all()
        assert (read.light[k] == k).all()
    assert read.grain_id is not None
    assert read.measured.tolist() == [True, False, False, False, True]
