"""`enhance --again RESULT.npz`: the inputs and options of an earlier restoration, as words of the command line.

A result that the command line made has them in its record, under ``command``: options by their names without the
dashes, as in a configuration, with paths relative to the result. For one of the Python interface or of the page they
are put together from what the record says of settings, frames, light and input files.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grainlight.cli.option_words import FILE_OR_VALUE, PATHS, commands_of, options_of, words_in_file
from grainlight.errors import InputError

_OF_THE_CALL = ("output", "picture", "report", "force", "dry-run", "quiet", "verbose", "log")
"""What an option says that is about one call, not about the map that it makes."""
_INPUTS = ("ebsd", "also", "pl", "angles", "mask", "weights", "transform", "points", "calibration")


def command_record(arguments: argparse.Namespace, command: argparse.ArgumentParser, folder: Path) -> dict[str, Any]:
    """Return what a call of `enhance` was given, by the names of options, as JSON can hold it.

    Parameters
    ----------
    arguments
        As parsed; nothing of them changed yet.
    command
        The parser of `enhance`.
    folder
        Where the result goes; paths are relative to it.
    """
    found: dict[str, Any] = {"ebsd": _relative(arguments.ebsd, folder)}
    for name, action in options_of(command).items():
        value = getattr(arguments, action.dest)
        if name in _OF_THE_CALL or _nothing(value):
            continue
        if action.dest == "thresholds":
            if name in ("min", "max") and (own := [f"{one.field}={one.value!r}" for one in value if one.side == name]):
                found[name] = own
            continue
        if action.metavar in PATHS or (name in FILE_OR_VALUE and Path(value).is_file()):
            several = isinstance(value, list)
            value = [_relative(one, folder) for one in value] if several else _relative(value, folder)
        found[name] = list(value) if isinstance(value, tuple) else value
    return found


def with_again(words: list[str], top: argparse.ArgumentParser) -> list[str]:
    """Return the words of a command line with those of the result that ``--again`` names before the user's own.

    An option that the user gives too is the user's alone, and so is the EBSD map.

    Parameters
    ----------
    words
        The command line; without ``enhance --again`` it comes back as it is.
    top
        The parser of all commands.

    Raises
    ------
    InputError
        Where the file is no result, or files that it was made from have moved or changed.
    """
    if words[:1] != ["enhance"] or not any(word.split("=")[0] == "--again" for word in words):
        return words
    given = top.parse_args(words)
    path = Path(given.again)
    record = _record(path)
    options = options_of(commands_of(top)["enhance"])
    own = {name for name in options if any(word.split("=")[0] == f"--{name}" for word in words)}
    own |= {"ebsd"} if given.ebsd is not None else set()
    # these two exclude one another
    own |= {"transform", "points"} if own & {"transform", "points"} else set()
    table = record.get("command") or _from_record(record, path, own)
    table = {name: value for name, value in table.items() if name not in own}
    inserted: list[str] = []
    for name, value in table.items():
        if name != "ebsd":
            if name not in options:
                raise InputError("the result was made with an option that is not known", file=path, found=f"--{name}")
            inserted += words_in_file(options[name], name, value, path, "an option of the result cannot be used")
    if "ebsd" in table:
        inserted += [f"--again={path}", _at(table["ebsd"], path)]
    _check_files(table, record, path)
    return ["enhance", *inserted, f"--again={path}", *words[1:]]


def _record(path: Path) -> dict[str, Any]:
    from grainlight.maps.io.restored import read_record
    from grainlight.maps.io.shared.npz import open_npz
    from grainlight.restore.record_schema import checked

    with open_npz(path) as archive:
        record = checked(read_record(archive), archive)
    if not record.get("inputs") or "settings" not in record:
        raise InputError(
            "the result does not say what it was made from", file=path, expected="the .npz of `grainlight enhance`"
        )
    return record


def _from_record(record: Mapping[str, Any], path: Path, own: set[str]) -> dict[str, Any]:
    """Options and input files, as far as the record of a run tells them that no command line made."""
    if record.get("masked_share") and "mask" not in own:
        raise InputError(
            "the result was made with a mask, which it does not hold", file=path, advice="--mask IMAGE beside --again"
        )
    settings, light, frames = record["settings"], record.get("light_input"), record.get("frames", {})
    files = [_near(one["file"], path) for one in record["inputs"]]
    also = len(record.get("also") or ())
    table: dict[str, Any] = {"ebsd": files[0], "also": files[len(files) - also :] if also else []}
    names = ("scale", "quality", "steps", "samples", "visits", "seed", "noise", "register", "fill-holes")
    for name in (*names, "weights", "transform", "points", "calibration"):
        table[name] = settings.get(name.replace("-", "_"))
        if name in _INPUTS and table[name] is not None:
            table[name] = _near(table[name], path)
    table["no-projection"] = settings.get("projection") is False
    table["keep-noise"] = bool(settings.get("keep_noise"))
    table["light"] = "required" if settings.get("light_required") else "optional"
    table["frame"] = frames.get("sample")
    table["crystal-frame"] = {"a*": "a-star"}.get(frames.get("crystal"), frames.get("crystal"))
    if light is not None:
        angles = light["angles_deg"]
        table |= {
            "pl": files[1 : len(files) - also],
            "angles": "unknown" if None in angles else angles,
            "pl-step": light["step_um"],
            "pl-origin": light.get("origin_um"),
            "rotates": light.get("rotates"),
            "mirror": bool(light.get("mirror")),
        }
    return {name: value for name, value in table.items() if not _nothing(value)}


def _near(name: str, path: Path) -> str:
    """A file that is known by name: beside the result, or in the current folder."""
    return name if (path.parent / name).exists() else str(Path(name).absolute()) if Path(name).exists() else name


def _check_files(table: Mapping[str, Any], record: Mapping[str, Any], path: Path) -> None:
    """Refuse where a file that the result was made from is gone, or is another one now."""
    from grainlight.maps.images.order import has_wildcard
    from grainlight.restore.record import file_hash

    missing, changed = [], []
    for name in _INPUTS:
        value = table.get(name, [])
        files = value if isinstance(value, list) else [value]
        if name == "angles" and not _is_file(value, path):
            continue
        for file in files:
            place = Path(_at(file, path))
            known = {one["sha256"] for one in record["inputs"] if one["file"] == place.name}
            if not place.exists() and not (name == "pl" and has_wildcard(place.name)):
                missing.append((name, place))
            elif known and place.is_file() and file_hash(place) not in known:
                changed.append((name, place))
    for found, what in (
        (missing, "files that the result was made from are not there"),
        (changed, "files are not those any more that the result was made from"),
    ):
        if found:
            options = dict.fromkeys("EBSD" if name == "ebsd" else f"--{name}" for name, _ in found)
            raise InputError(
                what,
                file=path,
                found=", ".join(str(place) for _, place in found[:5]) + (", ..." if len(found) > 5 else ""),
                advice=f"name them beside --again ({', '.join(options)}), or put them back",
            )


def _nothing(value: Any) -> bool:
    """Whether an option was not given; 0 is a value."""
    return value is None or value is False or value == []


def _is_file(value: Any, path: Path) -> bool:
    return isinstance(value, str) and Path(_at(value, path)).is_file()


def _at(file: Any, path: Path) -> str:
    return os.path.normpath(path.absolute().parent / str(file))


def _relative(file: str, folder: Path) -> str:
    """A path relative to a folder, with / between its parts; absolute where there is no such, on another drive."""
    try:
        return Path(os.path.relpath(Path(file).absolute(), folder.absolute())).as_posix()
    except ValueError:
        return Path(file).absolute().as_posix()


def not_known(again: str) -> Sequence[str]:
    """What is to be said, before it is made again, of a result that holds no command."""
    if _record(Path(again)).get("command"):
        return ()
    return (
        f"{Path(again).name} holds no command: settings, frames and light are those of its record; a part of the map "
        "(--crop, --subsample), thresholds of quality and --polars are not known, give them too",
    )


def differences(again: str, record: Mapping[str, Any]) -> Sequence[str]:
    """What is to be said of a result that was made again: another version, or other weights, than it was made with."""
    before = _record(Path(again))
    told = []
    for name, what in (("version", "version of grainlight"), ("weights", "network weights")):
        if before.get(name) != record.get(name):
            told.append(f"{Path(again).name} was made with another {what}: {before.get(name)}, not {record.get(name)}")
    return told
