"""Which section a file belongs to, told from the numbers in its name and in the names of its folders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grainlight.errors import InputError
from grainlight.maps.images.order import number, said_angles, split_numbers

# what stands before the number of a section, or after it
_SECTION = re.compile(r"(?:^|[\W_\d])(?:s|z|sec|sect|section|slice|slc|sl|layer|lay|cut|schnitt|depth)[\W_]*$", re.I)
_ADVICE = "call files by the section and the angle, such as s012_045deg.tif, or write the manifest by hand"


@dataclass(frozen=True)
class Placed:
    """A file, the number of its section, the numbers that its name says to be angles, and the text before the section's
    number."""

    path: Path
    section: int
    angles: tuple[float, ...]
    before: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Alike:
    """Files whose names differ in their numbers only: the text between the numbers, the numbers (N, K), and whether
    each stands in a folder's name."""

    files: list[Path]
    text: tuple[str, ...]
    numbers: np.ndarray
    in_folder: np.ndarray

    def tells_apart(self, columns: list[int]) -> bool:
        """Whether no two files have the same numbers in these columns."""
        return len(np.unique(self.numbers[:, columns], axis=0)) == len(self.files)


@dataclass(frozen=True, eq=False)
class Known:
    """What other files have told: numbers of sections, and the text before them in names."""

    sections: frozenset[int] = frozenset()
    before: frozenset[tuple[str, ...]] = frozenset()


def without_number(root: Path, file: Path) -> bool:
    """Whether a file's name, and those of its folders, have no number at all."""
    return len(split_numbers(_name(root, file))) == 1


def place(root: Path, files: Sequence[Path], known: Known | None = None) -> list[Placed]:
    """Return files with the sections that they belong to, in the order given.

    A number with `section`, `slice`, `s` or the like before it is that of the section. Else it is the one number that
    differs between files made alike, without angles; of several (a date, a run) the one that, with the angles, is
    another in every file; of a folder's and a file's the folder's; of one that counts and one that runs in larger steps
    to 360 at most the one that counts.

    Parameters
    ----------
    root
        The folder that names are read from.
    files
        Files below it.
    known
        Of several numbers it is the one that stands where other files have theirs, or in a single name the one that is
        among their sections.

    Raises
    ------
    InputError
        Where the number of the section cannot be told, or is no whole number.
    """
    known = known or Known()
    groups: dict[tuple[str, ...], list[Path]] = {}
    for file in files:
        parts = split_numbers(_name(root, file))
        groups.setdefault(tuple(part.lower() for part in parts[::2]), []).append(file)
    found: dict[Path, Placed] = {}
    for text, members in groups.items():
        split = [split_numbers(_name(root, file)) for file in members]
        values = np.array([[number(n) for n in one[1::2]] for one in split])
        slashes = np.cumsum([part.count("/") for part in text])
        group = _Alike(members, text, values, slashes[:-1] < slashes[-1])
        column, angles = _section_column(group, known)
        counted = values[:, column]
        if (counted <= 0).all():
            # the dash of "Ti64 -12" is no sign
            counted = np.abs(counted)
        for file, value, row in zip(members, counted, values[:, angles].tolist(), strict=True):
            if value != int(value):
                raise InputError("the number of a section is not whole", file=file, found=f"{value:g}", advice=_ADVICE)
            found[file] = Placed(file, int(value), tuple(row), text[: column + 1])
    return [found[file] for file in files]


def _name(root: Path, file: Path) -> str:
    return file.relative_to(root).with_suffix("").as_posix()


def _section_column(group: _Alike, known: Known) -> tuple[int, list[int]]:
    """Return which number is the section's, and which are said to be angles."""
    count = group.numbers.shape[1]
    angles = said_angles(group.text)
    left = [k for k in range(count) if not angles[k]]
    marked = [k for k in left if _SECTION.search(group.text[k])]
    if one := _same(group, marked):
        return one[-1], [k for k in range(count) if angles[k]]
    varying = [k for k in left if np.ptp(group.numbers[:, k]) > 0]
    if marked:
        # two marks, such as those of a block and of its sections
        varying = [k for k in marked if k in varying] or marked
    choices = varying or left
    one = _same(group, choices) or [k for k in choices[-1:] if group.text[: k + 1] in known.before]
    if not one and len(group.files) > 1:
        turning = [k for k in range(count) if angles[k]] or [k for k in choices if _like_angles(group, k)]
        alone = [k for k in choices if k not in turning and group.tells_apart([k, *turning])]
        # folders of angles with sections counted in them look like folders of sections
        one = [] if any(group.in_folder[k] for k in turning) and not any(angles) else _same(group, alone)
    if not one and len(group.files) > 1:
        folders = [k for k in choices if group.in_folder[k]]
        counted = _counting(group, choices)
        # folders of angles with sections counted in them look like folders of sections
        one = counted if not folders or set(counted) & set(folders) else [] if counted else _same(group, folders)
    if not one and known.sections:
        one = _single([k for k in choices if set(group.numbers[:, k]) <= known.sections])
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
    return one[-1], [k for k in range(count) if angles[k]]


def _same(group: _Alike, columns: list[int]) -> list[int]:
    """The columns if they all hold the same numbers, else none."""
    return (
        columns
        if columns and all(np.array_equal(group.numbers[:, k], group.numbers[:, columns[0]]) for k in columns)
        else []
    )


def _single(columns: list[int]) -> list[int]:
    return columns if len(columns) == 1 else []


def _like_angles(group: _Alike, k: int) -> bool:
    """Whether numbers run in steps larger than 1 to 360 at most."""
    gaps = np.diff(np.unique(group.numbers[:, k]))
    return bool(gaps.size and np.ptp(group.numbers[:, k]) <= 360 and gaps.min() > 1)


def _counting(group: _Alike, columns: list[int]) -> list[int]:
    """Of two numbers the one that counts, where the other runs in larger even steps to 360 at most."""
    turning = [k for k in columns if _like_angles(group, k)]
    rest = [k for k in columns if k not in turning]
    return rest if len(turning) == 1 and rest and _same(group, rest) else []
