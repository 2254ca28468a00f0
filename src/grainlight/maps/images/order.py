"""The order of image files and the angles that their names hold, against the angles that are stated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError

Array = NDArray[np.float64]

ENDINGS = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
_NUMBER = re.compile(r"((?:(?<=[=_ (])[-+](?=\d))?\d+(?:[.,]\d+)?)")
_BEFORE = re.compile(r"(rot|rotation|angle|ang|winkel|theta|deg)[\W_]*$", re.IGNORECASE)
_AFTER = re.compile(r"^[\W_]?(deg|grad|°)", re.IGNORECASE)
# a word that touches the number before it alone, or the one after it alone: 045deg_1, s12_deg45
_OF_BEFORE = re.compile(r"^(deg|grad|°)[\W_]+$", re.IGNORECASE)
_OF_AFTER = re.compile(r"^[\W_](deg|grad)$", re.IGNORECASE)
_ROUNDED = 0.51  # degrees: a name may hold 22 for 22.5


@dataclass(frozen=True, eq=False)
class ArrangedFiles:
    """Files in the order of their images, the angles (N,) in degrees that their names hold where none were stated,
    and what a user should know of it."""

    files: tuple[Path, ...]
    angles: Array | None
    notes: tuple[str, ...] = ()


def find_images(paths: Sequence[str | Path]) -> tuple[Path, ...]:
    """Return the files of paths, folders and patterns that no shell has expanded; those of a folder in natural order.

    Raises
    ------
    InputError
        For a folder without images.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [one for one in path.iterdir() if one.suffix.lower() in ENDINGS and not one.name.startswith(".")]
            if not inside:
                raise InputError("the folder holds no images", file=path, expected=", ".join(ENDINGS))
            files += sorted(inside, key=_natural)
        elif has_wildcard(path) and not path.exists():
            files += sorted(_matches(path), key=natural_key) or [path]
        else:
            files.append(path)
    return tuple(files)


def has_wildcard(path: str | Path) -> bool:
    """Whether a path is a pattern, in its name or in a folder."""
    return any(sign in str(path) for sign in "*?")


def said_angles(text: Sequence[str]) -> list[bool]:
    """Whether the text around each number of a name says that it is an angle; ``text`` is what stands before the first,
    between them and after the last. A word between two numbers is of the one that it touches."""
    last = len(text) - 2
    return [
        bool(_BEFORE.search(before) and not (k > 0 and _OF_BEFORE.match(before)))
        or bool(_AFTER.search(after) and not (k < last and _OF_AFTER.match(after)))
        for k, (before, after) in enumerate(pairwise(text))
    ]


def split_numbers(name: str) -> list[str]:
    """Split a name into text and numbers in turn; a sign is its number's where a blank or the like stands before it."""
    return _NUMBER.split(name)


def number(text: str) -> float:
    """The value of a number in a name, with a decimal comma or point."""
    return float(text.replace(",", "."))


def _matches(pattern: Path) -> list[Path]:
    """Files and folders of a pattern; brackets in it are only characters."""
    first = next(i for i, part in enumerate(pattern.parts) if has_wildcard(part))
    rest = "/".join(pattern.parts[first:]).replace("[", "[[]")
    return [path for path in Path(*pattern.parts[:first]).glob(rest) if not path.name.startswith(".")]


def arrange(files: tuple[Path, ...], angles: Array | None) -> ArrangedFiles:
    """Return files in the order of their angles.

    The order that a shell gives to names (0, 10, 100, 20) becomes the natural one (0, 10, 20, 100), unless the angles
    were stated in the shell's order. Any other order is kept.

    Parameters
    ----------
    files
        One image each, as they were given.
    angles
        (N,) degrees as stated; None to read them from the names. Another number than of files is not compared.

    Raises
    ------
    InputError
        Where the names state other angles than ``angles`` in this order, or none although they are needed.
    """
    columns, marked = _numbers(files)
    if angles is not None and (not columns or angles.size != len(files)):
        return ArrangedFiles(files, angles)
    if angles is None and not any(marked):
        candidates = [k for k, column in enumerate(columns) if _like_angles(column)]
        marked = [candidates == [k] for k in range(len(columns))]
    if angles is None and sum(marked) != 1:
        raise InputError(
            "the angles of the images are not stated, and the names of the files do not hold them",
            file=files[0],
            expected="--angles, or names such as pl_045deg.tif",
            advice="--angles start:stop:step, a list or a CSV file; --angles unknown where nobody knows them",
        )
    stated = angles if angles is not None else np.empty(0)
    held = [column for column, sure in zip(columns, marked, strict=True) if sure or _like_angles(column)]
    if angles is not None and any(_agree(column, stated) for column in held):
        return ArrangedFiles(files, angles)
    order, notes = _order(files, columns)
    arranged = tuple(files[i] for i in order)
    if angles is None:
        column = columns[marked.index(True)][order]
        return ArrangedFiles(
            arranged, column, (*notes, "The angles of the images are those in the names of the files.")
        )
    for column, sure in zip(columns, marked, strict=True):
        if not sure and not _like_angles(column):
            continue
        if _agree(column[order], stated):
            return ArrangedFiles(arranged, angles, notes)
        same = np.allclose(np.sort(column % 180), np.sort(stated % 180), atol=_ROUNDED)
        if sure or same or _regular(column):
            k = int(np.argmax(np.abs((column[order] - stated + 90) % 180 - 90)))
            raise InputError(
                "the names of the images, their order and the angles contradict one another",
                file=arranged[k],
                found=f"{stated[k]:g} degrees for it, in this order",
                expected=f"{column[order][k]:g} degrees, as its name says",
                advice="give the files in the order of --angles, leave --angles out to take the angles in the "
                "names, or rename the files where these numbers are no angles",
            )
        notes = (
            *notes,
            f"The numbers in the names of the images ({arranged[0].name}: {column[order][0]:g}, {arranged[-1].name}: "
            f"{column[order][-1]:g}) are not their angles ({stated[0]:g} to {stated[-1]:g} degrees); the angles "
            "stated are used.",
        )
    return ArrangedFiles(arranged, angles, notes)


def natural_order(files: tuple[Path, ...]) -> list[int] | None:
    """Return the indices of files in the order of the numbers in their names; None where names are not made alike."""
    columns, _ = _numbers(files)
    return [int(i) for i in np.lexsort(columns[::-1])] if columns else None


def _natural(path: Path) -> list[tuple[str, float]]:
    """Key by which numbers in names are numbers."""
    parts = _NUMBER.split(path.stem.lower())
    return [(text, number(n)) for text, n in zip(parts[::2], [*parts[1::2], "0"], strict=True)]


def natural_key(path: Path) -> tuple[list[tuple[str, float]], list[list[tuple[str, float]]]]:
    """Key by which files are in the order of the numbers in their names, then in those of their folders."""
    return _natural(path), [_natural(folder) for folder in reversed(path.parents)]


def _numbers(files: tuple[Path, ...]) -> tuple[list[Array], list[bool]]:
    """Return the numbers (N,) that differ from name to name, and whether each is said to be an angle; none where the
    names are not made alike or not all different."""
    names = [path.stem for path in files]
    if len(set(names)) == 1:
        names = [str(path.with_suffix("")) for path in files]
    parts = [_NUMBER.split(name) for name in names]
    if len(files) < 2 or len({tuple(part.lower() for part in one[::2]) for one in parts}) != 1:
        return [], []
    columns, marked, said = [], [], said_angles(parts[0][::2])
    for k in range(1, len(parts[0]), 2):
        column = np.array([number(one[k]) for one in parts])
        if np.ptp(column) > 0:
            columns.append(column)
            marked.append(said[k // 2])
    if not columns or len(np.unique(np.stack(columns), axis=1).T) < len(files):
        return [], []
    return columns, marked


def _like_angles(column: Array) -> bool:
    """Whether numbers can be angles: a turn at most, and not counted one by one."""
    gaps = np.diff(np.sort(column))
    return bool(np.ptp(column) <= 360 and gaps.min() > 0 and not np.allclose(gaps, 1))


def _regular(column: Array) -> bool:
    """Whether numbers are a turn in equal steps, as angles are."""
    gaps = np.diff(np.sort(column))
    return bool(len(gaps) > 1 and np.ptp(gaps) <= _ROUNDED and np.mean(gaps) > 2 * _ROUNDED)


def _agree(column: Array, angles: Array) -> bool:
    """Whether two lists of degrees are the same but for the zero and the sense of rotation; the same numbers in
    another order are not."""
    if np.allclose(np.sort(column), np.sort(angles), atol=_ROUNDED):
        return bool(np.allclose(column, angles, atol=_ROUNDED))
    for difference in (angles - column, angles + column):
        off = (difference - difference[0] + 90) % 180 - 90
        if np.abs(off).max() <= _ROUNDED:
            return True
    return False


def _order(files: tuple[Path, ...], columns: list[Array]) -> tuple[list[int], tuple[str, ...]]:
    """Return the order of the files to use, and what is to be said of it."""
    given = list(range(len(files)))
    natural = natural_order(files) or given
    if natural == given:
        return given, ()
    names = [str(path) for path in files]
    stems = [str(path.with_suffix("")) for path in files]
    spelt = (names, stems, [name.lower() for name in names], [stem.lower() for stem in stems])
    first = f"{files[natural[0]].name}, {files[natural[1]].name}, ... {files[natural[-1]].name}"
    if any(sorted(given, key=one.__getitem__) == given for one in spelt):
        return natural, (
            f"The images came in the alphabetical order of their names, and are taken in that of the numbers: {first}.",
        )
    return given, (f"The images are in another order than the numbers in their names, and are left in it: {first}.",)
