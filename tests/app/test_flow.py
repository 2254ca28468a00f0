"""The whole way from files to a result, as the page asks for it, without a browser."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

FAST = {"scale": 4, "quality": "fast"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo section as files of a user."""
    from grainlight.evaluation.demo import write_demo

    folder = tmp_path_factory.mktemp("demo")
    return write_demo(folder)


def opened(page, demo):
    """A page that has the demo's files."""
    ebsd = page.send("ebsd", "coarse.ang", demo.coarse_file.read_bytes())
    light = page.send("light", "light.tif", demo.light_file.read_bytes())
    page.json("POST", "/api/ebsd", {"files": [ebsd["id"]]})
    page.json("POST", "/api/light", {"files": [light["id"]], "angles": "0:180:10", "step": 0.5})
    return ebsd["id"], light["id"]


def array(page, card, name, kind=np.uint8):
    status, _, data = page.ask("GET", f"/api/array/{card['at']}/{name}")
    assert status == 200
    return np.frombuffer(data, kind)


def test_card_of_a_map(page, demo):
    ebsd, _ = opened(page, demo)
    card = page.json("GET", "/api/state")["cards"]["ebsd"]
    assert (card["rows"], card["columns"], card["grid"]) == (41, 41, "square")
    assert card["step"] == [2.0, 2.0]
    assert card["phases"][0]["usable"]
    image = array(page, card, "ipf")
    assert image.size == 41 * 41 * 3
    # another frame is another picture at once, and the old one is gone
    other = page.json("POST", "/api/ebsd", {"files": [ebsd], "frame": "edax1"})
    assert other["frame"] == "edax1"
    assert other["axes"]["X"] == [0, -1, 0]
    seen = page.json("POST", "/api/ebsd", {"files": [ebsd], "frame": "edax1", "direction": "X"})
    assert not np.array_equal(array(page, seen, "ipf"), image)
    # but for a tab that is fetching it: it stays until the one after it
    assert page.ask("GET", f"/api/array/{card['at']}/ipf")[0] == 404
    assert page.ask("GET", f"/api/array/{other['at']}/ipf")[0] == 200
    assert "--frame edax1" in page.json("GET", "/api/state")["commands"]["info"]


def test_markup_in_a_phase_is_text(page, demo):
    text = demo.coarse_file.read_text().replace("Titanium", "<img/src=x>")
    told = page.send("ebsd", "<b>.ang", text.encode())
    assert told["name"] == "<b>.ang"
    card = page.json("POST", "/api/ebsd", {"files": [told["id"]]})
    # JSON; that the page shows it as text is looked at in a browser
    assert "<img/src=x>" in card["phases"][0]["name"]


def test_cubic_map_is_shown_and_not_restored(page, demo):
    text = demo.coarse_file.read_text().replace("Symmetry              62", "Symmetry              43")
    text = text.replace("2.950 2.950 4.686 90.000 90.000 120.000", "3.600 3.600 3.600 90.000 90.000 90.000")
    told = page.send("ebsd", "cubic.ang", text.encode())
    card = page.json("POST", "/api/ebsd", {"files": [told["id"]]})
    assert not card["usable"]
    status, error = page.error("POST", "/api/estimate", {"settings": FAST})
    assert status == 422
    assert "6/mmm" in json.dumps(error)


def test_light_without_angles_is_shown_and_said(page, demo):
    told = page.send("light", "light.tif", demo.light_file.read_bytes())
    card = page.json("POST", "/api/light", {"files": [told["id"]]})
    assert card["count"] == 18
    assert "angles" in card["missing"]["problem"]
    assert card["missing"]["file"] == "light.tif"
    assert "upload-" not in json.dumps(page.json("GET", "/api/state"))
    assert array(page, card, "thumbs").size == np.prod(card["thumbs"]["shape"])
    ebsd = page.send("ebsd", "coarse.ang", demo.coarse_file.read_bytes())
    page.json("POST", "/api/ebsd", {"files": [ebsd["id"]]})
    assert page.error("POST", "/api/restore", {"settings": FAST})[0] == 422
    card = page.json("POST", "/api/light", {"files": [told["id"]], "angles": "0:180:10", "step": 0.5})
    assert card["missing"] is None
    assert card["angles"][:3] == [0, 10, 20]
    # without light it goes on as well
    assert page.json("POST", "/api/light", {"files": []}) is None
    assert "--pl" not in page.json("POST", "/api/estimate", {"settings": FAST})["command"]


def test_pairs_and_their_residual(page, demo):
    opened(page, demo)
    true = [[0, 0, 0, 0], [40, 0, 160, 0], [0, 40, 0, 160], [40, 40, 160, 160]]
    told = page.json("POST", "/api/pairs", {"pairs": true[:2]})
    assert told["rms_px"] is None
    assert page.json("POST", "/api/pairs", {"pairs": true})["rms_px"] == pytest.approx(0, abs=1e-6)
    true[3] = [40, 40, 164, 160]
    told = page.json("POST", "/api/pairs", {"pairs": true})
    # an affine map takes a quarter of one point's error each; two degrees of freedom are left
    assert told["residuals"] == pytest.approx([1.0] * 4)
    assert told["csv"].splitlines()[0] == "ebsd_column,ebsd_row,image_column,image_row"
    assert page.error("POST", "/api/pairs", {"pairs": [[1, 2, 3]]})[0] == 422


@pytest.mark.slow
def test_place_restore_and_look(page, demo, tmp_path):
    opened(page, demo)
    page.json("POST", "/api/place", {})
    assert page.error("POST", "/api/restore", {"settings": FAST})[0] == 409  # one job at a time, and it says so
    assert page.error("POST", "/api/ebsd", {"files": []})[0] == 409
    job = page.wait()
    assert (job["kind"], job["state"]) == ("place", "done")
    placed = page.json("GET", "/api/state")["cards"]["place"]
    assert placed["trusted"]
    assert array(page, placed, "segments", np.float32).size == np.prod(placed["segments"]["shape"])

    told = page.json("POST", "/api/estimate", {"settings": FAST, "place": "registration"})
    assert (told["rows"], told["columns"]) == (161, 161)
    assert "--transform registration.json" in told["command"]

    # what was found for one map is not for another
    ebsd = page.json("GET", "/api/state")["cards"]["ebsd"]["ids"]
    page.json("POST", "/api/ebsd", {"files": ebsd, "frame": "edax1"})
    assert page.error("POST", "/api/estimate", {"settings": FAST, "place": "registration"})[0] == 409
    page.json("POST", "/api/ebsd", {"files": ebsd})

    page.json("POST", "/api/restore", {"settings": FAST})
    job = page.wait()
    assert job["state"] == "done", job
    state = page.json("GET", "/api/state")  # what a tab that is opened anew sees
    result = state["cards"]["result"]
    names = [layer["name"] for layer in result["layers"]]
    assert names[:3] == ["ipf-X", "ipf-Y", "ipf-Z"]
    assert {"light", "boundaries", "uncertainty", "source", "residual", "flags"} <= set(names)
    for layer in result["layers"]:
        size = 161 * 161 * (3 if layer["kind"] == "rgb" else 1)
        assert array(page, result, layer["file"]).size == size
        if "left" in layer:
            assert array(page, result, layer["left"]).size == size
    labels = array(page, result, "labels", np.int32).reshape(161, 161)

    grains = json.loads(page.ask("GET", f"/api/array/{result['at']}/grains")[2])
    assert len(grains["rows"]) == result["grains"] == labels.max()
    label = str(int(labels[80, 80]))
    around = set(np.unique(labels[np.abs(np.gradient((labels == int(label)).astype(float))).sum(0) > 0])) - {int(label)}
    assert {one[0] for one in grains["neighbours"][label]} <= around | {0}

    pixel = page.json("GET", "/api/pixel?row=80&column=80")
    assert pixel["source"] == "measured"
    assert 0 <= pixel["inclination"] <= 90
    assert page.json("GET", "/api/pixel?row=99999&column=-5")["column"] == 0
    assert page.error("GET", "/api/pixel?row=a&column=0")[0] == 422

    assert [name for name, _ in state["downloads"]][:5] == [
        "restored.ang", "restored.ctf", "restored.h5oina", "restored.npz", "report.html",
    ]  # fmt: skip
    ours = page.ask("GET", "/download/restored.ang")[2]
    for name, _ in state["downloads"]:
        status, headers, data = page.ask("GET", f"/download/{name}")
        assert status == 200
        assert data
        assert headers["Content-Disposition"].startswith("attachment")
    record = json.loads(page.ask("GET", "/download/record.json")[2])
    assert [one["file"] for one in record["inputs"]] == ["coarse.ang", "light.tif"]

    # page, command line and Python: the same bytes
    import shlex

    from grainlight.cli.main import main

    line = page.ask("GET", "/download/command.txt")[2].decode()
    assert line.strip() == result["command"]
    folder = demo.coarse_file.parent
    words = [w.replace("restored.ang", str(tmp_path / "cli.ang")) for w in shlex.split(line)[1:]]
    subprocess.run([sys.executable, "-m", "grainlight", *words], cwd=folder, check=True, capture_output=True)
    assert (tmp_path / "cli.ang").read_bytes() == ours
    # so are those in other formats, made when they are asked for, and what `convert` makes
    (tmp_path / "restored.npz").write_bytes(page.ask("GET", "/download/restored.npz")[2])
    assert main(["convert", str(tmp_path / "restored.npz"), str(tmp_path / "restored.ctf")]) == 0
    assert (tmp_path / "restored.ctf").read_bytes() == page.ask("GET", "/download/restored.ctf")[2]
    code = (
        "import grainlight as gl; ebsd = gl.load_ebsd('coarse.ang');"
        "light = gl.load_light('light.tif', '0:180:10', 0.5);"
        f"gl.enhance(ebsd, light, scale=4, quality='fast').save({str(tmp_path / 'py.ang')!r})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    assert (tmp_path / "py.ang").read_bytes() == ours


@pytest.mark.slow
def test_cancel_and_again(page, demo):
    opened(page, demo)
    page.json("POST", "/api/restore", {"settings": {**FAST, "quality": "best"}})
    while page.json("GET", "/api/state")["job"]["stage"] == "starting":
        time.sleep(0.05)
    began = time.monotonic()
    page.json("POST", "/api/cancel", {})
    assert time.monotonic() - began < 6
    state = page.json("GET", "/api/state")
    assert state["job"]["state"] == "cancelled"
    assert "result" not in state["cards"]
    assert not list(page.session.folder.glob("restore-*"))
    page.json("POST", "/api/place", {})
    assert page.wait()["state"] == "done"


@pytest.mark.slow
def test_job_that_fails_says_why(page, demo):
    ebsd = page.send("ebsd", "coarse.ang", demo.coarse_file.read_bytes())
    page.json("POST", "/api/ebsd", {"files": [ebsd["id"]]})
    page.json("POST", "/api/restore", {"settings": {"scale": 99}})
    job = page.wait()
    assert job["state"] == "failed"
    assert job["error"]["expected"] == "a whole number 1 to 8"


def test_files_of_the_command_line(serving, demo):
    from grainlight.cli.restoring.app import sorted_files

    given = sorted_files([str(demo.coarse_file), str(demo.light_file)])
    page = serving(given)
    end = time.monotonic() + 60
    while (state := page.json("GET", "/api/state"))["opening"] and time.monotonic() < end:
        time.sleep(0.1)
    assert state["cards"]["ebsd"]["rows"] == 41
    assert state["cards"]["light"]["count"] == 18
    # the user's own paths are what the command line needs
    assert str(demo.coarse_file) in state["commands"]["info"]
    assert "path" not in state["choices"]["ebsd"]


@pytest.mark.parametrize("names", [["no.ang"], ["a.exe"], ["no.tif"], ["--demo", "a.ang"]])
def test_files_that_are_none(names, tmp_path, monkeypatch):
    from grainlight.cli.main import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.exe").write_bytes(b"x")
    (tmp_path / "a.ang").write_bytes(b"x")
    assert main(["app", "--no-browser", *names]) == 2
