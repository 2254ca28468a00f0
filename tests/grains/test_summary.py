"""Averages of a map are over the grains that they name."""

from __future__ import annotations

import numpy as np
import pytest
from painted import painted, turned

from grainlight.grains.grain_map import find_grains


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
