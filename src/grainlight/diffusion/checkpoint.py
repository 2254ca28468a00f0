"""Weights on disk: safetensors with the network's shape in the header; never a pickle."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from grainlight.diffusion.network import LabelNetwork
from grainlight.errors import InputError, in_words

_FOLDER = Path(__file__).resolve().parents[1] / "weights"
SHIPPED = _FOLDER / "grainlight.safetensors"
"""The network, for sections on their own and between others."""


def save_weights(model: Any, path: Path, notes: dict[str, str] | None = None) -> None:
    """Write weights, rounded to float16, to a temporary name and rename it; ``notes`` go into the header."""
    tensors = {name: t.detach().cpu().to(torch.float16).contiguous() for name, t in model.state_dict().items()}
    header = {"format": model.format, "config": json.dumps(asdict(model.config)), **(notes or {})}
    temporary = path.with_name(path.name + ".part")
    save_file(tensors, temporary, metadata=header)
    os.replace(temporary, path)


def load_weights(
    path: Path | None = None,
    device: str | torch.device = "cpu",
    kind: type[Any] = LabelNetwork,
) -> Any:
    """The network, of the given kind, of a weights file; the shipped label network if no path is given.

    Raises
    ------
    InputError
        If the file is missing, is no safetensors file, was written for another format, does not hold what its header
        says, or holds numbers that are not finite.
    """
    path = path or SHIPPED
    if not path.is_file():
        raise InputError(
            "there are no weights", file=path, advice="train some (grainlight train) or reinstall grainlight"
        )
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a dict)
    except Exception as error:
        raise InputError(
            "cannot be read as weights",
            file=path,
            found=in_words(error, "no weights, or damaged ones"),
            expected="a file that `grainlight train` wrote (safetensors)",
        ) from error
    if header.get("format") != kind.format:
        raise InputError("weights of another kind", file=path, found=str(header.get("format")), expected=kind.format)
    try:
        shape: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(header["config"]).items()
        }
        model = kind(kind.config_type(**shape))
        model.load_state_dict(tensors)
        broken = [name for name, values in tensors.items() if not bool(torch.isfinite(values).all())]
        if broken:
            # Every answer would be a number of no meaning, and none would say so.
            raise ValueError(f"{broken[0]} holds numbers that are not finite")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            "the weights do not fit the network that their header names",
            file=path,
            found=str(error) if "not finite" in str(error) else "tensors of other names or shapes",
            advice="use weights written by this version of grainlight",
        ) from error
    return model.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def weights_hash(path: Path | None = None) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a weights file."""
    return hashlib.sha256((path or SHIPPED).read_bytes()).hexdigest()[:16]
