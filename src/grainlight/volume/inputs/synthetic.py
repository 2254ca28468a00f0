"""Synthetic volumes: sections of one polycrystal with light on each, EBSD on some, and the truth.

Sections are cut as `synth.section.make_stack` cuts them. Misaligned ones are cut on a finer grid and picked from it, so
that a displacement is a true one, of quarters of a pixel, and nothing is interpolated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.euler import c_axis
from grainlight.crystal.quaternion import from_rotation_vector, multiply
from grainlight.errors import InputError
from grainlight.maps.io import save_ebsd
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.progress import Progress, Silent
from grainlight.volume.inputs.manifest_file import save_manifest
from grainlight.volume.manifest import Manifest, SectionEntry

if TYPE_CHECKING:
    from grainlight.synth.camera import CameraSettings
    from grainlight.synth.polycrystal import Polycrystal

_REACH = 1.2
"""Grain diameters above and below the middle that a solid polycrystal can be cut at."""
_FINER = 4
_NOISE, _LIGHT, _WALK = 7_000_003, 1_000_003, 3_000_017  # streams of random numbers, apart from the specimen's


@dataclass(frozen=True)
class VolumeRecipe:
    """What a synthetic volume is made of.

    Parameters
    ----------
    sections
        How many, from the lowest, number 0, to the highest.
    shape
        Rows and columns; a row and column less each until the last ones are measured (`scale`).
    grain_size
        Mean grain diameter in pixels.
    spacing
        Of the sections in grain diameters; all of them within 2.4.
    step
        um per pixel.
    family
        One of `synth.families.FAMILIES`; drawn from the seed if None.
    scale, every, noise
        EBSD at every ``scale``-th point of every ``every``-th section, with an rms error of ``noise`` degrees.
    level, metal
        Of the light, as for `synth.camera`; one microscope for all sections.
    misalign
        Root mean square step, in pixels, of the random walk that displaces sections.
    ruined
        Number of a section whose light is ruined: out of focus, dark, stained and scratched. None: none is.
    seed
        The same seed, the same volume.
    """

    sections: int
    shape: tuple[int, int] = (160, 160)
    grain_size: float = 16.0
    spacing: float = 0.1
    step: float = 0.5
    family: str | None = None
    scale: int = 4
    every: int = 4
    noise: float = 0.5
    level: str = "corrupted"
    metal: str = "Ti"
    misalign: float = 0.0
    ruined: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sections < 2:
            raise InputError("a volume has two sections or more", found=f"{self.sections}")
        if (self.sections - 1) * self.spacing > 2 * _REACH + 1e-9:
            raise InputError(
                "so many sections so far apart are higher than a synthetic polycrystal",
                found=f"{self.sections} sections {self.spacing:g} grain diameters apart",
                expected=f"{2 * _REACH:g} grain diameters in all",
                advice=f"a spacing of {np.floor(2e3 * _REACH / (self.sections - 1)) / 1e3:g}, or fewer sections",
            )
        if self.ruined is not None and not 0 <= self.ruined < self.sections:
            raise InputError(
                "there is no such section to ruin",
                found=f"section {self.ruined}",
                expected=f"0 to {self.sections - 1}",
            )
        if min(self.shape) <= 2 * self.scale:
            raise InputError(
                "the sections are too small for the scale",
                found=f"scale {self.scale}, {self.shape[0]} x {self.shape[1]} pixels",
            )

    @property
    def pixels(self) -> tuple[int, int]:
        """Rows and columns as they are made: the first and the last are measured."""
        rows, columns = ((n - 1) // self.scale * self.scale + 1 for n in self.shape)
        return rows, columns


@dataclass(frozen=True, eq=False)
class SyntheticSection:
    """One section of a synthetic volume.

    Parameters
    ----------
    z
        Height in um above section 0.
    orientation, grain
        (H, W, 4) float32 in frame S, X along a, and (H, W) int32: the truth in the specimen's own place; grain numbers
        agree between sections.
    shift
        x, y in pixels: what lies at a pixel p of the truth is at p + shift on the section's images and in its EBSD.
    ebsd
        The map as measured, None where the section has none.
    images
        (N, H, W) uint16, in the angles of ``camera``.
    camera
        The microscope.
    """

    z: float
    orientation: NDArray[np.float32]
    grain: NDArray[np.int32]
    shift: tuple[float, float]
    ebsd: OrientationMap | None
    images: NDArray[np.uint16]
    camera: CameraSettings


def synthetic_sections(recipe: VolumeRecipe) -> Iterator[SyntheticSection]:
    """Make the sections of a volume, one by one from the lowest."""
    import torch

    from grainlight.synth import camera
    from grainlight.synth.draw import Draw
    from grainlight.synth.polycrystal import draw_polycrystal

    walk = _walk(recipe)
    finer = _FINER if recipe.misalign else 1
    margin = int(np.ceil(np.abs(walk).max())) if recipe.misalign else 0
    rows, columns = recipe.pixels
    size = recipe.grain_size * finer
    cut_shape = ((rows + 2 * margin) * finer, (columns + 2 * margin) * finer)
    solid = draw_polycrystal(Draw.seeded(recipe.seed), 1, cut_shape, (size, size), recipe.family, solid=True)
    diameter = float(solid.grain_size[0])
    preset = camera.PRESETS[recipe.level](recipe.seed, metal=recipe.metal)

    def picked(by: float, pixels: int) -> slice:
        first = margin * finer - round(finer * by)
        return slice(first, first + pixels * finer, finer)

    for i in range(recipe.sections):
        height = (i - (recipe.sections - 1) / 2) * recipe.spacing * diameter
        q, grain = _plane(solid, height)
        seen = q[picked(walk[i, 1], rows), picked(walk[i, 0], columns)].astype(np.float64)
        settings = _ruined(recipe) if i == recipe.ruined else preset
        generator = torch.Generator().manual_seed(recipe.seed + _LIGHT * (i + 1))
        shot = camera.simulate_stack(torch.from_numpy(c_axis(seen)), settings, generator)
        yield SyntheticSection(
            round(i * recipe.spacing * diameter / finer * recipe.step, 6),
            q[picked(0.0, rows), picked(0.0, columns)],
            grain[picked(0.0, rows), picked(0.0, columns)],
            (float(walk[i, 0]), float(walk[i, 1])),
            _measured(seen, recipe, i) if i % recipe.every == 0 else None,
            shot.images.numpy(),
            settings,
        )


def write_synthetic_volume(recipe: VolumeRecipe, folder: Path, progress: Progress | None = None) -> Path:
    """Write a synthetic volume into a folder and return its manifest.

    ``sNNN_light.tif`` and ``sNNN_ebsd.ang`` of the sections, ``volume.csv``, ``volume.json`` (the recipe), and
    ``truth.npz``: ``quaternions`` (Z, H, W, 4), ``grain`` (Z, H, W), ``z`` [um], ``shift`` (Z, 2) [pixels, x and y],
    ``measured`` (Z,), ``ruined`` (Z,), ``step`` [um].

    Raises
    ------
    InputError
        Where the folder cannot be written.
    """
    import tifffile

    progress = progress or Silent()
    progress.begin("sections", recipe.sections)
    entries: list[SectionEntry] = []
    truth: dict[str, list[Any]] = {name: [] for name in ("quaternions", "grain", "z", "shift", "measured", "ruined")}
    for i, section in enumerate(synthetic_sections(recipe)):
        light, ebsd = folder / f"s{i:03d}_light.tif", folder / f"s{i:03d}_ebsd.ang"
        with atomic_path(light) as file:
            tifffile.imwrite(file, section.images, photometric="minisblack")
        if section.ebsd is not None:
            save_ebsd(section.ebsd, ebsd)
        entries.append(SectionEntry(i + 1, section.z, ebsd if section.ebsd is not None else None, (light,)))
        values = (section.orientation, section.grain, section.z, section.shift, section.ebsd is not None)
        for name, value in zip(truth, (*values, i == recipe.ruined), strict=True):
            truth[name].append(value)
        progress.advance()
    with atomic_path(folder / "truth.npz") as file:
        arrays: dict[str, Any] = {name: np.array(value) for name, value in truth.items()}
        np.savez_compressed(file, step=recipe.step, **arrays)
    placed = {"z_um": truth["z"], "shift_pixels": truth["shift"], "angles": list(section.camera.angles)}
    with atomic_path(folder / "volume.json") as file:
        file.write_text(json.dumps({**asdict(recipe), **placed}, indent=1) + "\n", encoding="utf-8")
    return save_manifest(Manifest(folder / "volume.csv", tuple(entries)))


def _walk(recipe: VolumeRecipe) -> NDArray[np.float64]:
    """Displacements (Z, 2) in quarters of a pixel, none of the first section."""
    steps = np.random.default_rng(recipe.seed + _WALK).normal(size=(recipe.sections, 2)) * recipe.misalign / np.sqrt(2)
    steps[0] = 0
    return np.round(np.cumsum(steps, 0) * _FINER) / _FINER + 0.0


def _plane(solid: Polycrystal, height: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    import torch

    from grainlight.synth.polycrystal import cut

    q, grain = cut(solid, torch.tensor([height]))
    return q[0].numpy(), grain[0].numpy().astype(np.int32)


def _measured(seen: NDArray[np.float64], recipe: VolumeRecipe, number: int) -> OrientationMap:
    import torch

    points = torch.from_numpy(np.ascontiguousarray(seen[:: recipe.scale, :: recipe.scale]))
    generator = torch.Generator().manual_seed(recipe.seed + _NOISE * (number + 1))
    vector = torch.randn(*points.shape[:-1], 3, generator=generator, dtype=torch.float64)
    noisy = multiply(from_rotation_vector(vector * (np.radians(recipe.noise) / np.sqrt(3.0))), points)
    noisy = torch.nn.functional.normalize(torch.where(noisy[..., :1] < 0, -noisy, noisy), dim=-1)
    step = recipe.step * recipe.scale
    return OrientationMap.from_quaternions(noisy.numpy(), (step, step), (TITANIUM,), source="synthetic")


def _ruined(recipe: VolumeRecipe) -> CameraSettings:
    """A microscope out of focus over a stained and scratched section, nearly in the dark."""
    from grainlight.synth import camera

    worst = camera.PRESETS["severe"](recipe.seed, metal=recipe.metal)
    return replace(worst, blur=6.0, electrons=20.0, stain=0.6, scratches=60, dust=80, deformation=0.9, bits=8)
