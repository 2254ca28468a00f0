"""Stacks: sections of one specimen at several heights."""

from __future__ import annotations

import pytest
import torch

from grainlight.synth.draw import Draw
from grainlight.synth.families import FAMILIES
from grainlight.synth.section import make_stack

HEIGHTS = (0.0, 0.05, 0.2, 0.6, -0.2)


@pytest.mark.parametrize("family", FAMILIES)
def test_sections_differ_more_the_farther_they_lie_apart(family: str) -> None:
    heights = torch.tensor(HEIGHTS)[:, None].expand(-1, 6)
    sections, pixels = make_stack(Draw.seeded(2), heights, (64, 64), (9.0, 14.0), family)
    same = [float((s.grain == sections[0].grain).float().mean()) for s in sections]
    assert same[0] == 1
    assert 1 > same[1] > same[2] > same[3]
    assert same[1] > 0.8
    assert same[4] == pytest.approx(same[2], abs=0.15)
    torch.testing.assert_close(pixels[2], -pixels[4])


def test_a_section_of_a_stack_looks_like_any_other() -> None:
    """As many grains at every height."""
    sections, _ = make_stack(Draw.seeded(3), torch.tensor([[0.0], [1.0], [-1.0]]).expand(3, 8), (96, 96), (9.0, 14.0))
    counts = [sum(len(g.unique()) for g in s.grain) for s in sections]
    assert max(counts) < 1.25 * min(counts)
    assert torch.equal(sections[0].orientation.norm(dim=-1).round(decimals=3), torch.ones(8, 96, 96))
