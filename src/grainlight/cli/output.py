"""Checks of where output goes, made before any work, and how text is written there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from grainlight.errors import InputError


def check_file(
    path: str | Path,
    endings: tuple[str, ...],
    force: bool,
    *,
    companions: Iterable[str] = (),
    inputs: Iterable[str | Path] = (),
) -> Path:
    """Return the output path if it can be written.

    Parameters
    ----------
    path
        The file to be written.
    endings
        Allowed endings in lower case, with the dot.
    force
        Whether existing files may be replaced.
    companions
        Endings of the files that are written beside it.
    inputs
        Files that must not be overwritten, not even by force.

    Raises
    ------
    InputError
        Where it cannot.
    """
    file = Path(path)
    if file.suffix.lower() not in endings:
        raise InputError(
            "the format of the output is unknown",
            file=file,
            found=f"ending {file.suffix!r}",
            expected=" or ".join(endings),
        )
    check_folder(file.parent, file)
    for target in (file, *(file.with_suffix(ending) for ending in companions)):
        for source in inputs:
            if target.exists() and Path(source).exists() and os.path.samefile(target, source):
                raise InputError("the output is an input file", file=target, advice="give another name to --output")
        if target.is_dir():
            raise InputError("the output is a folder", file=target, expected="the name of a file")
        if target.exists() and not force:
            raise InputError("the output exists already", file=target, advice="--force to replace it, or another name")
    return file


def check_apart(files: Iterable[Path | None]) -> None:
    """Check that no two of a command's outputs are one file, of which the later would replace the earlier.

    Raises
    ------
    InputError
        Where two are; None stands for an output that was not asked for.
    """
    taken: set[Path] = set()
    for file in files:
        if file is None:
            continue
        place = file.resolve()
        if place in taken:
            raise InputError("two outputs have the same name", file=file, advice="another name for one of them")
        taken.add(place)


def check_folder(folder: Path, file: Path | None = None) -> None:
    """Check that a folder is there and takes new files.

    Raises
    ------
    InputError
        Where it is not or does not.
    """
    named = folder if file is None else file
    if not folder.exists():
        raise InputError(
            "the output folder does not exist", file=named, found=f"no folder {folder}", advice=f"mkdir -p {folder}"
        )
    if not folder.is_dir():
        raise InputError("the output folder is a file", file=named, found=f"{folder} is no folder")
    try:
        # rights alone do not tell: the file system may be read-only or full
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError("the output folder cannot be written", file=named, found=str(error)) from error


def new_folder(path: str | Path, force: bool) -> Path:
    """Make a folder for several files, or take an empty one; with ``force`` any.

    Raises
    ------
    InputError
        Where its parent is missing, it is a file, holds something, or cannot be written.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise InputError("the output folder is a file", file=folder)
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise InputError(
            "the output folder is not empty", file=folder, advice="--force to write into it, or another folder"
        )
    if not folder.exists():
        parent = folder.absolute().parent
        check_folder(parent, folder)
        folder.mkdir()
    check_folder(folder)
    return folder


def write_text(path: Path, text: str) -> None:
    """Write a file of text, whole or not at all."""
    from grainlight.maps.io.shared.atomic import atomic_path

    with atomic_path(path) as file:
        file.write_text(text, encoding="utf-8")
