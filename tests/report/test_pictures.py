"""The picture of a restoration is written whole, shows pixels as they are, and touches no pyplot."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.report.pictures import before_after_figure, before_after_picture


@pytest.mark.parametrize("with_truth", [True, False])
def test_picture_is_a_png_of_readable_size(restoration, tmp_path, with_truth):
    import imageio.v3 as iio

    coarse, result, truth = restoration
    file = tmp_path / "picture.png"
    assert before_after_picture(coarse, result, file, truth=truth if with_truth else None) == file
    image = iio.imread(file)
    assert 2000 < image.shape[1] < 2600
    assert image[..., :3].std() > 20
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]


def test_panels_show_maps_in_place_and_without_interpolation(restoration):
    coarse, result, truth = restoration
    figure = before_after_figure(coarse, result, truth)
    maps = figure.axes[:5]
    titles = [axes.get_title() for axes in maps]
    assert [title.split(",")[0] for title in titles[:3]] == ["Measured", "Restored", "Truth"]
    assert "2 µm" in titles[0]
    assert "0.5 µm" in titles[1]
    for axes in maps:
        (image,) = axes.get_images()
        assert image.get_interpolation() == "nearest"
        assert axes.get_aspect() == 1.0
        assert axes.get_xlim() == pytest.approx((-0.25, 18.25))
        assert axes.get_ylim() == pytest.approx((12.25, -0.25))
    # coarse pixels are four times as wide, centred on their points
    assert maps[0].get_images()[0].get_extent() == pytest.approx([-1.0, 19.0, 13.0, -1.0])
    left, right = (maps[1].get_images()[0].get_array()[20, col] for col in (2, 30))
    assert np.allclose(left, [1, 0, 0], atol=0.02)
    assert np.allclose(right, [0, 1, 0], atol=0.02)


def test_pixels_not_restored_are_left_out(restoration):
    coarse, result, truth = restoration
    figure = before_after_figure(coarse, result, truth)
    for axes in figure.axes[3:5]:
        shown = axes.get_images()[0].get_array()
        assert np.ma.getmaskarray(shown)[:3, :5].all()
        assert np.ma.getmaskarray(shown).sum() == 15


def test_no_pyplot_figure_is_left(restoration, tmp_path):
    coarse, result, _ = restoration
    before_after_picture(coarse, result, tmp_path / "a.png")
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_missing_folder_is_an_input_error(restoration, tmp_path):
    coarse, result, _ = restoration
    with pytest.raises(InputError, match="folder does not exist"):
        before_after_picture(coarse, result, tmp_path / "none" / "a.png")
