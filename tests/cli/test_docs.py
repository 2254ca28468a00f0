"""What the documents show can be typed: every command parses, every link leads somewhere, every name is there."""

from __future__ import annotations

import ast
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

import grainlight
from grainlight.cli.main import COMMANDS, parser
from grainlight.cli.option_words import commands_of, options_of

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def commands() -> list[str]:
    """Command lines in indented or fenced blocks, without the explanation that stands to their right."""
    found = []
    for document in DOCUMENTS:
        for line in document.read_text(encoding="utf-8").splitlines():
            match = re.match(r"(?:    )?(grainlight [a-z]+.*)", line)
            if match and match[1].split()[1] in COMMANDS:
                found.append(re.split(r"\s{3,}", match[1])[0].replace("\\", " "))
    return found


def test_there_are_commands_to_check() -> None:
    assert {line.split()[1] for line in commands()} >= {"enhance", "simulate", "synthesize", "train", "info", "doctor"}


@pytest.mark.parametrize("line", commands())
def test_command_parses(line: str) -> None:
    arguments = parser().parse_args(shlex.split(line)[1:])
    assert callable(arguments.run)


def test_usage_names_every_option() -> None:
    words = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    told = set(re.findall(r"--[a-z][a-z0-9-]*", words))
    missing = []
    waiting = [("", parser())]
    while waiting:
        name, command = waiting.pop()
        waiting += [(f"{name} {word}", inner) for word, inner in commands_of(command).items()]
        missing += [f"{name} --{option}" for option in options_of(command) if f"--{option}" not in told]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def messages() -> list[str]:
    """What stands in the questions as printed by the program."""
    return re.findall(r'^\*\*"(.+?)"\*\*', (ROOT / "docs" / "faq.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def said() -> str:
    """All text of the source, one line each."""
    found = []
    for file in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values))
    return "\n".join(found)


@pytest.mark.parametrize("message", messages())
def test_message_is_one_that_the_program_prints(message: str, said: str) -> None:
    # the light, or its brightness
    parts = [part.strip() for part in message.removeprefix("The light ").split("...") if part.strip()]
    assert [part for part in parts if part not in said] == []


def test_a_table_ends_with_an_empty_line() -> None:
    """What follows a row without one is taken for a row of one cell."""
    files = [*DOCUMENTS, *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md"), *(ROOT / "tests").rglob("*.md")]
    found = []
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        for number, (line, after) in enumerate(pairwise(lines), start=2):
            if line.startswith("|") and line.endswith("|") and after.strip() and not after.startswith("|"):
                found.append(f"{file.name}, line {number}: {after[:40]}")
    assert found == []


def test_make_targets_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for document in DOCUMENTS:
        for target in re.findall(
            r"(?:^    |`)make ([a-z]+(?:-[a-z]+)*)", document.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_python_snippet_uses_names_that_exist() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    used = {
        node.attr
        for node in ast.walk(ast.parse(snippet))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gl"
    }
    assert used == {"load_ebsd", "load_light", "enhance"}
    assert used <= set(grainlight.__all__)
    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.restore.result import Result

    assert callable(Result.save)
    assert callable(OrientationMap.to_orix)


def test_readme_names_what_the_result_file_holds(inputs, run, tmp_path) -> None:
    import numpy as np

    assert run(*inputs.enhance(tmp_path / "fine.ang"))[0] == 0
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## What comes out")[1].split("##")[0]
    with np.load(tmp_path / "fine.npz") as data:
        assert any(name.startswith("field_") for name in data.files)
        names = ["field_NAME" if name.startswith("field_") else name for name in data.files]
    missing = [name for name in names if f"`{name}`" not in table]
    assert missing == []
