"""The record of a run: what was done, with what, on what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grainlight.constants import WEIGHTS, constants, weights_of

if TYPE_CHECKING:
    import torch

    from grainlight.maps.light_stack import LightStack
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.restore.inputs import Inputs
    from grainlight.restore.settings import Settings


def file_hash(path: Path | None) -> str | None:
    """SHA-256 of a file, 16 hexadecimal digits; None where there is no file."""
    if path is None or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def input_record(paths: tuple[Path | None, ...]) -> list[dict[str, Any]]:
    """Name and hash of input files."""
    return [{"file": Path(p).name, "sha256": file_hash(p)} for p in paths if p is not None]


def weights_in_use(settings: Settings) -> dict[str, str]:
    """Hashes of the weights that have a say in a restoration, by the names of `grainlight.constants`."""
    from grainlight.diffusion.checkpoint import weights_hash

    return {WEIGHTS: weights_hash(settings.weights)}


def is_calibrated(record: Mapping[str, Any], *tables: str) -> bool:
    """Whether tables of constants were fitted for the weights that a record names; one that names none is believed."""
    weights = weights_of(record)
    return not weights or not constants().unfitted(weights).intersection(tables)


def uncalibrated_warning(weights: Mapping[str, str]) -> tuple[str, ...]:
    """What a user is told where bounds or probabilities were fitted for other weights than those in use; else nothing.

    A bound is then not given at all. The widest that there is, 93.84 degrees everywhere, would be true, but it would
    be read as what these weights are worth; one that was fitted for other weights would not be true.
    """
    fitted = constants()
    unfitted = fitted.unfitted(weights)
    if not unfitted:
        return ()
    known = ", ".join(sorted({one for table in unfitted for one in fitted.provenance[table].weights.values()}))
    return (
        f"Bounds and probabilities are not calibrated for these weights ({', '.join(weights.values())}): constants "
        f"were fitted for others ({known}). Where those would count, no bound of the error, no probability of another "
        "grain and no interval of grains is given, and probabilities of boundaries are a guess.",
    )


def _told_of_holes(inputs: Inputs) -> tuple[str, ...]:
    holes = inputs.grid.holes
    if holes is None or not holes.places:
        return ()
    share = 100 * holes.cells.sum() / holes.cells.size
    what, verb = ("1 place", "is") if holes.places == 1 else (f"{holes.places} places", "are")
    lit = "" if inputs.light is None else ", but for where the light shows metal"
    return (
        f"{what} without usable points, {share:.2g} % of the map, {verb} wider than {2 * holes.radius:.2g} EBSD steps "
        f"and not restored{lit}; --fill-holes N restores up to N steps into every hole.",
    )


def about_map(ebsd: OrientationMap) -> dict[str, Any]:
    """Format, grid and phases of a map."""
    return {
        "source": ebsd.source,
        **({"sample": ebsd.sample} if ebsd.sample else {}),
        "grid": ebsd.grid,
        "step_um": list(ebsd.step),
        "origin_um": list(ebsd.origin),
        "phases": {str(phase.id): phase.name for phase in ebsd.phases},
    }


def run_record(
    ebsd: OrientationMap,
    light: LightStack | None,
    inputs: Inputs,
    settings: Settings,
    device: torch.device,
    weights: Mapping[str, str],
) -> dict[str, Any]:
    """What a restoration was made of and with, as JSON can hold it; ``weights``: hashes of those in use, by name."""
    import grainlight
    from grainlight.restore.points.phases import phase_report

    phases, kept = phase_report(ebsd)
    unfitted = constants().unfitted(weights)
    return {
        "version": grainlight.__version__,
        "weights": weights[WEIGHTS],
        "constants": {"weights": dict(weights), "of_other_weights": sorted(unfitted)},
        "settings": settings.as_record(),
        "device": str(device),
        "noise_deg": round(inputs.noise.noise, 3),
        "quality_fields": inputs.noise.report,
        "phases": phases,
        "holes": None if inputs.grid.holes is None else inputs.grid.holes.as_record(),
        "masked_share": 0.0 if inputs.grid.metal is None else round(float((~inputs.grid.metal).mean()), 4),
        "ebsd": about_map(ebsd),
        "light_input": None
        if light is None
        else {
            "angles_deg": light.angles.tolist(),
            "step_um": light.step,
            "origin_um": list(light.origin),
            "rotates": light.rotates,
            "mirror": light.mirror,
            "saturation": light.saturation,
        },
        "light_refused": inputs.refused,
        "frames": {"sample": ebsd.sample_frame.value, "crystal": ebsd.crystal_frame.value},
        "inputs": input_record((ebsd.path, *(() if light is None else light.paths))),
        "registration": None if inputs.registered is None else inputs.registered.as_record(),
        "warnings": [
            *ebsd.notes,
            *(() if light is None else light.notes),
            *kept,
            *_told_of_holes(inputs),
            *(() if inputs.registered is None else inputs.registered.warnings),
            *(() if inputs.light is None else inputs.light.warnings),
            *uncalibrated_warning(weights),
        ],
        **({} if inputs.light is None else {"light": inputs.light.report}),
    }
