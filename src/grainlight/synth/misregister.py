"""Misregistration of an EBSD map against polarized-light images: draws, positions, what the light sees.

Pixels are (column, row), x right and y down, on the full-resolution grid of the map. Ranges after Winkelmann et al.,
Materials 13, 2816 (2020) and the geometry of a scan at 70 degrees of tilt: one degree of tilt error stretches the slow
axis by 4.8 %, one degree of misalignment of the scan against the tilt axis shears by 4.9 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

MARGIN = 16
"""Pixels of section that the light sees beyond the map on every side."""


@dataclass(frozen=True)
class Misregistration:
    """How scan points lie on the images.

    Parameters
    ----------
    quarter_turns
        Turns by 90 degrees, counter-clockwise as seen, 0 to 3.
    mirror
        Whether the images run right to left, before the turn.
    rotation
        Degrees counter-clockwise as seen, on top of the turns.
    scale, stretch, shear
        Isotropic scale less 1, scale of the slow (y) axis less 1, and y shift per x.
    shift
        (x, y) of the map's centre on the images, pixels.
    drift
        (K, 2) pixels by which scan points were off in (x, y) at K even places along the slow axis; linear in between.
    """

    quarter_turns: int = 0
    mirror: bool = False
    rotation: float = 0.0
    scale: float = 0.0
    stretch: float = 0.0
    shear: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    drift: tuple[tuple[float, float], ...] = ((0.0, 0.0), (0.0, 0.0))

    @property
    def turn(self) -> Tensor:
        """(2, 2) orthogonal part: turns of the section's vectors in (x right, y down)."""
        angle = -math.radians(self.rotation + 90.0 * self.quarter_turns)
        c, s = math.cos(angle), math.sin(angle)
        rotation = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
        return rotation @ torch.diag(torch.tensor([-1.0 if self.mirror else 1.0, 1.0], dtype=torch.float64))

    @property
    def matrix(self) -> Tensor:
        """(2, 2) that brings map pixels from the map's centre to image pixels from the images' centre."""
        size = 1 + self.scale
        scan = torch.tensor([[size, 0.0], [size * self.shear, size * (1 + self.stretch)]], dtype=torch.float64)
        return self.turn @ scan

    def drift_at(self, y: Tensor, rows: int) -> Tensor:
        """Return the drift (..., 2) in map pixels at slow coordinates (...) of a map of so many rows."""
        knots = torch.tensor(self.drift, dtype=torch.float64)
        at = (y / max(rows - 1, 1) * (len(knots) - 1)).clamp(0, len(knots) - 1)
        low = at.floor().long().clamp(max=len(knots) - 2)
        share = (at - low)[..., None]
        return knots[low] * (1 - share) + knots[low + 1] * share

    def image_shape(self, shape: tuple[int, int], margin: int = MARGIN) -> tuple[int, int]:
        """Return rows and columns of the images of a map of a shape."""
        rows, columns = shape if self.quarter_turns % 2 == 0 else shape[::-1]
        return rows + 2 * margin, columns + 2 * margin

    def image_position(self, points: Tensor, shape: tuple[int, int], margin: int = MARGIN) -> Tensor:
        """Return where scan points (..., 2) of a map of a shape lie on the images, (..., 2) as (column, row)."""
        rows, columns = self.image_shape(shape, margin)
        centre = torch.tensor([(shape[1] - 1) / 2, (shape[0] - 1) / 2], dtype=torch.float64)
        middle = torch.tensor([(columns - 1) / 2, (rows - 1) / 2], dtype=torch.float64)
        true = points + self.drift_at(points[..., 1], shape[0]) - centre
        return true @ self.matrix.T + middle + torch.tensor(self.shift, dtype=torch.float64)

    def map_position(self, pixels: Tensor, shape: tuple[int, int], margin: int = MARGIN) -> Tensor:
        """Return the map position (..., 2) under image pixels (..., 2): the inverse of `image_position`."""
        rows, columns = self.image_shape(shape, margin)
        centre = torch.tensor([(shape[1] - 1) / 2, (shape[0] - 1) / 2], dtype=torch.float64)
        middle = torch.tensor([(columns - 1) / 2, (rows - 1) / 2], dtype=torch.float64)
        back = torch.linalg.inv(self.matrix)
        true = (pixels - middle - torch.tensor(self.shift, dtype=torch.float64)) @ back.T + centre
        points = true
        # drift changes by less than a pixel per row, so the iteration contracts
        for _ in range(40):
            points = true - self.drift_at(points[..., 1], shape[0])
        return points


LEVELS: dict[str, dict[str, float]] = {
    "mild": {"shift": 2.0, "rotation": 0.5, "scale": 0.005, "stretch": 0.005, "shear": 0.005, "drift": 0.5, "turns": 0},
    "corrupted": {
        "shift": 12.0,
        "rotation": 4.0,
        "scale": 0.04,
        "stretch": 0.0,
        "shear": 0.04,
        "drift": 1.5,
        "turns": 1,
    },
    "severe": {"shift": 30.0, "rotation": 5.0, "scale": 0.03, "stretch": 0.05, "shear": 0.05, "drift": 4.0, "turns": 1},
}
"""Largest values of each part (pixels, degrees, shares); ``turns``: whether the 8 turns and mirrors are drawn."""


def draw_misregistration(level: str, seed: int, symmetry: int | None = None) -> Misregistration:
    """Draw a misregistration.

    Parameters
    ----------
    level
        "mild", "corrupted" or "severe".
    seed
        Same seed, same draw.
    symmetry
        Which of the 8 turns and mirrors, 0 to 7 (4 and up mirrored), in place of the drawn one.
    """
    if level not in LEVELS:
        raise ValueError(f"level is {level!r}, expected {', '.join(LEVELS)}")
    most = LEVELS[level]
    generator = torch.Generator().manual_seed(seed)
    u = (2 * torch.rand(6, generator=generator, dtype=torch.float64) - 1).tolist()
    drawn = int(torch.randint(8, (1,), generator=generator))
    if symmetry is None:
        symmetry = drawn if most["turns"] else 0
    return Misregistration(
        symmetry % 4,
        symmetry >= 4,
        most["rotation"] * u[0],
        most["scale"] * u[1],
        most["stretch"] * u[2],
        most["shear"] * u[3],
        (most["shift"] * u[4], most["shift"] * u[5]),
        _drift(most["drift"], generator),
    )


def _drift(most: float, generator: torch.Generator) -> tuple[tuple[float, float], ...]:
    """Return a quadratic and a random walk along the slow axis, at most ``most`` pixels long anywhere."""
    count = 33
    t = torch.linspace(-1, 1, count, dtype=torch.float64)
    bend = torch.randn(1, 2, generator=generator, dtype=torch.float64) * (t[:, None] ** 2 - 1 / 3)
    walk = torch.randn(count, 2, generator=generator, dtype=torch.float64).cumsum(0) / math.sqrt(count)
    drift = bend + 0.5 * (walk - walk.mean(0))
    drift = drift * most / drift.norm(dim=1).max().clamp_min(1e-12)
    return tuple((float(x), float(y)) for x, y in drift)


def seen_axes(c_axes: Tensor, placed: Misregistration, margin: int = MARGIN) -> Tensor:
    """Return the c-axes (H', W', 3) that the light sees, in frame S of the images.

    Parameters
    ----------
    c_axes
        (H, W, 3) of the map, frame S. Beyond its edges the section goes on as the map's reflection.
    placed
        Where the scan points lie on the images.
    margin
        Pixels of section beyond the map on every side.

    Notes
    -----
    Axes turn and mirror with the images; scale, shear and drift are faults of the scan and turn nothing.
    """
    rows, columns = c_axes.shape[:2]
    high, wide = placed.image_shape((rows, columns), margin)
    y, x = torch.meshgrid(
        torch.arange(high, dtype=torch.float64), torch.arange(wide, dtype=torch.float64), indexing="ij"
    )
    at = placed.map_position(torch.stack((x, y), -1), (rows, columns), margin)
    column, row = (_reflected(at[..., i].round().long(), n) for i, n in ((0, columns), (1, rows)))
    found = c_axes.to(torch.float64)[row, column]
    flip = torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64))
    plane = found[..., :2] @ (flip @ placed.turn @ flip).T
    return torch.cat((plane, found[..., 2:]), -1)


def _reflected(index: Tensor, size: int) -> Tensor:
    period = 2 * size
    folded = index % period
    return torch.where(folded < size, folded, period - 1 - folded)
