"""Write orientation colours as PNG, one pixel a point: a picture, from which orientations cannot be read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import rotate
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.own_note import note_text
from grainlight.maps.orientation_map import OrientationMap

Direction = Literal["X", "Y", "Z"]
_ALONG = {"X": (1.0, 0.0, 0.0), "Y": (0.0, 1.0, 0.0), "Z": (0.0, 0.0, 1.0)}
_UNKNOWN_SYMMETRY = 158  # grey
_CHUNK = 1 << 16  # orix takes some 2 kB for each orientation that it colours


def write_png(
    ebsd: OrientationMap,
    path: str | Path,
    extra: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
    direction: Direction = "Z",
) -> None:
    """Write the inverse pole figure colours of a map as PNG.

    Parameters
    ----------
    ebsd
        The map, on a square grid. Each phase has the TSL colours of its Laue group; grey where the group is unknown,
        black where nothing is indexed.
    path
        The file; it appears only when it is whole.
    extra
        Not used: a picture has no room for numbers.
    record
        What was done to the map, kept as JSON in the text ``grainlight``.
    direction
        The sample direction that is coloured, in frame S: X right, Y up, Z out of the surface.

    Raises
    ------
    InputError
        For a hexagonal grid or a place that cannot be written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("Title", f"IPF-{direction}, TSL colours")
    text.add_text("grainlight", note_text(ebsd, record))
    image = Image.fromarray(ipf_bytes(ebsd, direction))
    with atomic_path(path) as temporary:
        try:
            image.save(temporary, format="PNG", pnginfo=text)
        except OSError as error:
            raise InputError("the picture cannot be written", file=path, found=str(error)) from error


def ipf_bytes(ebsd: OrientationMap, direction: Direction = "Z") -> NDArray[np.uint8]:
    """Return the colours (rows, cols, 3) of `write_png`, 0 to 255."""
    from orix.crystal_map import Phase
    from orix.plot import DirectionColorKeyTSL
    from orix.vector import Vector3d

    seen = ebsd.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    colours = np.zeros((*seen.shape, 3), dtype=np.uint8)
    for phase in seen.phases:
        at = np.flatnonzero(seen.phase_id == phase.id)
        if not phase.laue_group:
            colours.reshape(-1, 3)[at] = _UNKNOWN_SYMMETRY
            continue
        key = DirectionColorKeyTSL(Phase(point_group=phase.laue_group).point_group)
        for start in range(0, at.size, _CHUNK):
            part = at[start : start + _CHUNK]
            crystal = rotate(seen.quaternions.reshape(-1, 4)[part], _ALONG[direction])
            colours.reshape(-1, 3)[part] = np.rint(255.0 * key.direction2color(Vector3d(crystal)))
    return colours
