"""The rooms of the restoration: imports between its stages run one way, and functions stay small."""

from __future__ import annotations

import ast
from pathlib import Path

RESTORE = Path(__file__).resolve().parents[1] / "src" / "grainlight" / "restore"
MODULES = sorted(RESTORE.rglob("*.py"))

# What comes first may not import what comes later. Rooms are folders, the rest are files beside them.
ORDER = (
    ("settings", "result", "record_schema", "device"),
    ("saved",),
    ("large",),
    ("points",),
    ("light",),
    ("sampling",),
    ("labelling",),
    ("uncertainty",),
    ("posterior",),
    ("inputs", "cost"),
    ("assemble", "record"),
    ("enhance",),
    ("between",),
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
MOST_PARAMETERS, MOST_LINES, MOST_FILES = 8, 70, 12
# A longer function, by file and name, with its reason.
REASONS: dict[tuple[str, str], str] = {}


def _room(path: Path) -> str:
    return path.relative_to(RESTORE).parts[0].removesuffix(".py")


def test_imports_between_stages_run_one_way() -> None:
    against = []
    for path in MODULES:
        if path.parent == RESTORE and path.name == "__init__.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("grainlight.restore."):
                continue
            other = (node.module or "").split(".")[2]
            if other != _room(path) and RANK[other] >= RANK[_room(path)]:
                against.append(f"{path.relative_to(RESTORE)} imports {node.module}")
    assert not against


def test_every_room_is_in_the_order() -> None:
    assert {_room(path) for path in MODULES} - {"__init__"} == set(RANK)


def test_functions_are_small() -> None:
    large = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = len([one for one in every if one.arg not in ("self", "cls")])
            lines = (node.end_lineno or 0) - node.lineno + 1
            if (count > MOST_PARAMETERS or lines > MOST_LINES) and (path.name, node.name) not in REASONS:
                large.append(f"{path.relative_to(RESTORE)}: {node.name} has {count} parameters and {lines} lines")
    assert not large


def test_folders_are_small() -> None:
    folders = {path.parent for path in MODULES}
    sizes = {folder: len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) for folder in folders}
    assert not {str(folder.relative_to(RESTORE)): size for folder, size in sizes.items() if size > MOST_FILES}
