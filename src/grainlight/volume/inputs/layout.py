"""Which section a file belongs to, told from the numbers in its name and in the names of its folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grainlight.errors import InputError
from grainlight.maps.images.order import is_angle

_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)")
# what stands before the number of a section, or after it
_SECTION = re.compile(r"(?:^|[\W_\d])(?:s|z|sec|sect|section|slice|slc|sl|layer|lay|cut|schnitt|depth)[\W_]*$", re.I)
_ADVICE = "call files by the section and the angle, such as s012_045deg.tif, or write the manifest by hand"


@dataclass(frozen=True)
class Placed:
    """A file, the number of its section, and whether its name says an angle."""

    path: Path
    section: int
    angle: bool


@dataclass(frozen=True, eq=False)
class _Alike:
    """Files whose names differ in their numbers only: the text between the numbers, the numbers (N, K), and whether
    each stands in a folder's name."""

    files: list[Path]
    text: tuple[str, ...]
    numbers: np.ndarray
    in_folder: np.ndarray


def place(root: Path, files: Sequence[Path], known: frozenset[int] = frozenset()) -> list[Placed]:
    """Return files with the sections that they belong to, in the order given.

    A number with `section`, `slice`, `s` or the like before it is that of the section. Else it is the one number that
    differs between files made alike, without angles; of a folder's and a file's the folder's; of one that counts and
    one that runs in larger steps to 360 at most the one that counts.

    Parameters
    ----------
    root
        The folder that names are read from.
    files
        Files below it.
    known
        Sections that are known: of several numbers in a single name it is the one that is among them.

    Raises
    ------
    InputError
        Where the number of the section cannot be told, or is no whole number.
    """
    groups: dict[tuple[str, ...], list[Path]] = {}
    for file in files:
        parts = _NUMBER.split(_name(root, file))
        groups.setdefault(tuple(part.lower() for part in parts[::2]), []).append(file)
    found: dict[Path, Placed] = {}
    for text, members in groups.items():
        split = [_NUMBER.split(_name(root, file)) for file in members]
        values = np.array([[float(n.replace(",", ".")) for n in one[1::2]] for one in split])
        slashes = np.cumsum([part.count("/") for part in text])
        group = _Alike(members, text, values, slashes[:-1] < slashes[-1])
        column, angle = _section_column(group, known)
        for file, number in zip(members, values[:, column], strict=True):
            if number != int(number):
                raise InputError("the number of a section is not whole", file=file, found=f"{number:g}", advice=_ADVICE)
            found[file] = Placed(file, int(number), angle)
    return [found[file] for file in files]


def _name(root: Path, file: Path) -> str:
    return file.relative_to(root).with_suffix("").as_posix()


def _section_column(group: _Alike, known: frozenset[int]) -> tuple[int, bool]:
    """Return which number is the section's, and whether another is said to be an angle."""
    count = group.numbers.shape[1]
    angles = [is_angle(group.text[k], group.text[k + 1]) for k in range(count)]
    left = [k for k in range(count) if not angles[k]]
    marked = [k for k in left if _SECTION.search(group.text[k])]
    if one := _same(group, marked):
        return one[-1], any(angles)
    varying = [k for k in left if np.ptp(group.numbers[:, k]) > 0]
    if marked:
        # two marks, such as those of a block and of its sections
        varying = [k for k in marked if k in varying] or marked
    choices = varying or left
    if not (one := _same(group, choices)) and len(group.files) > 1:
        folders = [k for k in choices if group.in_folder[k]]
        counted = _counting(group, choices)
        # folders of angles with sections counted in them look like folders of sections
        one = counted if not folders or set(counted) & set(folders) else [] if counted else _same(group, folders)
    if not one and known:
        one = [k for k in choices if set(group.numbers[:, k]) <= known]
        one = one if len(one) == 1 else []
    if not one:
        raise InputError(
            "the number of the section cannot be told from the name"
            if choices
            else "the name has no number that could be its section's",
            file=group.files[0],
            found=", ".join(f"{group.numbers[0, k]:g}" for k in choices) or None,
            expected="one number that differs from section to section, angles marked by deg",
            advice=_ADVICE,
        )
    return one[-1], any(angles)


def _same(group: _Alike, columns: list[int]) -> list[int]:
    """The columns if they all hold the same numbers, else none."""
    return (
        columns
        if columns and all(np.array_equal(group.numbers[:, k], group.numbers[:, columns[0]]) for k in columns)
        else []
    )


def _counting(group: _Alike, columns: list[int]) -> list[int]:
    """Of two numbers the one that counts, where the other runs in larger even steps to 360 at most."""

    def like_angles(k: int) -> bool:
        gaps = np.diff(np.unique(group.numbers[:, k]))
        return bool(np.ptp(group.numbers[:, k]) <= 360 and gaps.min() > 1)

    turning = [k for k in columns if like_angles(k)]
    rest = [k for k in columns if k not in turning]
    return rest if len(turning) == 1 and rest and _same(group, rest) else []
