"""The eight symmetries of the square: turning or mirroring a section turns its arrangement and its orientations alike.

They are exact symmetries of the physics and of the training data, so a restoration may be done in any of the eight
views; where views differ the answer is uncertain.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from grainlight.crystal import embedding, quaternion
from grainlight.diffusion.state import CHANNELS, EBSD, LIGHT

VIEWS = 8


@functools.cache
def _channel_matrix(view: int) -> Tensor:
    """Matrix (23, 23) that a view applies to the channels of the state."""
    turns, mirrored = view % 4, view >= 4
    angle = math.pi / 2 * turns
    z = torch.tensor((math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)), dtype=torch.float64)
    # For a centrosymmetric crystal a mirror x -> -x acts as the half turn about x.
    x = torch.tensor((0.0, 1.0, 0.0, 0.0), dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    q = quaternion.random((400,), generator, dtype=torch.float64)
    turned = quaternion.multiply(q, quaternion.conjugate(z))
    if mirrored:
        turned = quaternion.multiply(turned, x)
    before, after = embedding.embed(q), embedding.embed(turned)
    out = torch.zeros(CHANNELS, CHANNELS, dtype=torch.float64)
    for part in (slice(0, 5), slice(5, 18)):
        out[part, part] = torch.linalg.lstsq(before[:, part], after[:, part]).solution.T
    out[18, 18] = 1.0
    for part, order in ((slice(19, 21), 2), (slice(21, 23), 4)):
        cos, sin = math.cos(order * angle), math.sin(order * angle)
        turn = torch.tensor(((cos, -sin), (sin, cos)), dtype=torch.float64)
        # A mirror after the turn takes phi to 180 - phi: the sine changes its sign.
        mirror = torch.diag(torch.tensor((1.0, -1.0 if mirrored else 1.0), dtype=torch.float64))
        out[part, part] = mirror @ turn
    return out.float()


def turn_image(image: Tensor, view: int) -> Tensor:
    """Turn the arrangement (..., row, column).

    ``view % 4`` counter-clockwise quarter turns, then a mirror x -> -x for views 4 to 7.
    """
    turned = torch.rot90(image, view % 4, dims=(-2, -1))
    return turned.flip(-1) if view >= 4 else turned


def turn_image_back(image: Tensor, view: int) -> Tensor:
    """Inverse of `turn_image`."""
    turned = image.flip(-1) if view >= 4 else image
    return torch.rot90(turned, -(view % 4), dims=(-2, -1))


def turn_state(state: Tensor, view: int) -> Tensor:
    """The state (23, row, column) of the turned or mirrored section."""
    if view == 0:
        return state
    return turn_image(torch.einsum("ij,jrc->irc", _channel_matrix(view).to(state), state), view)


def turn_ebsd(embedding: Tensor, view: int) -> Tensor:
    """Embeddings (..., 18, row, column) of the turned or mirrored section."""
    matrix = _channel_matrix(view)[EBSD, EBSD].to(embedding)
    return turn_image(torch.einsum("ij,...jrc->...irc", matrix, embedding), view)


def turn_ebsd_back(embedding: Tensor, view: int, arrangement: bool = True) -> Tensor:
    """Inverse of `turn_ebsd`; without ``arrangement`` of the orientations alone."""
    matrix = _channel_matrix(view)[EBSD, EBSD].to(embedding)
    placed = turn_image_back(embedding, view) if arrangement else embedding
    return torch.einsum("ji,...jrc->...irc", matrix, placed)


def turn_light(light: Tensor, view: int) -> Tensor:
    """Canonical harmonics (..., 5, row, column) of the turned or mirrored section."""
    matrix = _channel_matrix(view)[LIGHT, LIGHT].to(light)
    return turn_image(torch.einsum("ij,...jrc->...irc", matrix, light), view)


def turned_light(view: int) -> Tensor:
    """Signs (5,) that the canonical harmonics change by."""
    return _channel_matrix(view)[LIGHT, LIGHT].diagonal().round()


def turn_state_back(state: Tensor, view: int) -> Tensor:
    """Inverse of `turn_state`."""
    if view == 0:
        return state
    # The matrices are orthogonal.
    return torch.einsum("ji,jrc->irc", _channel_matrix(view).to(state), turn_image_back(state, view))
