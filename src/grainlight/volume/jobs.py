"""The unit of work of a volume: one section, restored by its EBSD or between two that were."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, load_light
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.same_phase import joined_phases
from grainlight.restore.between import KnownSection, restore_between
from grainlight.restore.enhance import enhance
from grainlight.restore.light.registration import WAYS_ON
from grainlight.restore.points.grid import output_shape
from grainlight.restore.result import NOT_RESTORED, Result
from grainlight.restore.settings import Settings
from grainlight.volume.alignment.anchor import Place, place_of
from grainlight.volume.manifest import SAME_STEP, SectionEntry
from grainlight.volume.section_store import StoredSection, read, store
from grainlight.volume.shape import interpolate_shapes

# Pixels of a neighbour that are more likely of another grain than not are nothing to go by.
_DOUBTED = 0.5
# Flags of light that EBSD contradicts (`restore.result`), and share of the field from which that is asked about.
_CONTRADICTS, _STRANGERS = 8 | 64, 0.25
# A part of a sentence with an option of `enhance` alone.
_OPTIONS = re.compile(r"(?:;|(?<=[.;])) [^.;]*--(?:fill-holes|keep-noise|register|points)\b[^.;]*")
# Share of the field that a section with EBSD may leave bare, and pixels of the images that its map may be bent, unsaid.
_BARE, _BENT = 0.1, 4.0


@dataclass(frozen=True)
class LightOptions:
    """What the images of all sections have in common, where the manifest does not say otherwise (`load_light`)."""

    angles: str | tuple[float, ...] | None = None
    step: float | None = None
    origin: tuple[float, float] = (0.0, 0.0)
    rotates: Literal["sample", "optics"] = "sample"
    mirror: bool = False


@dataclass(frozen=True)
class MapOptions:
    """How the EBSD files of all sections are read; as for `load_ebsd`."""

    frame: SampleFrame | str | None = None
    crystal_frame: CrystalFrame | str | None = None


@dataclass(frozen=True)
class Grid:
    """The grid of a volume in the plane: that of the first section with EBSD.

    Rows, columns, step in um; ``origin`` of its first pixel as its file states it. Places in the plane count from it.
    """

    rows: int
    columns: int
    step: float
    origin: tuple[float, float]

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns


@dataclass(frozen=True)
class Specimen:
    """What the sections of a volume share: its grid, phases and frames, and how all are restored.

    ``anchor`` x, y in um by which EBSD lies right and down of where the images' origin states (`alignment.anchor`).
    """

    grid: Grid
    phases: tuple[Phase, ...]
    sample_frame: SampleFrame
    crystal_frame: CrystalFrame
    settings: Settings
    light: LightOptions
    maps: MapOptions = field(default_factory=MapOptions)
    anchor: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Job:
    """A section to restore: with EBSD of its own, or between the rows ``below`` and ``above`` of the manifest.

    ``shift`` in um from the section to the volume; ``heights`` of the sections below and above in um; ``key`` of all
    that it is made from.
    """

    entry: SectionEntry
    shift: tuple[float, float]
    key: str
    folder: Path
    specimen: Specimen
    below: int | None = None
    above: int | None = None
    heights: tuple[float, float] = (float("nan"), float("nan"))


def read_map(entry: SectionEntry, maps: MapOptions) -> OrientationMap:
    """The EBSD of a section that has some."""
    assert entry.ebsd is not None
    return load_ebsd(entry.ebsd, maps.frame, maps.crystal_frame, section=entry.ebsd_slice)


def read_light(entry: SectionEntry, options: LightOptions) -> LightStack | None:
    """The images of a section; None where it has none or is left out."""
    if not entry.light or entry.exclude:
        return None
    step = entry.step or options.step
    if step is None:
        raise InputError(
            "the step of the light images is not known",
            file=entry.light[0],
            advice="state it: --pl-step UM, or a column `step` in the manifest",
        )
    paths = list(entry.light)
    return load_light(
        paths[0] if len(paths) == 1 else paths,
        entry.angles or options.angles,
        step,
        entry.origin or options.origin,
        options.rotates,
        options.mirror,
    )


def grid_of(ebsd: OrientationMap, scale: int) -> Grid:
    """The output grid of a map."""
    rows, columns, step = output_shape(ebsd, scale)
    return Grid(rows, columns, step, (float(ebsd.origin[0]), float(ebsd.origin[1])))


def work(job: Job) -> tuple[str, ...]:
    """Restore one section and store it; return what is to be said of it."""
    measured = job.entry.ebsd is not None and not job.entry.exclude
    made = _with_ebsd(job) if measured else _between(job)
    store(made, job.folder, job.entry.row, job.key)
    return made.said


def _with_ebsd(job: Job) -> StoredSection:
    specimen = job.specimen
    assert job.entry.ebsd is not None
    ebsd = read_map(job.entry, specimen.maps)
    light = read_light(job.entry, specimen.light)
    if abs(output_shape(ebsd, specimen.settings.scale)[2] / specimen.grid.step - 1) > SAME_STEP:
        raise InputError(
            "the EBSD steps of the sections differ",
            file=job.entry.ebsd,
            found=f"{ebsd.step[0]:g} um",
            expected=f"{specimen.grid.step * specimen.settings.scale:g} um, as of the first section with EBSD",
            advice="leave the section out (exclude), or scan it with the step of the others",
        )
    found = enhance(ebsd, light, replace(specimen.settings, seed=specimen.settings.seed + job.entry.row))
    found = _renumbered(found, specimen.phases, job.entry.ebsd)
    left, top = (a - b for a, b in zip(found.map.origin, ebsd.origin, strict=True))
    told, anchor = place_of(found.record["registration"], light), specimen.anchor
    # a map whose place in its light is not sure lies there as the others do
    x, y = anchor if told is None else (told.x, told.y)
    at = (left + job.shift[0] + x - anchor[0], top + job.shift[1] + y - anchor[1])
    if not _meets(found, specimen.grid, at):
        raise InputError(
            "the section lies beside the volume",
            file=job.entry.ebsd,
            place=f"row {job.entry.row}",
            found=f"its EBSD begins {at[0]:.4g}, {at[1]:.4g} um from that of the first section",
            expected="a place on the field of the first section with EBSD",
            advice="check its shift in alignment.json and its origin in the manifest, or leave it out (exclude)",
        )
    made = _on_grid(found, specimen.grid, at)
    said = (*map(said_of_section, made.said), *_missed(made, told, specimen.grid, light), *_contradicted(found))
    return replace(made, said=said)


def _renumbered(found: Result, phases: tuple[Phase, ...], file: Path) -> Result:
    """A result whose phases have the numbers of the volume's, by what they are: files number them each in its way."""
    joined, number = joined_phases(phases, found.map.phases)
    present = {phase.id for phase in found.map.phases if (found.map.phase_id == phase.id).any()}
    strange = [one for one in joined[len(phases) :] if one.id in {number[k] for k in present}]
    if strange:
        raise InputError(
            "a phase of the section is none of the volume's",
            file=file,
            found=str(strange[0]),
            expected="; ".join(map(str, phases)),
        )
    if all(old == new for old, new in number.items()):
        return found
    phase_id = found.map.phase_id.copy()
    for old, new in number.items():
        phase_id[found.map.phase_id == old] = new
    return replace(found, map=found.map.replace(phases=phases, phase_id=phase_id))


def _missed(made: StoredSection, told: Place | None, grid: Grid, light: LightStack | None) -> list[str]:
    """What a map does not cover of the volume, and how far its light is from lying straight on it."""
    said = []
    bare = float((made.phase_id == 0).mean())
    if bare > _BARE:
        said.append(f"{100 * bare:.0f} % of the volume's field is not restored in this section: no EBSD reaches there")
    if told is not None and light is not None and told.bent > _BENT * light.step:
        said.append(
            f"EBSD and light of the section are turned or bent against each other by up to {told.bent / grid.step:.1f} "
            "pixels of the output: it is placed by the middle of its EBSD map"
        )
    return said


def _meets(found: Result, grid: Grid, place: tuple[float, float]) -> bool:
    """Whether a result, its first pixel x, y um from the grid's, has a pixel on the grid."""
    left, top = (round(at / grid.step) for at in place)
    rows, columns = found.map.shape
    return -columns < left < grid.columns and -rows < top < grid.rows


def _on_grid(found: Result, grid: Grid, place: tuple[float, float]) -> StoredSection:
    """A result on the grid of the volume, by whole pixels; ``place`` x, y of its first pixel from the grid's, in um."""
    left, top = (round(at / grid.step) for at in place)
    rows, columns = found.map.shape
    to = (slice(max(top, 0), min(top + rows, grid.rows)), slice(max(left, 0), min(left + columns, grid.columns)))
    of = (slice(to[0].start - top, to[0].stop - top), slice(to[1].start - left, to[1].stop - left))
    canonical = found.map.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)

    def placed(values: NDArray[Any], empty: float, kind: type) -> NDArray[Any]:
        out = np.full((*grid.shape, *values.shape[2:]), empty, kind)
        out[to] = values[of]
        return out

    q = placed(canonical.quaternions, 0.0, np.float32)
    q[(q == 0).all(-1), 0] = 1.0
    light = np.moveaxis(placed(np.moveaxis(found.light, 0, -1), np.nan, np.float16), -1, 0)
    source = placed(found.source, NOT_RESTORED, np.uint8)
    # other phases than hexagonal ones are kept as they were measured; where nothing is known there is none
    phase = placed(found.map.phase_id.clip(0), 0, np.int16)
    return StoredSection(
        q,
        phase,
        placed(found.uncertainty, np.nan, np.float32),
        placed(found.other_grain, np.nan, np.float32),
        placed(found.boundary, 0.0, np.float32),
        source,
        light,
        tuple(found.record["warnings"]),
    )


def said_of_section(text: str) -> str:
    """A sentence of a restoration without the options that a volume's run has not."""
    if WAYS_ON in text:
        return text.replace(WAYS_ON, "The column origin of the manifest states where its images lie")
    return _OPTIONS.sub("", text).strip().rstrip(".") + "."


def _contradicted(found: Result) -> list[str]:
    """Whether a map and its light look as if they were of two sections."""
    flags = found.light_flags
    share = 0.0 if flags is None else float(((flags & _CONTRADICTS) > 0).mean())
    if share < _STRANGERS:
        return []
    return [
        f"light and EBSD contradict each other over {100 * share:.0f} % of the field: are both of this section, and is "
        "its place in the order right?"
    ]


def _between(job: Job) -> StoredSection:
    specimen, grid = job.specimen, job.specimen.grid
    light = read_light(job.entry, specimen.light)
    if light is not None:
        x, y = (o - a for o, a in zip(light.origin, specimen.anchor, strict=True))
        light = replace(light, origin=(x + job.shift[0], y + job.shift[1]))
    sides = [
        None if row is None else _known(job, row, abs(height - job.entry.z))
        for row, height in zip((job.below, job.above), job.heights, strict=True)
    ]
    below, above = sides
    found = restore_between(light, below, above, _shape(below, above), specimen.settings)
    made = _on_grid(found, grid, (0.0, 0.0))
    said = tuple(map(said_of_section, made.said))
    if light is None:
        why = f"left out ({job.entry.exclude})" if job.entry.exclude else "without light"
        said = (*said, f"the section is {why}: it is interpolated from those below and above")
    return replace(made, said=said)


def _known(job: Job, row: int, distance: float) -> KnownSection:
    """A neighbour as it was restored, on the grid of the volume with its first pixel as origin."""
    its, specimen = read(job.folder, row), job.specimen
    step = specimen.grid.step
    made = OrientationMap.from_quaternions(
        its.quaternions.astype(np.float64), (step, step), specimen.phases, phase_id=its.phase_id, source="grainlight"
    )
    metal = np.isin(its.phase_id, [p.id for p in specimen.phases if p.laue_group == "6/mmm"])
    doubted = np.nan_to_num(its.other_grain, nan=0.0) > _DOUBTED
    return KnownSection(made, metal & (its.source != NOT_RESTORED) & ~doubted, distance)


def _shape(below: KnownSection | None, above: KnownSection | None) -> OrientationMap:
    """What lies between two maps by the shapes of their grains; a copy of the only one."""
    if below is not None and above is not None:
        q, there = interpolate_shapes(
            below.canonical(), above.canonical(), (below.known, above.known), (below.distance, above.distance)
        )
        nearest = min((below, above), key=lambda one: one.distance)
        return nearest.map.replace(quaternions=q, phase_id=np.where(there, nearest.main_phase, 0).astype(np.int16))
    only = below if below is not None else above
    assert only is not None
    return only.map.replace(phase_id=np.where(only.known, only.map.phase_id, 0).astype(np.int16))
