"""The viewer in a report and in a notebook: the layers of the result, what is known of its pixels, its grains."""

from __future__ import annotations

import io

import numpy as np
import pytest

import grainlight as gl
from browser import Page
from grainlight.report.viewer.layers import layers_of
from grainlight.report.viewer.pixels import pixel_record

READY = "document.documentElement.dataset.viewer === 'ready'"


@pytest.fixture(scope="module")
def notebook(made, tmp_path_factory):
    """The output of a cell as a file, and the document of its frame by itself."""
    folder = tmp_path_factory.mktemp("notebook")
    view = made.result.view(made.stack)
    (folder / "document.html").write_text(view.document, encoding="utf-8")
    # a page that is not in UTF-8
    cell = f'<!doctype html><meta charset="windows-1252"><body>{view._repr_html_()}'
    (folder / "cell.html").write_text(cell, encoding="utf-8")
    return folder


@pytest.fixture(params=["report", "notebook"])
def opened(request, browser, page, notebook):
    for told in (browser.requests, browser.messages, browser.errors):
        told.clear()
    browser.open(page if request.param == "report" else notebook / "document.html")
    browser.wait(READY)
    yield browser
    assert browser.errors + browser.messages == []
    assert [url for url in browser.requests if not url.startswith(("data:", "file:"))] == []
    assert sum(url.startswith("file:") for url in browser.requests) == 1


def choose(opened: Page, layer: str) -> None:
    opened.evaluate(
        f"(() => {{ const f = document.getElementById('layer'); f.value = '{layer}';"
        "f.dispatchEvent(new Event('change')); })()"
    )
    opened.wait(f"document.getElementById('layer-words').dataset.layer === '{layer}'")


def pixels_of(opened: Page) -> np.ndarray:
    """What the canvas shows."""
    from base64 import b64decode

    import imageio.v3 as iio

    url = opened.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done("
        "document.querySelector('#result-view canvas').toDataURL()))))"
    )
    return iio.imread(io.BytesIO(b64decode(url.split(",")[1])))[..., :3].astype(int)


def told_of(opened: Page, column: int, row: int, shape: tuple[int, int]) -> dict[str, str]:
    """What the page says of a pixel that is clicked."""
    opened.evaluate("document.querySelector('#result-view canvas').scrollIntoView({block: 'center'})")
    x, y, wide, high = opened.evaluate(
        "(() => { const b = document.querySelector('#result-view canvas').getBoundingClientRect();"
        "return [b.x, b.y, b.width, b.height]; })()"
    )
    opened.evaluate("document.getElementById('pixel').replaceChildren()")
    opened.click(x + (column + 0.5) / shape[1] * wide, y + (row + 0.5) / shape[0] * high)
    opened.wait("document.getElementById('pixel').children.length > 0")
    cells = opened.evaluate("[...document.getElementById('pixel').children].map(e => e.textContent)")
    return dict(zip(cells[::2], cells[1::2], strict=True))


def test_every_layer_is_shown_as_it_is(opened, made):
    """The colours in the middle of pixels are those of the layer, to the byte."""
    layers = layers_of(made.result, made.stack)
    names = opened.evaluate("[...document.querySelectorAll('#layer option')].map(o => o.value)")
    assert names == [layer.name for layer in layers]
    assert len(names) == 11
    opened.evaluate("document.getElementById('cut').value = 0")
    opened.evaluate("document.getElementById('cut').dispatchEvent(new Event('input'))")
    rows, columns = made.result.map.shape
    for layer in layers:
        choose(opened, layer.name)
        seen = pixels_of(opened)
        at = np.ix_(
            ((np.arange(rows) + 0.5) / rows * seen.shape[0]).astype(int)[12:45],
            ((np.arange(columns) + 0.5) / columns * seen.shape[1]).astype(int)[4:50],
        )
        wanted = layer.image if not layer.indexed else np.array(layer.palette)[layer.image]
        wanted = np.repeat(wanted[..., None], 3, -1) if wanted.ndim == 2 else wanted
        assert np.array_equal(seen[at], wanted[12:45, 4:50]), layer.name


@pytest.mark.parametrize("at", [(8, 8), (25, 24), (52, 41), (70, 5)])
def test_pixel_says_what_the_result_says(opened, made, at):
    column, row = at
    shape = made.result.map.shape
    told, known = told_of(opened, column, row, shape), pixel_record(made.result, row, column)
    assert told["Place"].startswith(f"column {column}, row {row};")
    assert told["Phase"] == known["phase"]
    assert told["Source"] == known["source"]
    assert told["Bound (90 %)"] == f"{known['bound']:.2f}°"
    euler = [f"{angle:.2f}°" for angle in known["euler"]]
    assert told["Orientation"] == f"φ1 {euler[0]}, Φ {euler[1]}, φ2 {euler[2]} ({known['frames']})"
    words = told["c-axis"].split()
    assert float(words[0].rstrip("°")) == pytest.approx(known["inclination"], abs=0.011)
    assert float(words[6].rstrip("°")) == pytest.approx(known["azimuth"], abs=0.03)
    assert told["Light"] == f"misses the map by {known['residual']:.1f} standard deviations"
    assert told.get("Flags", "") == "; ".join(known["flags"])


def test_grain_of_a_pixel_is_told_and_outlined(opened, made):
    labels = gl.find_grains(made.result).labels
    before = pixels_of(opened)
    told_of(opened, 30, 20, made.result.map.shape)
    assert opened.evaluate("document.querySelector('#grain-facts dd').textContent") == str(labels[20, 30])
    assert np.abs(pixels_of(opened) - before).max() > 50
    rows = opened.evaluate("document.querySelectorAll('#grains-table tbody tr').length")
    assert rows == 20
    count = opened.evaluate("document.getElementById('grains-pages').textContent")
    assert f"of {labels.max()}" in count
    opened.evaluate("document.querySelectorAll('#grains-table thead button')[2].click()")
    sizes = opened.evaluate(
        "[...document.querySelectorAll('#grains-table tbody tr')].map(r => +r.cells[2].textContent)"
    )
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == np.bincount(labels.ravel())[1:].max()


def test_zoom_to_single_pixels_by_keyboard(opened):
    opened.evaluate("document.querySelector('#result-view canvas').focus()")
    opened.press("+", 3)
    seen = pixels_of(opened)
    # eight times as large: a pixel of the map is a square of one colour
    across = np.flatnonzero(np.abs(np.diff(seen[seen.shape[0] // 3], axis=0)).sum(-1))
    assert np.median(np.diff(across)) > 30


def test_picture_of_a_report_leads_to_its_layer(browser, page):
    browser.open(page)
    browser.wait(READY)
    browser.evaluate("document.querySelector('#uncertainty .closer').click()")
    browser.wait("document.getElementById('layer-words').dataset.layer === 'uncertainty'")
    assert browser.evaluate("document.activeElement.id") == "layer"


def test_cell_of_a_notebook_is_a_frame_that_runs(browser, notebook):
    """The frame may run its script and nothing else; the notebook's own page stays as it was."""
    for told in (browser.requests, browser.messages, browser.errors):
        told.clear()
    browser.open(notebook / "cell.html")
    assert browser.evaluate("document.querySelector('iframe').getAttribute('sandbox')") == "allow-scripts"
    browser.wait("new Promise(done => setTimeout(() => done(1), 1500))")
    assert browser.errors + browser.messages == []
    assert [url for url in browser.requests if not url.startswith(("data:", "file:", "about:"))] == []
    # something colourful is drawn where the map must be
    import imageio.v3 as iio

    image = iio.imread(io.BytesIO(browser.picture()))[..., :3].astype(int)
    assert (np.ptp(image[150:400, 50:600], axis=-1) > 100).mean() > 0.5


def test_without_the_script_the_pictures_stand(browser, page):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        images = "[...document.images].filter(i => i.getClientRects().length).length"
        assert browser.evaluate(images) == 6 + 7 + 2
        assert not browser.evaluate("document.documentElement.classList.contains('live')")
        assert browser.evaluate("document.querySelector('#look').getClientRects().length") == 0
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
