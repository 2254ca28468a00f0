"""Which device a command computes on, and the one line that says so."""

from __future__ import annotations


def choose(name: str) -> str:
    """Return "cpu" or "cuda" for "auto", "cpu" or "cuda".

    Raises
    ------
    InputError
        Where CUDA is asked for and not there.
    """
    from grainlight.restore.device import choose_device

    return choose_device(name).type


def describe(device: str) -> str:
    """Return the line that tells the user."""
    import torch

    if device == "cuda":
        about = torch.cuda.get_device_properties(0)
        return f"device: {about.name}, {about.total_memory / 2**30:.0f} GiB"
    threads = torch.get_num_threads()
    return f"device: CPU, {threads} thread{'s' if threads != 1 else ''}"
