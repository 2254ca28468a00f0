"""Every `python -m benchmarks.NAME` that documents, Makefile and comments name is there and can be run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".py", ".md"}


def named() -> dict[str, Path]:
    """Modules by what names them: `benchmarks.NAME` in code marks, or as a command."""
    found = {}
    texts = [ROOT / "Makefile", *ROOT.glob("*.md")]
    for folder in ("docs", "src", "benchmarks"):
        texts += [path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    for path in texts:
        for name in re.findall(r"(?:-m |`)(benchmarks(?:\.[a-z_]+)+)", path.read_text(encoding="utf-8")):
            found[name] = path
    return found


def test_named_commands_are_there() -> None:
    modules = named()
    assert {"benchmarks.bars", "benchmarks.doubt", "benchmarks.peers.train", "benchmarks.speed"} <= set(modules)
    for name, path in modules.items():
        place = ROOT / Path(*name.split("."))
        # a module, or a package that is run
        file = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
        assert file.is_file(), f"{path} names {name}"
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert "main" in functions, f"{path} names {name}, which is no command"
