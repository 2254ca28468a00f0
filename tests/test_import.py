"""The front door opens fast and loads nothing before it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields

import pytest

import grainlight

HEAVY = ("torch", "numpy", "scipy", "orix", "matplotlib", "tifffile", "imageio", "rich")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_is_fast_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, time; t = time.process_time(); import grainlight; print(time.process_time() - t);"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    # of the processor, and the best of five: a loaded machine is slow now and then, a heavy import is slow always
    runs = [run(code).splitlines() for _ in range(5)]
    assert min(float(seconds) for seconds, _ in runs) < 0.3
    assert runs[0][1] == "[]"


def test_help_is_fast() -> None:
    code = (
        "import atexit, runpy, sys, time; atexit.register(lambda: print(time.process_time()));"
        "sys.argv = ['grainlight', '--help']; runpy.run_module('grainlight', run_name='__main__', alter_sys=True)"
    )
    shown = [run(code).splitlines() for _ in range(5)]
    assert "grainlight COMMAND" in shown[0][0]
    # of the processor, the start of Python among them
    assert min(float(lines[-1]) for lines in shown) < 0.5


@pytest.mark.parametrize("name", sorted(grainlight.__all__))
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(grainlight, name) is not None
    assert name in dir(grainlight)


def test_enhance_takes_every_setting() -> None:
    from grainlight.restore.settings import Settings

    taken = inspect.signature(grainlight.enhance).parameters
    assert {field.name: field.default for field in fields(Settings)} == {
        name: one.default for name, one in taken.items() if name not in ("ebsd", "light", "mask", "also", "progress")
    }


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        grainlight.no_such_thing  # noqa: B018


def test_reading_a_map_needs_no_torch() -> None:
    code = "import sys, grainlight; grainlight.load_ebsd, grainlight.load_light; print('torch' in sys.modules)"
    assert run(code) == "False"
