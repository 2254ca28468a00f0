"""Read polarized-light images: TIFF stacks and single TIFF, PNG, JPEG or BMP files of any bit depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError, in_words, what_it_is
from grainlight.maps.images.camera_counts import full_scale, saturation, unused_bits
from grainlight.maps.images.order import arrange, find_images
from grainlight.maps.images.step import agreed_step
from grainlight.maps.io.tiff.pages import ImageFile, read_tiff
from grainlight.maps.light_stack import (
    LEAST_ANGLES,
    UNKNOWN,
    LightStack,
    counts,
    distinct_angles,
    in_radians,
    parse_angles,
)
from grainlight.scratch import empty, release

_LUMINANCE = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
_TIFF = (".tif", ".tiff")


def load_light(
    paths: str | Path | Sequence[str | Path],
    angles: str | Path | Sequence[float] | NDArray[np.floating] | None,
    step: float | None = None,
    origin: tuple[float, float] = (0.0, 0.0),
    rotates: Literal["sample", "optics"] = "sample",
    mirror: bool = False,
) -> LightStack:
    """Read the images of one field.

    Parameters
    ----------
    paths
        One TIFF stack (N, H, W), or files in the order of the angles, or a folder of them. Names in the alphabetical
        order that a shell gives them are taken in that of their numbers, see `image_order.arrange`. Colour becomes
        luminance, unless there are too few angles for harmonics: then each of the three colours is an image, since
        each is a measurement of its own.
    angles
        Degrees, one per image; what `parse_angles` takes. "unknown" for images of unknown settings. None to take the
        angles in the names of the files.
    step
        um per pixel. None to take it from the resolution that TIFF files state; where both are known they are compared.
    origin
        (x, y) um of the first pixel from the first EBSD point; x right, y down.
    rotates
        "sample" (counter-clockwise, images turned back) or "optics".
    mirror
        Whether the optical path mirrors.

    Returns
    -------
    The stack in the order of its angles, with what was noticed in ``notes``.

    Raises
    ------
    InputError
        For files that cannot be read, images of several sizes, another number of angles than images, names that
        contradict the angles, NaN, a step that is no length, or one that nobody states.
    """
    files = find_images([paths] if isinstance(paths, (str, Path)) else paths)
    if not files:
        raise InputError("no light image is given", expected="a TIFF stack or several image files")
    unknown = angles is not None and _unknown(angles)
    numbers = np.empty(0) if angles is None or unknown else parse_angles(angles)
    told: tuple[str, ...] = ()
    if not unknown:
        arranged = arrange(files, None if angles is None else numbers)
        files, told = arranged.files, arranged.notes
        numbers = numbers if arranged.angles is None else arranged.angles
    if in_radians(numbers):
        told = (
            *told,
            f"The {numbers.size} angles span {np.ptp(numbers):.3g} degrees; are they radians? Degrees are meant.",
        )
    colours = unknown or distinct_angles(numbers) < LEAST_ANGLES
    shots: list[list[NDArray[Any]]] = []
    scales = []
    unused, white = 16, False
    for file in files:
        image = read_image(file)
        told = (*told, *image.notes)
        scales.append(image.scale)
        unused = min(unused, unused_bits(image.data))
        white = white or image.zero_is_white
        for shot in _shots(image.data, file, colours):
            if shots and shot[0].shape != shots[0][0].shape:
                raise InputError(
                    "the light images differ in size",
                    file=file,
                    found=f"{shot[0].shape[0]} x {shot[0].shape[1]} pixels",
                    expected=f"{shots[0][0].shape[0]} x {shots[0][0].shape[1]}, as in {files[0].name}",
                )
            shots.append(shot)
    if unknown:
        numbers = np.full(len(shots), np.nan)
    if len(shots) != numbers.size:
        # said before the images are copied
        raise InputError(
            "there are not as many angles as images",
            file=files[0],
            found=f"{len(shots)} images, {numbers.size} angles",
            expected="one angle for each image",
            advice="check --angles; start:stop:step leaves the stop out",
        )
    numbers = np.repeat(numbers, [len(shot) for shot in shots])
    planes = [plane for shot in shots for plane in shot]
    brightest = max(float(plane.max()) for plane in planes)
    if white:
        # one full scale for all, since that of a dark image would be another
        top = full_scale(brightest, unused) if counts(planes[0].dtype) else brightest
        planes = [np.asarray(top - plane, dtype=plane.dtype) for plane in planes]
        brightest = max(float(plane.max()) for plane in planes)
    pixel, said = agreed_step(step, scales, files)
    told = (*told, *said)
    images = _stacked(planes)
    highest = saturation(brightest, planes[0].dtype, unused)
    return LightStack(
        images,
        numbers,
        pixel,
        (float(origin[0]), float(origin[1])),
        rotates,
        mirror,
        highest,
        files,
        notes=told,
    )


def _stacked(planes: list[NDArray[Any]]) -> NDArray[Any]:
    """Return images (N, H, W): counts of 8 and 16 bits as they are; large ones in a temporary file."""
    types = {plane.dtype for plane in planes}
    dtype = planes[0].dtype.newbyteorder("=") if len(types) == 1 and counts(planes[0].dtype) else np.float32
    stack = empty((len(planes), *planes[0].shape), dtype)
    for i, plane in enumerate(planes):
        stack[i] = plane
        release(stack)
    return stack


def _unknown(angles: str | Path | Sequence[float] | NDArray[np.floating]) -> bool:
    """Whether nobody knows the angles: the word for it, or numbers that are none, as a record holds them."""
    if isinstance(angles, (str, Path)):
        return str(angles).strip().lower() == UNKNOWN
    return len(angles) > 0 and all(angle is None or angle != angle for angle in angles)


def read_image(file: Path) -> ImageFile:
    """Return what a file holds: (H, W) or (N, H, W), with a last axis of 3 or 4 for colour.

    Raises
    ------
    InputError
        Where it cannot be read.
    """
    if not file.is_file():
        raise InputError(
            "the light image does not exist" if not file.exists() else "the light image is a folder",
            file=file,
            expected="a TIFF, PNG, JPEG or BMP file",
        )
    try:
        # an open stream, since the readers leave files open when they fail
        with file.open("rb") as stream:
            if file.suffix.lower() in _TIFF:
                found = read_tiff(stream, file)
            else:
                import imageio.v3

                found = ImageFile(np.asarray(imageio.v3.imread(stream, plugin="pillow")))
    except InputError:
        raise
    except Exception as error:  # the readers raise whatever their format's parser ran into
        raise InputError(
            "the light image cannot be read",
            file=file,
            found=_why(file, error),
            expected="a TIFF, PNG, JPEG or BMP file",
        ) from error
    # grey with alpha
    alpha = found.data.ndim > 2 and found.data.shape[-1] == 2 and found.data.shape[-2] > 4
    return replace(found, data=found.data[..., 0]) if alpha else found


def _why(file: Path, error: Exception) -> str:
    """Return why an image cannot be read, in words for who has the file."""
    with file.open("rb") as stream:
        kind = what_it_is(stream.read(64))
    return in_words(error, f"{kind}, without an image that can be read" if "picture" in kind else kind)


def _shots(data: NDArray[Any], file: Path, colours: bool) -> list[list[NDArray[Any]]]:
    """Return the images (H, W) of each shot: one grey image, or three of different colours where asked for."""
    if data.dtype.kind not in "buif" or data.size == 0:
        raise InputError("the light image has no grey values", file=file, found=f"{data.dtype} of shape {data.shape}")
    colour = data.ndim >= 3 and data.shape[-1] in (3, 4) and data.shape[-2] > 4
    grey_axes = data.ndim - (1 if colour else 0)
    if grey_axes not in (2, 3):
        raise InputError(
            "the light image has too many axes",
            file=file,
            found=f"shape {data.shape}",
            expected="(rows, columns) or (angles, rows, columns), with or without colour",
        )
    stack = data if grey_axes == 3 else data[None]
    if not colour:
        return [[plane] for plane in stack]
    if colours:
        return [_distinct(shot) for shot in stack]
    weights = np.array(_LUMINANCE, dtype=np.float32)
    return [[_keep_range(plane[..., :3].astype(np.float32) @ weights, data.dtype)] for plane in stack]


def _distinct(shot: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the colours (H, W) of an image that are not copies of one another or without any contrast."""
    found: list[NDArray[Any]] = []
    for k in range(3):
        plane = shot[..., k]
        if plane.max() > plane.min() and not any(np.array_equal(plane, other) for other in found):
            found.append(plane)
    return found or [shot[..., 0]]


def _keep_range(grey: NDArray[np.float32], dtype: np.dtype) -> NDArray[np.float32]:
    # the weights sum to 1 only to rounding: white stays the camera's white
    return (np.rint(grey * 256) / 256).astype(np.float32) if dtype.kind in "ui" and dtype.itemsize <= 2 else grey
