"""What the files of a section say at their top, and where sections differ in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.images.order import arrange
from grainlight.maps.io.headers import MapHeader, read_image_header, read_map_header
from grainlight.maps.phase import Phase
from grainlight.volume.inputs.manifest_file import angles_cell
from grainlight.volume.manifest import SectionEntry


@dataclass(frozen=True)
class Stated:
    """What options say where manifest and files do not: angles of the images, um per pixel, frames of the EBSD."""

    angles: tuple[float, ...] | None = None
    step: float | None = None
    frame: SampleFrame | None = None
    crystal_frame: CrystalFrame | None = None


@dataclass(frozen=True, eq=False)
class LightHeader:
    """Of a section's images: how many, rows and columns, bytes of a value, angles and um per pixel where known."""

    images: int
    shape: tuple[int, int]
    itemsize: int
    angles: tuple[float, ...] | None
    step: float | None


def map_header(section: SectionEntry, stated: Stated) -> MapHeader:
    """Read the header of a section's EBSD.

    Raises
    ------
    InputError
        Where it cannot be read, or names phases and none of them is of Laue group 6/mmm.
    """
    assert section.ebsd is not None  # asked for sections with EBSD only
    header = read_map_header(section.ebsd, stated.frame, stated.crystal_frame, section.ebsd_slice)
    if header.phases and not any(phase.is_6mmm for phase in header.phases):
        raise InputError(
            "no phase of the map is of Laue group 6/mmm",
            file=section.ebsd,
            found="; ".join(str(phase) for phase in header.phases),
            expected="a hexagonal metal such as alpha titanium",
        )
    return header


def light_header(section: SectionEntry, stated: Stated) -> LightHeader:
    """Read the headers of a section's images.

    Raises
    ------
    InputError
        Where one cannot be read, they differ in size, or there are not as many as angles.
    """
    headers = [read_image_header(file) for file in section.light]
    first = headers[0]
    for one in headers:
        if one.shape != first.shape:
            raise InputError(
                "the light images differ in size",
                file=one.path,
                found=f"{one.shape[0]} x {one.shape[1]} pixels",
                expected=f"{first.shape[0]} x {first.shape[1]}, as in {first.path.name}",
            )
    images, angles = sum(one.images for one in headers), section.angles
    if angles is None and len(section.light) == images > 1:
        try:
            named = arrange(section.light, None).angles
            angles = None if named is None else tuple(float(a) for a in named)
        except InputError:  # not in the names
            angles = None
    angles = stated.angles if angles is None else angles
    if angles is not None and len(angles) != images:
        raise InputError(
            "there are not as many angles as images",
            file=first.path,
            found=f"{images} images, {len(angles)} angles",
            expected="one angle for each image",
            advice="check column angles or --angles; start:stop:step leaves the stop out",
        )
    return LightHeader(images, first.shape, first.itemsize, angles, section.step or stated.step)


def differences(maps: dict[int, MapHeader], light: dict[int, LightHeader]) -> list[str]:
    """Return sentences on headers that are not those of most sections."""
    of_maps: dict[str, Callable[[MapHeader], Hashable]] = {
        "size of the EBSD map": lambda h: f"{h.shape[0]} x {h.shape[1]} points",
        "step of the EBSD map": lambda h: " x ".join(f"{s:.4g}" for s in h.step) + " um",
        "frames of the EBSD map": lambda h: f"sample {h.sample_frame.value}, crystal X along {h.crystal_frame.value}",
        "phases of the EBSD map": lambda h: "; ".join(phase_text(p) for p in h.phases) or "none named",
    }
    of_light: dict[str, Callable[[LightHeader], Hashable]] = {
        "size of the images": lambda h: f"{h.shape[0]} x {h.shape[1]} pixels",
        "number of images": lambda h: str(h.images),
        "depth of the images": lambda h: f"{8 * h.itemsize} bits",
        "angles of the images": lambda h: "not stated" if h.angles is None else angles_cell(h.angles),
        "step of the images": lambda h: "not stated" if h.step is None else f"{h.step:g} um",
    }
    return [
        *(line for what, of in of_maps.items() if (line := _odd(what, maps, of))),
        *(line for what, of in of_light.items() if (line := _odd(what, light, of))),
    ]


def _odd(what: str, headers: dict[int, Any], of: Callable[[Any], Hashable]) -> str:
    values = {row: of(header) for row, header in headers.items()}
    counts = Counter(values.values())
    if len(counts) < 2:
        return ""
    usual = counts.most_common(1)[0][0]
    others = [
        f"{value} in {row_names([r for r, v in values.items() if v == value])}" for value in counts if value != usual
    ]
    told = "; ".join(others[:4]) + ("; ..." if len(others) > 4 else "")
    return f"The {what} differs between sections: {usual} in most ({counts[usual]}), {told}."


def phase_text(phase: Phase) -> str:
    """A phase by number, name, symmetry and lattice."""
    return f"{phase.id} {phase.name.strip()} ({phase.laue_group or '?'}), a {phase.a:.3f}, c {phase.c:.3f}"


def row_names(numbers: list[int]) -> str:
    """Name rows, runs of them by their ends."""
    return f"row{'s' * (len(numbers) > 1)} {runs_of(numbers)}"


def runs_of(numbers: list[int]) -> str:
    """Name numbers, runs of them by their ends."""
    runs: list[list[int]] = []
    for n in sorted(set(numbers)):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    named = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs[:5]]
    return ", ".join(named) + (" and others" if len(runs) > 5 else "")
