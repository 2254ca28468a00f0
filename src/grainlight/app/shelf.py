"""What tasks wrote: cards for the page, arrays that a browser may fetch, files that can be taken home."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

RESULT = "result"
DOWNLOADS = {
    "restored.ang": "the map as .ang",
    "restored.ctf": "the map as .ctf",
    "restored.h5oina": "the map as .h5oina",
    "restored.npz": "everything, for grainlight",
    "report.html": "the report",
    "grains.csv": "the table of grains",
    "figures.csv": "figures of the map",
    "record.json": "the record of the run",
    "command.txt": "the command line",
    "registration.json": "the place of the light",
    "points.csv": "the pairs of points",
}
"""What can be taken home, and what it is."""
ON_REQUEST = ("restored.ctf", "restored.h5oina")
"""Written from the archive when somebody wants it: of a large map each takes a while."""


class Shelf:
    """Folders of this run inside a ``folder``, and what stands in them.

    ``cards`` are by what they are of, ``arrays`` by the name that browsers know, ``downloads`` by that of the file.
    Folders in ``held`` stay when their card goes: results of a queue.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cards: dict[str, Any] = {}
        self.arrays: dict[str, Path] = {}
        self.downloads: dict[str, Path] = {}
        self.held: set[Path] = set()
        self._count = 0
        self._before: dict[str, Path] = {}

    def new(self, kind: str) -> Path:
        """Return a new folder."""
        self._count += 1
        folder = self.folder / f"{kind}-{self._count}"
        folder.mkdir()
        return folder

    def keep(self, kind: str, value: dict[str, Any], folder: Path) -> None:
        """Keep what a task returned as a card, and let the browser have the arrays that it wrote."""
        self.forget(kind)
        value["at"] = folder.name
        self.cards[kind] = value
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and not path.suffix:
                self.arrays[f"{folder.name}/{path.name}"] = path
        grains = folder / "grains.json"
        if grains.exists():
            self.arrays[f"{folder.name}/grains"] = grains

    def keep_result(self, value: dict[str, Any], folder: Path, line: str) -> None:
        """Keep a result and the command that makes it; its files can be taken home."""
        (folder / "command.txt").write_text(line + "\n", encoding="utf-8")
        value["command"] = line
        self.keep(RESULT, value, folder)
        self.downloads |= files_of(folder)

    def forget(self, *kinds: str) -> None:
        """Take cards away, and what stands behind them."""
        for kind in kinds:
            card = self.cards.pop(kind, None)
            if card is None or "at" not in card:
                continue
            folder = self.folder / card["at"]
            self.downloads = {key: path for key, path in self.downloads.items() if folder not in path.parents}
            if kind != RESULT:
                # a tab may be on its way to fetch what it was told of a moment ago
                earlier, self._before[kind] = self._before.get(kind), folder
                if earlier is None:
                    continue
                folder = earlier
            # a tab may still be fetching what is held
            if folder not in self.held:
                self.remove(folder)

    def remove(self, folder: Path) -> None:
        """Remove a folder, and let no browser have its arrays any more."""
        self.arrays = {key: path for key, path in self.arrays.items() if folder not in path.parents}
        shutil.rmtree(folder, ignore_errors=True)


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a result that can be taken home, by their names."""
    made = {name: folder / name for name in DOWNLOADS if (folder / name).exists()}
    return made | {name: folder / name for name in ON_REQUEST}
