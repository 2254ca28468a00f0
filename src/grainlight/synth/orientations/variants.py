"""Orientation relations: deformation twins of hexagonal metals and Burgers variants of a parent beta grain."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from grainlight.crystal import quaternion
from grainlight.maps.phase import TITANIUM_RATIO

# Plane indices (h, k, l) of K1 and how often each is drawn: 10-12 is the most frequent in Ti, Mg and Zr.
TWIN_SYSTEMS = {"10-12": (1, 0, 2), "11-21": (1, 1, 1), "11-22": (1, 1, 2), "10-11": (1, 0, 1)}


def twin_normals(c_over_a: float = TITANIUM_RATIO) -> Tensor:
    """Unit normals (24, 3) of the K1 planes in the crystal frame (X along a): six variants of each twin system."""
    normals = []
    for h, k, index in TWIN_SYSTEMS.values():
        # Reciprocal basis of a hexagonal cell with a1 along x.
        x, y, z = h, (h + 2 * k) / math.sqrt(3.0), index / c_over_a
        for turn in range(6):
            angle = math.pi / 3 * turn
            normals.append((x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle), z))
    return torch.nn.functional.normalize(torch.tensor(normals), dim=-1)


def twin_rotations(c_over_a: float = TITANIUM_RATIO) -> Tensor:
    """Quaternions (24, 4) that turn a parent's passive orientation into its twin's: 180 degrees about the K1 normal."""
    normals = twin_normals(c_over_a)
    return torch.cat((torch.zeros(len(normals), 1), normals), -1)


def burgers_variants() -> Tensor:
    """Quaternions (12, 4) from a beta crystal to its alpha variants: (0001) || {110}, <11-20> || <111>.

    Burgers (1934). Multiply from the left: ``multiply(variant, parent)`` is the variant's passive orientation.
    """
    planes = [p for p in itertools.product((-1, 0, 1), repeat=3) if sum(map(abs, p)) == 2 and next(filter(None, p)) > 0]
    directions = [d for d in itertools.product((-1, 1), repeat=3) if d[0] > 0]
    a, c = [], []
    for plane in planes:
        for direction in directions:
            if sum(p * d for p, d in zip(plane, direction, strict=True)) == 0:
                c.append(plane)
                a.append(direction)
    unit = torch.nn.functional.normalize
    return quaternion.from_axes(unit(torch.tensor(a).float(), dim=-1), unit(torch.tensor(c).float(), dim=-1))
