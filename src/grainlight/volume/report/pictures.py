"""Pictures of a volume: its sections, and cuts across them; one section at a time is held."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import ipf_colours
from grainlight.report.embed import Embedded, embed, embed_scaled
from grainlight.report.figures import Bar
from grainlight.report.findings import CLEAR_BOUND
from grainlight.report.panels import thinned_most
from grainlight.report.scales import CHANCE, DEGREES, Scale
from grainlight.volume.output.regular import levels_of
from grainlight.volume.section import volume_section
from grainlight.volume.volume import Volume

MOST_PIXELS, MOST_SECTIONS = 400, 200
"""Pixels along a side of a picture, and sections, beyond which a page shows every n-th."""
# bytes of all sections together, and of a cut
_SECTIONS, _LEAST, _CUT = 5_000_000, 10_000, 250_000
_FLATTEST = 6.0
_MEASURED, _BETWEEN = (0, 114, 178), (242, 230, 184)


@dataclass(frozen=True)
class Shot:
    """A section: its number from 1, height as text, whether it has EBSD of its own, its maps in words and pictures."""

    number: int
    height: str
    measured: bool
    orientation: Embedded
    doubt: Embedded


@dataclass(frozen=True)
class Cut:
    """A cut across the sections, z up: along which axis, where, its pictures, and which sections had EBSD.

    ``ratio`` width over height as drawn, ``stretch`` how many times too large heights are.
    """

    axis: str
    place: str
    orientation: Embedded
    doubt: Embedded
    strip: Embedded
    ratio: float
    stretch: float


@dataclass(frozen=True, eq=False)
class VolumePictures:
    """All pictures of a volume.

    ``doubtful`` (Z,) share of the voxels of each section whose bound exceeds 5 degrees, or whose chance to lie in
    another grain exceeds one half where there is no bound; NaN where there is neither. ``doubt`` names what the doubt
    is, ``bar`` its scale. ``every`` n-th section is shown.
    """

    shots: tuple[Shot, ...]
    cuts: tuple[Cut, ...]
    doubtful: NDArray[np.float64]
    doubt: str
    bar: Bar
    every: int
    crisp: bool


def pictures_of(volume: Volume) -> VolumePictures:
    """Return the pictures of a volume; sections are asked for one by one."""
    count, rows, columns = volume.shape
    every, n = math.ceil(count / MOST_SECTIONS), math.ceil(max(rows, columns) / MOST_PIXELS)
    budget = max(_LEAST, _SECTIONS * every // (2 * count))
    scale, doubt = _doubt_of(volume)
    at = rows // 2, columns // 2
    lines: tuple[list[OrientationMap], list[OrientationMap]] = ([], [])
    doubts: tuple[list[NDArray], list[NDArray]] = ([], [])
    shots, doubtful = [], np.full(count, np.nan)
    for k in range(count):
        section = volume_section(volume, k)
        values = np.where(section.indexed, np.asarray(getattr(volume, doubt)[k]), np.nan).astype(np.float32)
        known = np.isfinite(values)
        if known.any():
            doubtful[k] = float((values[known] > (CLEAR_BOUND if scale is DEGREES else 0.5)).mean())
        lines[0].append(_alone(section.part(slice(at[0], at[0] + 1), slice(None))))
        # a column, laid down
        lines[1].append(_laid(_alone(section.part(slice(None), slice(at[1], at[1] + 1)))))
        doubts[0].append(values[at[0]].copy())
        doubts[1].append(values[:, at[1]].copy())
        if k % every == 0:
            colours = _bytes(ipf_colours(section.every(n)))
            image = embed_scaled(scale.position(thinned_most(values, n)), scale.palette(), budget)
            shots.append(Shot(k + 1, f"{volume.z[k]:g}", bool(volume.measured[k]), embed(colours, budget), image))
    cuts = tuple(_cut(volume, axis, at[axis], lines[axis], doubts[axis], scale) for axis in (0, 1))
    name = {"uncertainty": "Uncertainty", "other_grain": "Another grain?"}[doubt]
    return VolumePictures(
        tuple(shots), cuts, doubtful, name, Bar.of(scale), every, crisp=max(rows, columns) // n < MOST_PIXELS
    )


def _doubt_of(volume: Volume) -> tuple[Scale, str]:
    """The scale and the layer of the doubt: the bound, or without any the chance of another grain."""
    given = any(np.isfinite(np.asarray(volume.uncertainty[k])).any() for k in range(volume.shape[0]))
    return (DEGREES, "uncertainty") if given else (CHANCE, "other_grain")


def _alone(line: OrientationMap) -> OrientationMap:
    """A part of a section that does not hold the whole of it in memory."""
    return line.replace(
        quaternions=line.quaternions.copy(), phase_id=line.phase_id.copy(), x=line.x.copy(), y=line.y.copy(), fields={}
    )


def _laid(column: OrientationMap) -> OrientationMap:
    return OrientationMap.from_quaternions(
        np.swapaxes(column.quaternions, 0, 1),
        column.step,
        column.phases,
        phase_id=column.phase_id.T,
        sample_frame=column.sample_frame,
        crystal_frame=column.crystal_frame,
    )


def _cut(
    volume: Volume, axis: int, place: int, lines: list[OrientationMap], doubts: list[NDArray], scale: Scale
) -> Cut:
    levels = levels_of(volume)
    down = levels.section[::-1].tolist()
    n = math.ceil(len(doubts[0]) / (2 * MOST_PIXELS))
    colours = np.concatenate([_bytes(ipf_colours(line))[:, ::n] for line in lines])
    wide, high = len(doubts[0]) * volume.step, len(levels) * levels.spacing
    ratio = min(wide / high, _FLATTEST)
    strip = np.array([_MEASURED if volume.measured[k] else _BETWEEN for k in down], dtype=np.uint8)[:, None]
    start = volume.origin[1 - axis] + place * volume.step
    return Cut(
        axis="xy"[axis],
        place=f"{'yx'[axis]} {start:g} µm",
        orientation=embed(colours[down], _CUT),
        doubt=embed_scaled(scale.position(np.stack(doubts)[down][:, ::n]), scale.palette(), _CUT),
        strip=embed(strip, _CUT),
        ratio=round(ratio, 4),
        stretch=round(wide / high / ratio, 2),
    )


def _bytes(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(255 * colours).astype(np.uint8)
