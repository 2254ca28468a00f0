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

from grainlight.cli import values
from grainlight.cli.config import with_config
from grainlight.cli.interrupt import end_on_signals
from grainlight.cli.restoring.again import with_again
from grainlight.cli.terminal import fitted, keep, show_what_the_terminal_can, talk
from grainlight.errors import InputError, LightRefusedError

FOLDERS = {
    "restoring": ("Restore", ("app", "enhance", "batch", "register", "volume")),
    "looking": ("Look at maps and results, and write them in other formats", ("info", "convert", "grains", "report")),
    "judging": ("Know how good a restoration is", ("validate", "plan", "evaluate")),
    "making": ("Make something to try it on", ("demo", "simulate", "synthesize", "sample")),
    "project": ("This installation and its model", ("doctor", "completion", "train")),
}
"""Commands by what people do with them: the folder of this room that holds a module for each, with ``add(subparsers)``
and ``run(arguments)``, and what the help calls them together."""

COMMANDS = {name: folder for folder, (_, names) in FOLDERS.items() for name in names}
"""The folder of each command."""

_VALUES_WITH_MINUS = ("--pl-origin", "--angles", "--polars", "--crop")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; without ``argv``, as the process's own command."""
    if argv is None:
        end_on_signals()
    show_what_the_terminal_can()
    # what tifffile finds wrong with a damaged file is in our message; without a handler it goes to the terminal as well
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    words = sys.argv[1:] if argv is None else list(argv)
    if not words and "_ARGCOMPLETE" not in os.environ:
        parser().print_help()
        return 0
    try:
        top = parser()
        if "_ARGCOMPLETE" in os.environ:  # the shell asks, see `grainlight completion`
            import argcomplete

            argcomplete.autocomplete(top)
        arguments = top.parse_args(_join_negative(with_config(with_again(words, top), top)))
        with talk(arguments.quiet, arguments.verbose, arguments.log, words):
            return _run(arguments, "--debug" in words)
    except InputError as error:
        return _say(f"grainlight: {error}", 2)


def _run(arguments: argparse.Namespace, debug: bool) -> int:
    try:
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
        if debug:
            raise
        return _say(_unexpected(error), 1)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="grainlight",
        usage="grainlight COMMAND ...",
        description="Full-resolution orientation maps of hexagonal metals from coarse EBSD and polarized light.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(metavar="COMMAND", required=True, prog="grainlight", help=argparse.SUPPRESS)
    for name, folder in COMMANDS.items():
        module = import_module(f"grainlight.cli.{folder}.{name}")
        command = module.add(commands)
        values.add_everywhere(command)
        command.set_defaults(run=module.run)
    told = {action.dest: action.help or "" for action in commands._get_subactions()}
    top.epilog = "\n\n".join(
        f"{title}:\n" + "\n".join(f"  {name:<12}{told[name]}" for name in names) for title, names in FOLDERS.values()
    )
    top.epilog += "\n\ngrainlight COMMAND --help explains a command."
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
    keep(text)
    shown = fitted(text, sys.stderr)
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        first, *rest = shown.split("\n", 1)
        shown = "\n".join((f"\x1b[1;31m{first}\x1b[0m", *rest))
    print(shown, file=sys.stderr)
    return code
