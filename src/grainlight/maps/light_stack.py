"""`LightStack`: polarized-light images of one field at several angles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError

LEAST_ANGLES = 5
"""Unknowns of the harmonics 0, 2 and 4."""
LEAST_EIGENVALUE = 1e-4
"""Of the normal matrix of `harmonic_design` per angle, from which angles determine them."""
UNKNOWN = "unknown"
"""Stands for the angles of images whose settings nobody wrote down."""


@dataclass(frozen=True, eq=False)
class LightStack:
    """Images at several angles of the sample or the polarizer, registered to one another.

    Parameters
    ----------
    images
        (N, H, W) counts of the camera; row grows downward. Of 8 and 16 bits as they are, else float32, where NaN is
        what an image did not record.
    angles
        (N,) degrees: of the sample, turned counter-clockwise, the images turned back; or of the optics. All NaN where
        the settings are unknown, `UNKNOWN`.
    step
        um per pixel.
    origin
        (x, y) um of the centre of the upper left pixel, with ``mirror`` after the images are flipped back, from the
        first EBSD point; x right, y down.
    rotates
        What turns: "sample" or "optics".
    mirror
        Whether the optical path mirrors the image left to right against the EBSD map.
    saturation
        Counts at and above which a pixel is saturated; None where unknown.
    paths
        The files.
    polars
        Azimuth of the polarizer at angle 0 and uncrossing of the analyzer in degrees, counter-clockwise on the map,
        where they are known: only then does light tell a frame from its quarter turn.
    bireflectance
        +1 if the metal reflects more along its c-axis than across it at this wavelength, -1 if less; None if unknown.
    notes
        What was noticed while the images were read, a sentence each.
    """

    images: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
    angles: NDArray[np.float64]
    step: float
    origin: tuple[float, float] = (0.0, 0.0)
    rotates: Literal["sample", "optics"] = "sample"
    mirror: bool = False
    saturation: float | None = None
    paths: tuple[Path, ...] = ()
    polars: tuple[float, float] | None = None
    bireflectance: Literal[-1, 1] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        file = self.paths[0] if self.paths else None
        images = np.asarray(self.images)
        # a large stack in single precision would be twice as large as on disk
        images = images.astype(images.dtype.newbyteorder("=") if counts(images.dtype) else np.float32, copy=False)
        angles = np.asarray(self.angles, dtype=np.float64)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "angles", angles)
        if images.ndim != 3 or 0 in images.shape:
            raise InputError(
                "the light images are no stack",
                file=file,
                found=f"shape {images.shape}",
                expected="(angles, rows, columns)",
            )
        if angles.shape != (images.shape[0],):
            raise InputError(
                "there are not as many angles as images",
                file=file,
                found=f"{images.shape[0]} images, {angles.size} angles",
                expected="one angle for each image",
                advice="check --angles; start:stop:step leaves the stop out",
            )
        unknown = np.isnan(angles)
        if unknown.any() and not unknown.all():
            raise InputError(
                "some of the angles are unknown",
                file=file,
                found=f"{int(unknown.sum())} of {angles.size} angles are no numbers",
                expected="every angle, or none",
                advice=f"--angles {UNKNOWN} for images of unknown settings",
            )
        for number, (image, angle) in enumerate(zip(images, angles, strict=True), 1):
            if counts(images.dtype):
                break
            # What is no number was not recorded; nothing is infinitely bright.
            wrong = np.isinf(image)
            if wrong.any() or (number == 1 and np.isnan(images).all()):
                row, col = np.argwhere(wrong)[0] if wrong.any() else (0, 0)
                raise InputError(
                    "a light image has pixels that are not finite",
                    file=file,
                    place=f"image {number if np.isnan(angle) else f'at {angle:g} degrees'}, row {row}, column {col}",
                    found=str(image[row, col]),
                    expected="finite counts, NaN where an image did not record",
                    advice="crop the images to the area seen at every angle, or leave the image out",
                )
        if not (np.isfinite(self.step) and self.step > 0):
            raise InputError(
                "the step of the light images is no length", found=f"{self.step} um", expected="above 0 um"
            )
        if not all(np.isfinite(self.origin)):
            raise InputError("the origin of the light images is no position", found=f"{self.origin} um")
        if self.rotates not in ("sample", "optics"):
            raise InputError("unknown moving part", found=repr(self.rotates), expected="sample or optics")
        if self.polars is not None and not (len(self.polars) == 2 and np.isfinite(self.polars).all()):
            raise InputError("the polars cannot be read", found=str(self.polars), expected="two angles in degrees")

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of one image."""
        return self.images.shape[1], self.images.shape[2]

    def _repr_html_(self) -> str:
        """What a notebook shows: `grainlight.card`."""
        import grainlight

        return str(grainlight.card(self))

    @property
    def determined(self) -> bool:
        """Whether the angles are known and determine the harmonics 0, 2 and 4."""
        if np.isnan(self.angles).any() or distinct_angles(self.angles) < LEAST_ANGLES:
            return False
        design = harmonic_design(self.angles)
        return bool(np.linalg.eigvalsh(design.T @ design)[0] > LEAST_EIGENVALUE * len(design))


def harmonic_design(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, 5) values of 1, cos 2t, sin 2t, cos 4t, sin 4t at N angles [degrees]."""
    t = np.radians(angles)
    return np.stack((np.ones_like(t), np.cos(2 * t), np.sin(2 * t), np.cos(4 * t), np.sin(4 * t)), 1)


def counts(dtype: np.dtype[Any]) -> bool:
    """Whether numbers of this type are whole counts of 8 or 16 bits, which a stack keeps as they are."""
    return dtype.kind == "u" and dtype.itemsize <= 2


def span(angles: NDArray[np.float64]) -> float:
    """Return how many degrees angles (N,) cover, modulo 180."""
    folded = np.sort(np.mod(angles, 180.0))
    gaps = np.diff(np.append(folded, folded[0] + 180.0))
    return 180.0 - float(gaps.max()) if folded.size > 1 else 0.0


def in_radians(angles: NDArray[np.float64]) -> bool:
    """Whether angles that should be degrees look like radians: many, and a turn at most in all."""
    return bool(
        angles.size >= LEAST_ANGLES
        and distinct_angles(angles) >= LEAST_ANGLES
        and 1.5 < np.ptp(angles) < 6.3
        and np.abs(angles).max() < 7
    )


def distinct_angles(angles: NDArray[np.float64]) -> int:
    """Return how many angles (N,), degrees, differ by more than 0.001 degrees modulo 180."""
    folded = np.sort(np.mod(angles, 180.0))
    if folded.size < 2:
        return int(folded.size)
    gaps = np.diff(np.append(folded, folded[0] + 180.0))
    return max(1, int(np.count_nonzero(gaps > 1e-3)))


def parse_angles(angles: str | Path | Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Return angles in degrees, (N,).

    Parameters
    ----------
    angles
        ``"start:stop:step"`` (stop excluded), ``"0,10,20"``, a CSV or text file with one angle per image (in its
        first column, a header line allowed), or numbers.

    Raises
    ------
    InputError
        Where this is none of them.
    """
    if isinstance(angles, (str, Path)):
        text = str(angles).strip()
        path = Path(text)
        try:
            # a path with a colon in it is no range either, and then read as a path
            values = _range(text) if ":" in text else [float(part) for part in _cells(text)]
        except ValueError:
            values = _from_file(path)
    else:
        try:
            values = [float(value) for value in angles]
        except (TypeError, ValueError):
            raise _bad_angles(repr(angles)[:80]) from None
    result = np.array(values, dtype=np.float64)
    if result.size == 0 or not np.isfinite(result).all() or np.abs(result).max() > 1e6:
        raise _bad_angles(str(angles)[:80])
    return result


def _cells(text: str) -> list[str]:
    """Return the cells of a line; beside semicolons or tabs a comma is that of a decimal number."""
    for separator in (";", "\t"):
        if separator in text:
            return [cell.strip().replace(",", ".") for cell in text.split(separator) if cell.strip()]
    return [cell.strip() for cell in text.split(",")]


def _range(text: str) -> list[float]:
    start, stop, step = (float(part.replace(",", ".")) for part in text.split(":"))
    count = (stop - start) / step if step else 0.0
    if not 0.0 < count <= 100_000:
        raise _bad_angles(text)
    # a stop that is a whole number of steps away is excluded in spite of rounding
    return [start + i * step for i in range(int(np.ceil(count - 1e-9)))]


def _from_file(path: Path) -> list[float]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        raise _bad_angles(str(path)[:80]) from None
    values: list[float] = []
    for count, line in enumerate(lines, 1):
        cell = next(iter(_cells(line)), "")
        if not cell or cell.startswith("#"):
            continue
        try:
            values.append(float(cell))
        except ValueError:
            if values:
                raise InputError(
                    "an angle is not a number", file=path, place=f"line {count}", found=repr(cell[:40])
                ) from None
    return values


def _bad_angles(found: str) -> InputError:
    return InputError(
        "the angles cannot be read",
        found=found,
        expected="start:stop:step in degrees (stop excluded), a list 0,10,20, or a CSV file with one angle per image; "
        f"{UNKNOWN} for images of unknown settings",
    )
