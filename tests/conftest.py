"""Fixtures shared by all rooms."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.real_files import RealFiles, find_real_files

if TYPE_CHECKING:
    from grainlight.maps.orientation_map import OrientationMap

if "PYTEST_XDIST_WORKER" in os.environ:
    # Threads that wait for one another spin, and beside another worker they wait long. It counts for the processes that
    # tests start, too, and must be said before torch is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Workers that compile the same functions of orix into one cache, which is empty in a fresh environment, read what
    # another has half written, and crash.
    _CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache" / "numba" / os.environ["PYTEST_XDIST_WORKER"]
    os.environ.setdefault("NUMBA_CACHE_DIR", str(_CACHE))

# How long an example takes is a matter of what else the machine does.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Modules with slow tests come first, so that no worker begins one when the others have nothing left.

    ``--dist worksteal`` gives each worker a part of the list; the slow ones are spread over the parts.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 0)
    if workers < 2:
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    modules = {path: [item for item in items if item.path == path] for path in slow}
    first, rest = sorted(slow), [item for item in items if item.path not in slow]
    parts: list[pytest.Item] = []
    for i in range(workers):
        part = [item for path in first[i::workers] for item in modules[path]]
        count = max(len(items) // workers - len(part), 0) if i + 1 < workers else len(rest)
        parts += part + rest[:count]
        rest = rest[count:]
    items[:] = parts


@pytest.fixture(scope="session")
def shared_data() -> RealFiles:
    """Real files, as far as they are here; a test that asks for one that is not skips."""
    found = find_real_files()
    if found is None:
        pytest.skip("no real files are here: `make real-files` fetches those that have a public home of their own")
    return found


@pytest.fixture
def asked_of_libraries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the functions that are looked up in C libraries through ctypes from now on."""
    names: list[str] = []

    class Told(ctypes.CDLL):
        def __getattr__(self, name: str) -> Any:
            names.append(name)
            return super().__getattr__(name)

    monkeypatch.setattr(ctypes, "CDLL", Told)
    return names


@pytest.fixture(scope="session")
def section() -> OrientationMap:
    """97 x 97 equiaxed grains some 14 pixels wide."""
    import numpy as np

    from grainlight.maps.orientation_map import OrientationMap
    from grainlight.maps.phase import Phase
    from grainlight.synth.draw import Draw
    from grainlight.synth.section import make_sections

    q = make_sections(Draw.seeded(5), 1, (97, 97), (12.0, 16.0), "equiaxed").orientation[0].double().numpy()
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return OrientationMap.from_quaternions(q, (0.5, 0.5), (Phase(1, "Titanium", "6/mmm"),))
