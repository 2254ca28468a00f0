"""Settings that are the same every time, in a file: ``--config FILE.toml``.

Tables are named as commands (``[enhance]``, ``[volume.run]``), keys as options without the dashes; keys above all
tables are for every command that has such an option. What stands on the command line counts more.
"""

from __future__ import annotations

import argparse
import difflib
import tomllib
from pathlib import Path
from typing import Any

from grainlight.cli.option_words import commands_of, options_of, words_in_file
from grainlight.errors import InputError, in_words

_UNFIT = "a value of the configuration cannot be used"


def with_config(words: list[str], top: argparse.ArgumentParser) -> list[str]:
    """Return the words of a command line with those of the file that ``--config`` names, before the user's own.

    Raises
    ------
    InputError
        Where the file cannot be read, or has a key or value that the command does not take.
    """
    path = _named(words)
    if path is None:
        return words
    table = _read(path)
    names: list[str] = []
    command = top
    for word in words:
        inner = commands_of(command)
        if word not in inner:
            break
        names.append(word)
        command = inner[word]
    if not names:
        return words
    found: list[str] = []
    options = options_of(command)
    given = {key: value for key, value in table.items() if not isinstance(value, dict)}
    own = _own(table, names, path)
    for key, value in given.items():
        if _plain(key) in options and key not in own:
            found += words_in_file(options[_plain(key)], key, value, path, _UNFIT)
        elif _plain(key) not in options and not _known(_plain(key), top):
            raise _unknown(key, "above the tables", sorted(_every(top)), path)
    for key, value in own.items():
        if isinstance(value, dict):
            continue
        if _plain(key) not in options:
            raise _unknown(key, f"[{'.'.join(names)}]", list(options), path)
        found += words_in_file(options[_plain(key)], key, value, path, _UNFIT)
    at = len(names)
    # an option between them, so that one that takes several values does not take what follows too
    return [*words[:at], *found, f"--config={path}", *words[at:]]


def _named(words: list[str]) -> Path | None:
    path = None
    for i, word in enumerate(words):
        if word == "--config" and i + 1 < len(words):
            path = Path(words[i + 1])
        elif word.startswith("--config="):
            path = Path(word.removeprefix("--config="))
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("the configuration does not exist", file=path) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            "the configuration is no TOML",
            file=path,
            found=str(error),
            expected='lines such as scale = 4 and quality = "fast" below [enhance]',
        ) from None
    except (OSError, UnicodeError) as error:
        raise InputError("the configuration cannot be read", file=path, found=in_words(error, str(error))) from error


def _own(table: dict[str, Any], names: list[str], path: Path) -> dict[str, Any]:
    """The table of a command; of `volume run` it is ``[volume.run]``."""
    own: Any = table
    for name in names:
        own = own.get(name, {})
        if not isinstance(own, dict):
            raise InputError(f"{name} is the name of a command", file=path, expected=f"a table [{name}]")
    return own


def _unknown(key: str, place: str, options: list[str], path: Path) -> InputError:
    alike = difflib.get_close_matches(_plain(key), options, 1, 0.6)
    return InputError(
        "the configuration names an option that is not known",
        file=path,
        place=place,
        found=key,
        expected=alike[0] if alike else "the name of an option without the dashes",
    )


def _plain(key: str) -> str:
    return key.replace("_", "-")


def _every(parser: argparse.ArgumentParser) -> set[str]:
    found = set(options_of(parser))
    for inner in commands_of(parser).values():
        found |= _every(inner)
    return found


def _known(key: str, top: argparse.ArgumentParser) -> bool:
    return key in _every(top)
