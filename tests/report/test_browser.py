"""The page in headless Chromium, wide and narrow: no error, no request, nothing that runs over, sliders that slide."""

from __future__ import annotations

import io

import numpy as np
import pytest

from browser import Page

WIDTHS = {"wide": (1280, 900), "narrow": (400, 800)}
READY = "document.documentElement.dataset.viewer === 'ready'"
CUT = "document.getElementById('cut').value"
MAP = "#result-view canvas"


@pytest.fixture(params=WIDTHS)
def opened(request, browser, page):
    browser.resize(*WIDTHS[request.param])
    browser.open(page)
    browser.wait(READY)
    return browser


def picture(browser: Page, box: dict[str, float]) -> np.ndarray:
    import imageio.v3 as iio

    return iio.imread(io.BytesIO(browser.picture(box)))[..., :3].astype(int)


def box_of(browser: Page, where: str) -> dict[str, float]:
    """Place of an element on the page."""
    return browser.evaluate(
        f"(() => {{ const b = document.querySelector('{where}').getBoundingClientRect();"
        "return {x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height}; })()"
    )


def test_no_error_and_no_request(opened):
    assert opened.errors == []
    assert opened.messages == []
    assert [url for url in opened.requests if not url.startswith(("data:", "file:"))] == []
    assert {url.rsplit("/", 1)[-1] for url in opened.requests if url.startswith("file:")} == {"report.html"}


def test_policy_holds_back_what_is_not_the_pages_own(opened):
    """The instrument measures: a request that is tried is refused and is seen."""
    before = len(opened.messages)
    tried = "fetch('https://example.com/x').then(() => 'sent', () => 'refused')"
    assert opened.evaluate(tried) == "refused"
    assert any("Content Security Policy" in text for text in opened.messages[before:])
    del opened.messages[before:]


def test_nothing_runs_over(opened):
    assert opened.evaluate("document.documentElement.scrollWidth") == opened.evaluate("innerWidth")
    over = opened.evaluate(
        "[...document.querySelectorAll('main *, header *')].filter(e => e.getClientRects().length"
        " && !e.closest('.scroll, svg, .frame') && e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.tagName + '.' + e.className)"
    )
    assert over == []


def test_images_are_loaded_and_keep_their_shape(opened):
    found = opened.evaluate(
        "[...document.images].filter(i => i.getClientRects().length).map(i => {"
        "const b = i.getBoundingClientRect(); return [i.naturalWidth, i.naturalHeight, b.width, b.height]; })"
    )
    assert len(found) == 7 + 2  # panels, and the light before and after; orientations are the viewer's
    for wide, high, shown_wide, shown_high in found:
        assert wide == 76
        assert high == 60
        assert shown_wide / shown_high == pytest.approx(wide / high, rel=0.01)


def test_labels_are_large_enough(opened):
    least = opened.evaluate(
        "Math.min(...[...document.querySelectorAll('main *, header *')].filter(e => e.getClientRects().length &&"
        " [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim())).map(e => {"
        " const s = e.closest('svg'); const scale = s ? s.getBoundingClientRect().width / s.viewBox.baseVal.width : 1;"
        " return scale * parseFloat(getComputedStyle(e).fontSize); }))"
    )
    assert least >= 11


def show(opened: Page, layer: str) -> None:
    opened.evaluate(
        f"(() => {{ const f = document.getElementById('layer'); f.value = '{layer}';"
        "f.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    opened.wait(f"document.getElementById('layer-words').dataset.layer === '{layer}'")


def painted(opened: Page) -> np.ndarray:
    """What the viewer shows, once it is painted."""
    opened.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return picture(opened, box_of(opened, MAP))


def test_slider_follows_the_keyboard(opened):
    opened.evaluate("document.querySelector('#cut').focus()")
    assert opened.evaluate(CUT) == "50"
    opened.press("ArrowRight", 7)
    assert opened.evaluate(CUT) == "57"
    assert opened.evaluate("document.activeElement.getAttribute('aria-valuetext')") == "57 % measured, 2 µm step"
    opened.press("ArrowLeft", 9)
    assert opened.evaluate(CUT) == "48"


def test_slider_follows_the_mouse_and_shows_the_other_map(opened):
    opened.evaluate("document.querySelector('#look').scrollIntoView()")
    box = box_of(opened, MAP)
    halves = []
    for key in ("Home", "End"):
        opened.evaluate("document.querySelector('#cut').focus()")
        opened.press(key)
        assert opened.evaluate(CUT) == {"Home": "0", "End": "100"}[key]
        halves.append(painted(opened))
    restored, measured = halves
    assert np.abs(restored - measured).mean() > 5
    top = box["y"] - opened.evaluate("scrollY") + 0.6 * box["height"]
    opened.click(box["x"] + box["width"] - 4, top, to=(box["x"] + 0.25 * box["width"], top))
    assert float(opened.evaluate(CUT)) == pytest.approx(25, abs=4)
    mixed = painted(opened)
    right = slice(round(0.4 * box["width"]), round(0.7 * box["width"]))
    rows = slice(round(0.3 * box["height"]), round(0.8 * box["height"]))
    left = slice(2, round(0.15 * box["width"]))
    assert np.abs(mixed - restored)[rows, right].mean() < 1
    assert np.abs(mixed - measured)[rows, left].mean() < 1


def test_direction_changes_the_map_and_marks_the_axis(opened):
    words = "document.querySelector('#layer-legend svg').getAttribute('aria-label')"
    marked = "[...document.querySelectorAll('#layer-legend text.marked')].map(e => e.textContent).join()"
    before = painted(opened)
    assert opened.evaluate(words).startswith("Colours along Z; axes of the sample: X right, Y up, Z out")
    assert opened.evaluate(marked) == "Z"
    show(opened, "ipf-X")
    assert np.abs(painted(opened) - before).mean() > 5
    assert opened.evaluate(words).startswith("Colours along X")
    assert opened.evaluate(marked) == "X"
    opened.evaluate("document.querySelector('#layer').focus()")
    opened.press("ArrowDown")
    opened.wait("document.getElementById('layer-words').dataset.layer === 'ipf-Y'")
    assert opened.evaluate(marked) == "Y"


def test_scale_bar_is_as_long_as_it_says(opened):
    width = box_of(opened, "#uncertainty .frame")["width"]
    bar = opened.evaluate("parseFloat(getComputedStyle(document.querySelector('#uncertainty .um b'), '::after').width)")
    assert bar / width * 76 * 0.5 == pytest.approx(10, rel=0.02)


def test_dark_text_on_white(opened):
    assert opened.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 35)"


def test_paper_has_both_maps_whole(browser, page):
    browser.resize(760, 1000)
    browser.open(page)
    browser.wait(READY)
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        boxes = [box_of(browser, f"#img-ipf-Z-{side}") for side in ("left", "right")]
        assert browser.evaluate("document.querySelector('#look').getClientRects().length") == 0
        assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
        assert boxes[0]["width"] == pytest.approx(boxes[1]["width"], abs=1)
        assert browser.paper().startswith(b"%PDF")
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
