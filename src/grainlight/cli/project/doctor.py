"""`grainlight doctor`: what this machine has, and whether the parts fit together."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import grainlight

PARTS = (
    *("torch", "numpy", "scipy", "safetensors", "orix", "h5py", "tifffile", "imageio", "pillow"),
    *("matplotlib", "jinja2", "rich"),
)


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    return commands.add_parser(
        "doctor",
        help="check the installation",
        description="Print versions, device, threads and weights; check that the parts fit. Works offline.",
        allow_abbrev=False,
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 if everything is in order, 1 otherwise."""
    print(f"grainlight   {grainlight.__version__}")
    print(f"python       {platform.python_version()} on {platform.platform()}")
    problems = []
    for name in PARTS:
        try:
            print(f"{name:<12} {version(name)}")
        except PackageNotFoundError:
            print(f"{name:<12} missing")
            problems.append(f"{name} is not installed: pip install {name}")
    for check in (_torch, _memory, _weights):
        try:
            problems += check()
        except Exception as error:  # whatever an import raises is reported, not raised
            problems.append(f"{check.__name__.strip('_')}: {type(error).__name__}: {error}")
    print("network      not needed: nothing is downloaded, the weights are in the package")
    for problem in problems:
        print(f"PROBLEM      {problem}", file=sys.stderr)
    print("all in order" if not problems else f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
    return 1 if problems else 0


def _torch() -> list[str]:
    import torch

    print(f"threads      {torch.get_num_threads()} of {os.cpu_count()} processors")
    fast = [name for name, there in _bf16().items() if there]
    print(f"bf16 on CPU  {'fast: ' + ', '.join(fast) if fast else 'neither AVX512-BF16 nor AMX reported'}")
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(i)
            print(f"cuda:{i}       {about.name}, {about.total_memory / 2**30:.0f} GiB")
    else:
        print("cuda         none; the CPU is used")
    return []


def _bf16() -> dict[str, bool]:
    """Return which instructions for bfloat16 the processor has; torch's probes are private and may go."""
    import torch

    probes = {"AVX512-BF16": "_is_avx512_bf16_supported", "AMX": "_is_amx_tile_supported"}
    found = {}
    for name, probe in probes.items():
        try:
            found[name] = bool(getattr(torch.cpu, probe)())
        except (AttributeError, RuntimeError):
            found[name] = False
    return found


def _memory() -> list[str]:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return []
    print(f"memory       {total / 2**30:.1f} GiB")
    return []


def _weights() -> list[str]:
    from grainlight.constants import SHIPPED as CONSTANTS
    from grainlight.constants import WEIGHTS, constants
    from grainlight.diffusion.checkpoint import SHIPPED, load_weights, weights_hash

    if not SHIPPED.is_file():
        print(f"weights      missing: {SHIPPED}")
        return ["the shipped weights are missing: reinstall grainlight, or use --weights"]
    model = load_weights()
    count = sum(parameter.numel() for parameter in model.parameters())
    size = SHIPPED.stat().st_size / 2**20
    print(f"weights      {SHIPPED} ({count / 1e6:.1f} million, {size:.1f} MiB, hash {weights_hash()})")
    other = constants().unfitted({WEIGHTS: weights_hash()})
    print(f"constants    {CONSTANTS} ({'of other weights' if other else 'fitted for these weights'})")
    return ["the constants were fitted for other weights: there are no bounds; reinstall grainlight"] if other else []
