"""Where the weights of trained peers are: made by `python -m benchmarks.peers.train`, not shipped."""

from __future__ import annotations

import os
from pathlib import Path

from grainlight.errors import InputError

PEER_WEIGHTS = Path("runs/peers")
"""Folder of the trained peers, one folder each."""
VARIABLE = "GRAINLIGHT_PEER_WEIGHTS"
"""Environment variable that names another folder; processes that a runner starts inherit it."""


def weights_of(peer: str, folder: Path | None = None) -> Path:
    """Return the weights file of a trained peer.

    Parameters
    ----------
    peer
        "supervised" or "plain_skip".
    folder
        In place of the variable's folder and the default.

    Raises
    ------
    InputError
        If the peer has not been trained.
    """
    folder = folder or Path(os.environ.get(VARIABLE) or PEER_WEIGHTS)
    path = folder / peer / "weights.safetensors"
    if not path.is_file():
        raise InputError(
            "this peer has not been trained",
            file=path,
            advice=f"python -m benchmarks.peers.train --which {peer} --output {folder}",
        )
    return path
