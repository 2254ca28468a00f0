"""The step of light images: as stated, as their files state it, and whether it can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap

if TYPE_CHECKING:
    from grainlight.maps.io.tiff.scale import Scale

_FEWEST_PIXELS = 8  # across the shorter side of the map
_FEWEST_POINTS = 3  # across the shorter side of the images
_SMALLEST, _LARGEST = 0.02, 50.0  # field of the images by that of the map
_ALIKE = 0.02  # of two steps
_UNITS = ((1e-3, "nm"), (1e3, "mm"), (1e-4, "Angstrom"), (1e6, "m"))


def agreed_step(stated: float | None, scales: Sequence[Scale], files: Sequence[Path]) -> tuple[float, tuple[str, ...]]:
    """Return the step in um of images whose files have these scales, and what a user should know of it.

    Parameters
    ----------
    stated
        What the user says, which counts; None to take what the files say.

    Raises
    ------
    InputError
        Where nobody states it, or the files state several.
    """
    known = [scale.step for scale in scales if scale.step is not None]
    differ = bool(known) and max(known) > (1 + _ALIKE) * min(known)
    place = next((scale.told for scale in scales if scale.step is not None), "")
    if stated is None:
        why = next((scale.told for scale in scales if scale.told), "")
        if not known or differ:
            several = f"the files state {min(known):.4g} to {max(known):.4g} um" if differ else why
            raise InputError(
                "the step of the light images is not stated",
                file=files[0],
                found=several or "no scale in the file",
                expected="um per pixel",
                advice="--pl-step UM, such as --pl-step 0.3 or --pl-step 300nm",
            )
        return known[0], (f"The step of the light images is {known[0]:.4g} um, by {place} of {files[0].name}.",)
    if differ:
        return float(stated), (
            f"The files of the light images state several steps, {min(known):.4g} to {max(known):.4g} um; the "
            f"{stated:g} um stated are used.",
        )
    if known and stated > 0 and abs(known[0] / stated - 1) > _ALIKE:
        ratio = max(known[0] / stated, stated / known[0])
        whole = round(ratio) > 1 and abs(ratio / round(ratio) - 1) < _ALIKE
        return float(stated), (
            f"The light images have a step of {stated:g} um as stated, and of {known[0]:.4g} um by {place} of "
            f"{files[0].name}; the stated one is used.{' Were they binned or resized?' if whole else ''}",
        )
    return float(stated), ()


def check_step(ebsd: OrientationMap, light: LightStack) -> None:
    """Refuse a step with which the images cannot show the map.

    Raises
    ------
    InputError
        Where the map would be a few pixels wide, or the images a few points or a tiny or huge part of the map; with
        the unit that the step is likely to be in.
    """
    if _possible(ebsd, light, light.step):
        return
    likely = [unit for factor, unit in _UNITS if _possible(ebsd, light, factor * light.step, near=True)]
    unit = f"is it in {likely[0]}? " if likely else ""
    width, height = _field(ebsd)
    rows, columns = light.shape
    raise InputError(
        "the step of the light images cannot be",
        file=light.paths[0] if light.paths else None,
        found=f"{light.step:g} um a pixel, a field of {columns * light.step:.4g} x {rows * light.step:.4g} um, "
        f"for a map of {width:.4g} x {height:.4g} um in steps of {ebsd.step[0]:g} um",
        expected="images of the field of the map, with pixels not much larger than its steps",
        advice=f"{unit}--pl-step is in um per pixel",
    )


def _field(ebsd: OrientationMap) -> tuple[float, float]:
    """Return width and height of a map in um, a point as large as its step."""
    x, y = ebsd.x[ebsd.present], ebsd.y[ebsd.present]
    return float(np.ptp(x)) + ebsd.step[0], float(np.ptp(y)) + ebsd.step[1]


def _possible(ebsd: OrientationMap, light: LightStack, step: float, *, near: bool = False) -> bool:
    """Whether a step [um] can be; with ``near``, whether images and map are about as large."""
    field, images = _field(ebsd), (light.shape[1] * step, light.shape[0] * step)
    ratio = max(images) / max(field)
    if near:
        return 0.2 < ratio < 5.0
    return (
        step <= max(min(field) / _FEWEST_PIXELS, 2 * min(ebsd.step))
        and min(images) >= min(_FEWEST_POINTS * min(ebsd.step), min(field))
        and _SMALLEST < ratio < _LARGEST
    )
