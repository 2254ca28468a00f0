"""The manifest of a folder: which of its files belong to which section."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

from grainlight.errors import InputError
from grainlight.maps.images.order import ENDINGS, arrange, natural_key, split_numbers
from grainlight.maps.io.load import FORMATS, load_ebsd
from grainlight.maps.io.shared.scans import SeveralSections
from grainlight.volume.inputs.layout import Known, Placed, place, without_number
from grainlight.volume.inputs.manifest_notes import remarks
from grainlight.volume.manifest import Manifest, SectionEntry

# An .npz is what a restoration leaves, no scan.
_EBSD = {ending for known in FORMATS.values() for ending in known.endings} - {".npz"}
_OF_SLICES = (".h5ebsd", ".dream3d")
# what `volume run` writes beside volume.zarr and sections
_OF_A_RUN = ("alignment.png", "volume.dream3d")
_SMALL = re.compile(r"(?:^|[\W_\d])(?:thumb|thumbs|thumbnails?|previews?)(?=$|[\W_\d])", re.IGNORECASE)
_WRITE = "name the right one of them in a manifest written by hand, or move the others out of the folder"


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
    files, notes = _files(root)
    images, left = _with_numbers(root, [file for file in files if file.suffix.lower() in ENDINGS])
    notes += left
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
    placed = place(root, images)
    pictures, told = _light(root, placed)
    sections = frozenset(pictures) | {n for numbers in slices.values() for n in numbers}
    ebsd = _ebsd(root, place(root, single, Known(sections, frozenset(one.before for one in placed))), slices)
    notes += [*told, *_matched(set(pictures), set(ebsd), slices)]
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


def _files(root: Path) -> tuple[list[Path], list[str]]:
    """Files of a folder and below it in the order of their names, without hidden ones, thumbnails and what a run of
    ours has left there; and what was left out."""
    below = (file for file in root.rglob("*") if not any(p.startswith(".") for p in file.relative_to(root).parts))
    every = sorted(file for file in below if file.is_file() and not any(p.suffix == ".zarr" for p in file.parents))
    made = {file.parent for file in every if file.name == "alignment.json"}
    ours = [file for file in every if file.parent in made and file.name in _OF_A_RUN]
    small = [
        file
        for file in every
        if file.suffix.lower() in ENDINGS and any(_SMALL.search(p) for p in file.relative_to(root).parts)
    ]
    notes = []
    if ours:
        notes.append(f"Left out are the results of a run: {_named(root, ours)}.")
    if small:
        notes.append(f"Left out are {len(small)} thumbnail{'s' * (len(small) > 1)}: {_named(root, small)}.")
    out = {*ours, *small}
    return [file for file in every if file not in out], notes


def _with_numbers(root: Path, images: list[Path]) -> tuple[list[Path], list[str]]:
    """Images whose names can hold a section's number, and what was left out beside them."""
    bare = {file for file in images if without_number(root, file)}
    if not bare or len(bare) == len(images):
        return images, []
    said = f"Left out are images without a number in their names: {_named(root, sorted(bare))}."
    return [file for file in images if file not in bare], [said]


def _named(root: Path, files: Sequence[Path]) -> str:
    return ", ".join(str(file.relative_to(root)) for file in files[:4]) + (", ..." if len(files) > 4 else "")


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
        kinds[one.section][(_kind(root, one), one.path.suffix.lower(), bool(one.angles))].append(one.path)
    named = {one.path: one.angles for one in placed}
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
        _once(root, section, [(file, named[file] or a) for file, a in zip(files, angles or files, strict=True)])
        found[section] = (files, angles)
    notes = []
    if left:
        count = f"{len(left)} image{'s' * (len(left) > 1)}"
        notes.append(f"{count} left out beside the images of the angles: {_named(root, left)}.")
    notes += _fewer(found)
    several = [section for section, (files, angles) in found.items() if len(files) > 1 and angles is None]
    if several:
        first = found[several[0]][0][0].relative_to(root)
        notes.append(
            f"The names of the images do not hold their angles ({first}): they are in the order of their numbers, and "
            "--angles must tell."
        )
    return found, notes


def _once(root: Path, section: int, images: list[tuple[Path, Hashable]]) -> None:
    """Refuse two images of one angle: tiles, repeats, or two sections under one number."""
    seen: dict[Hashable, Path] = {}
    for file, angle in images:
        if angle in seen:
            raise InputError(
                f"section {section} has two images of one angle",
                file=file,
                found=f"{seen[angle].relative_to(root)} beside it",
                expected="one image of the whole section for each angle",
                advice="stitch tiles, move repeats out of the folder, mark the section by s (s012_045deg.tif), or "
                "write the manifest by hand",
            )
        seen[angle] = file


def _fewer(found: dict[int, tuple[tuple[Path, ...], tuple[float, ...] | None]]) -> list[str]:
    """Sections whose angles are not those of most."""
    counts = Counter(angles for _, angles in found.values() if angles)
    if len(counts) < 2:
        return []
    usual, often = counts.most_common(1)[0]
    others = [
        f"section {section} ({', '.join(f'{a:g}' for a in sorted(set(usual) ^ set(angles)))} degrees)"
        for section, (_, angles) in sorted(found.items())
        if angles and angles != usual
    ]
    told = "; ".join(others[:4]) + ("; ..." if len(others) > 4 else "")
    return [f"Most sections ({often}) have images at {len(usual)} angles; these differ in some: {told}."]


def _kind(root: Path, one: Placed) -> str:
    """The name of an image without its numbers."""
    return " ".join(split_numbers(one.path.relative_to(root).with_suffix("").as_posix().lower())[::2])


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


def _in_a_row(light: set[int], ebsd: set[int], slices: dict[Path, tuple[int, ...]]) -> list[str]:
    """Whether the EBSD may be counted by itself: 1, 2, 3 where it was taken of every fourth section."""
    first, last = min(ebsd, default=0), max(ebsd, default=0)
    if slices or not 1 < len(ebsd) == last - first + 1 <= len(light) / 2:
        return []
    return [
        f"EBSD files have the numbers {first} to {last}, one after the other, light goes from {min(light)} to "
        f"{max(light)}: are they numbered as the sections are, and not by themselves?"
    ]


def _matched(light: set[int], ebsd: set[int], slices: dict[Path, tuple[int, ...]]) -> list[str]:
    """Whether sections of the light and of the EBSD have the same numbers."""
    notes = _in_a_row(light, ebsd, slices)
    notes += [f"The slices of {file.name} are taken as sections {n[0]} to {n[-1]}." for file, n in slices.items()]
    alone = sorted(ebsd - light)
    if light and alone:
        named = ", ".join(map(str, alone[:6])) + (" ..." if len(alone) > 6 else "")
        notes.append(
            f"{len(alone)} section{'s have' if len(alone) > 1 else ' has'} EBSD and no light ({named}; the light's are "
            f"{min(light)} to {max(light)}): are both numbered alike?"
        )
    return notes
