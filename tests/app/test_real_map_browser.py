"""A real titanium map with simulated light in Chromium: a place that is not trusted, pairs that are clicked, cancel, a
reload in the middle of a run, and the result."""

from __future__ import annotations

import numpy as np
import pytest

from browser import Page, opened_browser

STEP = "0.4999"
CUT = np.s_[20:120, 40:160]
"""What the images show of the field, turned by 180 degrees."""


@pytest.fixture(scope="module")
def files(shared_data, tmp_path_factory):
    """The map, images of all of it, and images of a part that lie upside down."""
    import tifffile

    import grainlight as gl

    ebsd = shared_data / "pymicro/Ti64-200x200.ang"
    folder = tmp_path_factory.mktemp("light")
    light = gl.simulate_light(gl.load_ebsd(ebsd), "0:180:20", level="corrupted")
    for kind in ("right", "turned"):
        (folder / kind).mkdir()
    for angle, image in zip(light.angles, light.images, strict=True):
        counts = np.asarray(image).astype(np.uint16)
        name = f"pl_{int(angle):03d}deg.tif"
        tifffile.imwrite(folder / "right" / name, counts, photometric="minisblack")
        tifffile.imwrite(folder / "turned" / name, np.rot90(counts, 2)[CUT].copy(), photometric="minisblack")
    return ebsd, sorted((folder / "turned").iterdir()), sorted((folder / "right").iterdir())


def text(tab: Page, where: str) -> str:
    return tab.evaluate(f"document.getElementById('{where}').textContent")


def put(tab: Page, where: str, value: str) -> None:
    tab.evaluate(
        f"(() => {{ const f = document.getElementById('{where}'); f.value = {value!r};"
        "f.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def pick(tab: Page, pane: str, column: float, row: float, shape: tuple[int, int]) -> None:
    """Click the middle of a pixel."""
    tab.evaluate(f"document.querySelector('#{pane} canvas').scrollIntoView({{block: 'center'}})")
    x, y, wide, high = tab.evaluate(
        f"(() => {{ const b = document.querySelector('#{pane} canvas').getBoundingClientRect();"
        "return [b.x, b.y, b.width, b.height]; })()"
    )
    tab.click(x + (column + 0.5) / shape[1] * wide, y + (row + 0.5) / shape[0] * high)


def take_light(tab: Page, images) -> None:
    tab.choose("#light-file", *images)
    tab.wait("document.getElementById('light-error').textContent.includes('step')")
    put(tab, "light-step", STEP)
    tab.evaluate("document.getElementById('light-form').requestSubmit()")
    tab.wait("document.getElementById('light-facts').textContent.includes('0.4999 µm per pixel')")


@pytest.mark.slow
def test_the_whole_way_on_a_real_map(page, files):
    ebsd, turned, right = files
    with opened_browser(loopback=True) as tab:
        tab.open(page.access.address)
        tab.wait("!!document.querySelector('#steps a[data-done]')")
        tab.choose("#map-file", ebsd)
        tab.wait("document.getElementById('map-facts').textContent.includes('200 rows × 200 columns')")

        # light that lies upside down: found out, pointed at, found
        take_light(tab, turned)
        tab.wait("document.getElementById('place-card').getClientRects().length > 0")
        tab.evaluate("document.getElementById('place-find').click()")
        tab.wait("document.getElementById('place-verdict').textContent.includes('NOT TRUSTED')", 120)
        tab.wait("document.querySelectorAll('#pairs-map canvas, #pairs-light canvas').length === 2")
        for column, row in ((15, 15), (105, 12), (12, 85), (100, 90)):
            pick(tab, "pairs-light", column, row, (100, 120))
            pick(tab, "pairs-map", 199 - column - CUT[1].start, 199 - row - CUT[0].start, (200, 200))
        tab.wait("document.querySelectorAll('#pairs-table tbody tr').length === 4")
        tab.wait("document.getElementById('pairs-told').textContent.startsWith('residual 0.')")
        tab.wait("!document.getElementById('pairs-find').disabled && !document.getElementById('place-find').disabled")
        tab.evaluate("document.getElementById('pairs-find').click()")
        tab.wait("document.getElementById('place-verdict').textContent.includes('✓ place trusted')", 120)
        assert "turned by -180.00°" in text(tab, "place-verdict").replace("turned by 180.00°", "turned by -180.00°")
        assert "--points points.csv" in text(tab, "place-command")

        # the right light; cancelled, begun again, left and opened in the middle
        take_light(tab, right)
        put(tab, "set-quality", "fast")
        tab.wait("document.getElementById('run-estimate').textContent.includes('399 × 399')")
        for cancelled in (True, False):
            tab.wait("!document.getElementById('run-go').disabled")
            tab.evaluate("document.getElementById('run-go').click()")
            tab.wait("document.querySelector('#run-job .told')?.textContent.includes('so far')")
            if cancelled:
                tab.evaluate("document.querySelector('#run-job button').click()")
                tab.wait("document.getElementById('run-job').textContent.includes('Cancelled')")
        tab.open(f"http://127.0.0.1:{page.port}/")
        tab.wait("!!document.querySelector('#run-job progress')")
        tab.wait("!!document.getElementById('layer-words')?.dataset.layer", 400)
        assert text(tab, "result-facts").startswith("Ti64-200x200.ang: 399 × 399 pixels of 0.25 µm: 25 % measured")
        pick(tab, "result-view", 199.5, 199.5, (399, 399))
        tab.wait("document.getElementById('pixel').textContent.includes('c-axis')")
        assert tab.errors + tab.messages == []
        assert [url for url in tab.requests if "127.0.0.1" not in url and not url.startswith("about:")] == []
