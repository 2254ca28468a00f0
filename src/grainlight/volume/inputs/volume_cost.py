"""What restoring a volume will cost, from the headers of its files."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.images.step import check_step
from grainlight.maps.io.headers import MapHeader
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.cost import estimate
from grainlight.restore.settings import Settings
from grainlight.volume.inputs.manifest_notes import typical_spacing
from grainlight.volume.inputs.section_headers import LightHeader
from grainlight.volume.manifest import Manifest

_BYTES_PER_VOXEL = 55.0
"""Quaternion 16, phase 2, grain 4, uncertainty, other grain and boundary 12, source 1, light 20."""
_THIN, _THICK = 0.02, 50.0
"""Spacing by output step beyond which heights are likely to be in another unit than um."""


def stand_ins(
    maps: dict[int, MapHeader], light: dict[int, LightHeader]
) -> tuple[OrientationMap, LightStack | None] | None:
    """Return the largest map and the largest stack, as large as they are and without anything in them."""
    usable = [one for one in maps.values() if any(phase.is_6mmm for phase in one.phases)]
    if not usable:
        return None
    largest = max(usable, key=lambda h: h.shape[0] * h.shape[1])
    phase = next(phase for phase in largest.phases if phase.is_6mmm)
    ebsd = OrientationMap.from_quaternions(
        np.broadcast_to(np.array([1.0, 0.0, 0.0, 0.0]), (*largest.shape, 4)),
        largest.step,
        largest.phases,
        phase_id=np.broadcast_to(np.int16(phase.id), largest.shape),
    ).replace(path=largest.path)
    if not light:
        return ebsd, None
    shown = max(light.values(), key=lambda h: h.images * h.shape[0] * h.shape[1])
    kind = np.uint8 if shown.itemsize == 1 else np.uint16
    angles = np.arange(shown.images) * 180.0 / shown.images if shown.angles is None else np.array(shown.angles)
    images: NDArray[Any] = np.broadcast_to(kind(0), (shown.images, *shown.shape))
    return ebsd, LightStack(images, angles, shown.step or min(largest.step))


def volume_cost(
    manifest: Manifest, ebsd: OrientationMap, light: LightStack | None, settings: Settings, to_scale: bool
) -> tuple[list[str], list[str]]:
    """Return lines on time, memory and disk, and doubts about lengths; ``to_scale``: the step of the images is known.

    Raises
    ------
    InputError
        Where the images cannot show the map, or a section does not fit into memory.
    """
    if light is not None and to_scale:
        check_step(ebsd, light)
    one = estimate(ebsd, light, settings)
    sections, spacing = len(manifest.used), typical_spacing(manifest)
    disk = _BYTES_PER_VOXEL * sections * one.rows * one.columns
    step = min(ebsd.step) / settings.scale
    lines = [
        f"volume: {sections} x {one.rows} x {one.columns} voxels of {step:g} um in the plane, scale {settings.scale}",
        f"time: about {_duration(one.seconds)} a section with quality {settings.quality}, "
        f"{_duration(one.seconds * sections)} in one process",
        f"memory: {one.room.memory / 1e9:.1f} GB for each process"
        + (f", and {one.room.disk / 1e9:.1f} GB of temporary files" if one.room.disk else ""),
        f"disk: at most {_size(disk)} for the volume",
    ]
    doubts = []
    free = shutil.disk_usage(manifest.path.absolute().parent).free
    if free < disk:
        doubts.append(
            f"The volume takes up to {_size(disk)}, and {_size(free)} are free beside the manifest: "
            "--output on another disk?"
        )
    if sections > 1 and not _THIN < spacing / step < _THICK:
        doubts.append(
            f"Sections lie {spacing:g} um apart and pixels {step:g} um: is z in um, as it should be, and not in mm "
            "or nm?"
        )
    return lines, doubts


def _size(room: float) -> str:
    return f"{room / 1e9:.1f} GB" if room >= 1e9 else f"{room / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
