"""Numbers are written as Python would write them, only faster."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grainlight.maps.io.text.rows import joined, write_rows


def written(columns, decimals, **options) -> str:
    stream = io.BytesIO()
    write_rows(stream, columns, decimals, **options)
    return stream.getvalue().decode()


@given(values=arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e6, 1e6)), places=st.integers(0, 6))
def test_digits(values, places):
    lines = written([values], [places], aligned=False).split("\n")
    assert lines.pop() == ""
    for line, value in zip(lines, values, strict=True):
        # the last digit may differ where a value stands half-way between two
        assert abs(float(line) - value) <= 0.5000001 * 10.0**-places + 1e-9
        assert ("." in line) == (places > 0)
        if places:
            assert len(line.split(".")[1]) == places
        assert not line.lstrip("-").startswith("0") or line.lstrip("-").split(".")[0] == "0"


def test_columns_are_aligned():
    text = written([np.array([1.0, -10.5, 100.25]), np.array([3, 0, 12])], [2, 0])
    assert text == "   1.00   3\n -10.50   0\n 100.25  12\n"


def test_tabs_without_padding():
    assert (
        written([[1, 22], [0.5, -0.25]], [0, 2], separator="\t", aligned=False, end="\r\n")
        == "1\t0.50\r\n22\t-0.25\r\n"
    )


def test_no_negative_zero():
    assert written([[-0.001, -1.0]], [1], aligned=False) == "0.0\n-1.0\n"


def test_more_rows_than_one_piece():
    values = np.arange(250_001)
    np.testing.assert_array_equal(np.fromstring(written([values], [0]), sep="\n"), values)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, 1e12])
def test_numbers_that_do_not_fit(value):
    with pytest.raises(ValueError, match="cannot write"):
        written([[1.0, value]], [5])


@given(
    values=arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 2e4)),
    places=st.integers(0, 7),
    aligned=st.booleans(),
)
def test_digits_looked_up_are_those_counted(values, places, aligned):
    """Numbers from 0 are written by tables, others digit by digit: with a negative bound, the same text."""
    by_table = written([values], [places], aligned=aligned)
    counted = written([values], [places], aligned=aligned, limits=[(-float(values.max()), float(values.max()))])
    assert by_table == counted.replace("\n ", "\n").removeprefix(" " if aligned else "")


def test_pieces_of_a_file_have_one_width():
    stream = io.BytesIO()
    for piece in ([1.0, 2.0], [100.0]):
        write_rows(stream, [piece], [1], limits=[(1.0, 100.0)])
    assert stream.getvalue() == b"  1.0\n  2.0\n100.0\n"


def test_what_is_not_finite_in_any_piece_shows_in_the_joined_bounds() -> None:
    assert joined([(1.0, 2.0), (-1.0, 1.5)]) == (-1.0, 2.0)
    assert np.isnan(joined([(1.0, 2.0), (np.nan, np.nan), (0.0, 1.0)])).all()
