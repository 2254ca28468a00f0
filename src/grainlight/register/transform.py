"""`Transform`: where every place of an EBSD map lies on the images; affine, drift on the slow axis, smooth bend."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from grainlight.errors import InputError, in_words
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.light_stack import LightStack

Array = NDArray[np.float64]
_KIND = "grainlight transform"
_NO_DRIFT = np.zeros((0, 2))
_NO_BEND = np.zeros((0, 0, 2))


@dataclass(frozen=True, eq=False)
class Transform:
    """A map from EBSD positions (x right, y down, um from the first point) to image pixels as recorded.

    Parameters
    ----------
    matrix, offset
        (2, 2) pixels per um and (2,) pixels: (column, row) = matrix @ (x, y) + offset.
    extent
        (x0, y0, x1, y1) um of the map: what drift and bend span; beyond it they stay as at the edge.
    drift
        (K, 2) pixels: coefficients of a uniform cubic B-spline along y, added to (column, row); none if K is 0.
    bend
        (J, I, 2) pixels: coefficients of a tensor B-spline over y and x; none if empty.
    """

    matrix: Array
    offset: Array
    extent: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    drift: Array = field(default_factory=lambda: _NO_DRIFT)
    bend: Array = field(default_factory=lambda: _NO_BEND)

    def __call__(self, points: Array) -> Array:
        """Return image positions (..., 2) as (column, row) of points (..., 2) as (x, y) in um."""
        points = np.asarray(points, dtype=np.float64)
        flat = points.reshape(-1, 2)
        found = flat @ self.matrix.T + self.offset
        if len(self.drift) or self.bend.size:
            u, v = self._unit(flat)
            if len(self.drift):
                found = found + spline_basis(v, len(self.drift)) @ self.drift
            if self.bend.size:
                high, wide = self.bend.shape[:2]
                along_y, along_x = spline_basis(v, high), spline_basis(u, wide)
                rows = (along_y @ self.bend.reshape(high, -1)).reshape(-1, wide, 2)
                found = found + (along_x[:, :, None] * rows).sum(1)
        return found.reshape(points.shape)

    def _unit(self, points: Array) -> tuple[Array, Array]:
        x0, y0, x1, y1 = self.extent
        return tuple(  # type: ignore[return-value]
            np.clip((points[:, k] - low) / max(high - low, 1e-12), 0.0, 1.0)
            for k, low, high in ((0, x0, x1), (1, y0, y1))
        )

    @property
    def mirrored(self) -> bool:
        """Whether the images run the other way round."""
        return bool(np.linalg.det(self.matrix) < 0)

    @property
    def turn(self) -> float:
        """Degrees, counter-clockwise as seen, by which the images are turned against the map.

        With a mirror the columns of the images are flipped back first.
        """
        flip = np.diag([-1.0, 1.0]) if self.mirrored else np.eye(2)
        left, _, right = np.linalg.svd(flip @ self.matrix)
        turn = left @ right
        return math.degrees(math.atan2(-turn[1, 0], turn[0, 0]))

    def determinants(self, rows: int = 65, columns: int = 65) -> Array:
        """Return the Jacobian determinant over that of the matrix (rows, columns) on a lattice over the extent.

        One where nothing is bent; zero or less would be a fold.
        """
        x0, y0, x1, y1 = self.extent
        y, x = np.meshgrid(np.linspace(y0, y1, rows), np.linspace(x0, x1, columns), indexing="ij")
        at = self(np.stack((x, y), -1))
        dy, dx = max(y1 - y0, 1e-12) / (rows - 1), max(x1 - x0, 1e-12) / (columns - 1)
        across, down = np.gradient(at, axis=1) / dx, np.gradient(at, axis=0) / dy
        jacobian = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
        return jacobian / np.linalg.det(self.matrix)

    @property
    def folds(self) -> bool:
        """Whether the map of the plane turns over anywhere."""
        return bool(self.determinants().min() <= 0.1)

    def rigid(self) -> Transform:
        """Return the nearest turn (and mirror) with one scale, without drift and bend, the centre kept."""
        left, size, right = np.linalg.svd(self.matrix)
        centre = np.array([(self.extent[0] + self.extent[2]) / 2, (self.extent[1] + self.extent[3]) / 2])
        matrix = left @ right * math.sqrt(float(size.prod()))
        return Transform(matrix, self(centre) - matrix @ centre, self.extent)

    def told_from(self, first: tuple[float, float]) -> Transform:
        """Return the same placement for positions from another point; ``first`` (x, y) um is this one's from it."""
        x, y = first
        x0, y0, x1, y1 = self.extent
        return replace(
            self, offset=self.offset - self.matrix @ np.array([x, y]), extent=(x0 + x, y0 + y, x1 + x, y1 + y)
        )

    def distance(self, other: Transform, lattice: int = 33) -> float:
        """Return the root-mean-square distance in pixels to another transform over the extent."""
        x0, y0, x1, y1 = self.extent
        y, x = np.meshgrid(np.linspace(y0, y1, lattice), np.linspace(x0, x1, lattice), indexing="ij")
        at = np.stack((x, y), -1)
        return float(np.sqrt(((self(at) - other(at)) ** 2).sum(-1).mean()))

    def replaced(self, **changes: Any) -> Transform:
        """Return a copy with some parts changed."""
        return replace(self, **changes)

    def as_record(self) -> dict[str, Any]:
        """Return plain values that `from_record` reads."""
        return {
            "kind": _KIND,
            "convention": "(column, row) of the recorded image = matrix (x, y) + offset + splines; x right, y down, "
            "um from the first EBSD point",
            "matrix": self.matrix.tolist(),
            "offset": self.offset.tolist(),
            "extent_um": list(self.extent),
            "drift": self.drift.tolist(),
            "bend": self.bend.tolist(),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any], file: Path | None = None) -> Transform:
        """Return the transform of a record.

        Raises
        ------
        InputError
            If it is no such record, turns the plane into a line, or folds.
        """
        try:
            if record["kind"] != _KIND:
                raise KeyError("kind")
            found = cls(
                np.array(record["matrix"], dtype=np.float64).reshape(2, 2),
                np.array(record["offset"], dtype=np.float64).reshape(2),
                tuple(float(v) for v in np.reshape(record["extent_um"], 4)),  # type: ignore[arg-type]
                np.array(record["drift"], dtype=np.float64).reshape(-1, 2),
                _lattice(record["bend"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "the file holds no transform",
                file=file,
                found=f"nothing under {error}" if isinstance(error, KeyError) else "values of another kind or number",
                expected='a JSON object with "kind": "grainlight transform", as `grainlight register` writes it',
            ) from error
        parts = (found.matrix, found.offset, np.array(found.extent), found.drift, found.bend)
        finite = all(np.isfinite(part).all() for part in parts)
        if not finite or abs(np.linalg.det(found.matrix)) < 1e-12 or len(found.drift) in (1, 2, 3) or found.folds:
            raise InputError("the transform folds or is not finite", file=file, advice="register again")
        return found

    def save(self, path: str | Path, about: dict[str, Any] | None = None) -> Path:
        """Write the transform as JSON, with what else there is to say ``about`` it."""
        path = Path(path)
        with atomic_path(path) as temporary:
            text = json.dumps({**self.as_record(), **(about or {})}, indent=1, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")
        return path


def load_transform(path: str | Path) -> Transform:
    """Read a transform that `Transform.save` wrote.

    Raises
    ------
    InputError
        If the file is missing, no JSON, or holds no usable transform.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("the transform cannot be read", file=path, found=in_words(error, "a damaged file")) from error
    except (ValueError, RecursionError) as error:
        raise InputError("the transform is no JSON", file=path, found=in_words(error, "another text")) from error
    if not isinstance(record, dict):
        raise InputError("the file holds no transform", file=path, found="JSON, but no object")
    return Transform.from_record(record, path)


def _lattice(values: Any) -> Array:
    lattice = np.array(values, dtype=np.float64)
    if lattice.size == 0:
        return _NO_BEND
    if lattice.ndim != 3 or lattice.shape[2] != 2 or min(lattice.shape[:2]) < 4:
        raise ValueError(f"bend of shape {lattice.shape}")
    return lattice


def stated(light: LightStack, extent: tuple[float, float, float, float]) -> Transform:
    """Return the placement that step, origin and mirror of a stack state."""
    matrix = np.diag([1.0, 1.0]) / light.step
    offset = -np.array(light.origin) / light.step
    if light.mirror:
        matrix[0] *= -1
        offset[0] = light.shape[1] - 1 - offset[0]
    return Transform(matrix, offset, extent)


def spline_basis(t: Array, count: int) -> Array:
    """Return the values (P, count) of uniform cubic B-splines over 0 to 1 at t (P,); they add up to one."""
    knots = np.arange(-3, count + 1) / (count - 3)
    return np.asarray(BSpline.design_matrix(np.clip(t, 0.0, 1.0), knots, 3).toarray())
