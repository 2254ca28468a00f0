"""Charts are well-formed SVG with readable ticks; the pole figure is a density."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grainlight.report.charts import histogram_chart, key_chart, pole_figure_chart, sample_axes_chart, ticks
from grainlight.report.histograms import Histogram
from grainlight.report.pole_figure import HALF_WIDTH, hemisphere, pole_density


@given(st.floats(0, 1e4), st.floats(1e-3, 1e5), st.integers(2, 8))
def test_ticks_are_few_round_and_inside(low, width, most):
    found = ticks(low, low + width, most)
    assert len(found) <= most + 1
    assert all(low - 1e-6 * (low + width) <= one <= (low + width) * (1 + 1e-6) for one in found)


def test_histogram_draws_its_shares():
    share, low, high = (np.array(one) for one in ([0.5, 0.3, 0.2], [0.4, 0.3, 0.1], [0.6, 0.3, 0.4]))
    histogram = Histogram(np.arange(4.0), share, low, high)
    svg = ElementTree.fromstring(str(histogram_chart(histogram, "x < y & z", "%", "a chart")))
    bars = [float(one.get("height")) for one in svg.iter("rect")]
    assert np.allclose(np.array(bars) / sum(bars), histogram.share, atol=0.01)
    whisker = next(one for one in svg.iter("path") if one.get("class") == "whisker")
    assert whisker.get("d").count("V") == 2  # the second class has no width
    texts = [one.text for one in svg.iter("text")]
    assert "x < y & z" in texts
    top = min(float(y) for y in re.findall(r"M[\d.]+ [\d.]+V([\d.]+)", whisker.get("d")))
    assert top >= 0  # inside the picture


@pytest.mark.parametrize("chart", [key_chart, sample_axes_chart])
def test_other_charts_are_well_formed_and_named(chart):
    svg = ElementTree.fromstring(str(chart()))
    assert svg.get("role") == "img"
    assert len(svg.get("aria-label")) > 20


def axes(count: int, seed: int = 0) -> np.ndarray:
    v = np.random.default_rng(seed).standard_normal((count, 3))
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def test_a_density_is_one_on_average_over_the_hemisphere():
    sharp = np.tile([[0.0, 0.6, 0.8]], (10, 1))
    for some in (axes(3000), sharp):
        assert np.nanmean(pole_density(some, 121)) == pytest.approx(1.0, abs=0.02)


def test_many_random_axes_have_no_texture():
    found = pole_density(axes(4000), 41)
    assert np.nanmax(np.abs(found - 1)) < 0.5


def test_either_end_of_an_axis_counts_alike():
    some = axes(50)
    assert np.allclose(pole_density(some, 31), pole_density(-some, 31), equal_nan=True)


def test_the_peak_is_where_the_axis_is():
    # X to the right and a little up, far from the normal
    axis = np.array([[0.9, 0.3, np.sqrt(1 - 0.9**2 - 0.3**2)]])
    density = pole_density(axis, 101)
    row, column = np.unravel_index(np.nanargmax(density), density.shape)
    assert column > 80
    assert row < 50
    at = hemisphere(101)[row, column]
    assert np.degrees(np.arccos(at @ axis[0])) < 2
    angle = np.degrees(np.arccos(np.clip(hemisphere(101) @ axis[0], -1, 1)))
    half = density[np.abs(angle - HALF_WIDTH) < 0.5] / np.nanmax(density)
    assert half.mean() == pytest.approx(0.5, abs=0.06)


def test_pole_figure_names_the_end_of_its_scale():
    svg, end = pole_figure_chart(pole_density(np.array([[0.0, 0.0, 1.0]]), 41), "poles")
    ElementTree.fromstring(str(svg))
    assert end > 20
    assert end % 2 == 0
