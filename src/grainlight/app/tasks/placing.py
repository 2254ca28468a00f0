"""Where the light lies on the map: registration, boundaries for the overlay, pairs of points with their residual."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from grainlight.app.choices import EbsdChoice, LightChoice
from grainlight.app.tasks.cards import loaded_light, loaded_map, write_array
from grainlight.errors import InputError
from grainlight.progress import Progress

MOST_SEGMENTS = 400_000
_TITLES = "ebsd_column,ebsd_row,image_column,image_row"


def task_place(
    folder: Path,
    progress: Progress,
    ebsd: dict[str, Any],
    light: dict[str, Any],
    to: str,
    register: str = "auto",
    pairs: list[list[float]] | None = None,
) -> dict[str, Any]:
    """Register as `grainlight register` does; write ``to``/registration.json, ``to``/segments and, with pairs,
    ``to``/points.csv."""
    from grainlight.register.overlay import boundary_segments
    from grainlight.restore.light.registration import WAYS_ON, find, screened
    from grainlight.restore.points.unsupported import without_noise
    from grainlight.restore.settings import Settings

    points = None
    if pairs:
        points = folder / to / "points.csv"
        points.write_text(pairs_text(pairs), encoding="utf-8")
    choice = LightChoice.from_record(light)
    stack = loaded_light(choice)
    seen, _ = without_noise(loaded_map(EbsdChoice(**ebsd)))
    shown = screened(stack)
    if shown.light is None:
        raise InputError("the light images cannot be registered", found=shown.reason, expected="other images")
    found = find(seen, shown.light, Settings(scale=4, register=register, points=points), progress)  # type: ignore[arg-type]
    record = found.as_record()
    record.pop("transform")
    found.transform.save(folder / to / "registration.json", {"registration": record, "warnings": list(found.warnings)})
    segments = boundary_segments(seen)[:MOST_SEGMENTS]
    placed = found.transform(segments) if len(segments) else segments
    write_array(folder / to / "segments", placed.astype(np.float32))
    residual = None if math.isnan(found.residual) else found.residual
    return {
        "method": found.method,
        "trusted": found.trusted,
        "residual_px": residual,
        "residual_um": None if residual is None else residual * shown.light.step,
        "moved_px": None if math.isnan(found.moved) else found.moved,
        "turn": found.transform.turn,
        "mirrored": found.transform.mirrored,
        "warnings": [*shown.notes, *found.warnings],
        "ways_on": None if found.trusted else WAYS_ON,
        "segments": {"name": "segments", "shape": list(placed.shape)},
        "pairs": pairs or [],
    }


def task_pairs(
    folder: Path,
    progress: Progress,
    ebsd: dict[str, Any],
    light: dict[str, Any],
    pairs: list[list[float]],
) -> dict[str, Any]:
    """Return what pairs of points (column and row of the map, column and row of the image) come to: the distance of
    each from the placement that they say [image pixels], where enough of them are there to tell, and the CSV."""
    from grainlight.register.points import from_pairs, map_positions
    from grainlight.register.transform import stated

    seen, stack = loaded_map(EbsdChoice(**ebsd)), loaded_light(LightChoice.from_record(light))
    table = np.array(pairs, dtype=np.float64).reshape(-1, 4)
    x, y = seen.x[seen.present], seen.y[seen.present]
    extent = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    residuals: list[float | None] = [None] * len(table)
    told = "Three pairs or more, spread over the map, are needed; a fourth one checks the others."
    if len(table) >= 3:
        positions = map_positions(seen, table[:, :2])
        try:
            off = np.linalg.norm(
                from_pairs(positions, table[:, 2:], stated(stack, extent))(positions) - table[:, 2:], axis=1
            )
        except InputError as error:
            return {"residuals": residuals, "rms_px": None, "told": f"{error}", "csv": pairs_text(pairs)}
        if len(table) > 3:
            residuals = [float(v) for v in off]
            # an affine map of N pairs has six numbers of its own
            rms = float(np.sqrt((off**2).sum() / (2 * len(table) - 6) * 2))
            told = f"residual {rms:.2f} image pixels or {_short(rms * stack.step)} um (rms, corrected for the fit)"
            return {"residuals": residuals, "rms_px": rms, "told": told, "csv": pairs_text(pairs)}
        told = "Three pairs fit exactly; a fourth one tells how well."
    return {"residuals": residuals, "rms_px": None, "told": told, "csv": pairs_text(pairs)}


def _short(length: float) -> str:
    """A length [um] in two digits, those below a tenth of a nanometre as nothing."""
    return "0" if length < 1e-4 else f"{length:.2g}"


def pairs_text(pairs: list[list[float]]) -> str:
    """Return the CSV of ``--points``."""
    lines = [",".join(f"{value:.6g}" for value in pair) for pair in pairs]
    return "\n".join([_TITLES, *lines]) + "\n"
