"""Views of the square turn a section's arrangement and its orientations alike."""

from __future__ import annotations

import math

import pytest
import torch

from grainlight.crystal import quaternion
from grainlight.crystal.embedding import decode, embed
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.square import VIEWS, turn_image, turn_image_back, turn_state, turn_state_back
from grainlight.diffusion.state import EBSD
from grainlight.synth.draw import Draw
from grainlight.synth.light import draw_curves, light_state

ROWS, COLUMNS = 6, 9


def section() -> tuple[torch.Tensor, torch.Tensor]:
    """Orientations (row, column, 4) and their state."""
    q = quaternion.random((1, ROWS, COLUMNS), torch.Generator().manual_seed(3))
    light = light_state(quaternion.crystal_axes(q)[2], draw_curves(Draw.seeded(1), 1))
    return q[0], torch.cat((embed(q, dim=-3), light), 1)[0]


@pytest.mark.parametrize("view", range(VIEWS))
def test_round_trip(view: int) -> None:
    _, state = section()
    torch.testing.assert_close(turn_state_back(turn_state(state, view), view), state, atol=1e-5, rtol=0)
    assert torch.equal(turn_image_back(turn_image(state, view), view), state)


@pytest.mark.parametrize("view", range(VIEWS))
def test_views_are_those_of_a_section_that_was_turned_on_the_table(view: int) -> None:
    """Turn positions and orientations by quaternions, index the pixels anew, embed: the same state."""
    q, state = section()
    turn = math.pi / 2 * (view % 4)
    back = quaternion.from_rotation_vector(torch.tensor([0.0, 0.0, -turn]))
    turned = quaternion.multiply(q, back.expand_as(q))
    if view >= 4:
        # A mirror of a centrosymmetric crystal is the half turn about the mirror's normal.
        turned = quaternion.multiply(turned, torch.tensor([0.0, 1.0, 0.0, 0.0]).expand_as(q))
    rows, columns = torch.meshgrid(torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij")
    # Frame S: x right, y up, about the middle of the section.
    x, y = columns - (COLUMNS - 1) / 2, (ROWS - 1) / 2 - rows
    cos, sin = round(math.cos(turn)), round(math.sin(turn))
    x, y = cos * x - sin * y, sin * x + cos * y
    if view >= 4:
        x = -x
    shape = (ROWS, COLUMNS) if view % 2 == 0 else (COLUMNS, ROWS)
    row, column = ((shape[0] - 1) / 2 - y).round().long(), (x + (shape[1] - 1) / 2).round().long()
    expected = torch.empty(23, *shape)
    light = light_state(quaternion.crystal_axes(turned[None])[2], draw_curves(Draw.seeded(1), 1))[0]
    expected[:, row, column] = torch.cat((embed(turned, dim=-3), light))
    torch.testing.assert_close(turn_state(state, view), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("first", range(VIEWS))
@pytest.mark.parametrize("second", range(VIEWS))
def test_they_are_a_group(first: int, second: int) -> None:
    _, state = section()
    both = turn_state(turn_state(state, first), second)
    same = [v for v in range(VIEWS) if turn_state(state, v).shape == both.shape]
    distance = [float((turn_state(state, v) - both).abs().max()) for v in same]
    assert sorted(d < 1e-4 for d in distance).count(True) == 1


@pytest.mark.parametrize("view", range(VIEWS))
def test_angles_between_neighbours_are_kept(view: int) -> None:
    q, state = section()
    turned = decode(turn_state(state, view)[EBSD], dim=0)
    angles = disorientation_angle(q[:, 1:], q[:, :-1]).flatten()
    here = torch.cat(
        [
            disorientation_angle(turned[:, 1:], turned[:, :-1]).flatten(),
            disorientation_angle(turned[1:], turned[:-1]).flatten(),
        ]
    )
    nearest = (here[:, None] - angles[None]).abs().amin(0)
    assert nearest.max() < 2e-3
