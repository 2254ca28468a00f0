"""Ctrl-C while a command imports, computes, writes or trains."""

import os
import signal
import subprocess
import sys
import time

import pytest

from grainlight.maps.io.shared.atomic import atomic_path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no SIGINT between processes on Windows")

HANG_UP = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none
NOTHING_LEFT = "grainlight: interrupted; no output is left half-written."


def _hear() -> None:
    """A shell's background job ignores SIGINT, one of nohup SIGHUP, and their children would too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def start(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *argv],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_hear,
    )


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> tuple[str, list[str]]:
    """Signal a running process; return what it printed to either side after that."""
    assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    return out, err.splitlines()


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the process ended without {text!r}")


def endless(inputs, tmp_path) -> subprocess.Popen[str]:
    argv = inputs.enhance(tmp_path / "out.ang", *inputs.light_options, "--steps", "1000", "--samples", "1000")
    return start("-m", "grainlight", *argv)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, HANG_UP])
def test_in_the_middle(inputs, tmp_path, number):
    process = endless(inputs, tmp_path)
    wait_for(process, "output:")
    time.sleep(1.0)
    assert end(process, number) == ("", [NOTHING_LEFT])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.0, 0.2, 0.4, 0.7, 1.0, 1.4])
def test_after_the_input_was_read_while_libraries_load(inputs, tmp_path, moment):
    # KeyboardInterrupt here was lost in an import, or crashed the interpreter, in one case of ten
    process = endless(inputs, tmp_path)
    wait_for(process, "EBSD:")
    time.sleep(moment)
    out, err = end(process)
    assert out == ""
    assert err[-1] == NOTHING_LEFT
    assert list(tmp_path.iterdir()) == []


def test_while_a_file_is_written(tmp_path):
    code = f"""
import sys, time
from grainlight.cli.interrupt import end_on_signals
from grainlight.maps.io.shared.atomic import atomic_path
end_on_signals()
with atomic_path({str(tmp_path / "out.ang")!r}) as path:
    path.write_text("half")
    print("half", file=sys.stderr, flush=True)
    time.sleep(60)
"""
    process = start("-c", code)
    wait_for(process, "half")
    assert [path.suffix for path in tmp_path.iterdir()] == [".ang"]
    assert end(process) == ("", [NOTHING_LEFT])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, HANG_UP])
def test_while_a_library_computes(tmp_path, number):
    """Python hears no signal inside a library: the thread that does ends the process at once."""
    code = f"""
import sys, time
import numpy as np
from grainlight.cli.interrupt import end_on_signals
from grainlight.maps.io.shared.atomic import atomic_path
end_on_signals()
with atomic_path({str(tmp_path / "out.ang")!r}):
    a = np.ones((12000, 12000), np.float32)
    print("half", file=sys.stderr, flush=True)
    a @ a
"""
    process = start("-c", code)
    wait_for(process, "half")
    time.sleep(0.3)
    began = time.perf_counter()
    assert end(process, number) == ("", [NOTHING_LEFT])
    assert time.perf_counter() - began < 3.0
    assert list(tmp_path.iterdir()) == []


def test_what_is_ignored_stays_ignored(tmp_path):
    """Under nohup a closed terminal ends nothing."""
    code = "import signal, sys\nfrom grainlight.cli.interrupt import end_on_signals\n"
    code += "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nend_on_signals()\n"
    code += "signal.raise_signal(signal.SIGHUP)\nprint('still here')\n"
    out, _ = start("-c", code).communicate(timeout=60)
    assert out == "still here\n"


def test_what_a_killed_command_left_goes_with_the_next(tmp_path):
    """Temporary files of a process that is no more; not of one that runs, another output or machine."""
    code = f"""
import sys, time
from grainlight.maps.io.shared.atomic import atomic_path
with atomic_path({str(tmp_path / "out.ang")!r}) as path:
    path.write_text("half")
    print(path.name, file=sys.stderr, flush=True)
    time.sleep(60)
"""
    killed, running = start("-c", code), start("-c", code)
    names = [process.stderr.readline().strip() for process in (killed, running)]
    killed.kill()
    killed.communicate(timeout=60)
    others = [".out.ang.00000000-1-abc.ang", names[0].replace("out.ang", "out.ctf", 1), ".out.ang", ".out.ang.old"]
    for name in others:
        (tmp_path / name).write_text("mine")
    assert {path.name for path in tmp_path.iterdir()} == {*names, *others}
    with atomic_path(tmp_path / "out.ang") as path:
        path.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {names[1], "out.ang", *others}
    running.kill()
    running.communicate(timeout=60)


def test_training_says_how_to_go_on(tmp_path):
    folder = tmp_path / "run"
    process = start("-m", "grainlight", "train", "--output", str(folder), "--preset", "tiny", "--steps", "1000000")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step"):
            break
    _, err = end(process)
    assert err[-1] == (
        f"grainlight: interrupted; the last checkpoint in {folder} is whole, and the same command goes on from it"
    )
