"""Everything that a run writes of a volume, beside its sections."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from grainlight.volume.volume import Volume


def write_volume(
    volume: Volume,
    folder: str | Path,
    *,
    vti: bool = False,
    dream3d: Literal["7", "8"] | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write a volume, its grains and its page into a folder that exists; files that are there are replaced.

    Parameters
    ----------
    volume
        Restored sections.
    folder
        Receives ``volume.zarr``, ``grains.csv`` (a line per grain), ``contacts.csv`` (a line per pair that meets),
        ``figures.csv`` and ``report.html``.
    vti, dream3d
        Whether ``volume.vti`` for DAMASK is written too, and ``volume.dream3d`` of layout 7.0 or 8.0 with its .xdmf.
    say
        Takes sentences on what a file changes.

    Returns
    -------
    The files, without those that stand beside one of them.

    Raises
    ------
    InputError
        Where the folder is missing or closed, the disk is full, or zarr is not installed.
    """
    from grainlight.maps.io.shared.atomic import atomic_path
    from grainlight.volume.grains.grain_volume import find_volume_grains
    from grainlight.volume.grains.table import contact_table, volume_figure_table, volume_grain_table
    from grainlight.volume.output.damask import write_volume_vti
    from grainlight.volume.output.dream3d import write_volume_dream3d
    from grainlight.volume.output.writer import save_volume
    from grainlight.volume.report.page import write_volume_report

    folder = Path(folder)
    found = find_volume_grains(volume)
    volume = dataclasses.replace(volume, grain_id=found.labels)
    written = [save_volume(volume, folder, overwrite=True)]
    tables = {"grains.csv": volume_grain_table, "contacts.csv": contact_table, "figures.csv": volume_figure_table}
    for name, table in tables.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(table(found), encoding="utf-8")
        written.append(folder / name)
    notes: list[str] = []
    if vti:
        notes += write_volume_vti(volume, found, folder / "volume.vti")
        written.append(folder / "volume.vti")
    if dream3d is not None:
        notes += write_volume_dream3d(volume, folder / "volume.dream3d", layout="7.0" if dream3d == "7" else "8.0")
        written.append(folder / "volume.dream3d")
    for note in dict.fromkeys(notes):
        if say is not None:
            say(note)
    written.append(write_volume_report(volume, folder / "report.html", grains=found))
    return written
