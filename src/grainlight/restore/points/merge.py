"""Several EBSD maps of one field, brought together on the output grid of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from grainlight.errors import InputError
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.same_phase import joined_phases, with_each_phase_once
from grainlight.restore.points.grid import REACH, output_shape, pixels, rasterise
from grainlight.restore.points.noise import EbsdNoise, estimate_noise
from grainlight.restore.points.unsupported import without_noise

_FULL = 0.5  # share of the places of a map that hold points, from which its neighbours tell noise


@dataclass(frozen=True, eq=False)
class Merged:
    """Maps brought together.

    ``ebsd`` has a place for each pixel of the output grid (H, W), most of them without a point, in the frames of the
    first map; ``noise`` of its points; ``within`` (H, W) what is near enough to a point to be restored; ``used`` for
    each further map its file and how many of its points were used, lay outside the field, or were replaced by newer
    ones.
    """

    ebsd: OrientationMap
    noise: EbsdNoise
    within: NDArray[np.bool_]
    used: tuple[dict[str, Any], ...]

    @property
    def told(self) -> list[str]:
        """What is said of each further map."""
        found = []
        for one in self.used:
            lost = [f"{one['outside']} lie outside the field"] if one["outside"] else []
            lost += [f"{one['replaced']} are replaced by newer points"] if one["replaced"] else []
            found.append(f"{one['file'] or 'A further map'}: {one['points']} points are used{_and(lost)}.")
        return found


def merge(
    first: OrientationMap, others: Sequence[OrientationMap], scale: int, noise: float | None, keep_noise: bool = False
) -> Merged:
    """Bring maps together on the output grid of the first; of several points in a pixel the newest map's counts.

    Parameters
    ----------
    first
        The map whose grid, frames and origin the result has; noise and masked points are gone from it.
    others
        Further maps of the same field, in coordinates of the same stage, oldest first; any steps, frames and grids.
    scale
        Output step = step of the first map / scale.
    noise
        Degrees (rms) of all points where that is known; else each map tells its own, and one of too few points has
        that of the first.

    Raises
    ------
    InputError
        Where a further map has no point in the field.
    """
    grid = rasterise(first, scale)
    rows, columns, step = output_shape(first, scale)
    base = estimate_noise(first, noise)
    whole = _Canvas.of((rows, columns), first)
    whole.put(first, pixels(first, scale), np.full(first.shape, True), base.level, 0, dict.fromkeys(first.fields))
    phases, near = first.phases, grid.reached | grid.measured
    used: list[dict[str, Any]] = []
    for number, other in enumerate(others, 1):
        one = with_each_phase_once(other)
        if not keep_noise and one.indexed.mean() > _FULL:
            one, _ = without_noise(one)
        phases, one = _same_phases(phases, one)
        one = one.in_frame(first.sample_frame).in_crystal_frame(first.crystal_frame)
        x = one.x + one.origin[0] - first.origin[0] - grid.left
        y = one.y + one.origin[1] - first.origin[1]
        at = np.floor(np.nan_to_num(np.stack((y, x), -1), nan=-1e9) / step + (0.5 + 1e-6)).astype(np.int64)
        inside = one.indexed & (at >= 0).all(-1) & (at < (rows, columns)).all(-1)
        if not inside.any():
            raise InputError(
                "the further map has no point in the field of the first",
                file=other.path,
                found=_extent(one, other.origin),
                expected=_extent(first, first.origin),
                advice="coordinates of one stage in both files, x right and y down in um",
            )
        own = estimate_noise(one, noise)
        level = own.level if one.indexed.mean() > _FULL else np.full(one.shape, base.noise)
        whole.put(one, at, inside, level, number, dict.fromkeys(first.fields))
        used.append({"file": None if other.path is None else other.path.name, "number": number})
        used[-1] |= {"indexed": int(one.indexed.sum()), "outside": int((one.indexed & ~inside).sum())}
        gone = np.ones((rows, columns), dtype=bool)
        gone[tuple(at[inside].T)] = False
        near |= distance_transform_edt(gone) <= REACH * scale
    for entry in used:
        points = int((whole.owner == entry.pop("number")).sum())
        entry |= {"points": points, "replaced": entry.pop("indexed") - entry["outside"] - points}
    return Merged(
        whole.as_map(first, phases, step, grid.left),
        EbsdNoise(base.noise, base.gradient / scale, whole.level, base.report),
        near,
        tuple(used),
    )


@dataclass(frozen=True, eq=False)
class _Canvas:
    """The output grid (H, W) that points are put on, and which map (0 the first, -1 none) each pixel has its from."""

    quaternions: NDArray[np.float64]
    phase_id: NDArray[np.int16]
    level: NDArray[np.float64]
    owner: NDArray[np.int16]
    fields: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, shape: tuple[int, int], first: OrientationMap) -> _Canvas:
        quaternions = np.zeros((*shape, 4))
        quaternions[..., 0] = 1.0
        fields = {name: np.zeros(shape, dtype=values.dtype) for name, values in first.fields.items()}
        return cls(
            quaternions, np.full(shape, -1, np.int16), np.full(shape, np.nan), np.full(shape, -1, np.int16), fields
        )

    def put(
        self,
        ebsd: OrientationMap,
        at: NDArray[np.int64],
        which: NDArray[np.bool_],
        level: NDArray[np.float64],
        number: int,
        names: dict[str, None],
    ) -> None:
        """Put the points (h, w) of a map that are wanted at their pixels (h, w, 2)."""
        use = which & ebsd.present
        pixel = tuple(at[use].T)
        self.quaternions[pixel], self.phase_id[pixel] = ebsd.quaternions[use], ebsd.phase_id[use]
        self.level[pixel], self.owner[pixel] = level[use], number
        for name in names:
            if name in ebsd.fields:
                self.fields[name][pixel] = ebsd.fields[name][use]

    def as_map(self, first: OrientationMap, phases: tuple[Phase, ...], step: float, left: float) -> OrientationMap:
        made = OrientationMap.from_quaternions(
            self.quaternions,
            (step, step),
            phases,
            phase_id=self.phase_id,
            sample_frame=first.sample_frame,
            crystal_frame=first.crystal_frame,
            fields=self.fields,
            source=first.source,
        )
        self.level[np.isnan(self.level)] = np.nanmedian(self.level)
        named = {"scan": first.scan, "sample": first.sample}
        # places are told from the first point of the first map, as those of the light are
        return made.replace(x=made.x + left, origin=first.origin, path=first.path, notes=first.notes, **named)


def _same_phases(phases: tuple[Phase, ...], ebsd: OrientationMap) -> tuple[tuple[Phase, ...], OrientationMap]:
    """Return the phases with those that only the map has, and the map with their numbers."""
    phases, number = joined_phases(phases, ebsd.phases)
    phase_id = ebsd.phase_id.copy()
    for old, new in number.items():
        phase_id[ebsd.phase_id == old] = new
    return phases, ebsd.replace(phase_id=phase_id, phases=phases)


def _extent(ebsd: OrientationMap, origin: tuple[float, float]) -> str:
    x, y = ebsd.x[ebsd.present] + origin[0], ebsd.y[ebsd.present] + origin[1]
    return f"x {x.min():g} to {x.max():g} um, y {y.min():g} to {y.max():g} um" if x.size else "no point"


def _and(parts: Sequence[str]) -> str:
    return f"; {' and '.join(parts)}" if parts else ""
