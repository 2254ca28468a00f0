"""Plots into matplotlib axes: axes in, axes out, maps in place, doubts on their scales."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import grainlight as gl
from grainlight.report.plots import boundaries_on, plot_source, source_colours
from grainlight.report.scales import DEGREES, ON_GREY


def axes_of_a_figure():
    return Figure().subplots()


@pytest.mark.parametrize("name", ["plot_ipf", "plot_boundaries", "plot_uncertainty"])
def test_method_and_function_plot_the_same(restoration, name):
    _, result, _ = restoration
    for plot in (getattr(result, name), lambda ax: getattr(gl, name)(result, ax)):
        axes = axes_of_a_figure()
        assert plot(axes) is axes
        (image,) = axes.get_images()
        assert image.get_extent() == pytest.approx([-0.25, 18.25, 12.25, -0.25])
        assert axes.get_title()
        assert any("µm" in text.get_text() for text in axes.texts)


def test_direction_and_map_can_be_chosen(restoration):
    coarse, result, _ = restoration
    along = [result.plot_ipf(axes_of_a_figure(), direction).get_images()[0].get_array() for direction in "XZ"]
    assert not np.allclose(*along)
    axes = gl.plot_ipf(coarse, axes_of_a_figure(), "Y", title="coarse", scale_bar=False)
    assert axes.get_title() == "coarse"
    assert not axes.texts


def test_uncertainty_has_its_scale_beside_it(restoration):
    _, result, _ = restoration
    figure = Figure()
    image = result.plot_uncertainty(figure.subplots()).get_images()[0]
    assert image.norm.vmin == DEGREES.low
    assert len(figure.axes) == 2
    assert figure.axes[1].get_ylabel() == "degrees"


def test_new_axes_without_any(restoration):
    _, result, _ = restoration
    mpl.use("agg")
    import matplotlib.pyplot as plt

    axes = gl.plot_uncertainty(result)
    assert axes.figure.number in plt.get_fignums()
    plt.close(axes.figure)


def test_boundaries_lie_over_the_image_and_faint_ones_do_not():
    image = np.full((4, 5), 90, dtype=np.uint8)
    probability = np.zeros((4, 5), dtype=np.float32)
    probability[1], probability[2], probability[3] = 0.02, 0.5, 1.0
    probability[0, 0] = np.nan
    shown = boundaries_on(image, probability)
    assert (shown[:2] == 90).all()
    assert shown[3, 0].tolist() == ON_GREY.palette()[-1].tolist()
    assert np.abs(shown[2, 0].astype(int) - 90).max() > 40


def test_boundaries_on_an_image_of_ones_own(restoration):
    _, result, _ = restoration
    axes = gl.plot_boundaries(result, axes_of_a_figure(), on=np.zeros(result.map.shape))
    assert axes.get_images()[0].get_array().shape == (*result.map.shape, 3)


def test_sources_are_named(restoration):
    _, result, _ = restoration
    legend = plot_source(result, axes_of_a_figure()).get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert [text.split(",")[0] for text in texts] == ["not restored", "measured", "inferred"]
    assert texts[1].endswith(f"{100 * float((result.source == 1).mean()):.3g} %")


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_sources_have_no_pattern_of_the_screen(scale):
    source = np.full((60, 72), 3, np.uint8)
    source[::scale, ::scale] = 1
    exact = source_colours(source).reshape(-1, 3).mean(0)
    for n in (2, 3, 4, 6):
        # every n-th pixel would be all scan points, or none
        np.testing.assert_allclose(source_colours(source, n).reshape(-1, 3).mean(0), exact, atol=4)
