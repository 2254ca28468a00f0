"""Which device a command computes on, and the one line that says so."""

from __future__ import annotations

from grainlight.errors import InputError


def choose(name: str) -> str:
    """Return "cpu" or "cuda" for "auto", "cpu" or "cuda".

    Raises
    ------
    InputError
        Where CUDA is asked for and not there.
    """
    if name == "cpu":
        return name
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise InputError(
            "there is no CUDA device",
            found=f"torch {torch.__version__} without a usable GPU",
            advice="--device cpu, or see `grainlight doctor`",
        )
    return "cpu"


def describe(device: str) -> str:
    """Return the line that tells the user."""
    import torch

    if device == "cuda":
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return f"device: {torch.cuda.get_device_name(0)} ({memory:.0f} GiB)"
    threads = torch.get_num_threads()
    return f"device: CPU, {threads} thread{'s' if threads != 1 else ''}"
