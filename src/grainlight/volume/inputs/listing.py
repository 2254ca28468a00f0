"""Images of folders and patterns, each folder listed once for all sections whose images are in it."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass, field
from pathlib import Path

from grainlight.maps.images.order import ENDINGS, find_images, has_wildcard, natural_key


@dataclass
class Listing:
    """Names of the images in folders that were asked for."""

    _names: dict[Path, list[str]] = field(default_factory=dict)

    def find(self, path: Path) -> tuple[Path, ...]:
        """Return the images of a file, a folder or a pattern as `image_order.find_images` does, none where there is
        none."""
        names = self._matching(path)
        if names is not None:
            folder = path if path.is_dir() else path.parent
            return tuple(sorted((folder / name for name in names), key=natural_key))
        return tuple(file for file in find_images([path]) if file.suffix.lower() in ENDINGS and file.exists())

    def holds(self, path: Path, files: tuple[Path, ...]) -> bool:
        """Whether a folder or a pattern has these images and no others."""
        names = self._matching(path)
        if names is not None and len(names) != len(files):
            return False
        return set(self.find(path)) == set(files)

    def _matching(self, path: Path) -> list[str] | None:
        """Names of a folder, or of a pattern in one; None for anything else."""
        if path.is_dir():
            return self._of(path)
        if has_wildcard(path.name) and not has_wildcard(path.parent) and not path.exists():
            return fnmatch.filter(self._of(path.parent), path.name.replace("[", "[[]"))
        return None

    def _of(self, folder: Path) -> list[str]:
        if folder not in self._names:
            names = os.listdir(folder) if folder.is_dir() else []
            self._names[folder] = [n for n in names if n.lower().endswith(ENDINGS) and not n.startswith(".")]
        return self._names[folder]
