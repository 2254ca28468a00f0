"""Read and write the manifest of a volume: a CSV file, one row a section."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from grainlight.errors import InputError
from grainlight.maps.images.order import ENDINGS, arrange, has_wildcard
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.text.titled import Row
from grainlight.maps.light_stack import parse_angles
from grainlight.volume.inputs.listing import Listing
from grainlight.volume.inputs.manifest_notes import remarks
from grainlight.volume.inputs.manifest_table import COLUMNS, read_rows
from grainlight.volume.manifest import Manifest, SectionEntry

_SAME_Z = 1e-6  # um

Fault = Callable[[InputError], None]


def load_manifest(path: str | Path) -> Manifest:
    """Read the manifest of a volume.

    Parameters
    ----------
    path
        The CSV file; paths in it are relative to its folder. ``light`` is an image stack, a folder or a pattern such as
        ``s012_*deg.tif`` (``*`` and ``?``, in folders too), whose files are put into the order of their angles.

    Returns
    -------
    Sections by rising z. What is doubtful (rows out of order, gaps) stands in ``notes``.

    Raises
    ------
    InputError
        For a cell that cannot be used (with row, column and what was expected there), a file that does not exist, two
        sections at one height, or no section with EBSD.
    """

    def fail(error: InputError) -> None:
        raise error

    return _load(Path(path), fail)


def load_with_faults(path: str | Path) -> tuple[Manifest, list[InputError]]:
    """Read as much of a manifest as can be used, and everything that is wrong with its rows.

    Raises
    ------
    InputError
        Where it is no table with the titles of a manifest, or has no row.
    """
    faults: list[InputError] = []
    return _load(Path(path), faults.append), faults


def save_manifest(manifest: Manifest, path: str | Path | None = None) -> Path:
    """Write a manifest as CSV, with paths relative to its folder, and return where.

    Parameters
    ----------
    manifest
        Whose sections are written, in their order.
    path
        The file; the manifest's own where not given.

    Raises
    ------
    InputError
        Where the images of a section can be named by no folder and no pattern, or the file cannot be written.
    """
    target = manifest.path if path is None else Path(path)
    base = target.absolute().parent
    extra = {
        "angles": any(s.angles is not None for s in manifest.sections),
        "step": any(s.step is not None for s in manifest.sections),
        "origin": any(s.origin is not None for s in manifest.sections),
        "slice": any(s.ebsd_slice is not None for s in manifest.sections),
    }
    titles = [title for title in COLUMNS if extra.get(title, True)]
    text, images = io.StringIO(), Listing()
    writer = csv.DictWriter(text, titles, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for section in manifest.sections:
        writer.writerow(
            {
                "z": _shortest(section.z),
                "ebsd": "" if section.ebsd is None else _relative(section.ebsd, base),
                "light": _light_cell(section, base, images),
                "exclude": " ".join(section.exclude.split()),
                "angles": "" if section.angles is None else angles_cell(section.angles),
                "step": "" if section.step is None else _shortest(section.step),
                "origin": "" if section.origin is None else ",".join(_shortest(v) for v in section.origin),
                "slice": "" if section.ebsd_slice is None else str(section.ebsd_slice),
            }
        )
    with atomic_path(target) as file:
        file.write_text(text.getvalue(), encoding="utf-8", newline="")
    return target


def angles_cell(angles: tuple[float, ...]) -> str:
    """Return angles as ``start:stop:step`` (stop excluded) where they are even, else as a list."""
    steps = np.diff(angles)
    if len(angles) > 2 and steps[0] and np.allclose(steps, steps[0], atol=1e-9):
        cell = f"{_shortest(angles[0])}:{_shortest(round(angles[-1] + steps[0], 9))}:{_shortest(round(steps[0], 9))}"
        if np.allclose(parse_angles(cell), angles, atol=1e-9):
            return cell
    return ",".join(_shortest(angle) for angle in angles)


def _load(path: Path, fault: Fault) -> Manifest:
    rows, own = read_rows(path)
    base = path.absolute().parent
    images = Listing()
    sections = [section for row in rows if (section := _section(row, base, images, fault)) is not None]
    lines = {row.number: row.line for row in rows}
    order = sorted(sections, key=lambda s: (s.z, bool(s.exclude), s.row))
    used = [s for s in order if not s.exclude]
    for low, high in pairwise(used):
        if high.z - low.z < _SAME_Z:
            first, second = sorted((low, high), key=lambda s: s.row)
            at = f"rows {first.row} and {second.row} (lines {lines[first.row]} and {lines[second.row]}), column z"
            fault(
                InputError(
                    "two sections have the same height",
                    file=path,
                    place=at,
                    found=f"{first.z:g} um in both",
                    expected="a height of its own for each section",
                    advice="correct z, or say in column exclude why one of them is left out",
                )
            )
    if sections and not any(s.ebsd for s in used):
        fault(
            InputError(
                "no section has EBSD",
                file=path,
                place="column ebsd",
                found=f"{len(used)} sections that are not left out, none with a file in column ebsd",
                expected="EBSD on one section at least: the light alone does not tell whole orientations",
                advice="name the EBSD file of each section that was scanned in column ebsd",
            )
        )
    manifest = Manifest(path, tuple(order))
    return replace(manifest, notes=(*own, *remarks(manifest)))


def _section(row: Row, base: Path, images: Listing, fault: Fault) -> SectionEntry | None:
    z = row.number_of(row.cells["z"]) + 0.0  # no -0
    if math.isnan(z):
        fault(
            row.error(
                "the height is no number", "z", "z in um, as it was measured, such as 12.5", "write z without a unit"
            )
        )
        return None
    exclude = row.cells.get("exclude", "")
    step = origin = angles = chosen = None
    if cell := row.cells.get("step"):
        step = row.number_of(cell)
        if not step > 0:
            fault(row.error("the step is no length", "step", "um per pixel above 0, such as 0.13", "no unit, or empty"))
            step = None
    if cell := row.cells.get("origin"):
        parts = cell.replace(";", " ") if row.decimal_comma else cell.replace(";", " ").replace(",", " ")
        values = [row.number_of(part) for part in parts.split()]
        if len(values) == 2 and not any(math.isnan(v) for v in values):
            origin = (values[0], values[1])
        else:
            advice = 'x and y of the first pixel from the first EBSD point, in quotes: "12.5,-3"'
            fault(row.error("the origin is no place", "origin", "x and y in um", advice))
    if cell := row.cells.get("slice"):
        if cell.isdecimal():
            chosen = int(cell)
        else:
            fault(row.error("the slice is no number", "slice", "the number of a section of the EBSD file, from 0"))
    if cell := row.cells.get("angles"):
        try:
            angles = tuple(float(a) for a in parse_angles(base / cell if (base / cell).is_file() else cell))
        except InputError as error:
            fault(row.error(error.problem, "angles", error.expected, 'a list of angles is in quotes: "0,45,90"'))
    # What is left out need not be there.
    doubt: Fault = (lambda error: None) if exclude else fault
    ebsd = _ebsd(row, base, doubt)
    light = _light(row, base, images, angles, doubt)
    if ebsd is None and not row.cells["light"] and not exclude:
        fault(
            row.error(
                "the section has neither EBSD nor light",
                "light",
                "a stack, a folder or a pattern of images",
                "name its files, or say in column exclude why it is left out",
            )
        )
    if chosen is not None and ebsd is None:
        fault(row.error("a slice is named and no EBSD file", "slice", "the file in column ebsd, or nothing here"))
    return SectionEntry(row.number, z, ebsd, light, angles, step, origin, exclude, chosen)


def _ebsd(row: Row, base: Path, fault: Fault) -> Path | None:
    cell = row.cells["ebsd"]
    if not cell:
        return None
    file = _path(cell, base)
    expected = "an EBSD file, its path from the folder of the manifest"
    if file.suffix.lower() in ENDINGS:
        fault(row.error("this is an image, no EBSD file", "ebsd", expected, "are the columns exchanged?"))
    elif file.is_dir():
        fault(row.error("the EBSD file is a folder", "ebsd", expected))
    elif not file.is_file():
        advice = "check the path, or leave the cell empty where the section has no EBSD"
        fault(row.error("the EBSD file does not exist", "ebsd", expected, advice, f"no file {file}"))
    return file


def _light(row: Row, base: Path, images: Listing, angles: tuple[float, ...] | None, fault: Fault) -> tuple[Path, ...]:
    """The images of a cell in the order of their angles."""
    cell = row.cells["light"]
    if not cell:
        return ()
    path = _path(cell, base)
    files = images.find(path)
    if not files:
        expected = f"an image stack, a folder of images or a pattern such as s012_*deg.tif ({', '.join(ENDINGS)})"
        advice = "check the path, which begins at the folder of the manifest"
        if path.is_dir():
            fault(row.error("the folder holds no images", "light", expected, advice, f"none in {path}"))
        elif path.exists():
            fault(row.error("this is no image", "light", expected, advice))
        else:
            what = "no image has a name of this pattern" if has_wildcard(cell) else "the light images do not exist"
            fault(row.error(what, "light", expected, advice, f"nothing at {path}"))
        return (path,)
    if len(files) > 1:
        try:
            files = arrange(files, None if angles is None else np.array(angles)).files
        except InputError as error:
            # names without angles stay in the order of their numbers, and the angles are those of the options
            if angles is not None:
                fault(row.error(error.problem, "angles", error.expected, error.advice, error.found))
    return files


def _path(cell: str, base: Path) -> Path:
    """The place of a cell; a path written on Windows is one too."""
    path = Path(os.path.normpath(base / cell))
    return path if path.exists() or "\\" not in cell else Path(os.path.normpath(base / cell.replace("\\", "/")))


def _light_cell(section: SectionEntry, base: Path, images: Listing) -> str:
    """Name the images of a section: a file, a folder or a pattern that takes these and no others."""
    files = section.light
    if len(files) < 2:
        return "".join(_relative(file, base) for file in files)
    parents = {file.parent for file in files}
    names = [str(file) for file in files]
    start = len(_common(names))
    end = min(len(_common([name[::-1] for name in names])), min(map(len, names)) - start)
    before, after = names[0][:start], names[0][len(names[0]) - end :]
    patterns = [f"{before.rstrip('0123456789')}*{after.lstrip('0123456789')}", f"{before}*{after}"]
    for one in (*parents, *map(Path, patterns)) if len(parents) == 1 else map(Path, patterns):
        if images.holds(one, files):
            return _relative(one, base)
    raise InputError(
        "the images of a section can be named by no folder and no pattern",
        file=files[0],
        place=f"section at {section.z:g} um",
        expected="a folder with these images alone, or names that differ from all others",
        advice="give them a folder of their own",
    )


def _common(names: list[str]) -> str:
    low, high = min(names), max(names)
    return low[: next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))]


def _relative(path: Path, base: Path) -> str:
    """A path from the manifest's folder where it lies below or beside it, with / on every system."""
    try:
        return Path(os.path.relpath(path.absolute(), base)).as_posix()
    except ValueError:  # on another drive
        return path.absolute().as_posix()


def _shortest(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(float(value))
