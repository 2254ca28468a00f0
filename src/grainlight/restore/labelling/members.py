"""The members of an ensemble as maps, and how far they are from the map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, decode
from grainlight.grains.edges import BOUNDARY_ANGLE, edge_starts
from grainlight.restore.labelling.label import label_map
from grainlight.restore.light.grain_offsets import neighbour_distances
from grainlight.restore.sampling.measurement import JointMeasurement


@dataclass(frozen=True, eq=False)
class LabelledMembers:
    """Members of an ensemble beside the map.

    ``orientations`` (K, H, W, 4) in half precision (0.05 degrees), None where the ensemble has one member; ``variance``
    (H, W) mean square distance of the members from the map in embedding units; ``boundary`` (H, W) share of the members
    with a boundary to the right or below. Both are 0 where there are no members.
    """

    orientations: Tensor | None
    variance: Tensor
    boundary: Tensor


def label_members(
    measured: JointMeasurement, members: Sequence[Tensor], final: Tensor, done: Callable[[], object]
) -> LabelledMembers:
    """Make maps of the members' embeddings (18, H, W), boundaries by the descent, and compare them with ``final``.

    ``done`` is called after each.
    """
    variance, boundary = torch.zeros_like(final[0]), torch.zeros_like(final[0])
    found = []
    for member in members:
        e = label_map(measured, member.float()).embedding
        variance += (e - final).square().sum(0) / len(members)
        boundary += boundary_starts(e).float() / len(members)
        found.append(decode(e, dim=0).half())
        done()
    return LabelledMembers(torch.stack(found) if found else None, variance, boundary)


def boundary_starts(e: Tensor) -> Tensor:
    """Pixels (H, W) whose right or lower neighbour is farther than 5 degrees in embeddings (18, H, W)."""
    right, down = (apart > BOUNDARY_ANGLE * PER_DEGREE for apart in neighbour_distances(e))
    return torch.from_numpy(edge_starts(right.numpy(), down.numpy()))
