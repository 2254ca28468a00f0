"""Pictures in place of data: an orientation-coloured picture of a map, a colour photograph of the section.

Light of one setting is some function of the orientation, and so is every orientation colour; a linear function of the
colours, their squares and products stands in for the unknown one, as the powers of the c-axis do where there are data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.register.overlay import Segments
from grainlight.register.scene import Scene, thinned
from grainlight.register.view import View, view_of_images

_JUMP = 60.0  # of 255, summed over three channels, between the colours of neighbours across a boundary
COLOURS = 9
"""Features of a colour."""


def scene_of_picture(picture: NDArray[np.uint8], step: float, *, broad: float | None = None) -> Scene:
    """Return the scene of an orientation-coloured picture (H, W, 3) with ``step`` um per pixel.

    ``broad`` um: structure wider than this is taken off; a twentieth of the shorter side unless told.
    """
    rows, columns = picture.shape[:2]
    colour = np.moveaxis(picture[..., :3].astype(np.float32) / 127.5 - 1.0, -1, 0)
    r, g, b = colour
    grid = np.stack((r, g, b, r * r, g * g, b * b, r * g, g * b, b * r)).astype(np.float32)
    y, x = np.meshgrid(np.arange(rows) * step, np.arange(columns) * step, indexing="ij")
    points = np.stack((x.ravel(), y.ravel()), -1)
    extent = (0.0, 0.0, (columns - 1) * step, (rows - 1) * step)
    values = grid.reshape(COLOURS, -1).T.astype(np.float64)
    known = np.ones((rows, columns), dtype=bool)
    wide = min(rows, columns) * step / 20 if broad is None else broad
    return Scene(*thinned(points, values), grid, known, step, (0.0, 0.0), extent, wide)


def view_of_photograph(picture: NDArray[np.uint8], pixel: float, step: float, broad: float) -> View:
    """Return the view of a photograph (H, W, 3) or (H, W) of ``pixel`` um, binned up to ``step`` um.

    Of colours only the hue counts (shares of the sum), which lamps, seams of tiles and scratches hardly change.
    """
    image = np.atleast_3d(picture)[..., :3].astype(np.float32)
    if image.shape[-1] == 3:
        image = image / np.maximum(image.sum(-1, keepdims=True), 1.0)
    return view_of_images(np.moveaxis(image, -1, 0), pixel, step, broad, COLOURS)


def picture_segments(picture: NDArray[np.uint8], step: float) -> Segments:
    """Return edges (M, 2, 2) [um] between neighbouring pixels of different colour."""
    colour = picture[..., :3].astype(np.float64)
    found = []
    for axis in (0, 1):
        jump = np.abs(np.diff(colour, axis=axis)).sum(-1) > _JUMP
        row, column = np.nonzero(jump)
        middle = np.stack((column + 0.5 * (axis == 1), row + 0.5 * (axis == 0)), -1)
        along = np.array([0.5, 0.0]) if axis == 0 else np.array([0.0, 0.5])
        found.append(np.stack((middle - along, middle + along), 1))
    return np.concatenate(found) * step
