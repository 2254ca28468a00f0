"""What the viewer of a document needs beyond its pictures: layers, values of pixels, grains, in one text."""

from __future__ import annotations

import json

import numpy as np

from grainlight.grains.grain_map import GrainMap
from grainlight.report.colours import key_image
from grainlight.report.scales import SOURCES
from grainlight.report.viewer.grain_table import grains_record
from grainlight.report.viewer.layers import FLAGS, Layer
from grainlight.report.viewer.pack import deflated, packed
from grainlight.report.viewer.pixels import axes_of, frames_of, phase_names, values_of
from grainlight.restore.result import Result

MOST_GRAINS = 5000
"""Of which a document tells, the largest ones; the table of `grainlight grains` has all."""
_KEY_ROWS = 120


def look_data(result: Result, found: GrainMap, layers: list[Layer], n: int, budget: int) -> str:
    """Return what the script of a document reads, as JSON without a character that ends a script.

    Parameters
    ----------
    result
        What was restored.
    found
        Its grains.
    layers
        As they are embedded in the document.
    n
        Every n-th pixel is shown.
    budget
        Bytes of text for the values of pixels and the grains.
    """
    grains = deflated(json.dumps(grains_record(found, MOST_GRAINS), separators=(",", ":")).encode())
    labels = packed(found.labels[::n, ::n].astype(np.int32))
    rows, columns = found.labels[::n, ::n].shape
    step = result.map.step
    card = {
        "rows": rows,
        "columns": columns,
        "every": n,
        "step": [step[0] * n, step[1] * n],
        "origin": list(result.map.origin),
        "layers": [layer.as_record() for layer in layers],
        "values": values_of(result, n, budget - len(grains) - len(labels)).as_record(),
        "grains": grains,
        "labels": labels,
        "key": deflated(np.round(255 * key_image(_KEY_ROWS)).astype(np.uint8).tobytes()),
        "axes": axes_of(result.map.sample_frame),
        "frames": frames_of(result),
        "phases": {str(number): name for number, name in phase_names(result).items()},
        "sources": [one.name for one in SOURCES],
        "flags": [[bits, name] for bits, _, name in FLAGS],
    }
    return json.dumps(card, separators=(",", ":")).replace("<", "\\u003c")
