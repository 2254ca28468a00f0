"""`OrientationMap`: an EBSD map on a grid, with its frames, phases and everything its file said."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import c_axis
from grainlight.crystal.frames import CrystalFrame, SampleFrame, change_crystal_frame
from grainlight.errors import harmless
from grainlight.maps.phase import Phase
from grainlight.maps.strips import strips

if TYPE_CHECKING:
    from orix.crystal_map import CrystalMap

Array = NDArray[np.float64]
PhaseId = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class OrientationMap:
    """Orientations on a square or hexagonal grid of scan points; x right, y down, micrometres.

    Parameters
    ----------
    quaternions
        (rows, cols, 4) float64, passive Bunge (w, x, y, z), w >= 0, in ``sample_frame`` and ``crystal_frame``.
        The identity where a point is not indexed or absent.
    phase_id
        (rows, cols) int16: -1 no scan point here, 0 not indexed, 1 and up the ``id`` of a phase.
    x, y
        (rows, cols) um from the point [0, 0]; on a hexagonal grid every second row is shifted by half a step, also
        where it is turned by 90 degrees (`grainlight.maps.raster.is_turned`).
    phases
        The phases that the file names.
    step
        (dx, dy) um between points of a row and between rows.
    grid
        "square" (rows straight above one another) or "hexagonal".
    sample_frame, crystal_frame
        What the quaternions refer to.
    origin
        (x, y) um of the point [0, 0] in the file's own coordinates.
    fields
        (rows, cols) arrays by their vendor's names in lower case: ci, iq, mad, bc, fit, bands, ...
    source
        Format and dialect, such as "ang (EDAX)".
    path
        The file, where there is one.
    notes
        Suspected problems, one sentence each.
    sample, scan
        Name of the specimen, and of the acquisition in a file that may hold several; empty where the file has none.
    """

    quaternions: NDArray[np.float64]
    phase_id: NDArray[np.int16]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    phases: tuple[Phase, ...]
    step: tuple[float, float]
    grid: Literal["square", "hexagonal"] = "square"
    sample_frame: SampleFrame = SampleFrame.S
    crystal_frame: CrystalFrame = CrystalFrame.X_ALONG_A
    origin: tuple[float, float] = (0.0, 0.0)
    fields: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    source: str = ""
    path: Path | None = None
    notes: tuple[str, ...] = ()
    sample: str = ""
    scan: str = ""

    def __post_init__(self) -> None:
        rows, cols = self.phase_id.shape
        if self.quaternions.shape != (rows, cols, 4):
            raise ValueError(f"quaternions of shape {self.quaternions.shape} for phase_id of shape {(rows, cols)}")
        for name, array in {"x": self.x, "y": self.y, **self.fields}.items():
            if array.shape != (rows, cols):
                raise ValueError(f"{name} of shape {array.shape} for a map of shape {(rows, cols)}")
        object.__setattr__(self, "fields", MappingProxyType({harmless(k): v for k, v in self.fields.items()}))
        object.__setattr__(self, "notes", tuple(map(harmless, self.notes)))
        for name in ("source", "sample"):
            object.__setattr__(self, name, harmless(getattr(self, name)))

    @classmethod
    def from_quaternions(
        cls,
        quaternions: NDArray[np.float64],
        step: tuple[float, float],
        phases: tuple[Phase, ...],
        *,
        phase_id: NDArray[np.int16] | None = None,
        sample_frame: SampleFrame = SampleFrame.S,
        crystal_frame: CrystalFrame = CrystalFrame.X_ALONG_A,
        fields: Mapping[str, NDArray[Any]] | None = None,
        source: str = "",
    ) -> OrientationMap:
        """Make a map on a square grid from orientations.

        Parameters
        ----------
        quaternions
            (rows, cols, 4) passive Bunge (w, x, y, z), in the frames named.
        step
            (dx, dy) um.
        phases
            Those of the map; of the first are all points where ``phase_id`` is not given.
        phase_id
            (rows, cols): 0 not indexed, else the ``id`` of a phase.
        sample_frame, crystal_frame
            What the quaternions refer to.
        fields
            (rows, cols) arrays by name.
        source
            Where it is from, in words.

        Returns
        -------
        The map, its first point at (0, 0).
        """
        rows, cols = quaternions.shape[:2]
        if phase_id is None:
            phase_id = np.full((rows, cols), phases[0].id, dtype=np.int16)
        # Views that repeat one row and one column: a large map need not hold them.
        y, x = np.meshgrid(np.arange(rows) * step[1], np.arange(cols) * step[0], indexing="ij", copy=False)
        return cls(
            quaternions=np.asarray(quaternions, dtype=np.float64),
            phase_id=phase_id,
            x=x,
            y=y,
            phases=phases,
            step=step,
            sample_frame=sample_frame,
            crystal_frame=crystal_frame,
            fields=fields or {},
            source=source,
        )

    # mapping proxies cannot be pickled, which workers and caches need
    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)} | {"fields": dict(self.fields)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, MappingProxyType(value) if name == "fields" else value)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        rows, cols = self.phase_id.shape
        return rows, cols

    @property
    def indexed(self) -> NDArray[np.bool_]:
        """(rows, cols) whether a point has an orientation."""
        return self.phase_id > 0

    @property
    def present(self) -> NDArray[np.bool_]:
        """(rows, cols) whether the file has a scan point here, indexed or not."""
        return self.phase_id >= 0

    @property
    def is_6mmm(self) -> NDArray[np.bool_]:
        """(rows, cols) whether a point is indexed as a phase of Laue group 6/mmm."""
        return self.of_phases([phase for phase in self.phases if phase.is_6mmm])

    @property
    def hexagonal(self) -> NDArray[np.bool_]:
        """The former name of `is_6mmm`; the grid of the points is `grid`."""
        return self.is_6mmm

    def of_phases(self, phases: list[Phase]) -> NDArray[np.bool_]:
        """Say which points are indexed as one of some phases.

        Parameters
        ----------
        phases
            Phases of the map.

        Returns
        -------
        (rows, cols) bool.
        """
        return np.isin(self.phase_id, [phase.id for phase in phases])

    def replace(self, **changes: Any) -> OrientationMap:
        """Return a copy with some of its parts replaced, as `dataclasses.replace` does.

        Parameters
        ----------
        **changes
            Parts by their names.

        Returns
        -------
        The copy; arrays that were not replaced are shared.
        """
        return dataclasses.replace(self, **changes)

    def in_frame(self, frame: SampleFrame) -> OrientationMap:
        """Refer the orientations to another sample frame.

        Parameters
        ----------
        frame
            Where X, Y and Z of the sample point on the map.

        Returns
        -------
        The same map in that frame; itself where it is in it.
        """
        if frame is self.sample_frame:
            return self
        source = self.sample_frame
        turned = self._turned(lambda q: frame.from_frame_s(source.to_frame_s(q)), lambda phase_id: phase_id > 0)
        return self.replace(quaternions=turned, sample_frame=frame)

    def in_crystal_frame(self, frame: CrystalFrame) -> OrientationMap:
        """Refer the orientations to another crystal frame.

        Parameters
        ----------
        frame
            X along a or a*, of trigonal and hexagonal phases; others stay as they were.

        Returns
        -------
        The same map in that frame; itself where it is in it.
        """
        if frame is self.crystal_frame:
            return self
        source, ids = self.crystal_frame, [phase.id for phase in self.phases if phase.has_hexagonal_axes]
        turned = self._turned(lambda q: change_crystal_frame(q, source, frame), lambda phase_id: np.isin(phase_id, ids))
        return self.replace(quaternions=turned, crystal_frame=frame)

    def _turned(self, turn: Callable[[Array], Array], concerned: Callable[[PhaseId], Mask]) -> Array:
        """Return the orientations with some phases' turned: a few rows at once, since the steps between take room."""
        found = np.empty(self.quaternions.shape)
        for rows in strips(self.shape):
            q = self.quaternions[rows]
            found[rows] = np.where(concerned(self.phase_id[rows])[..., None], turn(q), q)
        return found

    def c_axes(self) -> NDArray[np.float64]:
        """Return the c-axes of the points.

        Returns
        -------
        (rows, cols, 3) unit vectors in frame S (x right, y up, z out of the surface); (0, 0, 1) where not indexed.
        """
        found = np.empty((*self.shape, 3))
        for rows in strips(self.shape):
            axes = c_axis(self.sample_frame.to_frame_s(self.quaternions[rows]))
            found[rows] = np.where((self.phase_id[rows] > 0)[..., None], axes, np.array([0.0, 0.0, 1.0]))
        return found

    def every(self, n: int) -> OrientationMap:
        """Return the map of every n-th point along both axes, beginning with [0, 0].

        Parameters
        ----------
        n
            From 1.

        Returns
        -------
        The coarser map, its step n times as large.
        """
        if n < 1:
            raise ValueError(f"every {n}-th point: n starts at 1")
        return self._picked(slice(None, None, n), slice(None, None, n)).replace(
            step=(self.step[0] * n, self.step[1] * n),
            # rows of the same parity stand straight above one another
            grid="square" if n % 2 == 0 else self.grid,
        )

    def cropped(self, rows: int, columns: int) -> OrientationMap:
        """Return the upper left part of the map.

        Parameters
        ----------
        rows, columns
            So many at most.

        Returns
        -------
        The part, without a copy.
        """
        return self._picked(slice(rows), slice(columns))

    def rows(self, rows: slice) -> OrientationMap:
        """Return some rows of the map.

        Parameters
        ----------
        rows
            A slice.

        Returns
        -------
        The part, without a copy; positions are still those from the point [0, 0] of the whole.
        """
        return self._picked(rows, slice(None))

    def part(self, rows: slice, columns: slice) -> OrientationMap:
        """Return some rows and columns of the map.

        Parameters
        ----------
        rows, columns
            Slices.

        Returns
        -------
        The part, without a copy; positions are still those from the point [0, 0] of the whole.
        """
        return self._picked(rows, columns)

    def _picked(self, rows: slice, columns: slice) -> OrientationMap:
        return self.replace(
            quaternions=self.quaternions[rows, columns],
            phase_id=self.phase_id[rows, columns],
            x=self.x[rows, columns],
            y=self.y[rows, columns],
            fields={name: array[rows, columns] for name, array in self.fields.items()},
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: `grainlight.card`."""
        import grainlight

        return str(grainlight.card(self))

    def to_orix(self) -> CrystalMap:
        """Return the map as an orix `CrystalMap`.

        Returns
        -------
        Points row by row in this sample frame, X along a (as orix assumes), phase -1 for points that are not indexed.
        Cells without a scan point are in the map and masked out.
        """
        from diffpy.structure import Lattice, Structure
        from orix.crystal_map import CrystalMap, PhaseList
        from orix.crystal_map import Phase as OrixPhase
        from orix.quaternion import Rotation

        source = self.in_crystal_frame(CrystalFrame.X_ALONG_A)
        phases = PhaseList(
            [
                OrixPhase(
                    name=phase.name or f"phase {phase.id}",
                    point_group=phase.laue_group or None,
                    structure=Structure(lattice=Lattice(*phase.lattice) if min(phase.lattice) > 0 else Lattice()),
                )
                for phase in source.phases
            ],
            ids=[phase.id for phase in source.phases],
        )
        indexed = source.indexed.ravel()
        return CrystalMap(
            rotations=Rotation(source.quaternions.reshape(-1, 4)),
            phase_id=np.where(indexed, source.phase_id.ravel(), -1),
            x=source.x.ravel(),
            y=source.y.ravel(),
            phase_list=phases,
            prop={name: array.ravel() for name, array in source.fields.items()},
            scan_unit="um",
            is_in_data=source.present.ravel(),
        )
