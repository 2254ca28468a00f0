"""The peers by the names that tables call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grainlight.benchmark.methods import Method
from grainlight.benchmark.peers.bilinear import bilinear

PEERS: Mapping[str, Callable[[], Method]] = {
    "bilinear": bilinear,
}
"""Factories without arguments; a method that cannot run on a task raises InputError with the reason."""
