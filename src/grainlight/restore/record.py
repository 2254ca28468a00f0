"""The record of a run: what was done, with what, on what."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def run_record(
    ebsd: OrientationMap,
    light: LightStack | None,
    inputs: Inputs,
    settings: Settings,
    device: torch.device,
) -> dict[str, Any]:
    """What a restoration was made of and with, as JSON can hold it."""
    import grainlight
    from grainlight.diffusion.checkpoint import weights_hash
    from grainlight.restore.points.phases import phase_report

    phases, kept = phase_report(ebsd)
    return {
        "version": grainlight.__version__,
        "weights": weights_hash(settings.weights),
        "settings": settings.as_record(),
        "device": str(device),
        "noise_deg": round(inputs.noise.noise, 3),
        "quality_fields": inputs.noise.report,
        "phases": phases,
        "ebsd": {
            "source": ebsd.source,
            "grid": ebsd.grid,
            "step_um": list(ebsd.step),
            "origin_um": list(ebsd.origin),
            "phases": {str(phase.id): phase.name for phase in ebsd.phases},
        },
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
        "frames": {"sample": ebsd.sample_frame.value, "crystal": ebsd.crystal_frame.value},
        "inputs": input_record((ebsd.path, *(() if light is None else light.paths))),
        "registration": None if inputs.registered is None else inputs.registered.as_record(),
        "warnings": [
            *ebsd.notes,
            *kept,
            *(() if inputs.registered is None else inputs.registered.warnings),
            *(() if inputs.light is None else inputs.light.warnings),
        ],
        **({} if inputs.light is None else {"light": inputs.light.report}),
    }
