"""Where EBSD lies in the light of its section, as registration finds it: what joins the places of maps and images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.register.transform import Transform, stated
from grainlight.restore.light.registration import register_light
from grainlight.restore.settings import Settings

_ASKED = 3  # sections that are registered at most, until the place of one is sure


@dataclass(frozen=True)
class Place:
    """How far a map lies right and down of where its images' origin states.

    ``x``, ``y`` um at its middle, 0 within a pixel of the images; ``bent`` um by which its corners miss that.
    """

    x: float = 0.0
    y: float = 0.0
    bent: float = 0.0


def place_of(registration: dict[str, Any] | None, light: LightStack | None) -> Place | None:
    """Return where the record of a registration (`Registration.as_record`) puts a map; None where that is not sure."""
    if registration is None or light is None or not registration["trusted"]:
        return None
    if not registration["moved_px"]:
        return Place()
    found = Transform.from_record(registration["transform"])
    as_stated = stated(light, found.extent)
    x0, y0, x1, y1 = found.extent
    at = np.array([((x0 + x1) / 2, (y0 + y1) / 2), (x0, y0), (x1, y0), (x0, y1), (x1, y1)])
    off = np.linalg.solve(as_stated.matrix, (found(at) - as_stated.offset).T).T - at
    bent = float(np.hypot(*(off[1:] - off[0]).T).max())
    if np.hypot(*off[0]) < light.step:
        return Place(bent=bent)
    return Place(round(float(off[0, 0]), 4), round(float(off[0, 1]), 4), bent)


def find_anchor(
    sections: Iterable[tuple[Callable[[], OrientationMap], Callable[[], LightStack | None]]], settings: Settings
) -> Place:
    """Return the place of the EBSD in the light of the first section where it can be told; none of them: as stated.

    Parameters
    ----------
    sections
        Calls that read the EBSD and the light of sections with EBSD, from the lowest.
    settings
        Of the restoration, whose registration is asked.
    """
    asked = 0
    for read_map, read_images in sections:
        light = read_images()
        if light is None:
            continue
        found = register_light(read_map(), light, settings)
        place = place_of(found.as_record(), found.light)
        if place is not None:
            return place
        asked += 1
        if asked == _ASKED:
            break
    return Place()
