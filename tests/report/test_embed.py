"""Embedded images: what goes in comes out, and what is too large gets smaller."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pytest

from grainlight.report.embed import Embedded, embed, embed_scaled
from grainlight.report.scales import DEGREES


def decoded(one: Embedded) -> np.ndarray:
    import imageio.v3 as iio

    head, data = one.uri.split(",", 1)
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    raw = b64decode(data)
    assert len(raw) == one.size
    return iio.imread(io.BytesIO(raw))


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3), (7, 9, 4)])
def test_small_images_come_back_as_they_were(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    one = embed(image, 10_000)
    assert (one.height, one.width) == shape[:2]
    assert np.array_equal(decoded(one), image)


@pytest.mark.parametrize("kind", ["grey", "colour"])
def test_noise_is_brought_below_the_budget(kind):
    shape = (300, 300) if kind == "grey" else (300, 300, 3)
    smooth = np.linspace(60, 190, 300)[:, None] + np.zeros((300, 300))
    image = smooth if kind == "grey" else np.repeat(smooth[..., None], 3, axis=-1)
    image = np.clip(image + np.random.default_rng(1).normal(0, 6, shape), 0, 255).astype(np.uint8)
    one = embed(image, 40_000)
    assert one.size <= 40_000
    assert np.abs(decoded(one).astype(int) - image.astype(int)).mean() < 12


@pytest.mark.parametrize("shape", [(260, 300), (260, 300, 3)])
def test_no_budget_is_exceeded(shape):
    """White noise is the worst there is: in the end pixels are left out."""
    image = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    one = embed(image, 12_000)
    assert one.size <= 12_000
    assert one.height < 260
    assert one.width / one.height == pytest.approx(300 / 260, rel=0.02)


def test_a_scale_keeps_its_colours_and_its_gaps():
    position = np.linspace(0, 1, 400).reshape(20, 20)
    position[3, 4] = np.nan
    image = decoded(embed_scaled(position, DEGREES.palette(), 50_000, "#f4d3c4"))[..., :3]
    assert image[3, 4].tolist() == [0xF4, 0xD3, 0xC4]
    assert image[0, 0].tolist() == DEGREES.palette()[0].tolist()
    assert image[-1, -1].tolist() == DEGREES.palette()[-1].tolist()
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 200


def test_a_scale_has_fewer_steps_before_it_is_blurred():
    position = np.random.default_rng(2).random((200, 200))
    whole, small = (embed_scaled(position, DEGREES.palette(), budget) for budget in (10**6, 36_000))
    assert small.size <= 36_000 < whole.size
    assert small.uri.startswith("data:image/png")
