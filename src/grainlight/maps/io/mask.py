"""Read a mask: an image of the scanned field that is black where there is no metal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io.readers.images import read_image

_COLOURS = (3, 4)


def read_mask(path: str | Path, sizes: Mapping[str, tuple[int, int]]) -> NDArray[np.bool_]:
    """Return where there is metal (H, W): every pixel that is not zero, in any colour.

    Parameters
    ----------
    path
        A TIFF, PNG or BMP file.
    sizes
        Rows and columns that it may have, by what they are the size of.

    Raises
    ------
    InputError
        Where it cannot be read, is lossy, has another size, or shows no metal.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("the mask does not exist", file=file, advice="check the path and the spelling")
    if file.suffix.lower() in (".jpg", ".jpeg"):
        raise InputError(
            "a JPEG cannot be a mask, since it does not keep zeros", file=file, expected="PNG, TIFF or BMP"
        )
    try:
        image = read_image(file)
    except InputError as error:
        raise InputError(
            "the mask cannot be read", file=file, found=error.found, expected="an image, PNG, TIFF or BMP"
        ) from error
    data = np.asarray(image.data)
    if data.ndim == 3 and data.shape[0] == 1:
        data = data[0]
    if data.ndim == 3 and data.shape[-1] in _COLOURS:
        # the fourth is how opaque a pixel is
        data = data[..., :3].max(axis=-1)
    if data.ndim != 2 or data.shape not in sizes.values():
        raise InputError(
            "the mask has another size than the map",
            file=file,
            found=f"{data.shape[0]} x {data.shape[1]} pixels" if data.ndim == 2 else f"an image of shape {data.shape}",
            expected=" or ".join(f"{rows} x {columns}, {name}" for name, (rows, columns) in sizes.items()),
            advice="a mask has a pixel for each point, rows first; --crop and --subsample are made after it",
        )
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise InputError("the mask has values that are not finite", file=file, expected="zero where there is no metal")
    metal: NDArray[np.bool_] = data != (data.max() if image.zero_is_white else 0)
    if not metal.any():
        raise InputError("the mask shows no metal", file=file, found="zero everywhere")
    return metal
