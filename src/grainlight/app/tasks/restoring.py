"""The restoration itself and its files, by the public API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import grainlight
from grainlight.app.choices import EbsdChoice, FurtherChoice, LightChoice, Settings
from grainlight.app.tasks.cards import loaded_light, loaded_map
from grainlight.app.tasks.further import loaded_further

if TYPE_CHECKING:
    from grainlight.app.tasks.worker import Told
    from grainlight.grains.grain_map import GrainMap
    from grainlight.maps.light_stack import LightStack
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.restore.cost import Estimate

# Seconds for each pixel of the output, that a page takes beyond the restoration (docs/page.md).
_AFTER = {"writing the files": 4e-6, "finding the grains": 1.6e-5, "drawing the layers": 1.4e-5}


def task_estimate(
    folder: Path, progress: Told, ebsd: dict[str, Any], light: dict[str, Any] | None, settings: dict[str, Any]
) -> dict[str, Any]:
    """Return size, seconds and memory of a restoration, and the lines that say so."""
    expected = _estimate(*_inputs(ebsd, light), Settings(**settings))
    return {
        "rows": expected.rows,
        "columns": expected.columns,
        "seconds": expected.seconds + sum(_after(expected).values()),
        "memory": expected.room.memory,
        "lines": expected.lines,
    }


def task_restore(
    folder: Path,
    progress: Told,
    ebsd: dict[str, Any],
    light: dict[str, Any] | None,
    settings: dict[str, Any],
    to: str,
    shown: dict[str, str],
    further: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Restore a map; write everything that can be taken home to ``to``, and the layers of the viewer.

    ``shown`` are the names that the user's files have, by the names that the server gave them.
    """
    from grainlight.app.tasks.layers import write_layers
    from grainlight.app.tasks.worker import renamed

    seen, stack = _inputs(ebsd, light)
    chosen = Settings(**settings)
    expected = _estimate(seen, stack, chosen)
    progress.expect(expected.stages | _after(expected))
    also = () if further is None else loaded_further(FurtherChoice.from_record(further), EbsdChoice(**ebsd))
    result = grainlight.enhance(seen, stack, **chosen.arguments(), also=also, progress=progress)
    result.record.update(renamed(dict(result.record), shown))
    for one in result.record.get("inputs", ()):
        one["file"] = shown.get(one["file"], one["file"])
    place = folder / to
    progress.begin("writing the files", 1)
    result.save(place / "restored.ang")
    (place / "record.json").write_text(json.dumps(result.record, indent=1, default=str), encoding="utf-8")
    progress.begin("finding the grains", 1)
    found = grainlight.find_grains(result)
    _write_grains(found, place)
    grainlight.write_report(result, place / "report.html", light=stack, grains=found, title=Path(ebsd["shown"]).name)
    told = write_layers(result, stack, found, place / "layers", progress)
    share = np.bincount(result.source.ravel(), minlength=4) / result.source.size
    known = result.uncertainty[(result.source > 0) & np.isfinite(result.uncertainty)]
    from grainlight.report.findings import findings

    return {
        **told,
        "shares": [float(v) for v in share],
        "median_bound": float(np.median(known)) if known.size else None,
        "findings": [{"kind": one.kind, "text": one.text} for one in findings(result)],
        "light_refused": result.record["light_refused"],
        "seconds": result.record.get("seconds"),
        "grains": len(found.grains),
        "name": Path(ebsd["shown"]).name,
        "said": _said(known, result.record["light_refused"]),
    }


def _said(known: NDArray[np.floating], refused: str | None) -> str:
    """What `grainlight batch` says of a map that is restored: its bounds, and that no light was used."""
    from grainlight.report.findings import CLEAR_BOUND

    told = ["uncertainty: no bound is given, it is not calibrated for these weights"]
    if known.size:
        within = 100 * float(np.mean(known <= CLEAR_BOUND))
        told = [
            f"uncertainty (90 % bound): median {float(np.median(known)):.2f} deg; within {CLEAR_BOUND:g} deg at "
            f"{within:.0f} % of the pixels; the others may belong to the neighbouring grain"
        ]
    return " | ".join([*told, *([] if refused is None else [f"no light was used: {refused.split('. ')[0]}"])])


def task_convert(folder: Path, progress: Told, file: str, to: str) -> None:
    """Write a restored map in another format, as `grainlight convert` does from its archive."""
    from grainlight.maps.io.save import own_layers, with_bound
    from grainlight.restore.record import input_record

    ebsd = grainlight.load_ebsd(file)
    frames = {"sample": ebsd.sample_frame.value, "crystal": ebsd.crystal_frame.value}
    record = {"converted_from": ebsd.source, "frames": frames, "inputs": input_record((ebsd.path,))}
    own = own_layers(ebsd, Path(to))
    grainlight.save_ebsd(with_bound(ebsd, Path(to)), to, own, record)


def _inputs(ebsd: dict[str, Any], light: dict[str, Any] | None) -> tuple[OrientationMap, LightStack | None]:
    stack = None if light is None else loaded_light(LightChoice.from_record(light))
    return loaded_map(EbsdChoice(**ebsd)), stack


def _estimate(seen: OrientationMap, stack: LightStack | None, chosen: Settings) -> Estimate:
    from grainlight.restore.cost import estimate
    from grainlight.restore.settings import Settings as Full

    arguments = chosen.arguments()
    for name in ("transform", "points", "calibration"):
        arguments[name] = None if arguments[name] is None else Path(arguments[name])
    return estimate(seen, stack, Full(**arguments))


def _after(expected: Estimate) -> dict[str, float]:
    """Return the seconds of what the page does once the map is restored."""
    return {name: seconds * expected.rows * expected.columns for name, seconds in _AFTER.items()}


def _write_grains(found: GrainMap, place: Path) -> None:
    """Write the tables of grains and figures."""
    from grainlight.grains.table import figure_table, grain_table

    (place / "grains.csv").write_text(grain_table(found), encoding="utf-8")
    (place / "figures.csv").write_text(figure_table(found), encoding="utf-8")
