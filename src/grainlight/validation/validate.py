"""A restoration judged on the map that it is meant for, by points that it is not shown."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.same_phase import with_each_phase_once
from grainlight.progress import Progress, Silent
from grainlight.restore.inputs import Inputs, bring_together
from grainlight.restore.points.grid import check_usable, masked
from grainlight.restore.points.noise import estimate_noise
from grainlight.restore.points.unsupported import without_noise
from grainlight.restore.record import weights_in_use
from grainlight.restore.settings import Settings
from grainlight.validation.classical import light_at_points
from grainlight.validation.evidence import Evidence, gather
from grainlight.validation.folds import hold_back
from grainlight.validation.verdict import Validation, judge

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Validated:
    """The map as it was used, without noise and without what a mask leaves out; what the folds found; the verdict."""

    ebsd: OrientationMap
    evidence: Evidence
    verdict: Validation


def validate(
    ebsd: OrientationMap,
    light: LightStack | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
    *,
    folds: int = FOLDS,
    mask: NDArray[np.bool_] | None = None,
) -> Validated:
    """Hold measured points back, restore without them, and compare; with light and without.

    Parameters
    ----------
    ebsd, light, mask
        As for `restore.enhance.enhance`.
    settings
        Of the restoration that is asked about; its seed is that of the folds too.
    folds
        How often points are held back, a tenth of them each time.

    Raises
    ------
    InputError
        As `enhance`, and where the map has too few points.
    """
    settings, progress = settings or Settings(), progress or Silent()
    if folds < 1:
        raise InputError("the number of folds cannot be used", found=str(folds), expected="1 or more")
    check_usable(ebsd)
    settings = replace(settings, calibration=None)
    ebsd = with_each_phase_once(ebsd)
    used, metal = (ebsd, None) if mask is None else masked(ebsd, settings.scale, mask)
    if not settings.keep_noise:
        used, _ = without_noise(used)
        settings = replace(settings, keep_noise=True)
    chosen = hold_back(used, folds, settings.seed)
    noise = estimate_noise(used, settings.noise).level
    refused, shown, at_points = None, light, None
    with tempfile.TemporaryDirectory() as folder:
        if light is not None:
            inputs = bring_together(used, light, settings, metal=metal)
            at_points = light_at_points(used, inputs, settings.scale)
            refused = inputs.refused
            shown, settings = _placed(inputs, settings, Path(folder))
            del inputs
        found = gather(used, shown, settings, chosen, noise, at_points, progress, metal)
    if refused is not None:
        found = replace(found, refused=(refused,) * folds)
    about = {
        "file": None if ebsd.path is None else ebsd.path.name,
        "with_light": light is not None and any(reason is None for reason in found.refused),
        "scale": settings.scale,
        "quality": settings.quality,
        "seed": settings.seed,
        "weights": weights_in_use(settings),
        "points": int(used.is_6mmm.sum()),
    }
    return Validated(used, found, judge(found, used.shape, about))


def _placed(inputs: Inputs, settings: Settings, folder: Path) -> tuple[LightStack | None, Settings]:
    """Return the light as it is used, and settings that say where it lies: it is not looked for in every fold again,
    since one point in ten does not move it."""
    registered = inputs.registered
    if registered is None or registered.light is None:
        return None, replace(settings, register="auto", transform=None, points=None, light_required=False)
    place = None
    if registered.transform is not None:
        place = registered.transform.save(folder / "place.json")
    return registered.light, replace(settings, register="none", transform=place, points=None)
