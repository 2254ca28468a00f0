"""Colour scales: positions, and lightness that grows all the way: legible in grey print and to colour-blind readers."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.report.scales import DEGREES, DENSITY, ON_GREY, PROBABILITY, SOURCES


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE lightness of sRGB colours (n, 3), 0 to 255."""
    linear = np.where(colours > 10, ((colours / 255 + 0.055) / 1.055) ** 2.4, colours / 255 / 12.92)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


@pytest.mark.parametrize("scale", [DEGREES, PROBABILITY, ON_GREY, DENSITY], ids=lambda scale: scale.name)
def test_lightness_is_monotonic_and_wide(scale):
    steps = np.diff(lightness(scale.palette(64)))
    assert (steps > 0).all() or (steps < 0).all()
    assert abs(steps.sum()) > 40


def test_positions_agree_with_the_norm_of_the_figures():
    values = np.array([0.0, 0.3, 1.0, 7.0, 60.0, 90.0])
    assert np.allclose(DEGREES.position(values), np.clip(np.nan_to_num(DEGREES.norm()(values).filled(0)), 0, 1))
    assert np.isnan(DEGREES.position(np.array([np.nan]))).all()
    assert ON_GREY.position(np.array([0.25])) == 0.25


def test_sources_differ_in_lightness():
    colours = np.array([[int(one.colour[i : i + 2], 16) for i in (1, 3, 5)] for one in SOURCES])
    found = np.sort(lightness(colours))
    assert np.diff(found).min() > 7
    assert [one.code for one in SOURCES] == [0, 1, 2, 3]
