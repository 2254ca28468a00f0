"""Training of the peers that need it: `python -m benchmarks.peers.train --output runs/peers`.

Each peer is trained with the loop, optimiser and schedule of the project's own weights, on as many pixels of patches: a
pixel costs all of them the same. A run that was stopped goes on where it was when the same command is given again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import plain_skip, supervised
from benchmarks.peers.weights import PEER_WEIGHTS
from grainlight.training.loop import train
from grainlight.training.presets import TrainingPreset

PIXELS = 256_000_000
"""Of all patches that the joint denoiser was trained on: 62,500 of 64 x 64 (denoiser/README.md)."""
PRESETS: Mapping[str, TrainingPreset] = {"supervised": supervised.PRESET, "plain_skip": plain_skip.PRESET}


def main(argv: Sequence[str] | None = None) -> None:
    """Train the chosen peers one after the other, and write their logs to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--which", nargs="+", choices=PRESETS, default=list(PRESETS), help="peers, in their order")
    parser.add_argument("--pixels", type=int, default=PIXELS, help="of training patches, for each")
    parser.add_argument("--output", type=Path, default=PEER_WEIGHTS, help="a folder per peer is made in it")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    for name in given.which:
        preset = PRESETS[name]
        preset = replace(preset, steps=math.ceil(given.pixels / (preset.batch * preset.patch**2)))
        train(given.output / name, preset, seed=given.seed, report=_report)


def _report(entry: dict) -> None:
    sys.stdout.write(json.dumps(entry) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
