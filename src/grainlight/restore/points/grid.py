"""Placing EBSD points on the output grid, by their own positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.raster import point_steps
from grainlight.maps.selection import with_mask
from grainlight.restore.large.windows import Window
from grainlight.restore.points.holes import WideHoles, pixels_of, wide_holes

# Scan points farther than this many EBSD steps say nothing about a pixel unless light does, nor any about a wide hole.
REACH = 6.0
_CELL = 0.75  # steps from a point to the corners of its cell, and a little more
_AT_ONCE = 1 << 18  # pixels whose nearest point is searched at once


@dataclass(frozen=True, eq=False)
class PointGrid:
    """EBSD points on the output grid.

    Parameters
    ----------
    step
        um, both axes.
    left
        um from the first EBSD point to the first column, 0 or less.
    points
        (n, 4) orientations of all points of the input in frame S with X along a.
    measured
        (H, W) where a 6/mmm point lies.
    other
        (H, W) pixels nearest to a point of another phase, of all indexed points.
    phase_id
        (H, W) phase of the nearest indexed point; 0 where that is of another phase, but a point that is not indexed is
        nearer.
    nearest
        (H, W) flat index of the nearest indexed point of the input.
    reached
        (H, W) whether an indexed point is within `REACH` steps and the pixel in no wide hole; or within as many steps
        as were asked for.
    reach_stated
        Whether they were asked for: then light does not reach farther.
    holes
        Wide holes; None where the reach was asked for.
    metal
        (H, W) where the mask shows metal; None without a mask.
    in_hole
        (H, W) which pixels lie in wide holes; None where the reach was asked for.
    """

    step: float
    left: float
    points: NDArray[np.float64]
    measured: NDArray[np.bool_]
    other: NDArray[np.bool_]
    phase_id: NDArray[np.int16]
    nearest: NDArray[np.signedinteger[Any]]
    reached: NDArray[np.bool_]
    reach_stated: bool = False
    holes: WideHoles | None = None
    metal: NDArray[np.bool_] | None = None
    in_hole: NDArray[np.bool_] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.measured.shape  # type: ignore[return-value]

    @property
    def measured_points(self) -> NDArray[np.float64]:
        """Orientations (n, 4) of the measured pixels, in the order of `numpy.argwhere`."""
        return self.points[self.nearest[self.measured]]

    def part(self, window: Window) -> PointGrid:
        """Return what lies in a window; points keep their numbers of the whole map."""
        here = {
            name: getattr(self, name)[window.outer] for name in ("measured", "other", "phase_id", "nearest", "reached")
        }
        metal, in_hole = (None if whole is None else whole[window.outer] for whole in (self.metal, self.in_hole))
        left = self.left + window.outer[1].start * self.step
        return replace(self, left=left, metal=metal, in_hole=in_hole, **here)


def output_shape(ebsd: OrientationMap, scale: int) -> tuple[int, int, float]:
    """Rows, columns and step (um) of the output grid: the finer of the two EBSD steps over the scale."""
    step = _steps(ebsd)[0] / scale
    rows = round(float(np.nanmax(ebsd.y)) / step) + 1
    columns = round((float(np.nanmax(ebsd.x)) - _left(ebsd, step)) / step) + 1
    return rows, columns, step


def _steps(ebsd: OrientationMap) -> tuple[float, float]:
    """The finer and the coarser step in um; a line scan has one only."""
    rows, columns = ebsd.shape
    sides = point_steps(ebsd.step, ebsd.grid)
    steps = [s for s, n in zip(sides, (columns, rows), strict=True) if n > 1] or list(sides)
    return min(steps), max(steps)


def _left(ebsd: OrientationMap, step: float) -> float:
    """Where the output grid begins, in um from the first point: on a hexagonal grid odd rows may begin left of it."""
    return float(np.floor(min(float(np.nanmin(ebsd.x)), 0.0) / step + 1e-6) * step)


def check_usable(ebsd: OrientationMap) -> None:
    """Refuse what the model is not for.

    Raises
    ------
    InputError
        If nothing is indexed or no point belongs to a phase of Laue group 6/mmm.
    """
    if not ebsd.indexed.any():
        raise InputError(
            "no point of the map is indexed",
            file=ebsd.path,
            found=f"{int(ebsd.present.sum())} points, none with an orientation",
            advice="index the patterns first, or check how the file marks points that are not indexed",
        )
    if not ebsd.is_6mmm.any():
        names = ", ".join(
            f"{phase.name or phase.id} ({phase.laue_group or 'symmetry unknown'})"
            for phase in ebsd.phases
            if (ebsd.phase_id == phase.id).any()
        )
        raise InputError(
            "no point of the map belongs to a hexagonal phase",
            file=ebsd.path,
            found=f"indexed phases: {names}",
            expected="a phase of Laue group 6/mmm, such as alpha titanium, magnesium or zirconium",
            advice="polarized light and this model see hexagonal metals only",
        )


def pixels(ebsd: OrientationMap, scale: int) -> NDArray[np.int64]:
    """Return row and column (h, w, 2) of the pixel of the output grid that every point of a map lies in."""
    rows, columns, step = output_shape(ebsd, scale)
    return _containing(_positions(ebsd, step), rows, columns)


def _containing(position: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.int64]:
    # rounding half to even would send two neighbours on edges of pixels to one pixel
    nearest = np.floor(position + (0.5 + 1e-6)).astype(np.int64)
    return np.clip(nearest, 0, np.array([rows - 1, columns - 1]), out=nearest)


def _positions(ebsd: OrientationMap, step: float) -> NDArray[np.float64]:
    """Row and column (h, w, 2) of every point on the output grid, in pixels of ``step`` um."""
    return np.stack((ebsd.y, ebsd.x - _left(ebsd, step)), -1) / step


def masked(ebsd: OrientationMap, scale: int, metal: NDArray[np.bool_]) -> tuple[OrientationMap, NDArray[np.bool_]]:
    """Return a map without the points that are not on metal, and where on the output grid (H, W) there is metal.

    Parameters
    ----------
    metal
        A pixel for each point (h, w) or for each pixel of the output grid (H, W).

    Raises
    ------
    InputError
        Where it has another size.
    """
    rows, columns, step = output_shape(ebsd, scale)
    position = _positions(ebsd, step)
    if metal.shape == ebsd.shape:
        finer, coarser = _steps(ebsd)
        fine = ~pixels_of(~metal, position, (rows, columns), scale * coarser / finer)
        return with_mask(ebsd, metal), fine
    if metal.shape != (rows, columns):
        raise InputError(
            "the mask has another size than the map",
            file=ebsd.path,
            found=f"{' x '.join(map(str, metal.shape))} pixels",
            expected=f"{ebsd.shape[0]} x {ebsd.shape[1]}, the points, or {rows} x {columns}, the output",
        )
    return with_mask(ebsd, metal[tuple(np.moveaxis(_containing(position, rows, columns), -1, 0))]), metal


def rasterise(
    ebsd: OrientationMap, scale: int, reach: float | None = None, metal: NDArray[np.bool_] | None = None
) -> PointGrid:
    """Place the points of a map on the grid of ``scale``; the first pixel is the first EBSD point.

    ``reach``: how many EBSD steps from an indexed point the map is restored, into every hole, in place of `REACH` and
    of leaving wide holes out. ``metal``: (H, W) where there is some (`masked`); everywhere without.

    Every point goes, as it is, to the pixel that it lies in. Its own position counts, on a hexagonal grid too: nothing
    is resampled. The output step is no larger than either step of the map, so that no two points share a pixel.
    """
    rows, columns, step = output_shape(ebsd, scale)
    canonical = ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    left = _left(ebsd, step)
    position = _positions(ebsd, step)
    pixel = _containing(position, rows, columns)
    known = canonical.is_6mmm
    measured = np.zeros((rows, columns), dtype=bool)
    measured[tuple(pixel[known].T)] = True
    finer, coarser = _steps(ebsd)
    steps = REACH if reach is None else max(reach, _CELL)
    nearest, reached = _nearest(position, ebsd.indexed, (rows, columns), steps * scale * coarser / finer)
    # where two points are as near, the pixel's own
    nearest[tuple(pixel[ebsd.indexed].T)] = np.flatnonzero(ebsd.indexed)
    phase_id = ebsd.phase_id.reshape(-1)[nearest]
    other = ~known.reshape(-1)[nearest]
    blind = np.flatnonzero(ebsd.phase_id.reshape(-1) == 0)
    if blind.size and other.any():
        # other phases are not restored, so they do not grow over what nobody indexed
        there = np.argwhere(other)
        points = position.reshape(-1, 2)
        distance = np.linalg.norm(points[nearest[other]] - there, axis=1)
        nearer = cKDTree(points[blind]).query(there, workers=-1)[0] < distance - 1e-9
        phase_id[tuple(there[nearer].T)] = 0
    orientations = canonical.quaternions.reshape(-1, 4)
    other &= ~measured
    if metal is not None:
        other &= metal
    holes = in_hole = None
    if reach is None:
        # a place that the mask leaves out is no hole
        on = None if metal is None else metal[tuple(np.moveaxis(pixel, -1, 0))]
        holes = wide_holes(ebsd, coarser, on)
        in_hole = pixels_of(holes.cells, position, (rows, columns), scale * coarser / finer)
        reached &= ~in_hole
    return PointGrid(
        step,
        left,
        orientations,
        measured,
        other,
        phase_id,
        nearest,
        reached & ~other,
        reach is not None,
        holes,
        metal,
        in_hole,
    )


def _nearest(
    position: NDArray[np.float64], indexed: NDArray[np.bool_], shape: tuple[int, int], reach: float
) -> tuple[NDArray[np.signedinteger[Any]], NDArray[np.bool_]]:
    """Return the flat index (H, W) of the indexed point that is nearest to each pixel, and whether within ``reach``.

    ``position`` (h, w, 2) row and column of the points in pixels.
    """
    # 32 bits hold the index of a point up to 2^31 points, in half the memory of 64.
    number = np.int32 if indexed.size <= np.iinfo(np.int32).max else np.int64
    row, column = position[:, :1, 0], position[:1, :, 1]
    if np.array_equal(position[..., 0], np.broadcast_to(row, indexed.shape)) and np.array_equal(
        position[..., 1], np.broadcast_to(column, indexed.shape)
    ):
        # rows straight above one another: each axis on its own, and a search only where that point is not indexed
        sides = [_nearest_along(at.ravel(), count) for at, count in zip((row, column), shape, strict=True)]
        (down, far_down), (across, far_across) = sides
        nearest = np.add.outer((down * indexed.shape[1]).astype(number), across.astype(number))
        reached = far_down[:, None] ** 2 + far_across**2 <= reach**2
        rest = np.flatnonzero(~indexed.reshape(-1)[nearest])
    else:
        nearest, reached = np.empty(shape, dtype=number), np.empty(shape, dtype=bool)
        rest = np.arange(nearest.size)
    if rest.size:
        flat = np.flatnonzero(indexed)
        tree = cKDTree(position.reshape(-1, 2)[flat])
        for start in range(0, rest.size, _AT_ONCE):
            part = rest[start : start + _AT_ONCE]
            distance, index = tree.query(np.stack(np.divmod(part, shape[1]), -1), workers=-1)
            nearest.reshape(-1)[part], reached.reshape(-1)[part] = flat[index], distance <= reach
    return nearest, reached


def _nearest_along(at: NDArray[np.float64], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which of rising positions is nearest to 0, 1, ... (of two as near the first), and how far it is."""
    pixel = np.arange(count)
    nearest = np.searchsorted((at[1:] + at[:-1]) / 2 + 1e-6, pixel)
    return nearest, np.abs(at[nearest] - pixel)


def one_in_each_cell(grid: PointGrid, side: int) -> PointGrid:
    """Return the grid with at most one measured point in each square of so many pixels: the one nearest its middle.

    The first pixel is the middle of a square, as the first point of a map is: of a map at scale ``side`` on a square
    grid all points stay.
    """
    at = np.argwhere(grid.measured)
    cell = (at + side // 2) // side
    off = ((at - cell * side) ** 2).sum(-1)
    key = cell[:, 0] * (grid.shape[1] // side + 2) + cell[:, 1]
    # ordered by cell, the nearest to its middle first
    order = np.lexsort((off, key))
    first = order[np.r_[True, np.diff(key[order]) > 0]] if len(at) else order
    kept = np.zeros(grid.shape, dtype=bool)
    kept[tuple(at[first].T)] = True
    return replace(grid, measured=kept)
