"""The page about a volume: whole, self-contained, modest in size, and safe whatever stands in the record."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from drawn_volumes import synthetic_volume

from browser import opened_browser
from grainlight.errors import InputError
from grainlight.volume.report import page as page_module
from grainlight.volume.report import pictures
from grainlight.volume.report.heights import height_chart
from grainlight.volume.report.page import volume_page, write_volume_report
from grainlight.volume.report.pictures import pictures_of
from grainlight.volume.volume import Volume
from tests.report.test_html import Elements

EVIL = "</script><script>alert('<&\"')</script>"


@pytest.fixture(scope="module")
def volume() -> Volume:
    made, _ = synthetic_volume(sections=7, shape=(20, 30))
    return replace(made, record={"warnings": [EVIL], "version": "9.9", EVIL: EVIL})


@pytest.fixture(scope="module")
def text(volume: Volume) -> str:
    return volume_page(volume, title=EVIL)


@pytest.fixture(scope="module")
def elements(text: str) -> Elements:
    return Elements(text)


def image(uri: str) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(BytesIO(b64decode(uri.split(",")[1]))).convert("RGB"))


def test_nothing_is_loaded_and_only_the_script_runs(text: str, elements: Elements) -> None:
    for tag, attributes in elements.found:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, name)
        assert not any(name.startswith("on") for name in attributes)
    (policy,) = [one["content"] for one in elements.all("meta") if one.get("http-equiv")]
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy


def test_text_of_others_is_escaped(text: str, elements: Elements) -> None:
    assert EVIL not in text
    assert elements.text.count("alert('<&\"')") >= 3  # heading, warning, record


def test_every_section_has_its_pictures(volume: Volume, elements: Elements) -> None:
    shown = [one for one in elements.all("img") if "data-section" in one]
    assert [int(one["data-section"]) for one in shown] == [*range(7), *range(7)]
    assert [("hidden" in one) for one in shown] == [False, *[True] * 6] * 2
    (slider,) = elements.all("input")
    assert (slider["min"], slider["max"]) == ("0", "6")
    assert "Section 5 of 7, z 8 µm: EBSD of its own" in elements.text
    assert "Section 6 of 7, z 9.5 µm: no EBSD of its own" in elements.text
    assert all(len(one["alt"]) > 15 for one in elements.all("img"))
    assert all(image(one["src"]).shape == (20, 30, 3) for one in shown)


def test_cuts_are_sections_of_the_sections(volume: Volume) -> None:
    found = pictures_of(volume)
    whole = [image(shot.orientation.uri) for shot in found.shots]
    across, along = (image(cut.orientation.uri) for cut in found.cuts)
    # z up
    np.testing.assert_array_equal(across, [picture[10] for picture in whole[::-1]])
    np.testing.assert_array_equal(along, [picture[:, 15] for picture in whole[::-1]])
    strip = image(found.cuts[0].strip.uri)[:, 0]
    assert [tuple(one) == (0, 114, 178) for one in strip] == volume.measured[::-1].tolist()
    assert found.cuts[0].ratio == pytest.approx(30 * 0.5 / (7 * 1.5), abs=1e-3)
    assert [cut.place for cut in found.cuts] == ["y 2 µm", "x 17.5 µm"]


def test_flat_volume_is_drawn_higher_and_says_so(volume: Volume) -> None:
    flat = replace(volume, z=0.01 * np.arange(7))
    (cut, _) = pictures_of(flat).cuts
    assert cut.ratio == 6
    assert cut.stretch == pytest.approx(30 * 0.5 / (7 * 0.01) / 6, rel=0.01)
    assert f"Heights are drawn {cut.stretch} times too large" in Elements(volume_page(flat)).text


def test_doubt_is_where_the_bound_is_wide(volume: Volume) -> None:
    wide = np.full(volume.shape, 1.0, np.float32)
    wide[2], wide[3, :10] = 9, 9
    found = pictures_of(replace(volume, uncertainty=wide))
    np.testing.assert_allclose(found.doubtful, [0, 0, 1, 0.5, 0, 0, 0])
    none = np.full(volume.shape, np.nan, np.float32)
    chance = np.where(wide > 5, 0.9, 0.1).astype(np.float32)
    other = replace(volume, uncertainty=none, other_grain=chance)
    np.testing.assert_allclose(pictures_of(other).doubtful, found.doubtful)
    assert "it probably belongs to another grain" in volume_page(other)
    # without either nothing is said of doubt
    assert "unknown" in Elements(volume_page(replace(volume, uncertainty=none, other_grain=none))).text


def test_large_volume_is_thinned_and_stays_small(volume: Volume, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "MOST_SECTIONS", 3)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 16)
    found = pictures_of(volume)
    assert [shot.number for shot in found.shots] == [1, 4, 7]
    assert found.every == 3
    assert image(found.shots[0].orientation.uri).shape == (10, 15, 3)
    assert "One in 3 sections is shown" in Elements(volume_page(volume)).text


def test_findings_tell_gaps_and_sections_without_ebsd(volume: Volume) -> None:
    def said(one: Volume) -> str:
        return " ".join(found.text for found in page_module._findings(one, page_module._shares(one)))

    assert "2 of 7 sections have EBSD" in said(volume)
    assert "section 3, 3 µm away" in said(volume)
    gap = replace(volume, z=np.array([0.0, 1, 2, 3, 7, 8, 9]))
    assert "Sections are missing in 1 place: the widest gap, 4 µm, lies above section 4" in said(gap)
    assert "1 to 4 µm apart" in said(gap)
    assert "No section has EBSD" in said(replace(volume, measured=np.zeros(7, bool)))
    assert "Every section has EBSD" in said(replace(volume, measured=np.ones(7, bool)))


def test_one_section_and_nothing_known_make_a_page(volume: Volume) -> None:
    names = ("z", "quaternions", "phase_id", "uncertainty", "other_grain", "boundary", "source", "light", "measured")
    one = replace(volume, **{name: getattr(volume, name)[:1] for name in names})
    assert "1 of 1" in Elements(volume_page(one)).text
    nothing = np.full(one.shape, np.nan, np.float32)
    empty = replace(one, phase_id=0 * one.phase_id, source=0 * one.source, uncertainty=nothing, other_grain=nothing)
    assert "100 % not restored" in Elements(volume_page(empty)).text.replace("\u00a0", " ")


def test_chart_has_a_dot_for_each_section_with_ebsd() -> None:
    chart = height_chart(
        np.arange(4.0), np.array([0.1, np.nan, 0.3, 0.4]), np.array([True, True, False, True]), "<x>", "y", "a chart"
    )
    assert chart.count("<circle") == 2
    assert "&lt;x&gt;" in chart


def test_page_is_written_whole(volume: Volume, tmp_path: Path) -> None:
    path = write_volume_report(volume, tmp_path / "report.html")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError, match="folder does not exist"):
        write_volume_report(volume, tmp_path / "nowhere" / "report.html")


def test_slider_walks_through_the_sections(text: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    shown = "[...document.querySelectorAll('img[data-section]')].filter(i => i.offsetWidth).map(i => i.dataset.section)"
    with opened_browser(1200, 900) as page:
        page.open(file)
        assert page.evaluate(shown) == ["0", "0"]
        page.evaluate("document.querySelector('.walk input').focus()")
        page.press("ArrowRight", 4)
        assert page.evaluate(shown) == ["4", "4"]
        words = page.evaluate("document.querySelector('.walk input').getAttribute('aria-valuetext')")
        assert words == "Section 5 of 7, z 8 µm: EBSD of its own"
        page.resize(400, 800)
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        assert page.errors == []
        assert page.messages == []
        assert [url for url in page.requests if not url.startswith(("data:", "file:"))] == []
