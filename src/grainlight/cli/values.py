"""What options take: conversions for argparse whose messages say what was expected."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grainlight.maps.orientation_map import OrientationMap

FRAMES = ("oxford", "edax1", "edax2", "edax3", "edax4", "none")


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a conversion to a whole number within limits."""
    expected = f"a whole number from {least}" + (" up" if most is None else f" to {most}")

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}") from None
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text}")
        return value

    return convert


def positive(unit: str, *, zero: bool = False) -> Callable[[str], float]:
    """Return a conversion to a finite number above zero (or zero, where allowed) in a unit."""
    expected = f"a number {'not below' if zero else 'above'} 0 ({unit})"

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text!r}") from None
        if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {text}")
        return value

    return convert


def length(text: str) -> float:
    """Convert a length above zero to um: a number, with a decimal comma too, and nm, um or mm behind it."""
    bare = text.strip().lower().replace("\u00b5", "u").replace("\u03bc", "u")
    factor = 1.0
    for unit, size_um in (("nm", 1e-3), ("um", 1.0), ("mm", 1e3)):
        if bare.endswith(unit):
            bare, factor = bare[:-2].rstrip(), size_um
    try:
        return factor * positive("um")(bare.replace(",", "."))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected a length above 0 such as 0.5 or 500nm, found {text!r}") from None


def pair(names: str, unit: str, example: str) -> Callable[[str], tuple[float, float]]:
    """Return a conversion to two finite numbers, separated by a comma, in a unit."""

    def convert(text: str) -> tuple[float, float]:
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError:
            values = []
        if len(values) != 2 or not all(math.isfinite(value) for value in values):
            raise argparse.ArgumentTypeError(f"expected {names} in {unit} such as {example}, found {text!r}")
        return values[0], values[1]

    return convert


def size(text: str) -> tuple[int, int]:
    """Convert ``ROWS,COLUMNS``, 16 to 8192 each."""
    parts = text.lower().replace("x", ",").split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() and 16 <= int(part) <= 8192 for part in parts):
        raise argparse.ArgumentTypeError(f"expected ROWS,COLUMNS such as 200,300, each 16 to 8192, found {text!r}")
    return int(parts[0]), int(parts[1])


def add_device(command: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    command.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute (default: a GPU if there is one)",
    )


def add_seed(command: argparse.ArgumentParser) -> None:
    """Add ``--seed``."""
    command.add_argument("--seed", type=whole(0, 2**31), default=0, help="random seed (default: 0)")


def add_frame(command: argparse.ArgumentParser) -> None:
    """Add ``--frame`` and ``--crystal-frame``: what the Euler angles of the EBSD file refer to."""
    command.add_argument(
        "--frame",
        choices=FRAMES,
        help="sample frame of the Euler angles (default: what the file says, else edax2 for EDAX, oxford for Oxford)",
    )
    command.add_argument(
        "--crystal-frame",
        choices=("a", "a-star"),
        help="what X of a hexagonal crystal lies along (default: a for EDAX, a-star for Oxford)",
    )


def add_map(command: argparse.ArgumentParser) -> None:
    """Add what says how an EBSD file is read: its frames, the scan, the section."""
    add_frame(command)
    command.add_argument("--scan", metavar="NAME", help="which scan of a file that holds several")
    command.add_argument("--section", type=whole(0), metavar="N", help="which section of a file that holds a volume")
    command.add_argument(
        "--columns",
        metavar="LIST",
        help="what the columns of a table of text are, such as "
        "phi1=4,Phi=5,phi2=6,x=2,y=3,phase=1,angles=degrees,symmetry=6/mmm; numbers from 1, or titles",
    )


def load_map(path: str | Path, arguments: argparse.Namespace) -> OrientationMap:
    """Read an EBSD file as the options of `add_map` say."""
    from grainlight.maps.io import load_ebsd

    return load_ebsd(
        path,
        arguments.frame,
        crystal_frame(arguments.crystal_frame),
        scan=arguments.scan,
        section=arguments.section,
        columns=arguments.columns,
    )


def crystal_frame(choice: str | None) -> str | None:
    """Return the name of a crystal frame as the readers know it."""
    return "a*" if choice == "a-star" else choice
