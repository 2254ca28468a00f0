"""What the script of a document does with packed arrays, in Python."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from typing import Any

import numpy as np
from numpy.typing import NDArray


def unpacked(text: str, wide: int = 2) -> NDArray[np.int64]:
    """Whole numbers, in one row."""
    planes = np.frombuffer(zlib.decompress(b64decode(text)), np.uint8).reshape(wide, -1).astype(np.int64)
    steps = sum(planes[k] << (8 * k) for k in range(wide))
    sums = np.cumsum(steps) % (1 << (8 * wide))
    return sums if wide == 2 else np.where(sums >= 1 << 31, sums - (1 << 32), sums)


def look_of(page: str) -> dict[str, Any]:
    """The data of the viewer in a page."""
    (text,) = re.findall(r'<script type="application/json" id="look-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)
