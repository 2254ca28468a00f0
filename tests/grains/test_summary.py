"""Averages of a map are over the grains that they name."""

from __future__ import annotations

import numpy as np
import pytest
from painted import painted, turned

from grainlight.grains.grain_map import find_grains
from grainlight.grains.summary import of_phases
from grainlight.grains.table import figure_table


def test_mean_spread_is_of_the_grains_that_do_not_touch_the_border() -> None:
    """A strong gradient around two grains that have none, and a weak one."""
    labels = np.tile(np.arange(30), (18, 1))
    labels[4:9, 5:11], labels[4:9, 18:25] = 30, 31
    labels[5, 18:25] = 32
    found = find_grains(painted(labels, turned(*np.arange(30) * 1.5, 90, 75, 76)))
    inner = ~found.grains.on_edge
    assert inner.sum() == 2
    assert found.figures["mean_gos"].value == pytest.approx(found.grains.gos[inner].mean())
    assert found.grains.gos[inner].max() < 0.5 < 5 < found.grains.gos[~inner].min()


def test_figures_of_each_phase() -> None:
    labels = np.zeros((20, 30), int)
    labels[3:9, 3:9], labels[12:16, 5:9], labels[4:14, 15:25] = 1, 2, 3
    ebsd = painted(labels, turned(0, 20, 20, 40))
    assert of_phases(find_grains(ebsd).grains, ebsd.phases) == {}
    found = find_grains(ebsd.replace(phase_id=np.where(np.isin(labels, [1, 2]), 2, 1).astype(np.int16)))
    figures = of_phases(found.grains, ebsd.phases)
    assert list(figures) == ["Titanium", "Beta"]
    assert (figures["Titanium"]["grains"], figures["Titanium"]["interior_grains"]) == (2, 1)
    assert figures["Titanium"]["mean_area"] == pytest.approx(100 * 0.25)
    assert figures["Beta"]["mean_area"] == pytest.approx((36 + 16) / 2 * 0.25)
    assert figures["Beta"]["mean_diameter"] == pytest.approx(np.sqrt(4 / np.pi) * (3 + 2) / 2)
    assert "mean_area of Beta,um2,6.5,," in figure_table(found)
