"""Run every example and write its pictures: python examples/make.py docs/gallery."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import common

NAMES = ("coarse_section", "holes_and_misindexing", "light_from_ebsd", "one_image", "twins", "plots")


def main(folder: Path) -> list[str]:
    """Write the pictures of all examples; return what they found."""
    lines = []
    for name in NAMES:
        lines += [f"{name}: {line}" for line in import_module(name).main(folder)]
    return lines


if __name__ == "__main__":
    common.run(main)
