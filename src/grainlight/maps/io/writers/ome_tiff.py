"""Write OME-TIFF: every map of a point as a channel, or the images of a light stack, with their step in um."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.angles import bunge_angles
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.layers import layers
from grainlight.maps.io.shared.own_note import note_text, summary
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap

_SAMPLE, _CRYSTAL = SampleFrame.S, CrystalFrame.X_ALONG_A
ANGLES = ("phi1", "Phi", "phi2")


def write_ome_tiff(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write the maps of a section as channels of an OME-TIFF, float32.

    Parameters
    ----------
    ebsd
        The map, on a square grid. The first channels are the phase (0 not indexed) and the Bunge angles phi1, Phi,
        phi2 in degrees, in frame S with X along a, NaN where nothing is indexed; then the fields.
    path
        The file; it appears only when it is whole.
    extra
        More channels by name, each (rows, cols): uncertainty, source, harmonics of the light, ...
    record
        What was done to the map, kept as JSON in the image's description.

    Raises
    ------
    InputError
        For a hexagonal grid, a place that cannot be written or an extra array of another shape.
    """
    more = layers(ebsd, extra, Path(path))
    degrees = bunge_angles(ebsd, _SAMPLE, _CRYSTAL, degrees=True, not_indexed=np.nan)
    channels = [ebsd.phase_id.clip(0), *np.moveaxis(degrees, -1, 0), *more.values()]
    # one after the other: of a large map no array of all channels is made
    images = (np.asarray(channel, dtype=np.float32) for channel in channels)
    note = note_text(ebsd.cropped(0, 0).in_frame(_SAMPLE).in_crystal_frame(_CRYSTAL), record)
    size = (len(channels), *ebsd.shape), np.dtype(np.float32)
    _write(path, images, size, ["phase", *ANGLES, *more], ebsd.step, note, ebsd.source or "EBSD map", ebsd.origin)


def write_light_ome_tiff(light: LightStack, path: str | Path) -> None:
    """Write a light stack as an OME-TIFF, one channel for each angle, called by the angle in degrees."""
    images = np.asarray(light.images)
    if images.dtype.kind == "f":
        images = images.astype(np.float32)
    names = [f"{angle:g} deg" for angle in light.angles]
    note = f"polarized light; {light.rotates} rotates; mirror {light.mirror}; origin {light.origin} um; {summary(None)}"
    size = images.shape, images.dtype
    _write(path, images, size, names, (light.step, light.step), note, "polarized light", light.origin)


def _write(
    path: str | Path,
    images: Iterable[NDArray[Any]],
    size: tuple[tuple[int, ...], np.dtype[Any]],
    names: list[str],
    step: tuple[float, float],
    note: str,
    title: str,
    origin: tuple[float, float],
) -> None:
    """Write images (rows, cols); ``size``: the shape of all of them and their type; ``origin`` (x, y) um of the first
    pixel."""
    import tifffile

    metadata = {
        "axes": "CYX",
        "Name": title,
        "Description": note,
        "Channel": {"Name": names},
        "PhysicalSizeX": step[0],
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": step[1],
        "PhysicalSizeYUnit": "µm",
        "Plane": {
            f"Position{axis}{unit}": [value] * len(names)
            for axis, at in zip("XY", origin, strict=True)
            for unit, value in (("", float(at)), ("Unit", "µm"))
        },
    }
    with atomic_path(path) as temporary:
        try:
            tifffile.imwrite(
                temporary,
                iter(images),
                shape=size[0],
                dtype=size[1],
                ome=True,
                metadata=metadata,
                photometric="minisblack",
                compression="zlib",
            )
        except (OSError, ValueError) as error:
            raise InputError("the image cannot be written", file=path, found=str(error)[:200]) from error
