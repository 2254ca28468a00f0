"""The peers by the names that tables call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.peers.ablations import (
    ebsd_only,
    light_only,
    untrained,
    without_projection,
    without_relabelling,
)
from benchmarks.peers.bilinear import bilinear
from benchmarks.peers.diffpir import diffpir
from benchmarks.peers.dps import dps
from benchmarks.peers.neighbours import k_neighbours, random_forest
from benchmarks.peers.plain_skip import plain_skip
from benchmarks.peers.repaint import repaint
from benchmarks.peers.supervised import supervised, supervised_projected
from grainlight.evaluation.methods import Method

PEERS: Mapping[str, Callable[[], Method]] = {
    "bilinear": bilinear,
    "k-NN, light to c-axis": k_neighbours,
    "random forest, light to c-axis": random_forest,
    "supervised U-Net": supervised,
    "supervised U-Net + our projection": supervised_projected,
    "without the precision-weighted skip": plain_skip,
    "DPS, same weights": dps,
    "DPS + our projection": lambda: dps(placed=True),
    "DiffPIR, same weights": diffpir,
    "DiffPIR + our projection": lambda: diffpir(placed=True),
    "RePaint, same weights": repaint,
    "ours from EBSD only": ebsd_only,
    "ours from PL and 1 % EBSD": light_only,
    "ours without projection": without_projection,
    "ours without relabelling": without_relabelling,
    "ours, network untrained": untrained,
}
"""Factories without arguments; a method that cannot run on a task raises InputError with the reason."""
