"""The table of a manifest: titles ``z,ebsd,light,exclude`` and, where wanted, ``angles``, ``step``, ``origin`` and
``slice``, in any order."""

from __future__ import annotations

from pathlib import Path

from grainlight.maps.io.text.titled import Kind, Row, read_titled

COLUMNS = ("z", "ebsd", "light", "exclude", "angles", "step", "origin", "slice")
_MANIFEST = Kind(
    "manifest", "section", COLUMNS, ("z", "ebsd", "light"), advice="grainlight volume plan FOLDER writes such a file"
)


def read_rows(path: Path) -> tuple[list[Row], list[str]]:
    """Return the rows of a manifest, and what is to be said of its titles.

    Raises
    ------
    InputError
        Where the file is no table with the titles of a manifest, or has no row.
    """
    return read_titled(path, _MANIFEST)
