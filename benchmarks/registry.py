"""Every method of the side-by-side comparison, by the name that tables call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.peers.registry import PEERS
from grainlight.evaluation.methods import BLIND, GUIDED, OURS, QUALITIES, Method, ours, restoration

_ABLATED = ("ours ", "ours, ", "without ")


def registry(weights: Path | None = None) -> Mapping[str, Callable[[], Method]]:
    """Return a factory of each method: classical ones, peers, this project's presets; in the order of tables.

    Parameters
    ----------
    weights
        A file in place of the shipped weights, for the presets.
    """
    found: dict[str, Callable[[], Method]] = {}
    for name, method in {**BLIND, **GUIDED}.items():
        found[name] = lambda method=method: method  # type: ignore[misc]
    found.update(PEERS)
    for quality in QUALITIES:
        found[ours(quality)] = lambda quality=quality: restoration(quality, weights=weights)  # type: ignore[misc]
    return found


def is_ours(method: str) -> bool:
    """Return whether a name is that of a preset of this project."""
    return method.startswith(OURS)


def is_ablation(method: str) -> bool:
    """Return whether a name is that of this project with something taken away."""
    return method.startswith(_ABLATED)
