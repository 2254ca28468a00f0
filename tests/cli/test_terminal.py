"""What a terminal of another code page cannot show is replaced, and stops nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from grainlight.cli.main import main
from grainlight.cli.terminal import Bars, fitted, show_what_the_terminal_can
from grainlight.progress import Whole


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437"])
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_what_an_encoding_lacks_is_replaced(monkeypatch, encoding, errors):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)
    monkeypatch.setattr(sys, "stdout", out)
    show_what_the_terminal_can()
    # a file's name that is not of the encoding of names reaches Python as a lone surrogate
    print("Ti K\u03c8, \udcff, 5 um")
    out.flush()
    assert out.buffer.getvalue().decode(encoding).startswith("Ti K?, ?, 5 um")


def test_a_field_with_a_greek_name_on_another_code_page(tmp_path, monkeypatch):
    folder = tmp_path / "\u03a9"
    folder.mkdir()
    assert main(["synthesize", "--size", "25,29", "--scale", "4", "--output", str(folder / "made")]) == 0
    source = next((folder / "made").glob("*coarse*.ang"))
    file = folder / "map.ctf"
    assert main(["convert", str(source), str(file)]) == 0
    file.write_bytes(file.read_bytes().replace(b"\tMAD", "\tTi K\u03b11".encode()))
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    for told in (file, folder, folder / "none.ang"):
        command = [sys.executable, "-m", "grainlight", "info", str(told)]
        ran = subprocess.run(command, capture_output=True, env=environment, check=False)
        shown = ran.stdout + ran.stderr
        assert b"Error" not in shown
        assert ran.returncode == (2 if told.suffix == ".ang" else 0)
        assert told == folder or b"?" in shown or b"u03a9" in shown


def test_without_a_command_there_is_help(run):
    code, out, err = run()
    assert code == 0
    assert "usage" in out
    assert "enhance" in out
    assert not err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_are_broken_between_words_on_a_terminal_only(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = "grainlight: a.tif: no\n  found:    " + "number " * 30 + "\n  try:      --pl-step 0.3\nnote: " + "word " * 40
    assert fitted(text, io.StringIO()) == text
    lines = fitted(text, Terminal()).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert lines[2].startswith(" " * 12 + "number")
    assert lines[-1].startswith(" " * 6 + "word")
    assert "  try:      --pl-step 0.3" in lines


def test_the_whole_is_one_bar_whose_rest_is_measured():
    whole = Whole({"registering": 10.0, "restoring": 80.0, "putting together": 10.0})
    assert whole.left(0.0) == 100.0
    whole.begin("registering")
    whole.share = 1.0
    whole.begin("restoring")
    assert whole.part == pytest.approx(0.1)
    whole.share = 0.5
    assert whole.part == pytest.approx(0.5)
    # three times as slow as expected so far, and so will be the rest
    assert whole.left(150.0) == pytest.approx(150.0)
    whole.begin("a stage that nobody expected")
    whole.begin("putting together")
    assert whole.part == pytest.approx(0.9)
    whole.share = 1.0
    assert whole.part == 1.0
    assert whole.left(300.0) == 0.0


def test_bars_show_the_whole_and_its_stages(capsys):
    with Bars({"first": 1.0, "second": 3.0}) as progress:
        for stage in ("first", "second"):
            progress.begin(stage, 4)
            for _ in range(4):
                progress.advance()
    shown = capsys.readouterr().err
    assert "in all" in shown
    assert "100/100" in shown
    assert shown.count("4/4") == 2
