"""The layers of a result as bytes that a canvas takes, and what is known of a single pixel."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import grainlight
from grainlight.app.cards import write_array, write_key
from grainlight.maps.light_stack import LightStack
from grainlight.progress import Progress
from grainlight.report.colours import DIRECTIONS, ipf_colours
from grainlight.report.figures import FLAGS, Bar
from grainlight.report.findings import has_light, percent
from grainlight.report.light_view import grey, limits_of, view_light
from grainlight.report.measured_view import view_measured
from grainlight.report.plots import boundaries_on
from grainlight.report.scales import CHANCE, DEGREES, NOT_RESTORED, ON_GREY, SOURCES, Scale
from grainlight.restore.result import Result

RESIDUAL = Scale("cividis", 0.0, 4.0, (0, 1, 2, 3, 4), "standard deviations")
"""How far the light misses what the map would show: 0.7 to 1 is usual, above 2 they contradict each other."""
_NOTHING = 255


def write_layers(
    result: Result, stack: LightStack | None, labels: NDArray[np.int32], folder: Path, progress: Progress
) -> dict[str, Any]:
    """Write the layers of a result (H, W) into a new folder and return what the viewer needs to know of them.

    A layer is ``rgb``, three bytes a pixel, or ``index``, one byte into its palette, 255 where there is no number; one
    with a ``left`` side is compared with it under a slider. ``labels`` are those of the grains, four bytes a pixel.
    """
    folder.mkdir()
    progress.begin("drawing the layers", len(DIRECTIONS) + 3)
    points = view_measured(result)
    layers: list[dict[str, Any]] = []

    def rgb(name: str, image: NDArray[np.uint8]) -> str:
        write_array(folder / name, image)
        return name

    for direction in DIRECTIONS:
        left = rgb(f"measured-{direction}", _bytes(points.colours(direction)))
        right = rgb(f"restored-{direction}", _bytes(ipf_colours(result.map, direction)))
        keys = [["#9e9e9e", "another phase"], ["#000000", "not indexed"]]
        layers.append(
            {
                "name": f"ipf-{direction}",
                "title": f"Orientation, IPF-{direction}",
                "kind": "rgb",
                "file": right,
                "left": left,
                "titles": ["measured", "restored"],
                "keys": keys,
                "triangle": direction,
                "words": f"Colours by the crystal direction along {direction}.",
            }
        )
        progress.advance()
    seen = view_light(result, stack if has_light(result.record) else None)
    below = seen.restored if seen.measured is None else seen.measured
    if seen.measured is not None:
        limits = limits_of(seen.measured)
        known = seen.angle is not None and np.isfinite(seen.angle)
        layers.append(
            {
                "name": "light",
                "title": "Polarized light",
                "kind": "grey",
                "file": rgb("light-after", grey(seen.restored, limits)),
                "left": rgb("light-before", grey(seen.measured, limits)),
                "titles": [f"recorded, {seen.angle:g}°" if known else "recorded", "restored"],
                "words": "The image with the most contrast, as recorded and as the restored light has it.",
            }
        )
    progress.advance()
    probability = np.where(result.source > 0, result.boundary, np.nan)
    image = boundaries_on(grey(below), probability)
    layers.append(
        {
            "name": "boundaries",
            "title": "Boundaries by probability",
            "kind": "rgb",
            "file": rgb("boundaries", image),
            "bar": _bar(ON_GREY),
            "words": "Boundaries of 5° and more by their probability, on the light.",
        }
    )
    restored = result.source > 0
    layers += _scaled(
        "uncertainty", "Uncertainty (90 % bound)", np.where(restored, result.uncertainty, np.nan), DEGREES, rgb
    )
    if result.other_grain.shape == result.source.shape:
        layers += _scaled("other-grain", "Another grain?", np.where(restored, result.other_grain, np.nan), CHANCE, rgb)
    progress.advance()
    layers.append(
        {
            "name": "source",
            "title": "Where each pixel comes from",
            "kind": "index",
            "file": rgb("source", result.source.astype(np.uint8)),
            "palette": [_rgb(one.colour) for one in SOURCES],
            "keys": [
                [one.colour, f"{one.name} ({percent(float(np.mean(result.source == one.code)))})"] for one in SOURCES
            ],
            "words": "Measured, corrected, inferred, or not restored.",
        }
    )
    if result.contradiction is not None:
        layers += _scaled("residual", "Residual of the light", result.contradiction, RESIDUAL, rgb)
    if result.light_flags is not None:
        layers.append(_flags(result.light_flags, rgb))
    write_array(folder / "labels", labels.astype(np.int32))
    write_key(folder)
    progress.advance()
    rows, columns = result.map.shape
    return {"rows": rows, "columns": columns, "step": list(result.map.step), "layers": layers}


def _scaled(name: str, title: str, values: NDArray[np.floating], scale: Scale, rgb: Any) -> list[dict[str, Any]]:
    """A layer of numbers by a scale of 255 colours; none where nothing is known."""
    known = np.isfinite(values)
    if not known.any():
        return []
    position = scale.position(np.where(known, values, scale.low))
    index = np.where(known, np.round(position * (_NOTHING - 1)), _NOTHING).astype(np.uint8)
    return [
        {
            "name": name,
            "title": title,
            "kind": "index",
            "file": rgb(name, index),
            "palette": [*scale.palette(_NOTHING).tolist(), _rgb(NOT_RESTORED)],
            "bar": _bar(scale),
            "keys": [] if known.all() else [[NOT_RESTORED, "no value"]],
            "words": f"{title} in {scale.unit}.",
        }
    ]


def _flags(flags: NDArray[np.uint16], rgb: Any) -> dict[str, Any]:
    """What is wrong with the light; later ones lie on top."""
    index = np.zeros(flags.shape, dtype=np.uint8)
    for k, (bits, _, _) in enumerate(FLAGS):
        index[(flags.astype(np.uint16) & bits) > 0] = k + 1
    keys = [["#d9dde1", "nothing is wrong with the light"]]
    keys += [[colour, name] for k, (_, colour, name) in enumerate(FLAGS) if (index == k + 1).any()]
    return {
        "name": "flags",
        "title": "Flags of the light",
        "kind": "index",
        "file": rgb("flags", index),
        "palette": [_rgb("#d9dde1"), *(_rgb(colour) for _, colour, _ in FLAGS)],
        "keys": keys,
        "words": "Where the light was missing, damaged, or contradicted EBSD.",
    }


def _bar(scale: Scale) -> dict[str, Any]:
    return {"colours": scale.palette(64).tolist(), "ticks": Bar.of(scale).ticks, "unit": scale.unit}


def _bytes(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(255 * colours).astype(np.uint8)


def _rgb(colour: str) -> list[int]:
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


@lru_cache(maxsize=1)
def _result(file: str) -> Result:
    return grainlight.load_result(file)


def task_pixel(folder: Path, progress: Progress, file: str, row: int, column: int) -> dict[str, Any]:
    """Return what is known of a pixel of a result: orientation, c-axis, bound, source, correction, light."""
    from grainlight.crystal.euler import bunge_from_quaternion

    result = _result(file)
    rows, columns = result.map.shape
    row, column = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
    at = row, column
    euler = np.degrees(bunge_from_quaternion(result.map.quaternions[at]))
    axis = result.map.part(slice(row, row + 1), slice(column, column + 1)).c_axes()[0, 0]
    axis = axis if axis[2] >= 0 else -axis
    phase = next((str(one) for one in result.map.phases if one.id == int(result.map.phase_id[at])), "not indexed")
    flags = (
        [] if result.light_flags is None else [name for bits, _, name in FLAGS if int(result.light_flags[at]) & bits]
    )
    return {
        "row": row,
        "column": column,
        "x": result.map.origin[0] + column * result.map.step[0],
        "y": result.map.origin[1] + row * result.map.step[1],
        "phase": phase,
        "euler": [round(float(v), 2) for v in euler],
        "frames": f"sample {result.map.sample_frame.value}, crystal X along {result.map.crystal_frame.value}",
        "inclination": round(float(np.degrees(np.arccos(np.clip(axis[2], -1, 1)))), 2),
        "azimuth": round(float(np.degrees(np.arctan2(axis[1], axis[0])) % 360), 2),
        "bound": _known(result.uncertainty[at]),
        "other_grain": _known(result.other_grain[at]) if result.other_grain.shape == result.source.shape else None,
        "boundary": _known(result.boundary[at]),
        "source": SOURCES[int(result.source[at])].name,
        "correction": _known(result.correction[at]),
        "residual": None if result.contradiction is None else _known(result.contradiction[at]),
        "flags": flags,
    }


def _known(value: Any) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
