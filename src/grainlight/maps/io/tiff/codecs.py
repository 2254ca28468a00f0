"""LZW and PackBits undone, page by page, so that tifffile reads what it has no codec of its own for."""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO

_LZW, _PACKBITS = 5, 32773
_LZMA, _DEFLATES = 34925, (8, 32946, 50013)
_PREDICTOR, _FLOATING = 317, 3
_BUILT_IN = (1, _LZMA, *_DEFLATES)
_WIDEST = 30_000  # bytes in a row of what Pillow is asked to decode


def expanded(stream: BinaryIO) -> BinaryIO | None:
    """Return a copy of a TIFF file whose LZW and PackBits pages are not compressed; None where others are.

    The counts stay as they are, 16 bits of a colour image too, which Pillow by itself would cut to 8.
    """
    import tifffile

    stream.seek(0)
    copy = io.BytesIO(stream.read())
    with tifffile.TiffFile(copy, mode="r+") as tiff:
        pages = _all_pages(tiff)
        if any(page.compression not in (*_BUILT_IN, _LZW, _PACKBITS) for page in pages):
            return None
        packed = [page for page in pages if page.compression in (_LZW, _PACKBITS)]
        if any(page.predictor == _FLOATING for page in packed):
            return None  # tifffile leaves this predictor to another library too
        # the pages one after the other, since a series that lies in one piece is read as such
        for page, (offsets, sizes) in zip(packed, [_appended(page, copy) for page in packed], strict=True):
            _point(page, offsets, sizes)
    copy.seek(0)
    return copy


def _all_pages(tiff: Any) -> list[Any]:
    """Return the pages of a file and the smaller copies that hang on them."""
    pages = []
    for page in tiff.pages:
        page = page.aspage()
        pages.append(page)
        if page.subifds:
            pages += [below.aspage() for below in page.pages]
    return pages


def _appended(page: Any, copy: io.BytesIO) -> tuple[list[int], list[int]]:
    """Append the bytes of a page as they were before they were compressed; return where its strips or tiles begin, and
    their sizes."""
    high, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    row = (wide * samples * page.bitspersample + 7) // 8
    strips = -(-page.imagelength // high)
    offsets, sizes = [], []
    for number, (start, size) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        rows = high if page.is_tiled else min(high, page.imagelength - (number % strips) * high)
        copy.seek(start)
        plain = _decoded(copy.read(size), rows * row, page.compression) if size else b""
        offsets.append(copy.seek(0, io.SEEK_END))
        sizes.append(len(plain))
        copy.write(plain)
    return offsets, sizes


def _point(page: Any, offsets: list[int], sizes: list[int]) -> None:
    """Let the tags of a page say where its bytes are and that they are not compressed."""
    tags = page.tags
    for values, names in ((offsets, ("TileOffsets", "StripOffsets")), (sizes, ("TileByteCounts", "StripByteCounts"))):
        tag = next(tags[name] for name in names if name in tags)
        tag.overwrite(values, dtype="Q" if page.parent.is_bigtiff else "I")
    tags["Compression"].overwrite(1)


def _decoded(packed: bytes, size: int, compression: int) -> bytes:
    """Return ``size`` bytes that were compressed as a strip, decoded by Pillow as a grey image of 8 bits."""
    from PIL import Image

    # any width does whose rows make the strip whole
    width = next(w for w in range(min(size, _WIDEST), 0, -1) if size % w == 0)
    entries = (
        (256, 4, width),
        (257, 4, size // width),
        (258, 3, 8),
        (259, 3, compression),
        (262, 3, 1),
        (273, 4, 8 + 2 + 9 * 12 + 4),
        (277, 3, 1),
        (278, 4, size // width),
        (279, 4, len(packed)),
    )
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(entries))
    head += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries) + bytes(4)
    with Image.open(io.BytesIO(head + packed), formats=["TIFF"]) as image:
        return image.tobytes()
