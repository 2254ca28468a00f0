"""What a notebook shows of a map, a stack or a result."""

from __future__ import annotations

import io
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import grainlight as gl
from grainlight.maps.light_stack import LightStack
from grainlight.maps.phase import Phase


class Page(HTMLParser):
    """Checks that tags match, and keeps pictures and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.pictures: list[Image.Image] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "img":
            source = dict(attributes)["src"]
            self.pictures.append(Image.open(io.BytesIO(b64decode(source.split(",", 1)[1]))))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


@pytest.fixture(scope="module")
def section():
    return gl.synthetic_section(5, "equiaxed", (40, 60), 12.0, 0.25)


def test_a_map(section):
    page = Page(section._repr_html_())
    assert all(word in page.text for word in ("40 x 60, square grid", "0.25 µm", "6/mmm", "100 %", "synthetic"))
    (picture,) = page.pictures
    assert picture.size == (60, 40)
    from grainlight.report.colours import ipf_colours

    np.testing.assert_allclose(np.asarray(picture.convert("RGB")) / 255, ipf_colours(section), atol=0.01)


def test_a_large_map_stays_small(section):
    wide = gl.OrientationMap.from_quaternions(np.tile(section.quaternions, (20, 20, 1)), (0.25, 0.25), section.phases)
    html = wide._repr_html_()
    assert len(html) < 90_000
    assert max(Page(html).pictures[0].size) <= 200


def test_what_a_file_says_of_itself_is_text(section):
    evil = section.replace(phases=(Phase(1, "<script>alert(1)</script>", "6/mmm"),), notes=("<img src=x onerror=y>",))
    page = Page(evil._repr_html_())
    assert "script" not in page.tags
    assert len(page.pictures) == 1
    assert "<script>alert(1)</script>" in page.text


def test_light():
    images = np.arange(6 * 30 * 20, dtype=np.uint8).reshape(6, 30, 20)
    page = Page(LightStack(images, np.arange(0.0, 180.0, 30.0), 0.5, saturation=255)._repr_html_())
    assert all(word in page.text for word in ("6 of 30 x 20 pixels", "0, 30, 60, 90, 120, 150 degrees", "0.5 µm"))
    unknown = LightStack(images[:1], np.array([np.nan]), 0.5)
    assert "unknown" in Page(unknown._repr_html_()).text
    assert Page(unknown._repr_html_()).pictures[0].size == (20, 30)


def test_a_result(section):
    result = gl.enhance(section.every(2), quality="fast")
    page = Page(result._repr_html_())
    rows, columns = result.map.shape
    assert f"{rows} x {columns}" in page.text
    measured = 100 * (result.source == 1).mean()
    assert f"{measured:.3g} % measured" in page.text
    assert f"median {np.median(result.uncertainty[np.isfinite(result.uncertainty)]):.2f} degrees" in page.text
    assert "none given" in page.text
