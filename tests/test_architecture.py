"""The house keeps its plan: imports run downward, files stay short, and rooms do not know what they must not."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "grainlight"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Of the checkout, above all of the package.
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))

# Lower rooms first; a module may import its own room and rooms of a lower level.
LEVELS = {
    "errors": 0,
    "progress": 0,
    "scratch": 0,
    "constants": 1,
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
    "volume": 9,
    "samples": 9,
    "validation": 9,
    "planning": 9,
    "": 10,
    "app": 11,
    "cli": 12,
    "__main__": 13,
}
TRAINING_NEEDS = {"torch", "numpy", "safetensors"}
MOST_LINES = 400
MOST_MODULES = 12
# Folders that hold more than that, and how many: none may grow, and one that has shrunk gets its new number here or
# leaves the list.
CROWDED = {
    "report": 17,
}


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


def listed(offences: list[str]) -> str:
    """One offender a line, as the message of a test."""
    return "\n".join(["", *offences])


def test_every_room_has_a_level() -> None:
    offences = sorted({f"{room_of(module)} ({module})" for module in TREES if room_of(module) not in LEVELS})
    assert not offences, listed(offences)


def test_imports_run_downward() -> None:
    offences = []
    for module, tree in TREES.items():
        room, early = room_of(module), at_import(tree)
        for name in sorted(own(imports_of(tree))):
            other = room_of(known(name))
            if other == "" and name not in early:
                continue  # a function may ask the package for its version
            if other != room and LEVELS[other] >= LEVELS[room]:
                offences.append(f"{module} ({room}) imports {name}")
    assert not offences, listed(offences)


def test_floors_of_the_optics_are_in_order() -> None:
    floors = ("forward", "calibration", "few_images")
    offences = []
    for module, tree in TREES.items():
        if room_of(module) != "optics" or module.count(".") < 2:
            continue
        floor = floors.index(module.split(".")[2])
        above = tuple(f"grainlight.optics.{name}" for name in floors[floor + 1 :])
        offences += [f"{module} imports {name}" for name in own(imports_of(tree)) if name.startswith(above)]
    assert not offences, listed(offences)


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


def test_no_file_over_400_lines() -> None:
    offences = []
    for path in (*MODULES, *BENCHMARKS, *sorted((ROOT / "tests").rglob("*.py"))):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            offences.append(f"{path.relative_to(ROOT)}: {lines} lines")
    assert not offences, listed(offences)


def test_no_folder_over_a_dozen_modules() -> None:
    offences = []
    for folder in sorted({path.parent for path in MODULES}):
        name = "" if folder == PACKAGE else folder.relative_to(PACKAGE).as_posix()
        count = sum(path.name != "__init__.py" for path in folder.glob("*.py"))
        allowed = CROWDED.get(name, MOST_MODULES)
        if count > allowed:
            offences.append(f"{name}: {count} modules, at most {allowed}")
        elif name in CROWDED and count < allowed:
            offences.append(f"{name}: {count} modules, {allowed} in CROWDED: lower it, or out at {MOST_MODULES}")
    offences += [f"{name} is in CROWDED but is no folder" for name in CROWDED if not (PACKAGE / name).is_dir()]
    assert not offences, listed(offences)


def test_maps_never_imports_torch() -> None:
    offences = []
    for module in (name for name in TREES if room_of(name) == "maps"):
        tree = TREES[module]
        if any(name.split(".")[0] == "torch" for name in imports_of(tree)):
            offences.append(module)
        # nor through the rooms it stands on
        for name in sorted(own(at_import(tree))):
            if any(other.split(".")[0] == "torch" for other in at_import(TREES[known(name)])):
                offences.append(f"{module} through {name}")
    assert not offences, listed(offences)


def test_shared_constants_stand_in_one_module() -> None:
    """Such as the angle of a grain boundary: other modules import it."""
    whats = ("5 degrees of a boundary", "c or c/a of titanium", "largest scale", "contradiction of light and map")
    found: dict[str, set[str]] = {what: set() for what in whats}
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in (4.68, 4.686, 1.587):
                found["c or c/a of titanium"].add(module)
            if not isinstance(node, (ast.Assign, ast.AnnAssign)):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = {str(getattr(target, "id", "")).strip("_") for target in targets}
            value = getattr(getattr(node, "value", None), "value", None)
            if value == 5.0 and names & {"ANGLE", "BOUNDARY_ANGLE", "BOUNDARY_DEGREES", "THRESHOLD"}:
                found["5 degrees of a boundary"].add(module)
            if names & {"LARGEST_SCALE"}:
                found["largest scale"].add(module)
            if value == 2.0 and names & {"CONTRADICTED"}:
                found["contradiction of light and map"].add(module)
    offences = [f"{what}: {', '.join(sorted(where))}" for what, where in found.items() if len(where) != 1]
    assert not offences, listed(offences)


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
    offences = []
    for module in sorted(reached):
        outside = {name.split(".")[0] for name in at_import(TREES[module])} - set(sys.stdlib_module_names)
        outside -= TRAINING_NEEDS | {"grainlight", "__future__"}
        if outside:
            offences.append(f"{module} imports {', '.join(sorted(outside))}")
    assert not offences, listed(offences)


def test_no_pickle_no_print_below_the_faces() -> None:
    offences = []
    for module, tree in TREES.items():
        if LEVELS[room_of(module)] >= LEVELS["cli"]:
            continue
        calls = {getattr(node.func, "id", "") for node in ast.walk(tree) if isinstance(node, ast.Call)}
        offences += [f"{module} calls {name}" for name in sorted(calls & {"print", "input", "eval", "exec"})]
        offences += [f"{module} imports {name}" for name in sorted(imports_of(tree) & {"pickle", "torch.load"})]
    assert not offences, listed(offences)


def test_benchmarks_stand_above_the_package() -> None:
    offences = []
    for module, tree in TREES.items():
        if any(name.split(".")[0] == "benchmarks" for name in imports_of(tree)):
            offences.append(f"{module} imports benchmarks")
    for path in BENCHMARKS:
        names = imports_of(ast.parse(path.read_text(encoding="utf-8")))
        climbed = sorted(name for name in names if name.startswith("grainlight.cli"))
        offences += [f"{path.relative_to(ROOT)} imports {name}" for name in climbed]
    assert not offences, listed(offences)
