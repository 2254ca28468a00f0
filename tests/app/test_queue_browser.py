"""The queue, further scans and a calibration on the page, in Chromium."""

from __future__ import annotations

import json

import pytest

from browser import Page

TEXT = "document.getElementById('{}').textContent"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two maps, a finer box within the first, and a calibration."""
    import grainlight as gl
    from grainlight.evaluation.demo import write_demo
    from grainlight.maps.selection import crop

    folder = tmp_path_factory.mktemp("field")
    ebsd = gl.load_ebsd(write_demo(folder).coarse_file)
    gl.save_ebsd(crop(ebsd, (0, 0, 38, 38)), folder / "first.ang")
    gl.save_ebsd(crop(ebsd, (40, 40, 80, 78)), folder / "second.ang")
    gl.save_ebsd(crop(ebsd, (10, 10, 24, 24)), folder / "box.ang")
    told = {"kind": "grainlight validation", "bound_factor": 1.5, "scale": 2}
    (folder / "spec.json").write_text(json.dumps(told))
    return folder


def click(tab: Page, where: str) -> None:
    tab.evaluate(f"document.querySelector({where!r}).click()")


def open_map(tab: Page, file) -> None:
    tab.choose("#map-file", file)
    tab.wait(TEXT.format("map-name") + f" === '{file.name}'")
    tab.evaluate("(() => { const f = document.getElementById('set-quality'); f.value = 'fast'; })()")
    tab.evaluate("document.getElementById('run-form').dispatchEvent(new Event('change'))")
    tab.wait(TEXT.format("run-command") + f".includes('{file.name}')")


def test_further_scans_and_calibration(tab, files):
    open_map(tab, files / "first.ang")
    tab.choose("#further-file", files / "box.ang")
    tab.wait("document.querySelectorAll('#further-table tbody tr').length === 1")
    assert tab.evaluate("document.querySelector('#further-table tbody tr').cells[3].textContent") == "64"
    tab.wait(TEXT.format("run-command") + ".includes('--also box.ang')")
    tab.choose("#calibration-file", files / "spec.json")
    tab.wait(TEXT.format("calibration-told") + " === 'spec.json: bounds are multiplied by 1.5'")
    tab.wait(TEXT.format("run-command") + ".includes('--calibration spec.json')")
    click(tab, "#calibration-clear")
    click(tab, "#further-table tbody button")
    tab.wait("!" + TEXT.format("run-command") + ".includes('--also')")
    tab.wait("!" + TEXT.format("run-command") + ".includes('--calibration')")
    assert "validate --json" in tab.evaluate(TEXT.format("calibration-told"))
    # what is no calibration is said where it was chosen
    tab.choose("#calibration-file", files / "spec.json")
    tab.wait(TEXT.format("calibration-told") + ".startsWith('spec.json')")
    (files / "none.json").write_text("{}")
    tab.choose("#calibration-file", files / "none.json")
    tab.wait(TEXT.format("calibration-error") + ".includes('none.json')")
    tab.messages.clear()  # the browser notes the answer


@pytest.mark.slow
def test_queue(tab, page, files):
    """Added, restored one after the other, one that fails in the middle; any of them can be looked at."""
    for name in ("first.ang", "second.ang", "first.ang"):
        open_map(tab, files / name)
        before = tab.evaluate("document.querySelectorAll('#queue-list > li').length")
        click(tab, "#queue-add")
        tab.wait(f"document.querySelectorAll('#queue-list > li').length === {before + 1}")
    page.session.queue.entries[1].arguments["settings"]["calibration"] = "/none.json"
    tags = "[...document.querySelectorAll('#queue-list .tag')].map(e => e.textContent)"
    assert tab.evaluate(tags) == ["○ waiting"] * 3
    click(tab, "#queue-run")
    tab.wait("!!document.querySelector('#queue-job progress')")
    tab.open(f"http://127.0.0.1:{page.port}/")  # left, and opened again
    tab.wait("document.getElementById('queue-told').textContent.startsWith('2 of 3')", 240)
    assert tab.evaluate(TEXT.format("queue-told")) == "2 of 3 maps are restored, 1 failed"
    tab.wait("document.getElementById('queue-job').getClientRects().length === 0")
    assert tab.evaluate(tags) == ["✓ restored", "⚠ failed", "✓ restored"]
    assert "none.json" in tab.evaluate("document.querySelectorAll('#queue-list > li')[1].textContent")
    tab.wait(TEXT.format("result-facts") + ".startsWith('first.ang: ')")
    click(tab, "#queue-list > li:first-child button")
    tab.wait("document.querySelector('#queue-list > li:first-child').className === 'shown'")
    assert "(shown below)" in tab.evaluate("document.querySelector('#queue-list > li:first-child').textContent")
    links = tab.evaluate("[...document.querySelectorAll('#queue-list > li:first-child a')].map(a => a.textContent)")
    assert links == [".ang", "report"]
    # every control has a name, and the page fits a phone
    tab.resize(400, 800)
    assert tab.evaluate("document.documentElement.scrollWidth") == 400
    tab.resize(1280, 900)
    names = tab.evaluate(
        "[...document.querySelectorAll('#queue button, #queue a')]"
        ".map(e => e.getAttribute('aria-label') || e.textContent)"
    )
    assert all(names)
    assert "take out: second.ang" in names
    tab.evaluate("[...document.querySelectorAll('#queue-list button')].at(-1).click()")
    tab.wait("document.querySelectorAll('#queue-list > li').length === 2")
