"""Damage of recorded images: regions whose light lies, images that are wrong as a whole, and pixels not recorded.

`synth.camera` delivers what an honest microscope sees; here something goes wrong afterwards. Each kind of damage stands
alone and has three strengths, so that a test can ask how a restoration bears it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from grainlight.maps.light_stack import LEAST_ANGLES
from grainlight.synth.blemish import draw_stain

Stack = NDArray[np.float64]
Mask = NDArray[np.bool_]

STRENGTHS = (1, 2, 3)
"""Weak, usual, strong."""


@dataclass(frozen=True)
class Damage:
    """What is wrong with a stack: a kind of `KINDS`, one of `STRENGTHS`, and the seed of what is drawn."""

    kind: str
    strength: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}, expected one of {', '.join(KINDS)}")
        if self.strength not in STRENGTHS:
            raise ValueError(f"strength is {self.strength}, expected 1, 2 or 3")


@dataclass(frozen=True, eq=False)
class DamagedStack:
    """Images (N, H, W) in the type that was given, and the region (H, W) whose light is lost or lies in all of them;
    nothing of it for faults that every image can be freed of."""

    images: NDArray[Any]
    region: Mask


@dataclass(frozen=True, eq=False)
class _Case:
    """A stack to be damaged: images (N, H, W), stage angles (N,) in degrees, dark and bright count, and a generator."""

    images: Stack
    angles: NDArray[np.float64]
    dark: float
    bright: float
    generator: torch.Generator

    @property
    def size(self) -> tuple[int, int]:
        return self.images.shape[1], self.images.shape[2]

    def blot(self, share: float) -> Mask:
        """A patch of rough outline over a share of the field."""
        if share >= 1:
            return np.ones(self.size, dtype=bool)
        return draw_stain(self.size, share, self.generator)[1].numpy()

    def some(self, count: int) -> list[int]:
        """So many different images."""
        return torch.randperm(len(self.images), generator=self.generator)[:count].tolist()

    def noise(self, level: float) -> Stack:
        """Images (N, H, W) of a level with the noise that counts of it have."""
        noise = torch.randn(*self.images.shape, generator=self.generator, dtype=torch.float64).numpy()
        return level + np.sqrt(max(level, 1.0)) * noise


Maker = Callable[[_Case, Any], tuple[Stack, Mask]]


def damage_stack(images: NDArray[Any], angles: NDArray[np.float64], damage: Damage) -> DamagedStack:
    """Damage a stack.

    Parameters
    ----------
    images
        (N, H, W) counts, stage rotation undone.
    angles
        (N,) of the stage in degrees.
    damage
        What goes wrong.
    """
    before = images.astype(np.float64)
    generator = torch.Generator().manual_seed(damage.seed)
    low, high = np.percentile(before[:, ::3, ::3], (1, 99.5))
    make, strengths = KINDS[damage.kind]
    after, region = make(_Case(before, angles, low, high, generator), strengths[damage.strength - 1])
    if np.issubdtype(images.dtype, np.integer):
        after = np.clip(np.round(after), 0, np.iinfo(images.dtype).max)
    return DamagedStack(after.astype(images.dtype), region)


def _opaque(level: Callable[[_Case], float]) -> Maker:
    def make(case: _Case, share: float) -> tuple[Stack, Mask]:
        region = case.blot(share)
        return np.where(region, case.noise(level(case)), case.images), region

    return make


def _dark(case: _Case) -> float:
    return case.dark


def _bright(case: _Case) -> float:
    return case.bright


def _grey(case: _Case) -> float:
    return 0.5 * (float(np.median(case.images)) + case.bright)


def _specks(case: _Case, width: float) -> tuple[Stack, Mask]:
    """Round opaque spots of so many pixels across, dark, bright and grey in turn, over a twentieth of the field."""
    rows, columns = case.size
    y, x = np.indices(case.size)
    out, region = case.images, _nowhere(case)
    levels = (_dark, _bright, _grey)
    for k in range(max(3, round(0.05 * rows * columns / (0.25 * np.pi * width**2)))):
        u = torch.rand(2, generator=case.generator).tolist()
        spot = np.hypot(y - u[0] * (rows - 1), x - u[1] * (columns - 1)) <= width / 2
        out = np.where(spot, case.noise(levels[k % 3](case)), out)
        region |= spot
    return out, region


def _film(case: _Case, left: float, region: Mask) -> tuple[Stack, Mask]:
    """What a film or a dim tile leaves of the light."""
    return np.where(region, left * (case.images - 0.5 * case.dark) + 0.5 * case.dark, case.images), region


def _stain(case: _Case, left: float) -> tuple[Stack, Mask]:
    return _film(case, left, case.blot(0.2))


def _dimmed(case: _Case, left: float) -> tuple[Stack, Mask]:
    return _film(case, left, _tile(case.size, 0.45))


def _haze(case: _Case, veil: float) -> tuple[Stack, Mask]:
    region = case.blot(0.2)
    return np.where(region, (1 - veil) * case.images + veil * case.images.mean(), case.images), region


def _defocus(case: _Case, width: float) -> tuple[Stack, Mask]:
    region = case.blot(0.2)
    return np.where(region, gaussian_filter(case.images, (0, width, width)), case.images), region


def _moved_tile(case: _Case, by: tuple[int, int]) -> tuple[Stack, Mask]:
    region = np.zeros(case.size, dtype=bool)
    region[:, case.size[1] // 2 :] = True
    return np.where(region, np.roll(case.images, by, (1, 2)), case.images), region


def _tile(size: tuple[int, int], side: float) -> Mask:
    """The lower right tile, of so much of each side."""
    region = np.zeros(size, dtype=bool)
    region[round((1 - side) * size[0]) :, round((1 - side) * size[1]) :] = True
    return region


def _unrelated(case: _Case, share: float) -> tuple[Stack, Mask]:
    """Light of another place: that of the field turned upside down."""
    region = case.blot(share)
    return np.where(region, case.images[:, ::-1, ::-1], case.images), region


def _moire(case: _Case, strength: float) -> tuple[Stack, Mask]:
    """Stripes of another period and direction in every image."""
    y, x = np.indices(case.size)
    out = case.images.copy()
    for image in out:
        u = torch.rand(3, generator=case.generator).tolist()
        along = np.cos(np.pi * u[0]) * x + np.sin(np.pi * u[0]) * y
        image *= 1 + strength * np.sin(2 * np.pi * (along / (4 + 12 * u[1]) + u[2]))
    return out, _nowhere(case)


def _repeated(case: _Case, count: int) -> tuple[Stack, Mask]:
    out = case.images.copy()
    for k in case.some(count):
        out[k] = case.images[(k + 1) % len(out)]
    return out, _nowhere(case)


def _black(case: _Case, count: int) -> tuple[Stack, Mask]:
    out = case.images.copy()
    out[case.some(count)] = 0
    return out, _nowhere(case)


def _moved_image(case: _Case, pixels: float) -> tuple[Stack, Mask]:
    out = case.images.copy()
    turn = 2 * np.pi * float(torch.rand(1, generator=case.generator))
    for k in case.some(1):
        by = pixels * np.array((np.sin(turn), np.cos(turn)))
        out[k] = shift(out[k], by, order=1, mode="nearest")
    return out, _nowhere(case)


def _inverted(case: _Case, every: int) -> tuple[Stack, Mask]:
    """Negatives: one image (0), every so manieth."""
    out = case.images.copy()
    which = case.some(1) if every == 0 else list(range(0, len(out), every))
    out[which] = out.max() + out.min() - out[which]
    return out, _nowhere(case)


def _backwards(case: _Case, share: float) -> tuple[Stack, Mask]:
    out = case.images.copy()
    last = len(out) - round(share * len(out))
    out[last:] = out[last:][::-1]
    return out, _nowhere(case)


def _shuffled(case: _Case, share: float) -> tuple[Stack, Mask]:
    """A share of the images, two at least, in another order."""
    out = case.images.copy()
    places = case.some(max(2, round(share * len(out))))
    out[places] = out[places[1:] + places[:1]]
    return out, _nowhere(case)


def _corners(case: _Case, side: float) -> tuple[Stack, Mask]:
    """The camera saw a square of so many sides of the field, which turned under it."""
    rows, columns = case.size
    y, x = np.indices(case.size, dtype=np.float64)
    y, x = y - (rows - 1) / 2, x - (columns - 1) / 2
    out = case.images.copy()
    for image, angle in zip(out, np.radians(case.angles), strict=True):
        u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        image[(np.abs(u) > side * columns / 2) | (np.abs(v) > side * rows / 2)] = 0
    return out, _undetermined(out)


def _lower(case: _Case, share: float) -> tuple[Stack, Mask]:
    region = np.zeros(case.size, dtype=bool)
    region[case.size[0] - round(share * case.size[0]) :] = True
    return np.where(region, 0.0, case.images), region


def _border(case: _Case, share: float) -> tuple[Stack, Mask]:
    """A black frame, of another width in every image, as mosaics of tiles have."""
    rows, columns = case.size
    out = case.images.copy()
    for image in out:
        u = (0.5 + torch.rand(4, generator=case.generator)).tolist()
        top, bottom, left, right = (
            round(share * n * k) for n, k in zip((rows, rows, columns, columns), u, strict=True)
        )
        image[:top], image[rows - bottom :], image[:, :left], image[:, columns - right :] = 0, 0, 0, 0
    return out, _undetermined(out)


def _undetermined(images: Stack) -> Mask:
    """Pixels that fewer than the five images show which determine the harmonics."""
    return (images > 0).sum(0) < LEAST_ANGLES


def _zeros(case: _Case, _: None) -> tuple[Stack, Mask]:
    return np.zeros_like(case.images), np.ones(case.size, dtype=bool)


def _nowhere(case: _Case) -> Mask:
    return np.zeros(case.size, dtype=bool)


KINDS: Mapping[str, tuple[Maker, tuple[Any, Any, Any]]] = {
    "dark": (_opaque(_dark), (0.06, 0.2, 0.5)),
    "bright": (_opaque(_bright), (0.06, 0.2, 0.5)),
    "grey": (_opaque(_grey), (0.06, 0.2, 0.5)),
    "specks": (_specks, (4.0, 8.0, 12.0)),
    "stain": (_stain, (0.75, 0.5, 0.25)),
    "haze": (_haze, (0.25, 0.5, 0.8)),
    "defocus": (_defocus, (1.5, 3.0, 6.0)),
    "moved tile": (_moved_tile, ((3, 2), (17, 11), (37, 29))),
    "dimmed tile": (_dimmed, (0.9, 0.75, 0.5)),
    "unrelated": (_unrelated, (0.2, 0.5, 1.0)),
    "repeated": (_repeated, (1, 2, 4)),
    "black image": (_black, (1, 4, 10)),
    "moved image": (_moved_image, (2.0, 6.0, 15.0)),
    "moire": (_moire, (0.02, 0.05, 0.1)),
    "inverted": (_inverted, (0, 2, 1)),
    "backwards": (_backwards, (0.2, 0.5, 1.0)),
    "order": (_shuffled, (0.1, 0.5, 1.0)),
    "corners": (_corners, (1.2, 1.0, 0.9)),
    "lower black": (_lower, (0.25, 0.5, 0.75)),
    "border": (_border, (0.03, 0.08, 0.15)),
    "zeros": (_zeros, (None, None, None)),
}
"""By name: how a stack is damaged, and the weak, the usual and the strong case of it."""
