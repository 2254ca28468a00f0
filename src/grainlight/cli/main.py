"""Entry point: reads the command, runs it, and turns what goes wrong into a message and an exit code.

Exit codes: 0 done, 1 something unexpected, 2 unusable input, 3 light that was required and
cannot be used, or registration that is not trusted, 130 interrupted (143 terminated).
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module

from grainlight.cli.interrupt import end_on_signals
from grainlight.cli.terminal import fitted, show_what_the_terminal_can
from grainlight.errors import InputError, LightRefusedError

COMMANDS = (
    "enhance",
    "register",
    "convert",
    "simulate",
    "synthesize",
    "train",
    "evaluate",
    "grains",
    "volume",
    "report",
    "demo",
    "info",
    "doctor",
)
"""Each is a module of this folder with ``add(subparsers)`` and ``run(arguments)``."""

_VALUES_WITH_MINUS = ("--pl-origin", "--angles", "--polars", "--crop")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; without ``argv``, as the process's own command."""
    if argv is None:
        end_on_signals()
    show_what_the_terminal_can()
    # what tifffile finds wrong with a damaged file is in our message; without a handler it goes to the terminal as well
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    words = sys.argv[1:] if argv is None else list(argv)
    if not words:
        parser().print_help()
        return 0
    try:
        arguments = parser().parse_args(_join_negative(words))
        return int(arguments.run(arguments) or 0)
    except LightRefusedError as error:
        return _say(f"grainlight: {error}", 3)
    except InputError as error:
        return _say(f"grainlight: {error}", 2)
    except BrokenPipeError:
        # the reader of our output went away; without this Python complains again when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # any other error: a message instead of a traceback
        if "--debug" in words:
            raise
        return _say(_unexpected(error), 1)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="grainlight",
        description="Full-resolution orientation maps of hexagonal metals from coarse EBSD and polarized light.",
        epilog="grainlight COMMAND --help explains a command.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f"grainlight.cli.{name}")
        command = module.add(commands)
        command.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
        command.set_defaults(run=module.run)
    return top


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import grainlight

        print(f"grainlight {grainlight.__version__}")
        parser.exit()


def _join_negative(argv: list[str]) -> list[str]:
    """Return the arguments with ``--pl-origin -3,4`` and its like as one word, which argparse takes for two options."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] in _VALUES_WITH_MINUS and re.match(r"-[\d.]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _unexpected(error: Exception) -> str:
    what = str(error).strip().splitlines()
    text = f"grainlight: {type(error).__name__}: {what[0][:300] if what else ''}".rstrip(": ")
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return f"{text}\n  try:      --quality fast, a smaller --scale, or a machine with more memory"
    if isinstance(error, OSError):
        return text
    return (
        f"{text}\n  This is a fault of grainlight, not of your files. Please report it to the project"
        "\n  with the command, what it prints with --debug added, and the output of `grainlight doctor`."
    )


def _say(text: str, code: int) -> int:
    print(fitted(text, sys.stderr), file=sys.stderr)
    return code
