"""Text files of two or four bytes a character (UTF-16, UTF-32), which spreadsheets and Windows programs write."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grainlight.maps.io.shared.atomic import temporary_file

_PIECE = 4 << 20  # bytes
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TEXT = 0.95  # share of the characters that are letters, figures, blanks and the like


def wide_encoding(start: bytes) -> str | None:
    """Return the encoding of a text of two or four bytes a character by its first bytes; None where it is none."""
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name if _is_text(start, name) else None
    if len(start) < 64:
        return None
    for name in ("utf-16-le", "utf-16-be"):
        # without a mark only plain letters can tell: every second byte is 0
        zeros = start[1::2] if name.endswith("le") else start[::2]
        if zeros.count(0) > _TEXT * len(zeros) and _is_text(start, name):
            return name
    return None


def _is_text(start: bytes, encoding: str) -> bool:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(start)
    plain = sum(one.isprintable() or one in "\r\n\t\ufeff" for one in text)
    return bool(text) and plain > _TEXT * len(text)


@contextmanager
def as_utf8(file: Path, encoding: str) -> Iterator[Path]:
    """Give a temporary copy of a text file in UTF-8, of the same ending."""
    with temporary_file(Path(tempfile.gettempdir()) / f"grainlight{file.suffix}") as copy:
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        with copy.open("wb") as target, file.open("rb") as source:
            while piece := source.read(_PIECE):
                target.write(decoder.decode(piece).lstrip("\ufeff").encode("utf-8", "replace"))
            target.write(decoder.decode(b"", True).encode("utf-8", "replace"))
        yield copy
