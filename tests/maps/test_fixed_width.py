"""The quick reader of aligned numbers: the same bits as the exact one, and nothing that is not plain decimals."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grainlight.maps.io.text.fixed_width import read_fixed_width


def exact(text: bytes) -> np.ndarray:
    return np.loadtxt(io.BytesIO(text), ndmin=2)


@given(
    arrays(np.float64, (7, 3), elements=st.floats(-99999, 99999)),
    st.tuples(*[st.integers(0, 9)] * 3),
    st.sampled_from([("\n", " "), ("\r\n", "\t"), ("  \n", "   ")]),
)
@settings(max_examples=60)
def test_the_same_bits_as_the_exact_reader(values, decimals, marks) -> None:
    end, separator = marks
    rows = [separator.join(f"{v:16.{d}f}" for v, d in zip(row, decimals, strict=True)) + end for row in values]
    text = "".join(rows).encode()
    found, expected = read_fixed_width(text, 3), exact(text)
    assert found is not None
    assert np.array_equal(found, expected)
    assert np.array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize(
    "lines",
    [
        ["1.0 2.0", "1.0 22.0"],  # of another length
        ["1.0  22", "1.0 2.0"],  # points at another place
        ["1.0 1e1", "1.0 2.0"],
        ["1.0 nan", "1.0 2.0"],
        ["1.0 --1", "1.0 -11"],
        ["1.0 1-1", "1.0 111"],
        ["1.0 - 1", "1.0 111"],
        ["1.0 1 1", "1.0 111"],
        ["1.0   -", "1.0   1"],
        ["1.0 2  ", "1.0 222"],  # aligned to the left
        ["1.0 50.", "1.0 25."],
        ["1.0 1.2.3", "1.0 4.5.6"],
        ["1.0", "2.0"],
        ["1.0 1234567890123456", "2.0 1234567890123456"],  # more digits than are exact
        [""],
    ],
)
def test_what_is_no_plain_decimal_is_left_to_others(lines) -> None:
    assert read_fixed_width("".join(line + "\n" for line in lines).encode(), 2) is None


def test_no_digit_before_the_point() -> None:
    text = b"1.0 .50\n1.0 .25\n"
    assert np.array_equal(read_fixed_width(text, 2), exact(text))


def test_many_rows_and_nine_digits() -> None:
    count = np.arange(20_000)
    text = "".join(f"{k * 49_999:9d} {-k:6d} {k / 7:15.10f}\n" for k in count).encode()
    found = read_fixed_width(text, 3)
    assert found is not None
    assert np.array_equal(found, exact(text))
    assert found[:, 0].max() > 2**29
