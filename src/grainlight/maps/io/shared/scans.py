"""Choose one scan of a file that holds several, and one section of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grainlight.errors import InputError

_SHOWN = 20


class SeveralSections(InputError):
    """A file holds several sections and none is named; ``numbers`` are theirs."""

    numbers: tuple[int, ...] = ()


def choose_scan(names: Sequence[str], wanted: str | None, file: Path) -> str:
    """Return the scan that is wanted, or the only one.

    Raises
    ------
    InputError
        Where there is none of that name, or several and none is named; the message lists them.
    """
    listed = ", ".join(repr(name) for name in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    if not names:
        raise InputError("the file holds no EBSD scan", file=file, expected="a group with EBSD data")
    if wanted is None:
        if len(names) == 1:
            return names[0]
        raise InputError(
            f"the file holds {len(names)} scans",
            file=file,
            found=listed,
            expected="the name of one of them",
            advice='name it with --scan, or load_ebsd(..., scan="...")',
        )
    if wanted in names:
        return wanted
    alike = [name for name in names if name.lower() == wanted.lower() or name.rsplit("/", 1)[-1] == wanted]
    if len(alike) == 1:
        return alike[0]
    raise InputError(f"there is no scan {wanted!r}", file=file, found=listed)


def choose_section(numbers: Sequence[int], wanted: int | None, file: Path) -> int:
    """Return the number of the section that is wanted; the only one where there is one.

    Raises
    ------
    SeveralSections
        Where there are several and none is named.
    InputError
        Where there is none of that number.
    """
    listed = f"{len(numbers)} sections, {numbers[0]} to {numbers[-1]}"
    if wanted is None:
        if len(numbers) == 1:
            return numbers[0]
        error = SeveralSections(
            "the map is three-dimensional",
            file=file,
            found=listed,
            expected="one section",
            advice=f"name it with --section, or load_ebsd(..., section={numbers[0]})",
        )
        error.numbers = tuple(numbers)
        raise error
    if wanted not in numbers:
        raise InputError(f"there is no section {wanted}", file=file, found=listed)
    return wanted
