"""Parts of pictures: positions in micrometres, lengths of scale bars, thinning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.report.panels import bar_length, extent_of, on_square_grid, thinned_most, thinning


def test_first_pixel_is_centred_at_the_origin():
    left, right, bottom, top = extent_of((3, 5), (2.0, 1.0))
    assert (left, right) == (-1.0, 9.0)
    assert (top, bottom) == (-0.5, 2.5)


@given(st.floats(1e-3, 1e6))
def test_scale_bar_is_round_and_fits(width):
    length = bar_length(width)
    assert width / 8 < length <= width / 3 * 1.001
    digits = length / 10 ** np.floor(np.log10(length) + 1e-9)
    assert min(abs(digits - factor) for factor in (1, 2, 5, 10)) < 1e-6


def test_thinning():
    assert thinning((2000, 300)) == 1
    assert thinning((2001, 300)) == 2
    assert thinning((300, 9000)) == 5


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_line_survives_thinning(n):
    image = np.zeros((20, 17), dtype=np.float32)
    image[:, 4] = 1.0
    image[:6, :6] = np.nan
    thin = thinned_most(image, n)
    assert thin.shape == (-(-20 // n), -(-17 // n))
    assert np.nanmax(thin, axis=1)[-1] == 1.0
    assert (thin == 1.0).any(axis=1)[6 // n + 1 :].all()
    assert np.isnan(thin[0, 0])


def test_hexagonal_grid_goes_to_the_nearest_pixel():
    rows, cols = 6, 8
    step = (1.0, np.sqrt(0.75))
    q = np.zeros((rows, cols, 4))
    q[..., 0] = 1.0
    q[:, 4:] = [0.0, 1.0, 0.0, 0.0]
    square = OrientationMap.from_quaternions(q, step, (Phase(1, "Ti", "6/mmm"),))
    shift = np.where(np.arange(rows) % 2, 0.5, 0.0)[:, None]
    ebsd = square.replace(grid="hexagonal", x=square.x + shift)
    shown = on_square_grid(ebsd)
    assert shown.grid == "square"
    assert shown.step[0] == shown.step[1]
    right = shown.x > 3.9 + 0.5
    left = shown.x < 3.1
    assert (shown.quaternions[left][:, 0] == 1.0).all()
    assert (shown.quaternions[right][:, 1] == 1.0).all()
    assert shown.indexed.all()
    assert on_square_grid(square) is square
