"""What was understood of an EBSD file and of light images: facts, suspected problems, pictures as arrays of bytes."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.app.choices import EbsdChoice, LightChoice
from grainlight.errors import InputError
from grainlight.maps.light_stack import UNKNOWN, LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress
from grainlight.report.viewer.pixels import axes_of

MOST_PIXELS = 5_000_000
"""Of a picture; of a larger map every n-th point is shown."""
KEY_ROWS = 120
_THUMB = 132  # pixels along the longer side
_MOST_IMAGES = 720
Direction = Literal["X", "Y", "Z"]


@lru_cache(maxsize=2)
def loaded_map(choice: EbsdChoice) -> OrientationMap:
    """Read a map, or take it from memory."""
    return choice.load()


@lru_cache(maxsize=1)
def loaded_light(choice: LightChoice) -> LightStack:
    """Read images, or take them from memory."""
    return choice.load()


def task_ebsd(
    folder: Path, progress: Progress, choice: dict[str, Any], to: str, direction: Direction = "Z"
) -> dict[str, Any]:
    """Read a map; return its card, and write its orientation colours to ``to``/ipf (h, w, 3)."""
    from grainlight.maps.suspect import suspicions
    from grainlight.report.colours import ipf_colours
    from grainlight.report.panels import on_square_grid

    ebsd = loaded_map(EbsdChoice(**choice))
    present, indexed = int(ebsd.present.sum()), int(ebsd.indexed.sum())
    n = max(1, math.ceil(math.sqrt(ebsd.phase_id.size / MOST_PIXELS)))
    square = on_square_grid(ebsd)
    shown = square.every(n) if n > 1 else square
    image = np.round(255 * ipf_colours(shown, direction)).astype(np.uint8)
    write_array(folder / to / "ipf", image)
    write_key(folder / to)
    x, y = ebsd.x[ebsd.present], ebsd.y[ebsd.present]
    return {
        "format": ebsd.source,
        "grid": ebsd.grid,
        "rows": ebsd.shape[0],
        "columns": ebsd.shape[1],
        "points": present,
        "step": list(ebsd.step),
        "field": [float(np.ptp(x)), float(np.ptp(y))] if present else [0.0, 0.0],
        "indexed": indexed / present if present else 0.0,
        "usable": bool(ebsd.is_6mmm.any()),
        "phases": [
            {
                "name": str(phase),
                "share": int(ebsd.of_phases([phase]).sum()) / present if present else 0.0,
                "usable": phase.is_6mmm,
            }
            for phase in ebsd.phases
        ],
        "frame": ebsd.sample_frame.value,
        "crystal_frame": ebsd.crystal_frame.value,
        "axes": axes_of(ebsd.sample_frame),
        "problems": suspicions(ebsd),
        "direction": direction,
        "image": {"name": "ipf", "shape": list(image.shape), "step": list(shown.step)},
    }


def task_light(folder: Path, progress: Progress, choice: dict[str, Any], to: str) -> dict[str, Any]:
    """Read images; return their card, and write ``to``/thumbs (N, h, w) and ``to``/spread (H, W).

    Images whose angles or step are not known yet are shown all the same, and what is missing stands in the card.
    """
    given = LightChoice.from_record(choice)
    missing: dict[str, str] | None = None
    try:
        stack = loaded_light(given)
    except InputError as error:
        try:
            stack = loaded_light(LightChoice(given.paths, given.shown, UNKNOWN, given.step or 1.0))
        except InputError:
            raise error from None
        parts = {name: getattr(error, name) for name in ("problem", "file", "place", "found", "expected", "advice")}
        missing = {name: text for name, text in parts.items() if text}
    if len(stack.images) > _MOST_IMAGES:
        raise InputError(
            "there are too many images", found=f"{len(stack.images)}", expected=f"at most {_MOST_IMAGES} on the page"
        )
    rows, columns = stack.shape
    step = max(1, math.ceil(max(rows, columns) / _THUMB))
    small = np.stack([np.asarray(image[::step, ::step], dtype=np.float32) for image in stack.images])
    known = small[np.isfinite(small)]
    low, high = np.percentile(known, (0.5, 99.5)) if known.size else (0.0, 1.0)
    scaled = np.clip((np.nan_to_num(small, nan=low) - low) / max(float(high - low), 1e-9), 0, 1)
    write_array(folder / to / "thumbs", np.round(255 * scaled).astype(np.uint8))
    n = max(1, math.ceil(math.sqrt(rows * columns / MOST_PIXELS)))
    spread = spread_of(stack, n)
    write_array(folder / to / "spread", spread)
    angles = stack.angles
    return {
        "count": len(stack.images),
        "rows": rows,
        "columns": columns,
        "step": stack.step if missing is None else given.step,
        "angles": [None if np.isnan(angle) or missing is not None else float(angle) for angle in angles],
        "determined": stack.determined and missing is None,
        "files": list(given.shown),
        "images": [_exposure(image, stack.saturation) for image in small],
        "notes": [] if missing is not None else list(stack.notes) + _condition(stack),
        "missing": missing,
        "thumbs": {"name": "thumbs", "shape": list(scaled.shape)},
        "spread": {"name": "spread", "shape": list(spread.shape), "every": n},
    }


def spread_of(stack: LightStack, n: int = 1) -> NDArray[np.uint8]:
    """Return grey values (h, w) of every n-th pixel: the spread over the angles, which shows grains best; of a single
    image the image."""
    from grainlight.report.light_view import grey

    images = stack.images[:, ::n, ::n]
    image = images[0] if len(images) == 1 else np.nanstd(np.asarray(images, dtype=np.float32), axis=0)
    return np.nan_to_num(grey(np.asarray(image, dtype=np.float32)), nan=0).astype(np.uint8)


def _exposure(image: NDArray[np.float32], saturation: float | None) -> dict[str, Any]:
    """Return what a thumbnail says of an image's exposure, and flags in words."""
    known = image[np.isfinite(image)]
    if not known.size:
        return {"mean": None, "flags": ["empty"]}
    flags = []
    white = 0.0 if saturation is None else float(np.mean(known >= saturation))
    black = float(np.mean(known == 0))
    if float(known.max()) == float(known.min()):
        flags.append("no contrast")
    if white > 0.01:
        flags.append(f"{100 * white:.2g} % saturated")
    if black > 0.01:
        flags.append(f"{100 * black:.2g} % black")
    return {"mean": round(float(known.mean()), 1), "flags": flags}


def _condition(stack: LightStack) -> list[str]:
    from grainlight.maps.images.condition import condition

    found = condition(stack)
    return [*found.notes, *([f"These images cannot be used: {found.reason}."] if found.reason else [])]


def task_demo(folder: Path, progress: Progress, to: str) -> dict[str, Any]:
    """Write the demo section; return its angles, its step [um] and the scale that it is made for."""
    from grainlight.evaluation.demo import ANGLES, SCALE, STEP, write_demo

    write_demo(folder / to)
    return {"angles": ANGLES, "step": STEP, "scale": SCALE}


def write_key(folder: Path) -> None:
    """Write the colour key of orientations, key (h, 2 h, 4), h = `KEY_ROWS`."""
    from grainlight.report.colours import key_image

    write_array(folder / "key", np.round(255 * key_image(KEY_ROWS)).astype(np.uint8))


def write_array(file: Path, array: NDArray[Any]) -> None:
    """Write the bytes of an array, row by row."""
    file.write_bytes(np.ascontiguousarray(array).tobytes())
