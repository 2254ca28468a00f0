"""Coarse search: turns, mirrors, rotations and distortions, each with every shift by correlation in Fourier space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import map_coordinates
from torch.nn.functional import grid_sample

from grainlight.register.fixed import FixedMap
from grainlight.register.moving import MovingLight
from grainlight.register.transform import Transform

Array = NDArray[np.float64]
_SIDE = 96  # pixels of the map's longer side in the search
_LEAST_OVERLAP = 0.4
_LARGEST = 1.4  # side of a turned and stretched map, in sides of the map
_ROTATIONS = (0.0, -2.0, 2.0, -4.0, 4.0)  # degrees
_FAR_BEHIND = 6.0  # of the best score over one that no refinement brings near it
_STEPS = (0.03, 0.015, 0.008)  # of rotation [rad], stretches and shear, in turn
TURNS = tuple((k, mirror) for mirror in (False, True) for k in range(4))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A placement and what speaks for it.

    ``score``: share of the light's variance that the map explains, times the share of the map that the images show;
    ``turn``: quarter turns counter-clockwise and mirror; ``transform``.
    """

    score: float
    turn: tuple[int, bool]
    transform: Transform


def search(
    fixed: FixedMap, moving: MovingLight, pixel: float, turns: tuple[tuple[int, bool], ...] = TURNS
) -> list[Candidate]:
    """Return the best placement of each turn, refined for the best three, best first.

    Parameters
    ----------
    pixel
        um per recorded pixel.
    """
    room = _Room(fixed, moving, pixel)
    found = []
    for turn in turns:
        trials = [(room.best(_matrix(turn, math.radians(r), 0.0, 0.0, 0.0) / pixel), r) for r in _ROTATIONS]
        (score, transform), rotation = max(trials, key=lambda t: t[0][0])
        found.append((score, turn, math.radians(rotation), transform))
    found.sort(key=lambda f: -f[0])
    hopeless = found[0][0] / _FAR_BEHIND
    result = [
        _refined(room, turn, rotation, score, transform, pixel)
        if k < 3 and score > hopeless
        else Candidate(score, turn, transform)
        for k, (score, turn, rotation, transform) in enumerate(found)
    ]
    return sorted(result, key=lambda c: -c.score)


def unit_of(fixed: FixedMap, moving: MovingLight, pixel: float) -> float:
    """Return the pixel of the search in um; ``pixel`` is that of the images."""
    return max(_longer(fixed) / _SIDE, fixed.step, pixel * moving.binning)


def _longer(fixed: FixedMap) -> float:
    x0, y0, x1, y1 = fixed.extent
    return max(x1 - x0, y1 - y0) + fixed.step


def _refined(
    room: _Room, turn: tuple[int, bool], rotation: float, score: float, transform: Transform, pixel: float
) -> Candidate:
    """Go uphill along rotation, two stretches and shear in turn."""
    at, best = np.array([rotation, 0.0, 0.0, 0.0]), (score, transform)
    for step in _STEPS:
        for axis in range(4):
            for sign in (1.0, -1.0):
                moved = False
                while True:
                    trial = at.copy()
                    trial[axis] += sign * step
                    if abs(trial[axis]) > 0.13:
                        break
                    found = room.best(_matrix(turn, *trial) / pixel)
                    if found[0] <= best[0]:
                        break
                    at, best, moved = trial, found, True
                if moved:
                    break
    return Candidate(best[0], turn, best[1])


def _matrix(turn: tuple[int, bool], rotation: float, wide: float, high: float, shear: float) -> Array:
    """Return the (2, 2) matrix (x right, y down) of a turn, a rotation counter-clockwise, stretches and a shear."""
    angle = -(rotation + turn[0] * math.pi / 2)
    c, s = math.cos(angle), math.sin(angle)
    mirror = np.diag([-1.0 if turn[1] else 1.0, 1.0])
    scan = np.array([[1 + wide, 0.0], [shear, 1 + high]])
    return np.array([[c, -s], [s, c]]) @ mirror @ scan


class _Room:
    """Both sides at a common coarse resolution, the light's transforms made once."""

    def __init__(self, fixed: FixedMap, moving: MovingLight, pixel: float) -> None:
        self.fixed = fixed
        x0, y0, x1, y1 = fixed.extent
        self.unit = unit_of(fixed, moving, pixel)
        self.blur = 0.7 * self.unit
        self.moving = moving = moving.blurred(self.blur / (pixel * moving.binning))
        self.fine = self.unit / (pixel * moving.binning)  # pixels of the channels per search pixel
        channels = moving.channels
        rows, columns = (max(1, math.floor((n - 1) / self.fine) + 1) for n in moving.seen.shape)
        row, column = np.meshgrid(np.arange(rows) * self.fine, np.arange(columns) * self.fine, indexing="ij")
        at = np.stack((row, column))
        self.light = np.stack([map_coordinates(c, at, order=1) for c in channels])
        seen = map_coordinates(moving.seen.astype(np.float32), at, order=1) > 0.5
        self.light *= seen
        # A turned and stretched map is at most so large; of shifts that leave little of it on the images no score is
        # wanted, so that those to one side may take the place of those to the other.
        side = (1 - _LEAST_OVERLAP) * (_LARGEST * _longer(fixed) / self.unit + 2)
        self.size = (_length(rows + side), _length(columns + side))
        power = [(self.light[list(channels)] ** 2).sum(0) for channels, _ in moving.groups]
        self.images = [rfft2(self.light[list(channels)], self.size)[:, None] for channels, _ in moving.groups]
        self.seen_and_power = rfft2(np.stack([seen.astype(np.float32), *power]), self.size)
        both, self.block = fixed.on_grid(self.blur)
        self.grid = torch.from_numpy(both)[None].contiguous(memory_format=torch.channels_last)
        self.centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])

    def best(self, matrix: Array) -> tuple[float, Transform]:
        """Return score and transform of the best shift under a matrix [recorded pixels per um]."""
        surface, middle = self.surface(matrix)
        row, column = np.unravel_index(int(surface.argmax()), surface.shape)
        high, wide = self.light.shape[1:]
        shift = np.array([_signed(int(column), wide, self.size[1]), _signed(int(row), high, self.size[0])]) + middle
        place = shift * self.fine * self.moving.binning + (self.moving.binning - 1) / 2
        offset = place - matrix @ self.centre
        return float(surface[row, column]), Transform(matrix, offset, self.fixed.extent)

    def surface(self, matrix: Array) -> tuple[NDArray[np.float32], Array]:
        """Return the score of every shift, and where the map's centre is in the turned map's image."""
        scale = 1 / (self.fine * self.moving.binning)
        small = matrix * scale  # search pixels per um
        x0, y0, x1, y1 = self.fixed.extent
        corners = (np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]]) - self.centre) @ small.T
        half = np.ceil(np.abs(corners).max(0)).astype(int)
        v, u = np.meshgrid(np.arange(-half[1], half[1] + 1), np.arange(-half[0], half[0] + 1), indexing="ij")
        back = np.stack((u, v), -1) @ np.linalg.inv(small).T + self.centre
        turned, mask = self._turned((back - np.array(self.fixed.corner)) / self.fixed.step)
        # Features made orthogonal: what they explain together is the sum of what each explains.
        which = list(dict.fromkeys(rows for _, rows in self.moving.groups))
        sides = [mask[None].astype(np.float32), *(_orthogonal(turned[list(rows)]) for rows in which)]
        fourier = np.split(np.conj(rfft2(np.concatenate(sides), self.size)), np.cumsum([len(s) for s in sides])[:-1])
        overlap, *power = irfft2(fourier[0] * self.seen_and_power, self.size)
        overlap /= max(float(mask.sum()), 1.0)
        self._forget_ambiguous(overlap, mask.shape)
        score = np.zeros(self.size, np.float32)
        least = max(1e-3 * float(max(total.max() for total in power)), 1e-12)
        for (_, rows), images, total in zip(self.moving.groups, self.images, power, strict=True):
            cross = irfft2(fourier[1 + which.index(rows)] * images, self.size)
            explained = np.einsum("ckyx,ckyx->yx", cross, cross)
            score += explained / np.maximum(total * np.maximum(overlap, 0.2), least)
        # a good fit of a small overlap is likely chance
        score *= np.clip(overlap, 0.0, 1.0) / len(self.moving.groups)
        score[overlap < _LEAST_OVERLAP] = 0.0
        return score, half.astype(float)

    def _forget_ambiguous(self, overlap: NDArray[np.float32], turned: tuple[int, ...]) -> None:
        """Set the overlap of shifts to 0 at which a map of that size would be on the images from both sides."""
        for axis, (images, size) in enumerate(zip(self.light.shape[1:], self.size, strict=True)):
            overlap[(slice(None),) * axis + (slice(max(size - turned[axis] + 1, 0), images),)] = 0.0

    def _turned(self, at: Array) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the features (K, h, w), 0 off the map, at places (h, w, 2) of its grid, (column, row); and the map."""
        inside = ((at >= 0) & (at <= np.array(self.fixed.known.shape[::-1]) - 1)).all(-1)
        last = np.array(self.grid.shape[:1:-1]) - 1
        on_blocks = (at + 0.5) / self.block - 0.5
        unit = torch.from_numpy((on_blocks * (2 / np.maximum(last, 1)) - 1).astype(np.float32))[None]
        found = grid_sample(self.grid, unit, mode="bilinear", padding_mode="border", align_corners=True)[0].numpy()
        mask = inside & (found[-1] > 0.5)
        return found[:-1] * mask, mask


def _orthogonal(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return combinations (k, h, w) of features (k, h, w) that are orthonormal over the image."""
    flat = features.reshape(len(features), -1)
    gram = (flat @ flat.T).astype(np.float64)
    gram += 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram))
    root = np.linalg.cholesky(np.linalg.inv(gram)).astype(np.float32)
    return (root.T @ flat).reshape(features.shape)


def _length(least: float) -> int:
    """Return a length from ``least`` of which Fourier transforms are fast."""
    return int(next_fast_len(math.ceil(least), real=True))


def _signed(index: int, images: int, size: int) -> float:
    """Return the shift of an index of the cyclic correlation: beyond the images' own size it is negative."""
    return float(index if index < images else index - size)
