"""The page in headless Chromium, which reaches this machine alone: the whole way, by mouse and by keyboard."""

from __future__ import annotations

import json

import pytest

from browser import Page

WIDTHS = (400, 1280, 2560)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    from grainlight.evaluation.demo import write_demo

    return write_demo(tmp_path_factory.mktemp("demo"))


def text(tab: Page, where: str) -> str:
    return tab.evaluate(f"document.getElementById('{where}').textContent")


def seen(where: str) -> str:
    """Whether a part of the page is shown."""
    return f"document.getElementById('{where}').getClientRects().length > 0"


def set_value(tab: Page, where: str, value: str) -> None:
    tab.evaluate(
        f"(() => {{ const f = document.getElementById('{where}'); f.value = {value!r};"
        "for (const kind of ['input', 'change']) f.dispatchEvent(new Event(kind, {bubbles: true})); })()"
    )


def click(tab: Page, where: str) -> None:
    tab.evaluate(f"document.getElementById('{where}').click()")


def picture_of(tab: Page, where: str) -> str:
    """What a canvas shows, once it is painted."""
    return tab.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done("
        f"document.querySelector('#{where} canvas').toDataURL()))))"
    )


def click_on(tab: Page, where: str, across: float, down: float) -> None:
    """Click a place of an element, as shares of its width and height."""
    tab.evaluate(f"document.querySelector('#{where} canvas').scrollIntoView({{block: 'center'}})")
    x, y = tab.evaluate(
        f"(() => {{ const b = document.querySelector('#{where} canvas').getBoundingClientRect();"
        f"return [b.x + {across} * b.width, b.y + {down} * b.height]; }})()"
    )
    tab.click(x, y)


def test_opens_fast_and_once(tab, page):
    assert tab.evaluate("location.href") == f"http://127.0.0.1:{page.port}/"  # the token is out of sight
    painted = "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0]"
    assert tab.wait(painted) < 1000
    assert tab.evaluate("document.cookie") == ""


def test_policy_holds_back_what_is_not_the_pages_own(tab):
    """The instrument measures: a request that is tried is refused and is seen."""
    assert tab.evaluate("fetch('https://example.com/x').then(() => 'sent', () => 'refused')") == "refused"
    assert any("Content Security Policy" in told for told in tab.messages)
    tab.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p id=x style=\"color: red\" onclick=\"window.bad = 1\">x')"
    )
    click(tab, "x")
    assert tab.evaluate("window.bad === undefined")
    assert tab.evaluate("getComputedStyle(document.getElementById('x')).color") != "rgb(255, 0, 0)"
    tab.messages.clear()


@pytest.mark.slow
def test_the_whole_way(tab, page, demo):
    # a map, its card, another frame
    tab.choose("#map-file", demo.coarse_file)
    tab.wait(seen("map-card"))
    assert "41 rows × 41 columns" in text(tab, "map-facts")
    assert "None is suspected" in text(tab, "map-problems")
    tab.wait("!!document.querySelector('#map-axes svg')")
    before = picture_of(tab, "map-view")
    set_value(tab, "map-frame", "edax1")
    tab.wait("document.querySelector('#map-axes svg').getAttribute('aria-label').includes('X down')")
    tab.wait("document.getElementById('map-caption').textContent.includes('edax1')")
    set_value(tab, "map-direction", "X")
    tab.wait("document.getElementById('map-caption').textContent.includes('IPF-X')")
    assert picture_of(tab, "map-view") != before
    assert "--frame edax1" in text(tab, "map-command")
    set_value(tab, "map-frame", "")
    tab.wait("document.querySelector('#map-axes svg').getAttribute('aria-label').includes('X up')")

    # images; what is missing is said, and filled in
    tab.choose("#light-file", demo.light_file)
    tab.wait("document.querySelectorAll('#thumbs li').length === 18")
    assert "angles" in text(tab, "light-error")
    assert text(tab, "run-estimate") == "The images need something first: see step 2."
    set_value(tab, "light-angles", "0:180:10")
    set_value(tab, "light-step", "0.5")
    tab.evaluate("document.getElementById('light-form').requestSubmit()")
    tab.wait("document.querySelector('#thumbs li:nth-child(2) input').value === '10'")
    assert text(tab, "light-error") == ""

    # the place; pairs by mouse, and one by keyboard
    tab.wait(seen("place-card"))
    click(tab, "place-find")
    tab.wait(seen("place-found"))
    assert "✓ place trusted" in text(tab, "place-verdict")
    lines = picture_of(tab, "place-view")
    set_value(tab, "place-opacity", "0")
    assert picture_of(tab, "place-view") != lines
    tab.evaluate("document.getElementById('pairs').open = true")
    tab.wait("document.querySelectorAll('#pairs-map canvas, #pairs-light canvas').length === 2")
    for across, down in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9)):
        click_on(tab, "pairs-map", across, down)
        click_on(tab, "pairs-light", across, down)
    for pane in ("pairs-map", "pairs-light"):
        tab.evaluate(f"document.querySelector('#{pane} canvas').focus()")
        tab.press("Enter")
    tab.wait("document.querySelectorAll('#pairs-table tbody tr').length === 4")
    tab.wait("document.getElementById('pairs-told').textContent.includes('residual')")
    assert not tab.evaluate("document.getElementById('pairs-find').disabled")
    csv = tab.evaluate("document.getElementById('pairs-save').dataset.csv")
    assert len(csv.splitlines()) == 5

    # the estimate, the run, a page that is left and opened again
    set_value(tab, "set-scale", "4")
    set_value(tab, "set-quality", "fast")
    tab.wait("document.getElementById('run-estimate').textContent.includes('161 × 161')")
    assert "--transform registration.json" in text(tab, "run-command")
    set_value(tab, "set-place", "auto")
    click(tab, "run-go")
    tab.wait("!!document.querySelector('#run-job progress')")
    tab.open(f"http://127.0.0.1:{page.port}/")
    tab.wait("!!document.querySelector('#run-job progress') || " + seen("result-card"))
    tab.wait("document.querySelectorAll('#grains-table tbody tr').length > 5", 120)

    # the result: layers, the slider, a pixel, its grain, the table
    assert "median bound" in text(tab, "result-facts")
    tab.evaluate("document.querySelector('#result-view canvas').scrollIntoView({block: 'center'})")
    layers = tab.evaluate("[...document.querySelectorAll('#layer option')].map(o => o.value)")
    pictures = set()
    for layer in layers:
        set_value(tab, "layer", layer)
        tab.wait(f"document.getElementById('layer-words').dataset.layer === '{layer}'")
        pictures.add(picture_of(tab, "result-view"))
    assert len(pictures) == len(layers) >= 9
    set_value(tab, "layer", "ipf-Z")
    tab.wait(seen("cut"))
    half = picture_of(tab, "result-view")
    set_value(tab, "cut", "90")
    assert picture_of(tab, "result-view") != half
    click_on(tab, "result-view", 0.5, 0.5)
    tab.wait("document.getElementById('pixel').textContent.includes('c-axis')")
    tab.wait(seen("grain"))
    chosen = tab.evaluate("document.querySelector('#grains-table tr.chosen th').textContent.replace(/\\D/g, '')")
    assert chosen == tab.evaluate("document.querySelector('#grain-facts dd').textContent")
    assert "°" in text(tab, "grain-neighbours")
    tab.evaluate("document.querySelector('#grain-neighbours tbody button').click()")
    assert tab.evaluate("document.querySelector('#grain-facts dd').textContent") != chosen
    sizes = "[...document.querySelectorAll('#grains-table tbody tr')].map(r => Number(r.cells[2].textContent))"
    tab.evaluate("document.querySelectorAll('#grains-table thead button')[2].click()")
    assert tab.evaluate(sizes) == sorted(tab.evaluate(sizes), reverse=True)
    tab.evaluate("document.querySelectorAll('#grains-table thead button')[2].click()")
    assert tab.evaluate(sizes) == sorted(tab.evaluate(sizes))
    assert tab.evaluate("document.querySelectorAll('#grains-table th[aria-sort=ascending]').length") == 1
    # at any width, dark and light, nothing runs over and every control has a name
    names = tab.evaluate("[...document.querySelectorAll('#downloads a')].map(a => a.textContent)")
    assert {"restored.ang", "restored.ctf", "restored.h5oina", "restored.npz", "report.html", "command.txt"} <= set(
        names
    )
    for theme in ("dark", "light"):
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        for width in WIDTHS:
            tab.resize(width, 900)
            assert tab.evaluate("document.documentElement.scrollWidth") == width
            over = tab.evaluate(
                "[...document.querySelectorAll('main *, header *')].filter(e => e.getClientRects().length"
                " && !e.closest('.scroll, svg') && e.getBoundingClientRect().right > innerWidth + 1)"
                ".map(e => e.tagName + e.id)"
            )
            assert over == []
    assert nameless(tab) == []
    reach = tab.evaluate(
        "[...document.querySelectorAll('button, a, input, select, summary, canvas[role=application]')]"
        ".filter(e => e.getClientRects().length && !e.disabled && e.tabIndex < 0).map(e => e.outerHTML)"
    )
    assert reach == []


def nameless(tab: Page) -> list[str]:
    """Controls that a screen reader has no name for."""
    tab.call("Accessibility.enable")
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    tab.call("Accessibility.disable")
    controls = {"button", "textbox", "checkbox", "slider", "combobox", "spinbutton", "link", "application", "image"}
    return [
        json.dumps(node["role"]["value"])
        for node in nodes
        if not node.get("ignored")
        and node.get("role", {}).get("value") in controls
        and not node.get("name", {}).get("value", "").strip()
    ]


@pytest.mark.slow
def test_what_goes_wrong_is_said(tab, page, demo, tmp_path):
    broken = tmp_path / "broken.ang"
    broken.write_bytes(demo.coarse_file.read_bytes()[:30_000] + b"\xff\x00 not a row\n")
    tab.choose("#map-file", broken)
    tab.wait("document.getElementById('map-error').textContent.includes('broken.ang')")
    assert tab.evaluate("document.getElementById('map-error').getAttribute('role')") == "alert"
    assert not tab.evaluate(seen("map-card"))

    cubic = tmp_path / "cubic.ang"
    words = demo.coarse_file.read_text().replace("Symmetry              62", "Symmetry              43")
    words = words.replace("2.950 2.950 4.686 90.000 90.000 120.000", "3.600 3.600 3.600 90.000 90.000 90.000")
    cubic.write_text(words.replace("Titanium", "<img/src=x/onerror=alert(1)>"))
    tab.choose("#map-file", cubic)
    tab.wait(seen("map-card"))
    assert text(tab, "map-error") == ""
    assert "6/mmm" in text(tab, "map-problems")
    # markup in the name of a phase is text
    assert "<img/src=x/onerror=alert(1)>" in text(tab, "map-facts")
    assert tab.evaluate("document.images.length") == 0
    tab.wait("document.getElementById('run-error').textContent.includes('6/mmm')")

    tab.choose("#map-file", demo.coarse_file)
    tab.wait("document.getElementById('map-name').textContent === 'coarse.ang'")
    set_value(tab, "set-quality", "best")
    set_value(tab, "set-scale", "4")
    tab.wait("document.getElementById('run-estimate').textContent.includes('161')")
    click(tab, "run-go")
    tab.wait("document.querySelector('#run-job .told')?.textContent.includes('so far')")
    tab.evaluate("document.querySelector('#run-job button').click()")
    tab.wait("document.getElementById('run-job').textContent.includes('Cancelled')")
    tab.wait("!document.getElementById('run-go').disabled")
    # the browser notes each answer that is an error, and nothing else is noted
    assert all("422" in told for told in tab.messages)
    tab.messages.clear()


def test_four_megapixels(tab):
    """A layer of 2048 x 2048 is shown within 200 ms, and panned at 30 frames a second."""
    told = tab.evaluate(
        """(async () => {
        const { tilesOf } = await import('/static/tiles.js'), { Viewer } = await import('/static/viewer.js');
        const place = document.createElement('div');
        document.body.prepend(place);
        const viewer = new Viewer(place, 'a large map'), n = 2048, data = new Uint8Array(3 * n * n);
        for (let k = 0; k < data.length; k += 1) data[k] = (k * 2654435761) >>> 24;
        const change = [];
        for (let k = 0; k < 5; k += 1) {
          const began = performance.now();
          viewer.show(tilesOf(data, n, n, 'rgb'), null, { step: 0.1 });
          viewer.paint();
          viewer.canvas.getContext('2d').getImageData(0, 0, 1, 1);
          change.push(performance.now() - began);
        }
        const frames = [];
        for (const scale of [0, 2, 16]) {
          if (scale) viewer.zoom(scale / viewer.view.scale);
          for (let k = 0; k < 8; k += 1) {
            const began = performance.now();
            viewer.view.x -= 7;
            viewer.paint();
            viewer.canvas.getContext('2d').getImageData(0, 0, 1, 1);
            frames.push(performance.now() - began);
          }
        }
        place.remove();
        return [change.sort((a, b) => a - b), frames.sort((a, b) => a - b)];
        })()"""
    )
    change, frames = told
    tab.messages.clear()  # that reading a canvas back is slow, which the page never does
    assert change[1] < 200
    assert frames[len(frames) // 2] < 33
