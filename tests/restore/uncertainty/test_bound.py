"""The tables of raw uncertainty say nothing where they were fitted for other weights."""

from __future__ import annotations

import numpy as np

from grainlight.constants import constants
from grainlight.restore.uncertainty.bound import LARGEST, bound_90
from grainlight.restore.uncertainty.misassignment import misassignment_probability

RAW = np.array([[0.5, 8.0, 32.0, 200.0]], np.float32)
ORIENTATION = np.array([[2.0, 0.0, 0.0, 100.0]], np.float32)
LIT = np.ones(RAW.shape, bool)


def test_the_larger_of_two_bounds_counts() -> None:
    own = constants()
    found = bound_90(RAW, ORIENTATION, LIT)
    table = own.uncertainty_lit
    expected = [2.0, table.bound[5], table.bound[7], LARGEST]
    np.testing.assert_allclose(found, [expected], rtol=1e-6)


def test_there_is_no_bound_where_the_table_is_of_other_weights() -> None:
    half = np.array([[True, True, False, False]])
    for unfitted, known in (("uncertainty_lit", ~half), ("uncertainty_unlit", half), ("chain", half | ~half)):
        for found, whole in (
            (bound_90(RAW, ORIENTATION, half, {unfitted}), bound_90(RAW, ORIENTATION, half)),
            (misassignment_probability(RAW, half, {unfitted}), misassignment_probability(RAW, half)),
        ):
            np.testing.assert_array_equal(np.isfinite(found), known)
            np.testing.assert_array_equal(found[known], whole[known])
