"""What was measured, shown on the output grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from grainlight.report.colours import NOT_INDEXED, OTHER_PHASE, ipf_colours
from grainlight.report.measured_view import view_measured


def test_each_pixel_shows_the_nearest_scan_point(made):
    result = made.result
    seen = view_measured(result)
    at = np.argwhere(result.measured)
    rows, columns = np.indices(result.map.shape)
    picked = at[seen.number]
    assert (seen.number >= 0)[:58, :74].all()
    inside = seen.number >= 0
    assert np.abs(picked[..., 0] - rows)[inside].max() <= 2
    assert np.abs(picked[..., 1] - columns)[inside].max() <= 2
    # a scan point shows itself
    assert np.array_equal(seen.number[result.measured], np.arange(len(at)))


def test_colours_at_scan_points_are_those_of_the_measurement(made):
    result = made.result
    measured = result.map.replace(quaternions=result.measured_quaternions)
    seen = view_measured(result).colours("X")
    assert np.allclose(seen[result.measured], ipf_colours(measured, "X")[result.measured], atol=1e-6)


def test_holes_are_black_and_other_phases_grey(made):
    result = made.result
    measured = result.measured.copy()
    measured[20:40, 20:40] = False
    phase = result.map.phase_id.copy()
    phase[25:28, 25:28] = 2
    source = result.source.copy()
    source[25:28, 25:28] = 0
    points = result.measured_quaternions[measured]
    found = result.map.replace(phase_id=phase)
    seen = view_measured(replace(result, measured=measured, measured_points=points, source=source, map=found))
    image = seen.colours("Z")
    assert np.allclose(image[32, 32], NOT_INDEXED)
    assert np.allclose(image[26, 26], OTHER_PHASE)
    assert not np.allclose(image[50, 50], NOT_INDEXED)


def test_boundaries_run_between_scan_points_of_different_grains(restoration):
    _, result, _ = restoration
    result = replace(result, record={"settings": {"scale": 4}})
    found = view_measured(result).boundaries()
    # the grains meet between columns 16 and 20: half way between the scan points
    columns = np.unique(np.nonzero(found)[1])
    assert len(columns) == 1
    assert 17 <= columns[0] <= 18
    assert found[:, columns[0]].all()


def test_nothing_measured_is_no_fault(made):
    seen = view_measured(
        replace(made.result, measured=np.zeros_like(made.result.measured), measured_points=np.zeros((0, 4)))
    )
    assert (seen.number == -1).all()
    assert np.allclose(seen.colours("Z"), NOT_INDEXED)
    assert not seen.boundaries().any()
