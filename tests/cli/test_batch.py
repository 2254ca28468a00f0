"""`grainlight batch`: a table of maps, restored one after the other."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grainlight.cli.restoring.jobs import load_jobs
from grainlight.errors import InputError

COMMON = ("--quality", "fast", "--device", "cpu")


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_what_failed_says_why_and_does_not_stop_the_rest(inputs, run, tmp_path):
    data = tmp_path / "data folder"
    data.mkdir()
    shutil.copy(inputs.coarse, data / "coarse.ang")
    shutil.copy(inputs.light, data / "light.tif")
    (data / "broken.ang").write_text("not a map\n")
    jobs = table(
        tmp_path / "jobs.csv",
        "# the week's maps",
        "ebsd;output;pl;angles;pl_step;scale;report",
        "data folder/coarse.ang;one.ang;data folder/light.tif;0:180:10;0,5;4;one.html",
        "data folder/broken.ang;two.ang;;;;;",
        "data folder/nowhere.ang;three.ang;;;;;",
        "data folder\\coarse.ang;four.ctf;;;;;",
    )
    summary = tmp_path / "summary.csv"
    more = (*COMMON, "--scale", "2", "--weights", str(inputs.weights), "--summary", str(summary))
    code, out, err = run("batch", jobs, *more)
    assert code == 2
    assert "note: row 3 (line 5) will fail: there is no" in err
    assert err.index("will fail") < err.index("[1/4] coarse.ang -> one.ang")
    assert "2 of 4 maps are restored, 2 failed" in out
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        *("data folder", "jobs.csv", "summary.csv", "one.ang", "one.npz", "one.html", "four.ctf", "four.npz")
    }
    with summary.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["restored", "failed", "failed", "restored"]
    assert [row["exit_code"] for row in rows] == ["0", "2", "2", "0"]
    assert "broken.ang" in rows[1]["said"]

    # each row as its own settings have it, those of the command where the row has none
    from grainlight.restore.saved import load_result

    first, last = (load_result(tmp_path / name) for name in ("one.npz", "four.npz"))
    assert (first.record["settings"]["scale"], last.record["settings"]["scale"]) == (4, 2)
    assert first.record["light_input"] is not None

    # and the same bytes as the command for one map
    light = ("--pl", data / "light.tif", "--angles", "0:180:10", "--pl-step", "0.5")
    alone = ("enhance", data / "coarse.ang", *COMMON, "--weights", inputs.weights, "--scale", "4", *light)
    assert run(*alone, "--output", tmp_path / "alone.ang")[0] == 0
    assert (tmp_path / "alone.ang").read_bytes() == (tmp_path / "one.ang").read_bytes()

    # what is there is kept, what is mended is made
    shutil.copy(inputs.coarse, data / "nowhere.ang")
    before = (tmp_path / "one.ang").stat().st_mtime_ns
    code, out, err = run("batch", "--resume", jobs, *more)
    assert code == 2
    assert "3 of 4 maps are restored, 1 failed" in out
    assert out.count("was there") == 2
    assert (tmp_path / "one.ang").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["ebsd,output,qualty", "a.ang,b.ang,fast"], ("column is not known", "qualty", "quality")),
        (["ebsd,output,scale", "a.ang,b.ang,2", "a.ang,c.ang,9"], ("row 2 (line 3), column scale", "1 to 8", "9")),
        (["ebsd,output", "a.ang,"], ("row 1 (line 2), column output", "names no file")),
        (["ebsd,output", "a.ang,b.ang", "c.ang,b.ang"], ("two rows write the same file", "rows 1 and 2")),
        (["ebsd,output", "a.ang,b.ang", "c.ang,b.ctf"], ("two rows write the same file", "b.npz")),
        (["ebsd,output", "a.ang,b.ang", "b.ang,c.ang"], ("a row writes what another reads", "b.ang")),
        (["ebsd,output,mirror", "a.ang,b.ang,maybe"], ("column mirror", "yes, or no", "maybe")),
        (["ebsd,pl", "a.ang,b.tif"], ("no column output",)),
        (["ebsd,output,help", "a.ang,b.ang,yes"], ("column is not known", "help")),
        (["ebsd,output"], ("has no map",)),
        ([""], ("empty",)),
    ],
)
def test_a_table_that_is_wrong_stops_before_the_first_map(run, tmp_path, lines, words):
    code, out, err = run("batch", table(tmp_path / "jobs.csv", *lines))
    assert (code, out) == (2, "")
    assert all(word in err for word in words), err
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.csv"]


def test_a_wrong_option_for_every_row_stops_too(run, tmp_path):
    jobs = table(tmp_path / "jobs.csv", "ebsd,output", "a.ang,b.ang")
    code, _, err = run("batch", jobs, "--sclae", "4")
    assert code == 2
    assert "--sclae" in err


def test_cells_are_options(tmp_path):
    for name in ("s_000deg.tif", "s_090deg.tif", "t.tif", "angles.csv"):
        (tmp_path / name).touch()
    jobs = table(
        tmp_path / "jobs.csv",
        "ebsd,output,pl,angles,pl-origin,mirror,keep-noise,min,scale",
        "a.ang,b.ang,s_*deg.tif,,-3;no,no,yes,fit=1; iq=20,".replace("-3;no", '"-3,4"'),
        "c.ang,d.ang,s_000deg.tif; t.tif,angles.csv,,x,,,4",
    )
    first, second = (job.arguments for job in load_jobs(jobs, ("--scale", "2")))
    assert [Path(file).name for file in first.pl] == ["s_000deg.tif", "s_090deg.tif"]
    assert first.pl_origin == (-3.0, 4.0)
    assert (first.mirror, first.keep_noise, first.scale) == (False, True, 2)
    assert [(one.field, one.value) for one in first.thresholds] == [("fit", 1.0), ("iq", 20.0)]
    assert second.angles == str(tmp_path / "angles.csv")
    assert [Path(file).name for file in second.pl] == ["s_000deg.tif", "t.tif"]
    assert (second.mirror, second.scale) == (True, 4)
    assert Path(second.ebsd).is_absolute()


def test_options_of_light_for_every_row_are_for_those_with_light(tmp_path):
    jobs = table(tmp_path / "jobs.csv", "ebsd,output,pl", "a.ang,b.ang,s.tif", "c.ang,d.ang,")
    first, second = (
        job.arguments
        for job in load_jobs(jobs, ("--angles", "0:180:10", "--pl-step=0.5", "--mirror", "--quality", "fast"))
    )
    assert (first.angles, first.pl_step, first.mirror, first.quality) == ("0:180:10", 0.5, True, "fast")
    assert (second.angles, second.pl_step, second.mirror, second.quality) == (None, None, False, "fast")


def test_the_error_of_a_table_is_that_of_bad_input(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_jobs(tmp_path / "nowhere.csv")


def test_a_map_ends_with_the_command(inputs, tmp_path):
    jobs = table(tmp_path / "jobs.csv", "ebsd,output,pl,angles,pl-step", f"{inputs.coarse},one.ang,,,")
    words = ("batch", str(jobs), "--quality", "best", "--scale", "8")
    process = subprocess.Popen(
        [sys.executable, "-m", "grainlight", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "EBSD:" in line:
            break
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        process.communicate()
        pytest.skip("this system does not tell a process's children")
    (child,) = (int(word) for word in children.read_text().split())
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert "interrupted in row 1 (line 2)" in err
    for _ in range(200):
        if not Path(f"/proc/{child}").exists() or "State:\tZ" in Path(f"/proc/{child}/status").read_text():
            break
        time.sleep(0.05)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the map goes on")
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.csv"]
