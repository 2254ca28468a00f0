"""Several maps, one after the other: their states, their files, and the same by `grainlight batch`."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import pytest

FAST = {"scale": 2, "quality": "fast"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    from grainlight.evaluation.demo import write_demo

    return write_demo(tmp_path_factory.mktemp("demo"))


def small(demo, rows: int = 20, phase: str = "Titanium") -> bytes:
    """The first rows of the demo's map."""
    head, body = [], []
    for line in demo.coarse_file.read_text().splitlines(keepends=True):
        (head if line.startswith("#") else body).append(line)
    text = "".join(head).replace("NROWS: 41", f"NROWS: {rows}").replace("Titanium", phase)
    return (text + "".join(body[: rows * 41])).encode()


def opened(page, data: bytes, name: str, **given):
    told = page.send("ebsd", name, data)
    page.json("POST", "/api/ebsd", {"files": [told["id"]], **given})
    return told["id"]


def queue(page):
    return page.json("GET", "/api/state")["queue"]


def over(page, seconds: float = 240.0):
    """The queue, once it has ended."""
    end = time.monotonic() + seconds
    while (told := queue(page))["running"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    return told["entries"]


def rows_of(page, name):
    return list(csv.DictReader(io.StringIO(page.ask("GET", f"/queue/{name}")[2].decode())))


@pytest.mark.slow
def test_queue_as_batch_does(page, demo, tmp_path):
    """One restored, one failed that says why and does not stop the rest, and the same bytes by the command line."""
    opened(page, small(demo), "first.ang")
    page.json("POST", "/api/queue-add", {"settings": FAST})
    opened(page, small(demo, 24), "second.ang", frame="edax1")
    # goes wrong when its turn comes: its file is gone
    page.json("POST", "/api/queue-add", {"settings": FAST})
    lost = page.session.queue.entries[1].arguments["ebsd"]["path"]
    opened(page, small(demo, 22), "first.ang")
    added = page.json("POST", "/api/queue-add", {"settings": {**FAST, "seed": 3, "projection": False}})
    assert added["output"] == "first_restored_2.ang"
    assert "--seed 3" in added["command"]
    assert [one["state"] for one in queue(page)["entries"]] == ["waiting"] * 3
    jobs = page.ask("GET", "/queue/jobs.csv")[2].decode()
    Path(lost).unlink()

    page.json("POST", "/api/queue-run", {})
    assert page.error("POST", "/api/queue-run", {})[0] == 409
    assert page.error("POST", "/api/ebsd", {"files": []})[0] == 409
    entries = over(page)
    assert [one["state"] for one in entries] == ["restored", "failed", "restored"]
    assert "second.ang" in entries[1]["said"]
    assert "upload-" not in entries[1]["said"]
    assert entries[0]["said"].startswith("uncertainty (90 % bound): median ")
    assert queue(page)["told"] == "2 of 3 maps are restored, 1 failed"
    summary = rows_of(page, "summary.csv")
    assert [one["state"] for one in summary] == ["restored", "failed", "restored"]
    assert [one["exit_code"] for one in summary] == ["0", "2", "0"]

    # the last one is shown; any other can be, and each has its files
    state = page.json("GET", "/api/state")
    assert state["cards"]["result"]["at"] == entries[2]["at"]
    page.json("POST", "/api/queue-show", {"key": entries[0]["key"]})
    assert page.json("GET", "/api/state")["cards"]["result"]["at"] == entries[0]["at"]
    assert page.error("POST", "/api/queue-show", {"key": entries[1]["key"]})[0] == 409
    assert page.json("GET", "/api/pixel?row=0&column=0")["row"] == 0
    status, headers, ours = page.ask("GET", f"/queue/{entries[0]['key']}/restored.ang")
    assert status == 200
    assert 'filename="first_restored.ang"' in headers["Content-Disposition"]
    assert page.ask("GET", "/download/restored.ang")[2] == ours
    assert page.ask("GET", f"/queue/{entries[0]['key']}/restored.ctf")[0] == 200
    assert page.ask("GET", f"/queue/{entries[0]['key']}/..%2fpasswd")[0] == 404
    assert page.ask("GET", "/queue/none/restored.ang")[0] == 409

    # the table does the same on the command line
    from grainlight.cli.main import main

    (tmp_path / "jobs.csv").write_text(jobs)
    (tmp_path / "first.ang").write_bytes(small(demo))
    assert main(["batch", str(tmp_path / "jobs.csv"), "--summary", str(tmp_path / "summary.csv")]) != 0
    assert (tmp_path / "first_restored.ang").read_bytes() == ours
    theirs = list(csv.DictReader(io.StringIO((tmp_path / "summary.csv").read_text())))
    assert list(theirs[0]) == list(summary[0])
    for name in ("row", "ebsd", "output", "exit_code", "state"):
        assert [one[name] for one in theirs][:2] == [one[name] for one in summary][:2], name
    assert theirs[0]["said"] == summary[0]["said"]

    # one that is taken out takes its files along, unless it is on show
    shown, other = page.session.queue.entries[0].place, page.session.queue.entries[2].place
    for one in entries:
        page.json("POST", "/api/queue-drop", {"key": one["key"]})
    assert queue(page)["entries"] == []
    assert shown.exists()
    assert not other.exists()
    assert page.ask("GET", "/download/restored.ang")[2] == ours


@pytest.mark.slow
def test_cancelled_queue_goes_on_when_asked(page, demo):
    opened(page, small(demo), "first.ang")
    for _ in range(2):
        page.json("POST", "/api/queue-add", {"settings": {**FAST, "quality": "best"}})
    page.json("POST", "/api/queue-run", {})
    page.json("POST", "/api/cancel", {})
    entries = over(page)
    assert [one["state"] for one in entries] == ["cancelled", "waiting"]
    assert page.error("POST", "/api/queue-again", {"key": entries[1]["key"]})[0] == 409
    page.json("POST", "/api/queue-again", {"key": entries[0]["key"]})
    assert [one["state"] for one in queue(page)["entries"]] == ["waiting", "waiting"]
    assert page.works()


def test_what_cannot_be_done_is_said_when_it_is_added(page, demo):
    assert page.error("POST", "/api/queue-add", {"settings": FAST})[0] == 409  # no map
    opened(page, small(demo), "first.ang")
    assert page.error("POST", "/api/queue-add", {"settings": {"scale": 99}})[0] == 422
    assert page.error("POST", "/api/queue-run", {})[0] == 409  # nothing waits
    assert page.error("POST", "/api/queue-drop", {"key": "x"})[0] == 409
    assert queue(page)["entries"] == []


def test_several_maps_at_once_are_not_taken_in_silence(page, demo):
    keys = [page.send("ebsd", name, small(demo))["id"] for name in ("a.ang", "b.ang")]
    status, error = page.error("POST", "/api/ebsd", {"files": keys})
    assert status == 422
    assert error["found"] == "a.ang, b.ang"
    assert "queue" in error["advice"]


def test_cells_of_a_row():
    """Every kind of option becomes a cell that `batch` reads back as the same words."""
    from grainlight.app.queue import Entry, Queue

    words = ["a b.ang", "--also", "c.ang", "--also", "d.ang", "--pl", "1.tif", "2.tif", "--angles=-10,20",
             "--mirror", "--pl-origin=-3,4", "--scale", "4", "--transform", "a_registration.json"]  # fmt: skip
    entries = Queue()
    entries.add(Entry(words, "", {}, Path("none"), "o.ang"))
    (row,) = csv.DictReader(io.StringIO(entries.jobs()))
    assert row == {
        "ebsd": "a b.ang", "output": "o.ang", "also": "c.ang;d.ang", "pl": "1.tif;2.tif", "angles": "-10,20",
        "mirror": "yes", "pl-origin": "-3,4", "scale": "4", "transform": "a_registration.json",
    }  # fmt: skip
