"""The record of a run: what was done, with what, on what."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any


def file_hash(path: Path | None) -> str | None:
    """SHA-256 of a file, 16 hexadecimal digits; None where there is no file."""
    if path is None or not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def input_record(paths: tuple[Path | None, ...]) -> list[dict[str, Any]]:
    """Name and hash of input files."""
    return [{"file": Path(p).name, "sha256": file_hash(p)} for p in paths if p is not None]
