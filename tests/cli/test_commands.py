"""The commands do what they say."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from grainlight.cli.main import COMMANDS
from grainlight.crystal.frames import CrystalFrame
from grainlight.maps.io import load_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.synth.map_light import on_pixels


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert out.startswith(f"usage: grainlight {command}")
    assert "%%" not in out


def test_version(run):
    import grainlight

    assert run("--version") == (0, f"grainlight {grainlight.__version__}\n", "")


def test_enhance_writes_the_map_and_what_is_known_about_it(inputs, run, tmp_path):
    output = tmp_path / "fine.ang"
    code, out, err = run(*inputs.enhance(output, *inputs.light_options, "--pl-origin", "0,0", "--seed", "3"))
    assert code == 0, err
    coarse, fine = load_ebsd(inputs.coarse), load_ebsd(output)
    rows, columns = (4 * (n - 1) + 1 for n in coarse.shape)
    assert fine.shape[0] >= rows
    assert fine.shape[1] >= columns
    assert fine.step == pytest.approx((coarse.step[0] / 4, coarse.step[1] / 4))
    assert (fine.sample_frame, fine.crystal_frame) == (coarse.sample_frame, coarse.crystal_frame)
    with np.load(tmp_path / "fine.npz") as data:
        record = json.loads(str(data["record"]))
        assert data["source"].shape == fine.shape
    assert record["settings"]["seed"] == 3
    assert [entry["file"] for entry in record["inputs"]] == [inputs.coarse.name, inputs.light.name]
    # standard output has the results, standard error what the person wants to know before and during the work
    assert [line for line in out.splitlines() if line.startswith("wrote")] == [
        f"wrote {output}",
        f"wrote {tmp_path / 'fine.npz'}",
    ]
    assert [line for line in err.splitlines() if line.startswith("device:")] == [
        next(x for x in err.splitlines() if "CPU" in x)
    ]
    assert "sample edax2" in err
    assert "frame" not in out


def test_enhance_draws_a_picture(inputs, run, tmp_path):
    code, out, err = run(*inputs.enhance(tmp_path / "fine.ang", "--picture", str(tmp_path / "fine.png")))
    assert code == 0, err
    assert out.splitlines()[-1] == f"wrote {tmp_path / 'fine.png'}"
    assert (tmp_path / "fine.png").read_bytes().startswith(b"\x89PNG")
    assert run(*inputs.enhance(tmp_path / "more.ang", "--picture", str(tmp_path / "fine.png")))[0] == 2
    assert not (tmp_path / "more.ang").exists()


def test_enhance_says_that_bounds_are_not_of_other_weights(inputs, run, tmp_path):
    more = ("--report", str(tmp_path / "fine.html"))
    code, out, err = run(*inputs.enhance(tmp_path / "fine.ang", *inputs.light_options, *more))
    assert code == 0, err
    assert "note: Bounds and probabilities are not calibrated for these weights" in err
    assert "uncertainty: no bound is given" in out
    assert "90 % bound" not in out
    page = (tmp_path / "fine.html").read_text(encoding="utf-8")
    assert "There is no bound of the error anywhere" in page
    assert "Map of the 90 % bound" not in page
    with np.load(tmp_path / "fine.npz") as data:
        record = json.loads(str(data["record"]))
        assert np.isnan(data["uncertainty"]).all()
    assert record["constants"]["weights"] == {"grainlight.safetensors": record["weights"]}
    assert "uncertainty_lit" in record["constants"]["of_other_weights"]


def test_demo(inputs, run, tmp_path):
    folder = tmp_path / "demo"
    argv = ("demo", "--output", folder, "--weights", inputs.weights, "--quality", "fast", "--device", "cpu")
    code, out, err = run(*argv)
    assert code == 0, err
    named = {Path(line.removeprefix("wrote ")).name for line in out.splitlines() if line.startswith("wrote ")}
    assert named == {path.name for path in folder.iterdir()}
    assert named == {"full.ang", "coarse.ang", "light.tif", "restored.ang", "restored.npz", "before_after.png"}
    assert load_ebsd(folder / "restored.ang").shape == load_ebsd(folder / "full.ang").shape
    scores = [line for line in out.splitlines() if "F1" in line]
    assert [line.split(":")[0] for line in scores] == ["nearest neighbour", "grainlight"]
    # the command that it names does the same by hand
    words = next(line for line in err.splitlines() if line.startswith("by hand: ")).split()[2:-1]
    again = (tmp_path / "again.ang", "--weights", inputs.weights, "--quality", "fast", "--device", "cpu")
    assert run(*words[1:], *again)[0] == 0
    assert (tmp_path / "again.ang").read_bytes() == (folder / "restored.ang").read_bytes()
    assert run(*argv)[0] == 2
    assert run(*argv, "--force")[0] == 0


def test_enhance_gives_the_same_for_the_same_seed(inputs, run, tmp_path):
    for name in ("a", "b"):
        assert run(*inputs.enhance(tmp_path / f"{name}.ctf", "--samples", "2"))[0] == 0
    assert (tmp_path / "a.ctf").read_bytes() == (tmp_path / "b.ctf").read_bytes()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory")
def test_enhance_keeps_freed_memory_in_its_own_process(inputs, run, tmp_path, asked_of_libraries):
    assert run(*inputs.enhance(tmp_path / "fine.ang"))[0] == 0
    assert {"mallopt", "malloc_trim"} <= set(asked_of_libraries)


def test_negative_origin_and_angles_are_values_not_options(inputs, run, tmp_path):
    options = ["--pl", str(inputs.light), "--angles", "-90:90:10", "--pl-step", "0.5", "--pl-origin", "-1.5,-2"]
    code, _, err = run(*inputs.enhance(tmp_path / "fine.ang", *options))
    assert code == 0, err


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals on Windows")
def test_progress_on_a_terminal(inputs, tmp_path):
    import pty

    leader, follower = pty.openpty()
    argv = inputs.enhance(tmp_path / "fine.ang", "--samples", "2")
    process = subprocess.run(
        [sys.executable, "-m", "grainlight", *argv], stderr=follower, stdout=subprocess.PIPE, check=True
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            block = os.read(leader, 65536)
        except OSError:  # the end, on Linux
            break
        if not block:
            break
        shown += block
    os.close(leader)
    assert "restoring" in shown.decode()
    assert "left" in shown.decode()
    assert "restoring" not in process.stdout.decode()


def test_simulate(inputs, run, tmp_path):
    argv = ("simulate", inputs.full, "--angles", "0:180:30", "--seed", "5")
    assert run(*argv, "--output", tmp_path / "a.tif")[0] == 0
    assert run(*argv, "--output", tmp_path / "b.tif")[0] == 0
    assert run(*argv, "--output", tmp_path / "c.tif", "--level", "corrupted")[0] == 0
    a, b, c = (tifffile.imread(tmp_path / f"{name}.tif") for name in "abc")
    assert a.shape == (6, *load_ebsd(inputs.full).shape)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    about = json.loads((tmp_path / "c.json").read_text())
    assert about["angles"] == [0, 30, 60, 90, 120, 150]
    assert (about["level"], about["seed"], about["electrons"]) == ("corrupted", 5, 600)
    assert len(about["material"]["eps_o"]) == 2


def test_light_tells_frames_apart_only_as_far_as_it_can(inputs, run, tmp_path):
    """EDAX settings 1 and 2 differ by half a turn, which light does not see; Oxford's by a quarter, which it does."""
    stacks = {}
    for frame in ("edax1", "edax2", "oxford"):
        file = tmp_path / f"{frame}.tif"
        assert run("simulate", inputs.full, "--frame", frame, "--output", file)[0] == 0
        stacks[frame] = tifffile.imread(file).astype(float)
    spread = stacks["edax2"].std()
    assert np.abs(stacks["edax1"] - stacks["edax2"]).mean() < 0.02 * spread
    assert np.abs(stacks["oxford"] - stacks["edax2"]).mean() > 0.2 * spread


def test_sampling_goes_by_position(inputs):
    full = load_ebsd(inputs.full)
    axes, valid = on_pixels(full, full.step[0] / 2)
    assert axes.shape[:2] == tuple(2 * n - 1 for n in full.shape)
    np.testing.assert_array_equal(axes[::2, ::2], full.c_axes())
    assert valid.all()


def test_sampling_of_a_hexagonal_grid():
    rows, columns = 6, 5
    quaternions = np.zeros((rows, columns, 4))
    angle = np.arange(rows * columns).reshape(rows, columns) * 0.02
    quaternions[..., 0], quaternions[..., 1] = np.cos(angle), np.sin(angle)
    square = OrientationMap.from_quaternions(quaternions, (1.0, 0.866), load_phases())
    hexagonal = square.replace(grid="hexagonal", x=square.x + 0.5 * (np.arange(rows)[:, None] % 2))
    axes, _ = on_pixels(hexagonal, 0.25)
    for r, c in ((0, 0), (1, 2), (4, 3)):
        at = round(hexagonal.y[r, c] / 0.25), round(hexagonal.x[r, c] / 0.25)
        np.testing.assert_allclose(axes[at], hexagonal.c_axes()[r, c])


def load_phases():
    from grainlight.maps.phase import TITANIUM

    return (TITANIUM,)


def test_synthesize(run, tmp_path):
    argv = ("synthesize", "--size", "40,50", "--count", "2", "--scale", "2", "--family", "twinned", "--seed", "7")
    code, _, err = run(*argv, "--output", tmp_path / "new")
    assert code == 0, err
    for seed in (7, 8):
        stem = tmp_path / "new" / f"section_{seed:06d}"
        full, coarse = load_ebsd(f"{stem}_full.ang"), load_ebsd(f"{stem}_coarse.ang")
        about = json.loads(Path(f"{stem}.json").read_text())
        assert full.shape == (about["rows"], about["columns"]) == tuple(2 * (n - 1) + 1 for n in coarse.shape)
        assert tifffile.imread(f"{stem}_light.tif").shape == (18, *full.shape)
        assert about["family"] == "twinned"
        # the coarse map is the full one at every second point, but for half a degree of noise
        from grainlight.evaluation.metrics import disorientation

        error = disorientation(coarse.quaternions, full.every(2).quaternions)
        assert 0.3 < np.sqrt(np.mean(error**2)) < 0.7


def test_families_are_those_of_synth():
    from grainlight.cli.making.synthesize import FAMILIES
    from grainlight.synth import families

    assert ("any", *families.FAMILIES) == FAMILIES


def test_choices_are_those_of_the_library():
    from grainlight.cli.making.simulate import METALS
    from grainlight.cli.project.train import PRESETS as TRAINED
    from grainlight.cli.values import FRAMES
    from grainlight.crystal.frames import SampleFrame
    from grainlight.optics.forward.material import MEAN_INDEX
    from grainlight.training.presets import PRESETS

    assert {*FRAMES, "S"} == {frame.value for frame in SampleFrame}
    assert all((metal, 550) in MEAN_INDEX for metal in METALS)
    assert set(PRESETS) == set(TRAINED)


def test_info(inputs, run, tmp_path):
    code, out, _ = run("info", inputs.coarse)
    assert code == 0
    for word in ("square", "step: 2 x 2 um", "edax2", "Titanium (6/mmm)", "indexed: 100.0 %", "field ci"):
        assert word in out
    code, out, _ = run("info", inputs.light)
    assert code == 0
    assert "(18, 49, 61)" in out
    assert run("info", tmp_path / "nowhere.tif")[0] == 2
    assert run("info", tmp_path / "nowhere.npz")[0] == 2
    (tmp_path / "bad.tif").write_bytes(b"II*\0nothing")
    assert run("info", tmp_path / "bad.tif")[0] == 2
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    assert run("info", tmp_path / "bad.npz")[0] == 2


def test_info_of_a_result(inputs, run, tmp_path):
    assert run(*inputs.enhance(tmp_path / "fine.ang"))[0] == 0
    code, out, _ = run("info", tmp_path / "fine.npz")
    assert code == 0
    assert "array uncertainty: float32" in out
    assert "weights: " in out


def test_info_of_real_files(run, shared_data):
    code, out, _ = run("info", shared_data / "pymicro/Ti64-200x200.ang")
    assert code == 0
    assert "200 rows x 200 columns" in out
    code, out, _ = run("info", shared_data / "ebsdlab/EBSD.ang")
    assert code == 0
    assert "hexagonal" in out
    assert "nothing here that can be restored" in out


def test_doctor(run):
    from grainlight.diffusion.checkpoint import SHIPPED

    code, out, err = run("doctor")
    assert code == (0 if SHIPPED.is_file() else 1), err
    for word in ("torch", "threads", "bf16 on CPU", "weights", "fitted for these weights", "network      not needed"):
        assert word in out


def test_doctor_finds_constants_of_other_weights(run, monkeypatch):
    monkeypatch.setattr("grainlight.diffusion.checkpoint.weights_hash", lambda path=None: "0" * 16)
    code, out, err = run("doctor")
    assert code == 1
    assert "of other weights" in out
    assert "the constants were fitted for other weights" in err


def test_doctor_finds_what_is_missing(run, monkeypatch):
    monkeypatch.setattr("grainlight.cli.project.doctor.PARTS", ("torch", "unobtainium"))
    code, out, err = run("doctor")
    assert code == 1
    assert "unobtainium is not installed" in err
    assert "all in order" not in out


def test_evaluate_prints_a_table(inputs, run, tmp_path):
    argv = ("evaluate", inputs.full, "--scale", "4", "--level", "clean", "none", "--weights", inputs.weights)
    code, out, err = run(*argv, "--quality", "fast", "--device", "cpu", "--output", tmp_path / "table.md")
    assert code == 0, err
    table = (tmp_path / "table.md").read_text()
    assert max(map(len, out.split("wrote")[0].splitlines())) <= 80
    assert out.count("grainlight, fast  ") == 2
    assert out.count("off by more than 5 degrees") == 2
    # once for each level
    assert table.count("| grainlight, fast |") == 2
    assert table.count("| grainlight, 100 % EBSD |") == 1
    assert table.count("| nearest |") == 2
    assert table.count("| guided copy |") == 1


def test_evaluate_reads_maps_as_its_options_say(inputs, monkeypatch):
    from grainlight.cli.judging.evaluate import _planned
    from grainlight.cli.main import parser
    from grainlight.maps import io

    asked = {}

    def load(path, frame, crystal_frame, **chosen):
        asked[path] = (frame, crystal_frame, chosen)
        return load_ebsd(path, frame, crystal_frame)

    monkeypatch.setattr(io, "load_ebsd", load)
    argv = ("evaluate", str(inputs.full), "--frame", "edax3", "--crystal-frame", "a-star", "--scan", "two")
    planned = _planned(parser().parse_args([*argv, "--section", "1", "--quick", "--quality", "none"]))
    assert asked == {inputs.full: ("edax3", "a*", {"scan": "two", "section": 1, "columns": None})}
    assert planned[0].reference.full.crystal_frame is CrystalFrame.X_ALONG_A_STAR


def test_evaluate_refuses_what_it_cannot_use(run, inputs, tmp_path):
    cubic = tmp_path / "cubic.ang"
    cubic.write_text(inputs.full.read_text().replace("Symmetry              62", "Symmetry              43"))
    for argv in (("--json", tmp_path / "nowhere" / "a.json"), (cubic,), (tmp_path / "none.ang",)):
        code, out, err = run("evaluate", *argv, "--quick", "--quality", "none")
        assert code == 2, err
        assert "expected" in err or "try" in err
        assert out == ""


def test_train_needs_torch_numpy_and_safetensors_only(tmp_path):
    folder = str(tmp_path / "run")
    code = f"""
import sys
for name in ("orix", "tifffile", "imageio", "rich", "matplotlib", "scipy", "h5py", "PIL"):
    sys.modules[name] = None  # an import of it fails from now on
from grainlight.cli.main import main
argv = ["train", "--preset", "tiny", "--steps", "6", "--device", "cpu", "--debug", "--output", {folder!r}]
sys.exit(main(argv))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "loss" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("wrote ")
    assert (tmp_path / "run" / "weights.safetensors").is_file()
    assert (tmp_path / "run" / "log.jsonl").is_file()


def test_train_goes_on_and_starts_from_weights(inputs, run, tmp_path):
    argv = ("train", "--preset", "tiny", "--device", "cpu", "--output", tmp_path / "run", "--start", inputs.weights)
    assert run(*argv, "--steps", "2")[0] == 0
    code, out, _ = run(*argv, "--steps", "5")
    assert code == 0
    steps = [int(line.split()[1]) for line in out.splitlines() if line.startswith("step")]
    assert min(steps) > 2
    assert max(steps) == 5
    assert run(*argv[:-1], tmp_path / "nowhere.safetensors")[0] == 2
