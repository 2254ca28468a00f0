"""The house keeps its plan: imports run downward, files stay short, and rooms do not know what they must not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "grainlight"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Lower rooms first; a module may import its own room and rooms of a lower level.
LEVELS = {
    "errors": 0,
    "progress": 0,
    "scratch": 0,
    "crystal": 1,
    "maps": 2,
    "grains": 3,
    "optics": 3,
    "synth": 4,
    "register": 5,
    "diffusion": 5,
    "training": 6,
    "restore": 6,
    "evaluation": 7,
    "report": 8,
    "": 9,
    "cli": 10,
    "__main__": 11,
}
TRAINING_NEEDS = {"torch", "numpy", "safetensors"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def imports_of(tree: ast.AST) -> set[str]:
    """Full names of everything imported anywhere in a module; `from a import b` gives a and a.b."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_module":
            found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return found


def at_import(tree: ast.Module) -> set[str]:
    """Names imported when the module itself is: outside functions and `if TYPE_CHECKING`."""
    found = set()
    stack: list[ast.stmt] = list(tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            stack += node.orelse
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= imports_of(node)
        stack += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return found


TREES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def own(names: set[str]) -> set[str]:
    return {name for name in names if name == "grainlight" or name.startswith("grainlight.")}


def known(name: str) -> str:
    """The module that an imported name is or belongs to."""
    while name not in TREES:
        name = name.rpartition(".")[0]
    return name


@pytest.mark.parametrize("module", TREES)
def test_imports_run_downward(module: str) -> None:
    room = room_of(module)
    assert room in LEVELS, f"{room} is not in the plan: give it a level"
    for name in own(imports_of(TREES[module])):
        other = room_of(known(name))
        if other == "" and name not in at_import(TREES[module]):
            continue  # a function may ask the package for its version
        assert other == room or LEVELS[other] < LEVELS[room], f"{module} ({room}) imports {name}"


def test_no_circle_at_import() -> None:
    graph = {
        module: {known(name) for name in own(at_import(tree))} - {module, "grainlight"}
        for module, tree in TREES.items()
    }
    # a package's __init__ runs before its modules and may gather them
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module in done:
            return
        for other in graph[module]:
            is_package = (PACKAGE.parent / Path(*other.split("."))).is_dir()
            if not (is_package and module.startswith(other + ".")):
                visit(other, (*path, module))
        done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize(
    "path", [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))], ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_file_over_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("module", [name for name in TREES if room_of(name) == "maps"])
def test_maps_never_imports_torch(module: str) -> None:
    names = imports_of(TREES[module])
    assert not any(name.split(".")[0] == "torch" for name in names)
    # nor through the rooms it stands on
    for name in own(at_import(TREES[module])):
        assert not any(other.split(".")[0] == "torch" for other in at_import(TREES[known(name)])), name


def test_training_needs_little() -> None:
    import sys

    reached: set[str] = set()
    todo = [name for name in TREES if room_of(name) == "training"]
    while todo:
        module = todo.pop()
        if module in reached:
            continue
        reached.add(module)
        todo += [known(name) for name in own(at_import(TREES[module])) if known(name) != "grainlight"]
    for module in reached:
        outside = {name.split(".")[0] for name in at_import(TREES[module])} - set(sys.stdlib_module_names)
        assert outside <= TRAINING_NEEDS | {"grainlight", "__future__"}, module


def test_no_pickle_no_print_below_the_faces() -> None:
    for module, tree in TREES.items():
        if LEVELS[room_of(module)] >= LEVELS["cli"]:
            continue
        calls = {getattr(node.func, "id", "") for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"print", "input", "eval", "exec"}, module
        assert not imports_of(tree) & {"pickle", "torch.load"}, module


def test_benchmarks_stand_above_the_package() -> None:
    for module, tree in TREES.items():
        assert not any(name.split(".")[0] == "benchmarks" for name in imports_of(tree)), module
    for path in (ROOT / "benchmarks").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = imports_of(ast.parse(text))
        assert not any(name.startswith("grainlight.cli") for name in names), path
        assert len(text.splitlines()) <= 400, path
