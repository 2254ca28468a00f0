"""Grains that no point met are told from others."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.budget import main, met_by_none


def test_a_grain_without_a_point_is_found() -> None:
    q = np.zeros((8, 9, 4))
    q[..., 0] = 1
    q[1:3, 1:3] = np.array([np.cos(0.3), np.sin(0.3), 0, 0])
    q[5:, 4:] = np.array([np.cos(0.2), 0, np.sin(0.2), 0])
    measured = np.zeros((8, 9), bool)
    measured[::4, ::4] = True
    expected = np.zeros((8, 9), bool)
    expected[1:3, 1:3] = True
    assert np.array_equal(met_by_none(q, measured), expected | (q[..., 2] > 0) & ~measured[5:, 4:].any())


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--sections", "1", "--size", "49", "--only", "scale 4, no light"])
    row = capsys.readouterr().out.splitlines()[-1].split("|")
    assert row[1].strip() == "scale 4, no light"
    assert all(0 <= float(cell) <= 100 for cell in row[3:6])
