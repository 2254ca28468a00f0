"""The picture that shows a registration: boundaries of the EBSD map on the light."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.grains.edges import BOUNDARY_ANGLE
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.register.transform import Transform

_COLOUR = np.array([255, 60, 40], dtype=np.float64)
_FRAME = np.array([60, 170, 255], dtype=np.float64)
_LEAST, _MOST = 700, 2400  # pixels of the picture's longer side
Segments = NDArray[np.float64]


def boundary_segments(ebsd: OrientationMap) -> Segments:
    """Return the boundaries of a map (M, 2, 2): ends (x, y) in um of the edges between points over 5 degrees apart."""
    q = torch.from_numpy(np.ascontiguousarray(ebsd.quaternions))
    known = ebsd.is_6mmm
    at = np.stack((ebsd.x, ebsd.y), -1)
    found = []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        angle = np.degrees(disorientation_angle(q[a], q[b]).numpy())
        edge = known[a] & known[b] & (angle > BOUNDARY_ANGLE)
        middle, across = (at[a][edge] + at[b][edge]) / 2, at[b][edge] - at[a][edge]
        along = np.stack((-across[:, 1], across[:, 0]), -1) / 2
        found.append(np.stack((middle - along, middle + along), 1))
    return np.concatenate(found)


def overlay(light: LightStack, segments: Segments, transform: Transform) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) of the light with boundaries and the map's outline drawn in.

    The light is drawn as recorded: the spread over the angles where there are several, which shows grains best.
    """
    image = light.images.std(0) if len(light.images) > 1 else light.images[0]
    return draw(image, segments, transform)


def draw(image: NDArray[np.float32], segments: Segments, transform: Transform) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) of an image (h, w) with segments (M, 2, 2) [um] and the outline of the extent."""
    low, high = np.percentile(image, (1.0, 99.0))
    grey = np.clip((image - low) / max(float(high - low), 1e-12), 0, 1) ** 0.8 * 235
    longer = max(image.shape)
    zoom = max(1, round(_LEAST / longer)) if longer < _LEAST else 1
    thin = max(1, int(np.ceil(longer / _MOST)))
    grey = np.repeat(np.repeat(grey[::thin, ::thin], zoom, 0), zoom, 1)
    scale = zoom / thin
    picture = np.repeat(grey[..., None], 3, -1)
    x0, y0, x1, y1 = transform.extent
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    steps = np.linspace(0, 1, 200)
    sides = [
        np.stack((a + (b - a) * t0, a + (b - a) * t1))
        for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)
        for t0, t1 in itertools.pairwise(steps)
    ]
    _lines(picture, transform(np.stack(sides)), scale, _FRAME)
    if len(segments):
        _lines(picture, transform(segments), scale, _COLOUR)
    return picture.astype(np.uint8)


def _lines(picture: NDArray[np.float64], ends: Segments, scale: float, colour: NDArray[np.float64]) -> None:
    place = (ends + 0.5) * scale - 0.5
    count = max(2, int(np.ceil(np.abs(place[:, 1] - place[:, 0]).max())) + 1)
    for t in np.linspace(0, 1, count):
        at = np.rint(place[:, 0] * (1 - t) + place[:, 1] * t).astype(int)
        inside = (at >= 0).all(1) & (at[:, 0] < picture.shape[1]) & (at[:, 1] < picture.shape[0])
        picture[at[inside, 1], at[inside, 0]] = colour


def save_picture(picture: NDArray[np.uint8], path: str | Path) -> Path:
    """Write a picture as PNG."""
    import imageio.v3 as imageio

    path = Path(path)
    with atomic_path(path) as temporary:
        imageio.imwrite(temporary, picture, extension=".png")
    return path
