"""Images as text inside a page: PNG where it fits, coarser where it does not."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_QUALITIES = (90, 80, 65, 45)
_LEVELS = (256, 64, 32)
_LEAST_SIDE = 64


@dataclass(frozen=True)
class Embedded:
    """An image as a data URI; ``width`` and ``height`` in pixels, ``size`` in bytes before base64."""

    uri: str
    width: int
    height: int
    size: int


def embed(image: NDArray[np.uint8], budget: int) -> Embedded:
    """Embed an image.

    Parameters
    ----------
    image
        (H, W) grey, (H, W, 3) or, with transparency, (H, W, 4).
    budget
        Bytes that it does not exceed: what is larger as PNG becomes a PNG of 256 colours, then a JPEG without
        subsampled colours, then every second pixel is left out. Images with transparency, and those below 64 pixels,
        may stay larger.
    """
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    data = _png(picture)
    kind = "png"
    if len(data) > budget and image.ndim == 3 and image.shape[-1] == 3:
        data = min(data, _png(picture.quantize(256, dither=Image.Dither.NONE)), key=len)
    if len(data) > budget and image.shape[-1] != 4:
        for quality in _QUALITIES:
            smaller = _jpeg(picture, quality)
            if len(smaller) < len(data):
                data, kind = smaller, "jpeg"
            if len(data) <= budget:
                break
        if len(data) > budget and min(image.shape[:2]) >= _LEAST_SIDE:
            return embed(image[::2, ::2], budget)
    return _embedded(data, kind, image)


def embed_scaled(
    position: NDArray[np.floating], palette: NDArray[np.uint8], budget: int, gap: str = "#f4d3c4"
) -> Embedded:
    """Embed an image of numbers by a colour scale.

    Parameters
    ----------
    position
        (H, W) on the scale, 0 to 1; NaN where there is no number.
    palette
        (256, 3) colours of the scale.
    budget
        Bytes that it does not exceed: 64 and 32 steps of the scale come before a JPEG.
    gap
        Colour of NaN.
    """
    from PIL import Image

    known = np.isfinite(position)
    gap_colour = np.array([int(gap[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.uint8)
    for levels in _LEVELS:
        steps = min(levels, 255)
        index = np.where(known, np.round(np.nan_to_num(position) * (steps - 1)), 255).astype(np.uint8)
        colours = np.zeros((256, 3), dtype=np.uint8)
        colours[:steps] = palette[np.round(np.linspace(0, len(palette) - 1, steps)).astype(int)]
        colours[255] = gap_colour
        picture = Image.frombytes("P", (index.shape[1], index.shape[0]), index.tobytes())
        picture.putpalette(colours.tobytes())
        data = _png(picture)
        if len(data) <= budget:
            return _embedded(data, "png", index)
    return embed(colours[index], budget)


def _png(picture: Picture) -> bytes:
    stream = io.BytesIO()
    # the last few per cent of a large image cost seconds
    level = 9 if picture.width * picture.height < 300_000 else 6
    picture.save(stream, format="PNG", compress_level=level)
    return stream.getvalue()


def _jpeg(picture: Picture, quality: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def _embedded(data: bytes, kind: str, image: NDArray[np.uint8]) -> Embedded:
    uri = f"data:image/{kind};base64,{b64encode(data).decode('ascii')}"
    return Embedded(uri, image.shape[1], image.shape[0], len(data))
