"""Where and in which precision the network runs."""

from __future__ import annotations

import torch

from grainlight.errors import InputError


def choose_device(name: str) -> torch.device:
    """The device of a name: "auto" takes a GPU where torch can use one.

    Raises
    ------
    InputError
        If "cuda" is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no GPU that torch can use", found="device cuda", advice="use --device cpu or auto")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether hardware does convolutions in bfloat16; elsewhere they are ten times slower than in float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, probe, lambda: False)()) for probe in probes)
