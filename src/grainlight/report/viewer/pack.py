"""Arrays as text inside a page, and modules of JavaScript as one script."""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

ROOM = "grainlight.report.viewer"
MODULES = ("dom.js", "tiles.js", "viewer.js", "legend.js", "grains.js", "look.js", "document.js")
"""What the viewer of a document is made of; a module imports from those before it."""
_IMPORT = re.compile(r"^import \{(.*?)\} from \"\./([a-z]+)\.js\";$", re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:const|class|function|function\*) +(\w+))", re.MULTILINE)


def packed(values: NDArray[np.integer]) -> str:
    """Return whole numbers (any shape; 16 bits without a sign, or 32 with one) as text: differences from one to the
    next, their lowest bytes first and the higher ones after them, deflated, in base64."""
    flat = np.ascontiguousarray(values).reshape(-1)
    wide = flat.dtype.itemsize
    difference = np.diff(flat.view(f"<u{wide}"), prepend=flat.dtype.type(0).view(f"<u{wide}"))
    planes = np.ascontiguousarray(difference.astype(f"<u{wide}")).view(np.uint8).reshape(-1, wide).T
    return deflated(np.ascontiguousarray(planes).tobytes())


def deflated(data: bytes) -> str:
    """Return bytes deflated, in base64."""
    return b64encode(zlib.compress(data, 6)).decode("ascii")


def static(name: str) -> str:
    """Return the text of a file of the viewer."""
    return files(ROOM).joinpath("static", name).read_text(encoding="utf-8")


def script(names: Sequence[str] = MODULES) -> str:
    """Return modules as one script, each in a function of its own: a document without a server has nowhere to import
    from."""
    parts = []
    for name in names:
        text = _IMPORT.sub(_taken, static(name))
        told = ", ".join(found[2] for found in _EXPORT.finditer(text))
        body = _EXPORT.sub(lambda found: found[1], text)
        parts.append(f"const {name.removesuffix('.js')}Module = (() => {{\n{body}\nreturn {{ {told} }};\n}})();")
    return '"use strict";\n{\n' + "\n".join(parts) + "\n}\n"


def _taken(found: re.Match[str]) -> str:
    """What an import becomes."""
    return f"const {{{found[1].replace(' as ', ': ')}}} = {found[2]}Module;"
