"""Options from a file, what is said and kept, completion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grainlight.cli.config import with_config
from grainlight.cli.main import main, parser


def arguments(words, text, folder):
    file = folder / "settings" / "gl.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return parser().parse_args(with_config([*words, "--config", str(file)], parser()))


ENHANCE = ("enhance", "a.ang", "--output", "b.ang")
TEXT = """
seed = 7
quality = "fast"
metal = "Mg"            # of other commands

[enhance]
scale = 4
pl = ["s_000deg.tif", "s_090deg.tif"]
pl-step = 0.5
pl_origin = [-3, 4.5]
angles = [0, 45.5, 90]
mirror = true
keep-noise = false
min = ["fit=1", "iq=20"]
weights = "w.safetensors"
log = "run.log"

[volume.run]
workers = 2
"""


def test_a_file_stands_for_options(tmp_path):
    found = arguments(ENHANCE, TEXT, tmp_path)
    base = tmp_path / "settings"
    assert (found.seed, found.quality, found.scale, found.pl_step, found.mirror) == (7, "fast", 4, 0.5, True)
    assert found.pl == [str(base / "s_000deg.tif"), str(base / "s_090deg.tif")]
    assert found.pl_origin == (-3.0, 4.5)
    assert found.angles == "0,45.5,90"
    assert found.keep_noise is False
    assert [(one.field, one.value) for one in found.thresholds] == [("fit", 1.0), ("iq", 20.0)]
    assert (found.weights, found.log) == (str(base / "w.safetensors"), str(base / "run.log"))
    assert (found.ebsd, found.output) == ("a.ang", "b.ang")


def test_the_command_line_counts_more(tmp_path):
    found = arguments((*ENHANCE, "--scale", "2", "--quality", "best"), TEXT, tmp_path)
    assert (found.scale, found.quality, found.seed) == (2, "best", 7)


def test_a_command_takes_its_own_table(tmp_path):
    found = arguments(("volume", "run", "v.csv", "--output", "o"), TEXT, tmp_path)
    assert (found.workers, found.quality, found.scale) == (2, "fast", 2)
    assert arguments(("simulate", "a.ang", "--output", "s.tif"), TEXT, tmp_path).metal == "Mg"


def test_a_table_counts_more_than_what_is_above_it(tmp_path):
    assert arguments(ENHANCE, 'quality = "fast"\n[enhance]\nquality = "best"\n', tmp_path).quality == "best"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[enhance]\nscael = 4\n", ("option that is not known", "[enhance]", "scael", "scale")),
        ("qualty = 4\n", ("option that is not known", "qualty", "quality")),
        ("[enhance]\nmirror = 3\n", ("mirror", "takes no value")),
        ("[enhance]\nscale = true\n", ("scale", "a value, not yes or no")),
        ("[enhance\n", ("no TOML",)),
        ("enhance = 4\n", ("enhance is the name of a command",)),
        ("[enhance]\nhelp = true\n", ("not known", "help")),
    ],
)
def test_a_wrong_file_is_an_error(run, tmp_path, text, words):
    (tmp_path / "gl.toml").write_text(text)
    code, out, err = run(*ENHANCE, "--config", tmp_path / "gl.toml")
    assert (code, out) == (2, "")
    assert all(word in err for word in words), err


def test_values_are_those_of_the_options(run, tmp_path):
    (tmp_path / "gl.toml").write_text("[enhance]\nscale = 40\n")
    code, _, err = run(*ENHANCE, "--config", tmp_path / "gl.toml")
    assert code == 2
    assert "1 to 8" in err
    assert run(*ENHANCE, "--config", tmp_path / "nowhere.toml")[0] == 2


def test_what_is_said_is_kept(inputs, run, tmp_path):
    log = tmp_path / "run.log"
    code, out, err = run("info", inputs.coarse, "--log", log)
    assert code == 0
    lines = log.read_text().splitlines()
    assert f"grainlight info {inputs.coarse} --log {log}" in lines[0]
    assert [line.split("  ", 1)[1] for line in lines[1:]] == [*err.splitlines(), *out.splitlines()]
    code, _, err = run("info", tmp_path / "nowhere.ang", "--log", log)
    assert code == 2
    kept = log.read_text().splitlines()
    assert kept[: len(lines)] == lines
    assert err.splitlines()[0] in kept[-2] + kept[-1]
    assert run("info", inputs.coarse, "--log", tmp_path)[0] == 2


def test_quiet_and_verbose(inputs, run, tmp_path):
    words = ("convert", inputs.coarse, tmp_path / "c.ctf", "--force")
    loud = run(*words)
    quiet = run(*words, "--quiet")
    assert quiet == (0, loud[1], "")
    assert loud[2]
    code, _, err = run(*inputs.enhance(tmp_path / "f.ang", "-v"))
    assert code == 0
    assert "stage: restoring, " in err
    assert "stage:" not in run(*inputs.enhance(tmp_path / "f.ang", "-v", "--quiet", "--force"))[2]


def completed(line: str) -> list[str]:
    """What a shell is told for a line, as argcomplete asks."""
    out = Path(os.devnull)
    read, write = os.pipe()
    environment = os.environ | {
        **{"_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"},
        **{"_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9"},
    }
    # argcomplete answers on descriptor 8
    code = f"import os, sys\nos.dup2({write}, 8)\nsys.argv = ['grainlight']\n"
    code += "from grainlight.cli.main import main\nmain()\n"
    with out.open("w") as nothing:
        subprocess.run([sys.executable, "-c", code], env=environment, pass_fds=(write,), stdout=nothing, check=False)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stream:
        return stream.read().split("\n")


@pytest.mark.skipif(os.name == "nt", reason="descriptors are not handed on")
def test_the_shell_completes():
    assert "enhance" in [word.strip() for word in completed("grainlight en")]
    assert {word.strip() for word in completed("grainlight enhance --quality ")} >= {"fast", "balanced", "best"}
    assert "--pl-step" in [word.strip() for word in completed("grainlight enhance --pl-")]


def test_what_shells_are_given(run, tmp_path):
    for shell in ("bash", "zsh", "fish", "powershell"):
        code, out, _ = run("completion", shell)
        assert code == 0
        assert "grainlight" in out
    if shutil.which("bash"):
        (tmp_path / "c.bash").write_text(run("completion", "bash")[1])
        subprocess.run(["bash", "-n", str(tmp_path / "c.bash")], check=True)


def test_errors_are_coloured_on_a_terminal_only(monkeypatch, capsys):
    assert main(["info", "nowhere.ang"]) == 2
    assert "\x1b" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    main(["info", "nowhere.ang"])
    assert "\x1b[1;31mgrainlight: nowhere.ang" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    main(["info", "nowhere.ang"])
    assert "\x1b" not in capsys.readouterr().err


def test_a_dry_run_reads_checks_and_writes_nothing(inputs, run, tmp_path):
    words = inputs.enhance(tmp_path / "f.ang", *inputs.light_options, "--dry-run")
    code, out, err = run(*words)
    assert code == 0
    assert "nothing was computed or written" in out
    assert all(word in err for word in ("EBSD:", "polarized light: 18 angles", "output: 49 x 61 pixels"))
    assert list(tmp_path.iterdir()) == []
    assert run(*words, "--transform", tmp_path / "nowhere.json")[0] == 2
    assert run(*inputs.enhance(tmp_path / "f.ang", "--dry-run", ebsd=tmp_path / "nowhere.ang"))[0] == 2
