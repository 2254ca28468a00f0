"""Further scans of a field and a calibration: read, shown, used as `enhance` uses them, and written as its words."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

FAST = {"scale": 2, "quality": "fast"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    from grainlight.evaluation.demo import write_demo

    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def files(demo, tmp_path_factory):
    """A map of 20 x 20 points, a finer box within it, one far away, and a calibration."""
    import grainlight as gl
    from grainlight.maps.selection import crop

    folder = tmp_path_factory.mktemp("field")
    ebsd = gl.load_ebsd(demo.coarse_file)
    first = crop(ebsd, (0, 0, 38, 38))
    gl.save_ebsd(first, folder / "first.ang")
    gl.save_ebsd(crop(ebsd, (10, 10, 24, 24)), folder / "box.ang")
    gl.save_ebsd(first.replace(origin=(900.0, 900.0)), folder / "far.ang")
    (folder / "spec.json").write_text(json.dumps({"kind": "grainlight validation", "bound_factor": 1.5, "scale": 2}))
    return folder


def sent(page, files, *names, kind="ebsd"):
    return [page.send(kind, name, (files / name).read_bytes())["id"] for name in names]


def test_cards(page, files):
    box, far = sent(page, files, "box.ang", "far.ang")
    assert page.error("POST", "/api/further", {"files": [box]})[0] == 409  # of which map?
    (first,) = sent(page, files, "first.ang")
    page.json("POST", "/api/ebsd", {"files": [first]})
    maps = page.json("POST", "/api/further", {"files": [box, far]})["maps"]
    assert [one["name"] for one in maps] == ["box.ang", "far.ang"]
    assert maps[0]["inside"] == maps[0]["indexed"] == 64
    assert maps[1]["inside"] == 0
    assert "cannot be used" in maps[1]["problems"][0]
    command = page.json("POST", "/api/estimate", {"settings": FAST})["command"]
    assert "first.ang --also box.ang --also far.ang" in command
    # read anew in the frames of the map, and gone with it
    page.json("POST", "/api/ebsd", {"files": [first], "frame": "edax1"})
    assert len(page.json("GET", "/api/state")["cards"]["further"]["maps"]) == 2
    (other,) = sent(page, files, "first.ang")
    page.json("POST", "/api/ebsd", {"files": [other]})
    assert "further" not in page.json("GET", "/api/state")["cards"]
    assert "--also" not in page.json("POST", "/api/estimate", {"settings": FAST})["command"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"kind": "other"}', '{"kind": "grainlight validation", "bound_factor": 0.1}']
)
def test_no_calibration(page, text):
    told = page.send("calibration", "spec.json", text.encode())
    status, error = page.error("POST", "/api/calibration", {"files": [told["id"]]})
    assert status == 422
    assert error["file"] == "spec.json"
    assert page.error("PUT", "/api/files?kind=calibration&name=a.npz", b"x")[0] == 415
    assert "calibration" not in page.json("GET", "/api/state")["cards"]


def test_broken_further_map_is_said_and_not_kept(page, files):
    (first,) = sent(page, files, "first.ang")
    page.json("POST", "/api/ebsd", {"files": [first]})
    broken = page.send("ebsd", "broken.ang", b"nothing")
    status, error = page.error("POST", "/api/further", {"files": [broken["id"]]})
    assert status == 422
    assert error["file"] == "broken.ang"
    assert "--also" not in page.json("POST", "/api/estimate", {"settings": FAST})["command"]


@pytest.mark.slow
def test_page_command_line_and_python_give_the_same_bytes(page, files, tmp_path):
    first, box = sent(page, files, "first.ang", "box.ang")
    (calibration,) = sent(page, files, "spec.json", kind="calibration")
    page.json("POST", "/api/ebsd", {"files": [first]})
    page.json("POST", "/api/further", {"files": [box]})
    assert page.json("POST", "/api/calibration", {"files": [calibration]})["factor"] == 1.5
    page.json("POST", "/api/restore", {"settings": FAST})
    assert page.wait()["state"] == "done"
    ours = page.ask("GET", "/download/restored.ang")[2]
    record = json.loads(page.ask("GET", "/download/record.json")[2])
    assert record["also"][0]["file"] == "box.ang"
    assert record["calibration"] == {"file": "spec.json", "bound_factor": 1.5}
    assert "upload-" not in json.dumps(record)

    line = page.ask("GET", "/download/command.txt")[2].decode()
    words = [word.replace("restored.ang", str(tmp_path / "cli.ang")) for word in shlex.split(line)[1:]]
    subprocess.run([sys.executable, "-m", "grainlight", *words], cwd=files, check=True, capture_output=True)
    assert (tmp_path / "cli.ang").read_bytes() == ours
    code = (
        "import grainlight as gl; ebsd = gl.load_ebsd('first.ang');"
        "result = gl.enhance(ebsd, also=[gl.load_ebsd('box.ang')], calibration='spec.json', scale=2, quality='fast');"
        f"result.save({str(tmp_path / 'py.ang')!r})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=files, check=True, capture_output=True)
    assert (tmp_path / "py.ang").read_bytes() == ours
    # without them the map is another one
    page.json("POST", "/api/further", {"files": []})
    page.json("POST", "/api/calibration", {"files": []})
    page.json("POST", "/api/restore", {"settings": FAST})
    assert page.wait()["state"] == "done"
    assert page.ask("GET", "/download/restored.ang")[2] != ours
