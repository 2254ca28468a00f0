"""Sections between two with EBSD: `python -m benchmarks.between [--sure P] [--gaps 4 8 12] [--levels clean corrupted]`.

Synthetic stacks, sections a tenth of a grain's diameter apart; the two outer sections have EBSD at every second point
and light and are restored; of those between, that in the middle and that in the first quarter are restored from light
alone, and compared with a copy of the nearest section and with shape interpolation.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.evaluation.degrade import degrade, photograph
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore import between
from grainlight.restore.between import KnownSection, restore_between
from grainlight.restore.enhance import enhance
from grainlight.restore.result import Result
from grainlight.restore.settings import Settings
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_stack
from grainlight.volume.shape import interpolate_shapes

FAMILIES = ("equiaxed", "twinned", "colony")
_SPACING = 0.1
_SCALE = 2
_UNRELATED = "unrelated"


@dataclass(frozen=True, eq=False)
class Stack:
    """Truth of a section and of those below and above, (H, W, 4) and (H, W), and their distances in pixels."""

    truth: NDArray[np.float64]
    grain: NDArray[np.int64]
    beside: tuple[NDArray[np.float64], NDArray[np.float64]]
    distance: tuple[float, float]


def draw_stack(family: str, seed: int, size: int, gap: int, place: int) -> Stack:
    """The section ``place`` above the lower one of two that are ``gap`` sections apart."""
    heights = torch.tensor([[0.0], [-_SPACING * place], [_SPACING * (gap - place)]])
    sections, pixels = make_stack(Draw.seeded(seed), heights, (size, size), (8.0, 25.0), family)
    q = [s.orientation[0].double().numpy() for s in sections]
    away = pixels[1:, 0].abs().tolist()
    return Stack(q[0], sections[0].grain[0].numpy(), (q[1], q[2]), (away[0], away[1]))


def restored(truth: NDArray[np.float64], level: str, seed: int, quality: str) -> Result:
    """A section with EBSD at every second point, and light of a level."""
    full = OrientationMap.from_quaternions(truth, (1.0, 1.0), (TITANIUM,))
    seen = {"none": None, _UNRELATED: "clean"}.get(level, level)
    task = degrade(full, scale=_SCALE, level=seen, seed=seed)  # type: ignore[arg-type]
    return enhance(task.coarse, task.stack, Settings(scale=_SCALE, quality=quality, register="none"))


def light_of(stack: Stack, level: str, seed: int) -> LightStack | None:
    """Images of the section between."""
    if level == "none":
        return None
    seen = stack.truth[::-1, ::-1].copy() if level == _UNRELATED else stack.truth
    valid = np.ones(seen.shape[:2], dtype=bool)
    return photograph(seen, valid, "clean" if level == _UNRELATED else level, seed, 1.0, "Ti")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Score:
    """Pixels off by more than 5 degrees, all and within 2 pixels of a boundary, in percent; the share within the 90 %
    bound; the mean of what is stated as the probability of another grain."""

    wrong: float
    near: float
    covered: float = float("nan")
    stated: float = float("nan")


def score(q: NDArray[np.float64], stack: Stack, result: Result | None = None) -> Score:
    """Compare a map with the truth."""
    angle = disorientation_angle(torch.from_numpy(q), torch.from_numpy(stack.truth))
    error = torch.rad2deg(angle).numpy()
    right, down = stack.grain[:, 1:] != stack.grain[:, :-1], stack.grain[1:] != stack.grain[:-1]
    edge = np.zeros(stack.grain.shape, bool)
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    edge[1:] |= down
    edge[:-1] |= down
    near = distance_transform_edt(~edge) < 2
    wrong = error > 5
    whole = 100 * float(wrong.mean()), 100 * float(wrong[near].mean())
    if result is None:
        return Score(*whole)
    return Score(*whole, float((error <= result.uncertainty).mean()), 100 * float(np.nanmean(result.other_grain)))


def compare(
    family: str, seed: int, gap: int, level: str, *, size: int, quality: str, weights: Path | None = None
) -> Iterator[dict[str, Score]]:
    """Scores by method of two sections between."""
    for place in sorted({max(1, gap // 4), gap // 2}):
        stack = draw_stack(family, seed, size, gap, place)
        maps = [restored(q, level, seed + k, quality).map for k, q in enumerate(stack.beside)]
        known = [KnownSection(m, m.phase_id > 0, d) for m, d in zip(maps, stack.distance, strict=True)]
        below, above = (one.canonical() for one in known)
        shape, there = interpolate_shapes(below, above, (known[0].known, known[1].known), stack.distance)
        fall_back = maps[0].replace(quaternions=shape, phase_id=np.where(there, TITANIUM.id, 0).astype(np.int16))
        light = light_of(stack, level, seed)
        settings = Settings(quality=quality, seed=seed, weights=weights)
        found = restore_between(light, known[0], known[1], fall_back, settings)
        nearest = below if stack.distance[0] <= stack.distance[1] else above
        yield {
            "copy": score(nearest, stack),
            "shape": score(shape, stack),
            "light": score(np.asarray(found.map.quaternions), stack, found),
        }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.between", description=__doc__)
    parser.add_argument("--families", nargs="+", default=FAMILIES)
    parser.add_argument("--gaps", nargs="+", type=int, default=(4, 8, 12))
    parser.add_argument("--levels", nargs="+", default=("clean", "corrupted"), help="of synth.camera, unrelated, none")
    parser.add_argument("--seeds", nargs="+", type=int, default=(1, 2, 3))
    parser.add_argument("--size", type=int, default=97, help="an odd number of pixels")
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--weights", type=Path, help="of a network trained on stacks, in place of the shipped ones")
    parser.add_argument("--sure", type=float, default=between.SURE, help="probability from which a grain is taken")
    chosen = parser.parse_args(arguments)
    between.SURE = chosen.sure  # type: ignore[misc]
    print("| light | gap | copy | shape interpolation | light between | to shape | in the bound | stated, found |")
    print("|---|---|---|---|---|---|---|---|")
    for level in chosen.levels:
        for gap in chosen.gaps:
            found: dict[str, list[Score]] = {}
            for family in chosen.families:
                for seed in chosen.seeds:
                    options = {"size": chosen.size, "quality": chosen.quality, "weights": chosen.weights}
                    for scores in compare(family, seed, gap, level, **options):
                        for name, one in scores.items():
                            found.setdefault(name, []).append(one)
            print(_row(level, gap, found), flush=True)


def _row(level: str, gap: int, found: dict[str, list[Score]]) -> str:
    def mean(method: str, field: str) -> float:
        return float(np.mean([getattr(one, field) for one in found[method]]))

    cells = [f"{mean(m, 'wrong'):.1f} / {mean(m, 'near'):.1f}" for m in ("copy", "shape", "light")]
    ratio = mean("light", "near") / mean("shape", "near")
    doubt = f"{mean('light', 'stated'):.1f} %, {mean('light', 'wrong'):.1f} %"
    return f"| {level} | {gap} | {' | '.join(cells)} | {ratio:.2f} | {mean('light', 'covered'):.2f} | {doubt} |"


if __name__ == "__main__":
    main()
