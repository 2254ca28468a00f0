"""The size of a pixel as a TIFF file states it: OME, ImageJ, or the tags of its resolution."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

_UM = {
    "nm": 1e-3, "nanometer": 1e-3, "\u00e5": 1e-4, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "micrometre": 1.0, "mm": 1e3, "millimeter": 1e3, "cm": 1e4, "m": 1e6, "meter": 1e6, "inch": 25_400.0,
    "inches": 25_400.0, "in": 25_400.0,
}  # fmt: skip
_INCH, _CENTIMETRE = 2, 3
# Dots per inch that programs write where nobody has told them of a scale: of screens and of print.
_PRINT = (
    72,
    75,
    90,
    96,
    100,
    120,
    144,
    150,
    180,
    192,
    200,
    220,
    240,
    250,
    300,
    350,
    360,
    400,
    450,
    600,
    720,
    1200,
    2400,
)
_SQUARE = 0.01


@dataclass(frozen=True)
class Scale:
    """Size of a pixel in um, None where the file does not state one that can be used; where it stands in the file, or
    why it cannot be used."""

    step: float | None = None
    told: str = ""


UNSCALED = Scale()


def scale_of(tiff: Any) -> Scale:
    """Return the scale of an opened `tifffile.TiffFile`."""
    return _ome(tiff) or _tags(tiff) or UNSCALED


def _ome(tiff: Any) -> Scale | None:
    """Return the scale of OME metadata."""
    text = tiff.ome_metadata
    if not text:
        return None
    sizes = [_ome_size(text, axis) for axis in "XY"]
    return _square(sizes[0], sizes[1] or sizes[0], "PhysicalSizeX of the OME metadata")


def _ome_size(text: str, axis: str) -> float | None:
    found = re.search(rf'\bPhysicalSize{axis}\s*=\s*"([^"]+)"', text)
    unit = re.search(rf'\bPhysicalSize{axis}Unit\s*=\s*"([^"]*)"', text)
    factor = _um(unit.group(1)) if unit else 1.0
    try:
        return float(found.group(1)) * factor if found and factor else None
    except ValueError:
        return None


def _tags(tiff: Any) -> Scale | None:
    """Return the scale of the resolution tags, in the unit of ImageJ or of the tag."""
    page = tiff.pages.first
    numbers = [_number(page.tags.get(name)) for name in ("XResolution", "YResolution")]
    if numbers[0] is None:
        return None
    imagej = tiff.imagej_metadata or {}
    unit = page.tags.get("ResolutionUnit")
    code = 1 if unit is None else int(unit.value)
    name = str(imagej.get("unit") or "")
    factor = _um(name) if name else {_INCH: 25_400.0, _CENTIMETRE: 1e4}.get(code)
    if factor is None:
        return None
    across, down = (None if n is None else factor / n for n in (numbers[0], numbers[1] or numbers[0]))
    where = f"the resolution of ImageJ (unit {_plain(name)})" if name else "the resolution tags"
    dots = 25_400.0 / across if across else math.inf
    near = min(_PRINT, key=lambda each: abs(each - dots))
    if across and (not name or factor == _UM["inch"]) and abs(near - dots) < 0.006 * near:
        return Scale(None, f"{near} dpi is the resolution of a screen or of print, and no scale")
    return _square(across, down, where)


def _square(across: float | None, down: float | None, where: str) -> Scale | None:
    if across is None or down is None or not (0 < across < math.inf and 0 < down < math.inf):
        return None
    if abs(across - down) > _SQUARE * across:
        return Scale(None, f"pixels of {across:.4g} x {down:.4g} um by {where}, which are not square")
    return Scale(across, where)


def _number(tag: Any) -> float | None:
    """Return the value of a rational tag above 0."""
    try:
        above, below = tag.value
        value = above / below
    except (AttributeError, TypeError, ValueError, ZeroDivisionError):
        return None
    return value if 0 < value < math.inf else None


def _um(unit: str) -> float | None:
    """Return a unit in um; ImageJ writes the sign of micro as an escape, others in other code pages."""
    plain = _plain(unit)
    return _UM.get(plain) or _UM.get(plain.rstrip("."))


def _plain(unit: str) -> str:
    text = unit.strip().lower()
    for micro in ("\\u00b5", "\\u03bc", "\u00b5", "\u03bc", "\u00c2\u00b5"):
        text = text.replace(micro, "u")
    return "".join(sign for sign in text if sign.isprintable())[:20]
