"""Grains of restored volumes against the truth: `python -m benchmarks.volume_grains [--seeds 1 2 3] [--every 4]`.

Synthetic volumes with EBSD at every second point of every fourth section and corrupted light on all are restored;
grains are looked for in what was restored and in the true orientations by the same rule. Beside them stands a copy of
the nearest section with EBSD as it was restored. Figures are ratios to the truth: number of grains, mean volume of
those that are whole inside, and the mean volume of all, which is the volume over their number.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.volume.front import restore_volume
from grainlight.volume.grains.grain_volume import GrainVolume, find_volume_grains
from grainlight.volume.inputs.synthetic import VolumeRecipe, write_synthetic_volume
from grainlight.volume.output.load import load_volume
from grainlight.volume.volume import Volume

FAMILIES = ("equiaxed", "twinned", "colony")
_STEP = 0.5


def true_volume(folder: Path, like: Volume) -> Volume:
    """The truth of a synthetic volume, in the form of a restored one."""
    with np.load(folder / "truth.npz") as file:
        q = file["quaternions"]
    size = q.shape[:3]
    none = np.zeros(size, np.float32)
    record = {"settings": like.record["settings"]}
    return dataclasses.replace(
        like,
        quaternions=q.astype(np.float32),
        phase_id=np.ones(size, np.int16),
        uncertainty=none,
        other_grain=none,
        boundary=none,
        source=np.zeros(size, np.uint8),
        light=None,
        sample_frame=SampleFrame.S,
        crystal_frame=CrystalFrame.X_ALONG_A,
        record=record,
        grain_id=None,
    )


def copied(volume: Volume) -> Volume:
    """Every section as the nearest one with EBSD is, the lower one of two as near."""
    at = np.flatnonzero(volume.measured)
    nearest = at[np.abs(volume.z[:, None] - volume.z[at][None]).argmin(1)]
    layers = ("quaternions", "phase_id", "uncertainty", "other_grain", "boundary", "source")
    taken = {name: np.stack([getattr(volume, name)[k] for k in nearest]) for name in layers}
    return dataclasses.replace(volume, light=None, grain_id=None, **cast(Any, taken))


@dataclasses.dataclass(frozen=True)
class Figures:
    """Of the grains of a volume: how many, how many whole inside, mean volume of those and of all, in um3."""

    grains: float
    interior: float
    whole: float
    every: float

    @classmethod
    def of(cls, found: GrainVolume) -> Figures:
        figures = found.figures
        mean = found.known / max(figures["grains"], 1)
        return cls(figures["grains"], figures["interior_grains"], figures["mean_volume"], mean)


def compare(recipe: VolumeRecipe, quality: str, workers: int, keep: Path | None) -> Iterator[tuple[str, Figures]]:
    """Figures of the truth, of what was restored, and of a copy of the nearest sections with EBSD."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if keep is None else keep
        folder.mkdir(parents=True, exist_ok=True)
        manifest = write_synthetic_volume(recipe, folder)
        options: dict[str, Any] = {"angles": "0:180:10", "step": recipe.step, "workers": workers}
        restore_volume(manifest, folder / "out", scale=recipe.scale, quality=quality, **options)
        volume = load_volume(folder / "out")
        for name, one in (("truth", true_volume(folder, volume)), ("restored", volume), ("copy", copied(volume))):
            yield name, Figures.of(find_volume_grains(one))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volume_grains", description=__doc__)
    parser.add_argument("--families", nargs="+", default=FAMILIES)
    parser.add_argument("--seeds", nargs="+", type=int, default=(1, 2, 3))
    parser.add_argument("--sections", type=int, default=25)
    parser.add_argument("--size", type=int, default=97, help="pixels a side")
    parser.add_argument("--grain-size", type=float, default=12.0, help="pixels")
    parser.add_argument("--every", type=int, default=4, help="EBSD on every n-th section")
    parser.add_argument("--level", default="corrupted")
    parser.add_argument("--quality", default="fast")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder that keeps the volumes; runs go on from what it holds")
    chosen = parser.parse_args(arguments)
    print("| family | seed | truth: grains | whole | grains | whole | volume, whole | all | copy: grains | all |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for family in chosen.families:
        for seed in chosen.seeds:
            recipe = VolumeRecipe(
                chosen.sections,
                (chosen.size, chosen.size),
                chosen.grain_size,
                step=_STEP,
                family=family,
                scale=2,
                every=chosen.every,
                level=chosen.level,
                seed=seed,
            )
            keep = None if chosen.keep is None else chosen.keep / f"{family}-{seed}"
            found = dict(compare(recipe, chosen.quality, chosen.workers, keep))
            truth, ours, copy = (found[name] for name in ("truth", "restored", "copy"))
            ratios = [getattr(ours, name) / getattr(truth, name) for name in ("grains", "interior", "whole", "every")]
            ratios += [getattr(copy, name) / getattr(truth, name) for name in ("grains", "every")]
            cells = " | ".join(f"{value:.2f}" for value in ratios)
            print(f"| {family} | {seed} | {truth.grains:.0f} | {truth.interior:.0f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
