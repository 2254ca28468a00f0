"""The restoration from end to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.constants import constants
from grainlight.errors import LightRefusedError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.same_phase import with_each_phase_once
from grainlight.maps.selection import with_mask
from grainlight.progress import Progress, Silent
from grainlight.restore.assemble import assemble, measured_points
from grainlight.restore.cost import check_room
from grainlight.restore.device import choose_device
from grainlight.restore.inputs import Inputs, Known, bring_together
from grainlight.restore.large.allocation import memory_reused
from grainlight.restore.large.stitching import Stitcher
from grainlight.restore.large.windows import AT_ONCE
from grainlight.restore.light.calibrated import places_told
from grainlight.restore.light.calibration import WindowedLight, usual_levels
from grainlight.restore.points.grid import REACH, check_usable, masked, output_shape
from grainlight.restore.points.merge import merge
from grainlight.restore.points.unsupported import without_noise
from grainlight.restore.record import about_map, input_record, run_record, weights_in_use
from grainlight.restore.result import Result
from grainlight.restore.sampling.label_prior import LabelPrior, load_prior
from grainlight.restore.settings import Settings
from grainlight.restore.uncertainty.calibration_file import load_calibration, told_of


def enhance(
    ebsd: OrientationMap,
    light: LightStack | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
    *,
    mask: NDArray[np.bool_] | None = None,
    also: Sequence[OrientationMap] = (),
    reuse_memory: bool = False,
) -> Result:
    """Restore the full-resolution map of a coarse, noisy or incomplete EBSD map.

    A map of more than a megapixel is restored window by window (`restore.large.windows`).

    Parameters
    ----------
    ebsd
        The coarse map, in any frame.
    light
        Polarized-light images of the same section; without them EBSD alone is restored.
    mask
        Where there is metal: a pixel for each point (h, w) of the map, or for each pixel of the output grid.
    also
        Further maps of the same field, oldest first, on any grid; the newest point of a pixel counts. The output grid
        is that of ``ebsd``.
    reuse_memory
        Keep freed memory meanwhile, which is faster; for commands only, because it changes how the whole process
        allocates memory (`restore.large.allocation`).

    Raises
    ------
    InputError
        If nothing is indexed, no phase is of Laue group 6/mmm, or the light does not fit the map.
    LightRefusedError
        If the settings require light, and there is none that can be used.
    """
    settings, progress = settings or Settings(), progress or Silent()
    found = None if settings.calibration is None else load_calibration(settings.calibration)
    taken = _take(ebsd, settings, mask, also)
    ebsd, metal, inner = taken.ebsd, taken.metal, taken.settings
    check_room(ebsd, light, inner)
    began = time.perf_counter()
    device = choose_device(settings.device)
    prior = load_prior(settings.weights, device)
    rows, columns, _ = output_shape(ebsd, inner.scale)
    reused: Callable[[], AbstractContextManager[None]] = memory_reused if reuse_memory else nullcontext
    with reused() if rows * columns <= AT_ONCE else nullcontext():
        inputs = bring_together(ebsd, light, inner, progress, metal, taken.known)
    if settings.light_required and (light is None or inputs.refused is not None):
        raise LightRefusedError(
            "the polarized light is required and cannot be used",
            file=light.paths[0] if light is not None and light.paths else None,
            found=inputs.refused or "no images",
            expected="light that follows the c-axes of the map",
            advice="without --light required the EBSD map alone is restored",
        )
    weights = weights_in_use(settings)
    record = run_record(ebsd, light, inputs, settings, device, weights) | taken.record
    record["warnings"] += taken.told
    record["inputs"] += input_record(tuple(one.path for one in also))
    record["calibration"] = None if found is None else found.as_record()
    if found is not None:
        record["warnings"] += told_of(found, settings.scale, inputs.light is not None, weights)
    with reused():
        result = _restore(ebsd, inputs, prior, inner, progress, record, constants().unfitted(weights))
    result.record["seconds"] = round(time.perf_counter() - began, 2)
    return result


@dataclass(frozen=True, eq=False)
class _Taken:
    """The points that a restoration takes, where there is metal (H, W), the settings on the grid that the points are
    on, what is known of the points that they do not tell themselves, and what the record has of it all."""

    ebsd: OrientationMap
    metal: NDArray[np.bool_] | None
    settings: Settings
    record: dict[str, Any]
    known: Known | None = None
    told: Sequence[str] = ()


def _take(
    ebsd: OrientationMap, settings: Settings, mask: NDArray[np.bool_] | None, also: Sequence[OrientationMap]
) -> _Taken:
    """Leave out what is masked and what is noise, and bring several maps together."""
    ebsd, noise, metal = with_each_phase_once(ebsd), None, None
    if mask is not None:
        ebsd, metal = masked(ebsd, settings.scale, mask)
    if not settings.keep_noise:
        ebsd, noise = without_noise(ebsd)
    record: dict[str, Any] = {"noise_points": None if noise is None else noise.as_record()}
    if not also:
        return _Taken(ebsd, metal, settings, record)
    check_usable(ebsd)
    merged = merge(ebsd, also, settings.scale, settings.noise, settings.keep_noise)
    whole = merged.ebsd
    if metal is not None:
        whole = with_mask(whole, metal)
    metal = merged.within if metal is None else merged.within & metal
    steps = REACH if settings.fill_holes is None else settings.fill_holes
    record["also"] = list(merged.used)
    record["ebsd"] = about_map(ebsd)
    inner = replace(settings, scale=1, fill_holes=steps * settings.scale)
    return _Taken(whole, metal, inner, record, Known(merged.noise, ebsd, settings.scale), merged.told)


def _restore(
    ebsd: OrientationMap,
    inputs: Inputs,
    prior: LabelPrior,
    settings: Settings,
    progress: Progress,
    record: dict[str, Any],
    unfitted: Collection[str],
) -> Result:
    """Restore window by window and gather the result; ``record`` receives what is found on the way, ``unfitted`` are
    tables of constants that were fitted for other weights."""
    stitcher, cut = Stitcher(*inputs.grid.shape), inputs.windows
    widened = 1.0 if record["calibration"] is None else float(record["calibration"]["bound_factor"])
    wrong, alone, blurs, levels = 0, 0, [], []
    inner = _begin(inputs, settings, progress)
    if len(cut) == 1:
        prior = replace(prior, on_call=progress.advance)
    for window in cut:
        ready = inputs.part(window)
        posterior = ready.restore(prior, settings, inner)
        inner.begin("putting the result together", 1)
        part = assemble(ebsd, ready, posterior, record, unfitted, widened)
        wrong += int(ready.misindexed[window.kept].sum())
        if posterior.unused is not None:
            alone += int(posterior.unused[window.kept].sum())
        if posterior.blur is not None:
            blurs.append(posterior.blur)
        if ready.light is not None:
            levels.append(ready.light.report)
        if len(cut) > 1:
            stitcher.put(part, window)
            progress.advance()
    record["misindexed_points"] = wrong
    if isinstance(inputs.light, WindowedLight):
        record["light"] |= usual_levels(levels, [window.pixels for window in cut])
    if alone:
        record["light"]["share_left_alone"] = share = alone / (inputs.grid.shape[0] * inputs.grid.shape[1])
        record["warnings"].append(
            f"The light is not used over {100 * share:.2g} % of the field, because measured points that their "
            "neighbours support stood alone in the map that followed it."
        )
    if inputs.light is not None:
        record["warnings"] += places_told(record["light"])
    if blurs:
        record["light"]["blur_px"] = float(np.median(blurs))
    if len(cut) == 1:
        return part
    origin = ebsd.origin[0] + inputs.grid.left, ebsd.origin[1]
    return stitcher.result(part, measured_points(ebsd, inputs.grid), origin, record)


def _begin(inputs: Inputs, settings: Settings, progress: Progress) -> Progress:
    """Begin the restoration; return what the work inside a window reports to: nothing, where there are many windows."""
    if len(inputs.windows) > 1:
        progress.begin("restoring, window by window", len(inputs.windows))
        return Silent()
    progress.begin("restoring", settings.network_calls(inputs.light is not None))
    return progress
