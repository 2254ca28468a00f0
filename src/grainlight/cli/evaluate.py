"""`grainlight evaluate`: the benchmark's table."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser("evaluate", help="compare with classical methods on a full map", allow_abbrev=False)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    return 0
