"""The page as text: whole, self-contained, small, and safe whatever the files are called."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.report import figures
from grainlight.report.html import report_page, write_report

VOID = {"meta", "link", "img", "input", "br", "wbr"}


class Elements(HTMLParser):
    """Elements with their attributes, and the text between them; complains about what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not set(self.open) & {"script", "style"}:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def elements(page):
    return Elements(page.read_text(encoding="utf-8"))


def test_nothing_is_loaded_from_elsewhere(page, elements):
    text = page.read_text(encoding="utf-8")
    for tag, attributes in elements.found:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, name, value[:80])
    assert "url(" not in text.replace("url(#", "")
    assert "@import" not in text
    assert not re.search(r"https?://", re.sub(r"data:[^\"]*", "", text))


def test_the_policy_allows_the_script_and_nothing_else(page, elements):
    (policy,) = [one["content"] for one in elements.all("meta") if one.get("http-equiv")]
    scripts = [one.get("type") for one in elements.all("script")]
    assert scripts == ["application/json", None]  # data, which no browser runs, and the script
    (script,) = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)


def test_every_picture_says_what_it_shows(elements):
    images = elements.all("img")
    assert len(images) == 6 + 7 + 2  # orientations, panels, light
    assert all(len(one["alt"]) > 15 for one in images)
    assert all(one.get("aria-label") for one in elements.all("svg"))


def test_controls_have_names(elements):
    for one in elements.all("input"):
        assert one.get("aria-label") or one["id"] in {label.get("for") for label in elements.all("label")}


def test_sections_are_there(elements):
    for words in (
        "What to trust, and what not",
        "Uncertainty",
        "Where each pixel comes from",
        "Another grain?",
        "Light against EBSD",
        "Registration",
        "Polarized light before and after",
        "Grain size",
        "Boundary disorientation",
        "c-axis pole figure",
        "90 % interval",
        "The whole record",
        "89abcdef01234567",
        "10 µm",
        "Stated frame doubtful.",
    ):
        assert words in elements.text, words


def test_units_stay_with_their_numbers(elements):
    sentences = elements.text.split("What to trust")[1].split("Boundaries and doubt")[0]
    assert not re.search(r"\d %", sentences)
    assert re.search("\\d\u00a0%", sentences)


def test_text_is_escaped(made):
    record = made.result.record | {
        "inputs": [{"file": "<script>alert(1)</script>.ang", "sha256": "x"}],
        "warnings": ["<img src=http://example.com/x> & more"],
    }
    text = report_page(replace(made.result, record=record))
    assert "<script>alert" not in text
    assert "<img src=http" not in text
    Elements(text)


def test_a_bare_result_has_a_page(restoration):
    """Without record, light, flags, samples; of two grains."""
    _, result, _ = restoration
    elements = Elements(report_page(result, title="bare"))
    assert "bare" in elements.text
    assert "Polarized light before" not in elements.text
    assert "Registration" not in elements.text
    assert "90 % interval" not in elements.text


def test_an_overlay_of_ones_own_is_shown(made):
    red = np.zeros((*made.result.map.shape, 3), dtype=np.uint8)
    red[..., 0] = 200
    plain = Elements(report_page(made.result))
    assert "Registration" not in plain.text
    assert "Registration" in Elements(report_page(made.result, overlay=red)).text


def test_nothing_restored_still_has_a_page(made):
    nothing = made.result.map.replace(phase_id=np.zeros(made.result.map.shape, np.int16))
    source = np.zeros_like(made.result.source)
    result = replace(
        made.result,
        map=nothing,
        source=source,
        uncertainty=np.full(source.shape, np.nan, np.float32),
        boundary=np.zeros(source.shape, np.float32),
        samples=np.zeros((0, *source.shape, 4), np.float16),
    )
    assert "Nothing was restored." in Elements(report_page(result)).text


def test_missing_folder_is_an_input_error(made, tmp_path):
    with pytest.raises(InputError, match="folder does not exist"):
        write_report(made.result, tmp_path / "none" / "a.html")


def test_all_images_together_stay_below_eight_megabytes():
    """`embed` keeps each within its budget; base64 makes four bytes of three, and the rest of a page is text."""
    one_of_each = figures.ON_LIGHT + 3 * figures.DOUBT + figures.SOURCE + figures.DAMAGE + figures.OVERLAY
    assert (6 * figures.IPF + 2 * figures.LIGHT + one_of_each) * 4 / 3 + figures.VALUES < 7_600_000
    assert figures.MOST_PIXELS >= 1000


def test_a_page_of_a_small_map_is_small(page):
    assert page.stat().st_size < 400_000


def test_more_pixels_than_a_page_shows_are_thinned(made, monkeypatch):
    monkeypatch.setattr(figures, "MOST_PIXELS", 40)
    maps = figures.maps_of(made.result, made.stack)
    shown = [one[1] for figure in (*maps.panels, maps.light, maps.orientation["X"]) for one in figure.images]
    assert {(one.width, one.height) for one in shown} == {(38, 30)}
    assert maps.scale[0] == "10 µm"
