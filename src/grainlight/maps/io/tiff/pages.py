"""Read the images of a TIFF file: stacks, pages one by one, thumbnails beside them, every usual compression."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io.tiff.codecs import expanded
from grainlight.maps.io.tiff.scale import UNSCALED, Scale, scale_of

_REDUCED = 1  # of the tag NewSubfileType
_SUBFILE, _PHOTOMETRIC = 254, 262
_ZERO_IS_WHITE = 0


@dataclass(frozen=True, eq=False)
class ImageFile:
    """Images (H, W) or (N, H, W), with a last axis for colours; what to say of them; whether their zero is white; the
    size of a pixel as the file states it."""

    data: NDArray[Any]
    notes: tuple[str, ...] = ()
    zero_is_white: bool = False
    scale: Scale = UNSCALED


@dataclass(frozen=True, eq=False)
class _Part:
    """One or more images (H, W), (N, H, W), with a last axis of colours; whether they are a smaller copy, and whether
    zero is white."""

    data: NDArray[Any]
    reduced: bool
    white: bool

    @property
    def size(self) -> tuple[int, ...]:
        """Rows, columns and colours."""
        coloured = self.data.ndim > 2 and self.data.shape[-1] <= 4 < self.data.shape[-2]
        return self.data.shape[-3 if coloured else -2 :]

    @property
    def stack(self) -> NDArray[Any]:
        """The images with an axis of their number."""
        return self.data.reshape(-1, *self.size)


def read_tiff(stream: BinaryIO, file: Path) -> ImageFile:
    """Return the images of a file; pages that were appended one by one make a stack, thumbnails are left out.

    Raises
    ------
    InputError
        For images of several sizes of which none is the main one.
    Exception
        Whatever the parsers run into.
    """
    try:
        parts, scale = _parts(stream)
    except ValueError as error:
        # without a codec of its own for LZW, JPEG and others
        if "imagecodecs" not in str(error):
            raise
        plain = expanded(stream)
        parts, scale = _pillow_parts(stream, file) if plain is None else _parts(plain)
    full = [part for part in parts if not part.reduced] or parts
    if len(full) == 1:
        return ImageFile(full[0].data, zero_is_white=full[0].white, scale=scale)
    number = Counter(part.size for part in full for _ in part.stack)
    main = max(number, key=lambda size: (number[size], size[0] * size[1]))
    others = {size: count for size, count in number.items() if size != main}
    if any(
        number[main] == count or count > 1 for size, count in others.items() if size[0] * size[1] >= main[0] * main[1]
    ):
        raise InputError(
            "the file holds images of several sizes",
            file=file,
            found=", ".join(f"{count} of {size[0]} x {size[1]}" for size, count in number.items()),
            expected="images of one size",
            advice="save the images of the angles as a file of their own",
        )
    used = [part for part in full if part.size == main]
    stack = np.concatenate([part.stack for part in used])
    left = ", ".join(f"{count} of {size[0]} x {size[1]} pixels" for size, count in others.items())
    told = f"{file.name}: {len(stack)} images of {main[0]} x {main[1]} pixels are used, {left} left out."
    return ImageFile(stack if len(stack) > 1 else stack[0], (told,) if others else (), used[0].white, scale)


def _parts(stream: BinaryIO) -> tuple[list[_Part], Scale]:
    """Return the series of a file, and its scale."""
    import tifffile

    parts = []
    with tifffile.TiffFile(stream) as tiff:
        if not len(tiff.pages):
            raise ValueError("no pages")
        scale = scale_of(tiff)
        for series in tiff.series:
            data = np.asarray(series.asarray())
            key = series.keyframe
            if series.axes[-3:] == "SYX" and key.photometric in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR):
                data = np.moveaxis(data, -3, -1)
            elif key.photometric == tifffile.PHOTOMETRIC.PALETTE:
                data = _through_palette(data, np.asarray(key.colormap))
            elif series.axes.endswith("SYX") and key.extrasamples and data.shape[-3] == 2:
                data = data[..., 0, :, :]
            parts.append(_Part(data, bool(key.is_reduced), key.photometric == _ZERO_IS_WHITE))
    return parts, scale


def _through_palette(data: NDArray[Any], palette: NDArray[Any]) -> NDArray[Any]:
    """Return the colours (..., 3) of indices into a palette (3, K); the indices themselves where they are counts shown
    in false colours, from dark to bright."""
    brightness = palette.astype(float).sum(0)
    if (np.diff(brightness) >= 0).all() or (np.diff(brightness) <= 0).all():
        return data
    return (palette.T >> 8).astype(np.uint8)[data]


def _pillow_parts(stream: BinaryIO, file: Path) -> tuple[list[_Part], Scale]:
    """Return the pages of a file as Pillow decodes them, and its scale.

    Raises
    ------
    InputError
        For colours of more than 8 bits, which Pillow would cut.
    """
    import tifffile
    from PIL import Image, ImageSequence

    stream.seek(0)
    with tifffile.TiffFile(stream) as tiff:
        scale = scale_of(tiff)
        first = tiff.pages.first
        if first.bitspersample > 8 and first.samplesperpixel > 1:
            raise InputError(
                "the compression of the light image cannot be undone",
                file=file,
                found=f"{tifffile.COMPRESSION(first.compression).name}, "
                f"{first.samplesperpixel} colours of {first.bitspersample} bits",
                expected="no compression, LZW, deflate or PackBits",
                advice="save it without compression",
            )
    stream.seek(0)
    parts = []
    with Image.open(stream, formats=["TIFF"]) as image:
        for page in ImageSequence.Iterator(image):
            tags = getattr(page, "tag_v2", {})
            data = np.array(page.convert("RGB") if page.mode in ("P", "CMYK", "YCbCr", "LAB") else page)
            # Pillow turns pages of 8 bits itself
            white = tags.get(_PHOTOMETRIC) == _ZERO_IS_WHITE and data.dtype.itemsize > 1
            parts.append(_Part(data, bool(tags.get(_SUBFILE, 0) & _REDUCED), white))
    shape = parts[0].data.shape
    if len(parts) > 1 and all(one.data.shape == shape and not one.reduced for one in parts):
        return [_Part(np.stack([one.data for one in parts]), False, parts[0].white)], scale
    return parts, scale
