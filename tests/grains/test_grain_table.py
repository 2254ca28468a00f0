"""Tables are in the coordinates and frames of the file that they are of."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from painted import BETA, TITANIUM, painted

from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.grains.grain_map import find_grains
from grainlight.grains.table import grain_table
from grainlight.maps.orientation_map import OrientationMap

ANGLES = np.array([[99.0, 20.0, 37.0], [10.0, 60.0, 5.0], [200.0, 35.0, 50.0]])


@pytest.fixture
def three() -> OrientationMap:
    """Three grains, the last of beta, whose angles are in the frames that the map names."""
    labels = np.repeat([0, 1, 2], 10)[None].repeat(8, axis=0)
    ebsd = painted(labels, quaternion_from_bunge(np.radians(ANGLES)))
    return ebsd.replace(phase_id=np.where(labels == 2, BETA.id, TITANIUM.id).astype(np.int16))


def lines(ebsd: OrientationMap) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(grain_table(find_grains(ebsd)))))


@pytest.mark.parametrize("crystal", list(CrystalFrame))
@pytest.mark.parametrize("sample", list(SampleFrame))
def test_angles_are_in_the_frames_of_the_input_and_name_them(three, sample, crystal) -> None:
    rows = lines(three.replace(sample_frame=sample, crystal_frame=crystal))
    # equivalents of phi2 are 60 degrees apart in titanium, 90 in beta: 30 degrees are another crystal
    for row, angles, fold in zip(rows, ANGLES, (60, 60, 90), strict=True):
        assert float(row["phi1_deg"]) == pytest.approx(angles[0], abs=1e-3)
        assert float(row["Phi_deg"]) == pytest.approx(angles[1], abs=1e-3)
        assert (float(row["phi2_deg"]) - angles[2] + fold / 2) % fold == pytest.approx(fold / 2, abs=1e-3)
    assert [row["sample_frame"] for row in rows] == [sample.value] * 3
    assert [row["crystal_frame"] for row in rows] == [crystal.value] * 2 + [""]


@pytest.mark.parametrize("origin", [(0.0, 0.0), (100.0, 50.0), (-850.0, -0.5), (123456.5, 0.25)])
def test_centroids_are_in_the_coordinates_of_the_input(three, origin) -> None:
    rows = lines(three.replace(origin=origin))
    assert [float(row["x_um"]) for row in rows] == pytest.approx([origin[0] + x for x in (2.25, 7.25, 12.25)], abs=1e-4)
    assert {float(row["y_um"]) for row in rows} == {origin[1] + 1.75}
