from __future__ import annotations

import numpy as np
import pytest

from grainlight.crystal.frames import SampleFrame
from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.place import check_usable, output_shape, place

from .conftest import STEEL, TITANIUM, section_map


@pytest.mark.parametrize("scale", range(1, 9))
def test_the_output_grid_holds_every_point(scale: int) -> None:
    ebsd = section_map(1, 17).every(2)
    rows, columns, step = output_shape(ebsd, scale)
    assert (rows, columns) == (scale * 8 + 1, scale * 8 + 1)
    assert step == pytest.approx(1.0 / scale)
    placed = place(ebsd, scale)
    assert placed.measured.sum() == ebsd.indexed.sum()
    assert np.array_equal(np.argwhere(placed.measured)[0], (0, 0))
    assert np.allclose(placed.quaternions[::scale, ::scale], ebsd.quaternions)


def test_points_are_placed_by_position_and_turned_to_frame_s() -> None:
    ebsd = section_map(2, 9)
    turned = ebsd.in_frame(SampleFrame.EDAX1)
    dots = (place(turned, 3).quaternions * place(ebsd, 3).quaternions).sum(-1)
    assert np.allclose(np.abs(dots), 1.0)


@pytest.mark.parametrize("indented", [0, 1])
def test_a_hexagonal_grid_gets_a_square_output_with_every_point(indented: int) -> None:
    q = section_map(3, 12).quaternions
    rows, columns = 12, 12
    step = (1.0, np.sqrt(3) / 2)
    row, column = np.indices((rows, columns))
    x = column * step[0] + ((row + indented) % 2) * 0.5
    x = x - x[0, 0]
    ebsd = OrientationMap(q, np.ones((rows, columns), np.int16), x, row * step[1], (TITANIUM,), step, grid="hexagonal")
    placed = place(ebsd, 2)
    assert placed.measured.sum() == rows * columns
    assert placed.shape[0] >= 2 * (rows - 1) + 1
    assert placed.shape[1] >= 2 * (columns - 1) + 1
    assert -0.5 * indented - placed.step < placed.left <= -0.5 * indented
    off = np.hypot(
        placed.pixel[..., 1] * placed.step + placed.left - x, placed.pixel[..., 0] * placed.step - row * step[1]
    )
    assert off.max() <= placed.step / np.sqrt(2) + 1e-9


def test_other_phases_are_told_apart() -> None:
    ebsd = section_map(4, 21)
    phase = ebsd.phase_id.copy()
    phase[:, 10:] = STEEL.id
    placed = place(ebsd.replace(phase_id=phase, phases=(TITANIUM, STEEL)), 2)
    assert placed.other[:, 25:].all()
    assert not placed.other[:, :16].any()
    assert not placed.measured[:, 20:].any()
    assert (placed.phase_id[placed.other] == STEEL.id).all()


def test_maps_that_cannot_be_used_are_refused() -> None:
    ebsd = section_map(4, 9)
    with pytest.raises(InputError, match="no point of the map is indexed"):
        check_usable(ebsd.replace(phase_id=np.zeros_like(ebsd.phase_id)))
    with pytest.raises(InputError, match=r"Beta \(m-3m\)"):
        check_usable(ebsd.replace(phase_id=np.full_like(ebsd.phase_id, 2), phases=(STEEL,)))


def test_a_line_scan_has_the_step_of_its_line() -> None:
    ebsd = section_map(6, 21)
    line = ebsd.replace(
        quaternions=ebsd.quaternions[:1],
        phase_id=ebsd.phase_id[:1],
        x=ebsd.x[:1],
        y=ebsd.y[:1],
        step=(0.5, 0.01),
    )
    assert output_shape(line, 2) == (1, 41, 0.25)
    assert place(line, 2).measured.sum() == 21
