"""Options that stand in a file as words of the command line: cells of a table of jobs, values of a configuration."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from grainlight.errors import InputError

PATHS = ("EBSD", "OUT", "PNG", "HTML", "F", "JSON", "CSV", "FILE", "FOLDER", "IMAGE")
"""What options that take files call their values."""
FILE_OR_VALUE = ("angles",)
"""Options that take a file or a value."""
_YES, _NO = ("yes", "true", "1", "x", "on"), ("no", "false", "0", "off")
_BETWEEN = ";"


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Parsers of the commands that a parser has, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def options_of(command: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Options of a command by their names without dashes, but for those that are about this call alone."""
    found = {}
    for action in command._actions:
        for name in action.option_strings:
            if name.startswith("--") and name not in ("--help", "--debug", "--config", "--again"):
                found[name.removeprefix("--")] = action
    return found


def words_of(action: argparse.Action, value: Any, base: Path) -> list[str]:
    """Return the words that give an option a value.

    Parameters
    ----------
    action
        The option.
    value
        Text (several values of an option that takes several with ``;`` between them), a number, a truth value, or a
        list.
    base
        Folder that paths are relative to; patterns of file names are replaced by what they match.

    Raises
    ------
    ValueError
        Where the option does not take such a value; the message is what was expected.
    """
    option = next(name for name in action.option_strings if name.startswith("--"))
    if action.nargs == 0:
        plain = str(value).lower()
        if plain not in (*_YES, *_NO):
            raise ValueError("yes, or no, or nothing: the option takes no value")
        return [option] * (plain in _YES)
    if isinstance(value, bool):
        raise ValueError("a value, not yes or no")
    parts = _parts(action, value)
    if action.metavar in PATHS or (
        option.removeprefix("--") in FILE_OR_VALUE and all((base / part).is_file() for part in parts)
    ):
        parts = [str(place(part, base)) for part in parts]
        if action.nargs == "+":
            parts = list(_matching(parts))
    if action.nargs == "+":
        return [option, *parts]
    return [f"{option}={part}" for part in parts]


def words_in_file(action: argparse.Action, name: str, value: Any, file: Path, problem: str) -> list[str]:
    """Return the words that give an option the value that a file has for it under a name.

    Raises
    ------
    InputError
        Where the option does not take such a value: ``problem``, with the file and the name.
    """
    try:
        return words_of(action, value, file.absolute().parent)
    except ValueError as error:
        raise InputError(problem, file=file, place=name, found=repr(value)[:80], expected=str(error)) from None


def place(text: str, base: Path) -> Path:
    """Return where a path leads that is relative to a folder; one written on Windows is one too."""
    path = Path(os.path.normpath(base / text))
    return path if path.exists() or "\\" not in text else Path(os.path.normpath(base / text.replace("\\", "/")))


def _parts(action: argparse.Action, value: Any) -> list[str]:
    several = action.nargs == "+" or isinstance(action, argparse._AppendAction)
    if isinstance(value, (list, tuple)):
        if not several and action.type is None and action.choices is not None:
            raise ValueError("one value")
        # of an option that takes one value, a list is that value: angles, a place
        return [str(one) for one in value] if several else [",".join(str(one) for one in value)]
    text = str(value)
    return [part.strip() for part in text.split(_BETWEEN) if part.strip()] if several else [text]


def _matching(places: Sequence[str]) -> Iterable[str]:
    """Replace patterns by the files that they match, as a shell does; one that matches none stays."""
    from grainlight.maps.images.order import has_wildcard

    for one in places:
        path = Path(one)
        found = sorted(path.parent.glob(path.name)) if has_wildcard(path.name) and not path.exists() else []
        yield from map(str, found or [path])
