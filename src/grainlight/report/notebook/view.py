"""The viewer in the cell of a notebook: a document of its own inside a frame, with everything in it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from grainlight.maps.light_stack import LightStack
from grainlight.report.figures import VALUES, maps_of
from grainlight.report.findings import has_light
from grainlight.report.viewer.document import look_data
from grainlight.report.viewer.pack import script, static

if TYPE_CHECKING:
    from grainlight.restore.result import Result

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<style>* {{ box-sizing: border-box; }} body {{ margin: 8px; }} .pictures {{ display: none; }}
{style}</style></head><body class="lens">
<p id="status" class="visually-hidden" role="status" aria-live="polite"></p>
<div class="pictures">{pictures}</div>
<div id="look" hidden>{look}{told}</div>
<details><summary id="grains-title">Grains one by one</summary><div id="grains-part" hidden>{grains}</div></details>
<script type="application/json" id="look-data">{data}</script><script>{code}</script></body></html>
"""


@dataclass(frozen=True)
class View:
    """A document that a notebook shows in a frame ``height`` pixels high."""

    document: str
    height: int = 760

    def _repr_html_(self) -> str:
        """What a notebook shows: a frame that may run the script of its document and nothing else."""
        # in ASCII: whatever the encoding of the notebook's page, the script is the one that its policy allows
        document = escape(self.document).encode("ascii", "xmlcharrefreplace").decode("ascii")
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{document}" title="grainlight: restored map" '
            f'style="width:100%;height:{self.height}px;border:1px solid #8a949e;border-radius:6px"></iframe>'
        )


def view(result: Result, light: LightStack | None = None, height: int = 760) -> View:
    """Return the viewer of a result for a notebook.

    Parameters
    ----------
    result
        What was restored.
    light
        The images that it was restored with: shown beside the restored light.
    height
        Of the frame, in pixels.

    Returns
    -------
    What a notebook shows as the viewer, where it is the last value of a cell.
    """
    import grainlight

    grains = grainlight.find_grains(result)
    maps = maps_of(result, light if has_light(result.record) else None)
    figures = [*maps.orientation.values(), *([] if maps.light is None else [maps.light]), *maps.panels]
    pictures = "".join(
        f'<img id="img-{file}" src="{image.uri}" alt="{escape(alt)}">'
        for figure in figures
        for file, image, _, alt in figure.images
    )
    code = script()
    told = f'<p class="hint">Every {maps.every}th pixel along a side is shown.</p>' if maps.every > 1 else ""
    document = _PAGE.format(
        digest=b64encode(sha256(code.encode()).digest()).decode("ascii"),
        title="restored map",
        style=static("colours.css") + static("look.css"),
        pictures=pictures,
        look=static("look.html"),
        told=told,
        grains=static("grains.html"),
        data=look_data(result, grains, maps.layers, maps.every, VALUES),
        code=code,
    )
    return View(document, height)
