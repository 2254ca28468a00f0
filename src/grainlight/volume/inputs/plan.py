"""The manifest of a folder: which of its files belong to which section."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

from grainlight.errors import InputError
from grainlight.maps.images.order import ENDINGS, arrange, natural_key
from grainlight.maps.io.load import FORMATS, load_ebsd
from grainlight.maps.io.shared.scans import SeveralSections
from grainlight.volume.inputs.layout import Placed, place
from grainlight.volume.inputs.manifest_notes import remarks
from grainlight.volume.manifest import Manifest, SectionEntry

# An .npz is what a restoration leaves, no scan.
_EBSD = {ending for known in FORMATS.values() for ending in known.endings} - {".npz"}
_OF_SLICES = (".h5ebsd", ".dream3d")
_WRITE = "name the right one of them in a manifest written by hand, or move the others to another folder"


def plan_manifest(folder: str | Path, spacing: float, output: str | Path | None = None) -> Manifest:
    """Return the manifest of the EBSD files and images in a folder and below.

    Taken are files with the number of their section in their name or in that of their folder (`layout.place`), a
    folder for each section or each angle, and .h5ebsd and .dream3d files with several slices, whose numbers are the
    sections'. Images of a section with angles in their names (``045deg``) get these as its angles, 0 and 180 both
    where both were taken.

    Parameters
    ----------
    folder
        Where the files are.
    spacing
        um between sections that follow one another in number: z is the section's number times this.
    output
        Where the manifest will be; ``volume.csv`` in the folder if None. Nothing is written.

    Returns
    -------
    The manifest, with what was left out and what is doubtful in its ``notes``.

    Raises
    ------
    InputError
        Where there is no such folder, it holds neither images nor EBSD, the section of a file cannot be told, or a
        section has two files of a kind.
    """
    root = Path(folder)
    if not root.exists():
        raise InputError("the folder does not exist", file=root, advice="check the path and the spelling")
    if not root.is_dir():
        raise InputError("this is no folder", file=root, expected="the folder of the EBSD files and images of a volume")
    if not (math.isfinite(spacing) and spacing > 0):
        raise InputError("the spacing is no length", found=f"{spacing}", expected="um between sections, above 0")
    files = _files(root)
    images = [file for file in files if file.suffix.lower() in ENDINGS]
    maps = [file for file in files if file.suffix.lower() in _EBSD]
    # the bytes of a .crc belong to its .cpr
    maps = [file for file in maps if file.suffix.lower() != ".crc" or not _has_project(file)]
    if not images and not maps:
        raise InputError(
            "the folder holds no EBSD file and no image",
            file=root,
            found=", ".join(sorted(one.name for one in root.iterdir())[:8]) or "nothing",
            expected=f"{', '.join(sorted(_EBSD))}; {', '.join(ENDINGS)}",
        )
    slices = {file: numbers for file in maps if file.suffix.lower() in _OF_SLICES and (numbers := _slices(file))}
    single = [file for file in maps if file not in slices]
    pictures, notes = _light(root, place(root, images))
    sections = frozenset(pictures) | {n for numbers in slices.values() for n in numbers}
    ebsd = _ebsd(root, place(root, single, sections), slices)
    notes += _matched(set(pictures), set(ebsd), slices)
    entries = []
    for row, number in enumerate(sorted(set(pictures) | set(ebsd)), 1):
        file, chosen = ebsd.get(number, (None, None))
        light, angles = pictures.get(number, ((), None))
        z = round(number * spacing, 9)
        entries.append(SectionEntry(row, z, file, light, angles, ebsd_slice=chosen))
    if not ebsd:
        notes.append("No section has EBSD: name the EBSD files in column ebsd, on one section at least.")
    manifest = Manifest(root / "volume.csv" if output is None else Path(output), tuple(entries))
    return Manifest(manifest.path, manifest.sections, (*notes, *remarks(manifest)))


def _files(root: Path) -> list[Path]:
    """Files of a folder and below it, without hidden ones, in the order of their names."""
    below = (file for file in root.rglob("*") if not any(p.startswith(".") for p in file.relative_to(root).parts))
    return sorted(file for file in below if file.is_file())


def _has_project(crc: Path) -> bool:
    return any(crc.with_suffix(ending).exists() for ending in (".cpr", ".CPR"))


def _slices(file: Path) -> tuple[int, ...]:
    """Numbers of the slices of a file; none where it holds one map."""
    try:
        load_ebsd(file)
    except SeveralSections as several:
        return several.numbers
    return ()


def _light(
    root: Path, placed: list[Placed]
) -> tuple[dict[int, tuple[tuple[Path, ...], tuple[float, ...] | None]], list[str]]:
    """Return images and angles of each section, and what was left out.

    Raises
    ------
    InputError
        Where a section has images of two kinds and none has angles in its names.
    """
    kinds: dict[int, dict[tuple[str, str, bool], list[Path]]] = defaultdict(lambda: defaultdict(list))
    for one in placed:
        kinds[one.section][(_kind(root, one), one.path.suffix.lower(), one.angle)].append(one.path)
    found, left = {}, []
    for section, groups in kinds.items():
        best = max(groups, key=lambda key: (key[2], len(groups[key])))
        rivals = [key for key in groups if (key[2], len(groups[key])) == (best[2], len(groups[best])) and key != best]
        if rivals:
            raise InputError(
                f"section {section} has images of two kinds",
                file=groups[best][0],
                found=f"{groups[rivals[0]][0].relative_to(root)} beside it",
                expected="one stack of polarized light, or images with their angles in the names (045deg)",
                advice=_WRITE,
            )
        left += [file for key, others in groups.items() if key != best for file in others]
        files, angles = tuple(groups[best]), None
        if len(files) > 1:
            try:
                arranged = arrange(files, None)
                files = arranged.files
                angles = None if arranged.angles is None else tuple(float(a) for a in arranged.angles)
            except InputError:  # the angles are not in the names: those of the options
                files = tuple(sorted(files, key=natural_key))
        found[section] = (files, angles)
    notes = []
    if left:
        names = ", ".join(str(file.relative_to(root)) for file in left[:4]) + (", ..." if len(left) > 4 else "")
        notes.append(f"{len(left)} image{'s' * (len(left) > 1)} left out beside the images of the angles: {names}.")
    several = [section for section, (files, angles) in found.items() if len(files) > 1 and angles is None]
    if several:
        first = found[several[0]][0][0].relative_to(root)
        notes.append(
            f"The names of the images do not hold their angles ({first}): they are in the order of their numbers, and "
            "--angles must tell."
        )
    return found, notes


def _kind(root: Path, one: Placed) -> str:
    """The name of an image without its numbers."""
    return "".join(c for c in one.path.relative_to(root).with_suffix("").as_posix().lower() if not c.isdigit())


def _ebsd(
    root: Path, placed: list[Placed], slices: dict[Path, tuple[int, ...]]
) -> dict[int, tuple[Path | None, int | None]]:
    """Return EBSD file, and slice of it, of each section.

    Raises
    ------
    InputError
        Where a section has two.
    """
    found: dict[int, tuple[Path | None, int | None]] = {}
    every = [(one.section, one.path, None) for one in placed]
    for section, file, chosen in (*every, *((n, file, n) for file, numbers in slices.items() for n in numbers)):
        if section in found:
            other = found[section][0]
            assert other is not None  # every entry has a file
            raise InputError(
                f"section {section} has two EBSD files",
                file=file,
                found=f"{other.relative_to(root)} beside it",
                expected="one for each section",
                advice=_WRITE,
            )
        found[section] = (file, chosen)
    return found


def _matched(light: set[int], ebsd: set[int], slices: dict[Path, tuple[int, ...]]) -> list[str]:
    """Whether sections of the light and of the EBSD have the same numbers."""
    notes = [f"The slices of {file.name} are taken as sections {n[0]} to {n[-1]}." for file, n in slices.items()]
    alone = sorted(ebsd - light)
    if light and alone:
        named = ", ".join(map(str, alone[:6])) + (" ..." if len(alone) > 6 else "")
        notes.append(
            f"{len(alone)} section{'s have' if len(alone) > 1 else ' has'} EBSD and no light ({named}; the light's are "
            f"{min(light)} to {max(light)}): are both numbered alike?"
        )
    return notes
