"""Speed: stages, their growth and the page; one tiny restoration from files to files."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.speed import ANGLES, STEP, Run, Speeds, line, markdown, write_inputs
from benchmarks.stages import Stage, Stopwatch, peak_memory, run_stages
from grainlight.diffusion.checkpoint import SHIPPED

SPEEDS = Speeds(0.2, 0.1, 60.0, 80.0, 8.0)


def test_a_stage_lasts_until_the_next():
    watch = Stopwatch()
    watch.begin("first", 3)
    watch.advance()
    watch.begin("second", 1)
    watch.stop()
    watch.stop()
    assert [stage.name for stage in watch.stages] == ["first", "second"]
    assert all(stage.seconds >= 0 and stage.cpu_seconds >= 0 for stage in watch.stages)


def test_peak_memory_sees_what_was_held():
    before = peak_memory()
    assert np.ones(50_000_000, dtype=np.uint8).sum() == 50_000_000
    assert peak_memory() >= min(before + 1e7, 1e12) or before > 1e9


def test_a_line_is_found_exactly():
    a, b, off = line((0.25, 1.0, 4.0), (3.5, 5.0, 11.0))
    assert (a, b) == pytest.approx((3.0, 2.0))
    assert off < 1e-9


def test_the_page_adds_up_and_judges():
    runs = [
        Run(side, 2, [Stage("one", 1.0, 2.0 * side**2 / 1e6, 4e8), Stage("two", 1.0, 1.0, 5e8 + 100 * side**2)])
        for side in (500, 1000)
    ]
    page = markdown(runs, SPEEDS, "command")
    rows = [row for row in page.splitlines() if row.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert "CPU seconds = 1.0 + 2.0 per output megapixel" in page
    assert "0.50 GB + 100 bytes" in page
    assert "3.0 CPU s per megapixel, met" in page
    slow = [Run(1000, 2, [Stage("one", 30.0, 60.0, 4e8)])]
    assert "missed by a factor of 2.0" in markdown(slow, SPEEDS, "command")


@pytest.mark.skipif(not SHIPPED.is_file(), reason="no weights are shipped")
def test_a_restoration_is_measured_from_file_to_file(tmp_path):
    coarse, stack = write_inputs(tmp_path, 48, 2, "clean")
    stages = run_stages(coarse, stack, ANGLES, STEP, 2, "fast")
    names = [stage.name for stage in stages]
    assert names[:3] == ["imports", "reading the files", "placing the points"]
    assert names[-1] == "writing the files"
    assert "restoring" in names
    assert (tmp_path / "restored.npz").is_file()
