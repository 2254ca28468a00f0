"""`grainlight volume`: a specimen of many sections, with light on each and EBSD on some."""

from __future__ import annotations

import argparse
from importlib import import_module

from grainlight.cli import values

ACTIONS = {"plan": "plan", "check": "check", "run": "volume_run"}
"""What can be done with a volume, and the module of this folder that does it, with ``add(actions)`` and
``run(arguments)``. No module may be called `run`: it would hide the function below."""


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "volume",
        help="a specimen of many sections, restored: its manifest, what it will cost, the run",
        description="A specimen of many sections, with polarized light on each and EBSD on some. Its manifest is a CSV "
        "file, one row a section: z in um, EBSD file, light images, the reason why a section is left out.",
        epilog="grainlight volume ACTION --help explains an action.",
        allow_abbrev=False,
    )
    actions = command.add_subparsers(metavar="ACTION", required=True)
    for name in ACTIONS.values():
        module = import_module(f"grainlight.cli.restoring.volume.{name}")
        action = module.add(actions)
        values.add_everywhere(action)
        action.set_defaults(act=module.run)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the action."""
    return int(arguments.act(arguments) or 0)
