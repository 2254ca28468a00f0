"""What calibration leaves in the light: `python -m benchmarks.light_noise`.

Synthetic sections are photographed and calibrated as a restoration does it. Where no boundary is near, the light that
comes out is compared with what the true axes show under the best curves: its deviation in units of the stated noise,
and the share of its variance that pixels one and four apart have in common. White noise has none; that of training
(`training.hidden_labels`) has as much as is found here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from grainlight.crystal.euler import c_axis
from grainlight.diffusion.state import LIGHT, is_unknown
from grainlight.evaluation.degrade import LEVELS
from grainlight.evaluation.metrics import boundary_edges, boundary_pixels
from grainlight.evaluation.reference_map import FIRST_SEED, SECTIONS, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.optics.forward.axis_powers import axis_powers
from grainlight.restore.inputs import prepare
from grainlight.restore.settings import Settings
from grainlight.synth.families import FAMILIES

FIRST = FIRST_SEED + 900_000
GROUPS = ("A0", "A2", "A4")
# Pixels from a boundary that no blur reaches, fewest of them that say something, and distances of pixels compared.
_FAR, _FEWEST, _APART = 4.0, 800, (1, 4)


@dataclass(frozen=True)
class Left:
    """Of a group of harmonics: the ``stated`` noise (median), the root mean square deviation in units of it, and the
    share of the deviation's variance that pixels 1 and 4 apart have in ``common``."""

    stated: float
    deviation: float
    common: tuple[float, ...]


def left_in(
    light: NDArray[np.float64], sigma: NDArray[np.float64], axes: NDArray[np.float64], use: NDArray[np.bool_]
) -> dict[str, Left]:
    """What is left in calibrated light (5, H, W) with noise ``sigma`` (3, H, W) of c-axes (H, W, 3), where ``use``."""
    s, u, v = (x.double().numpy() for x in axis_powers(torch.from_numpy(axes)))
    turning = {"A0": (s,), "A2": (u, v), "A4": (u * u - v * v, 2 * u * v)}
    found, first = {}, 0
    for level, (name, shapes) in zip(sigma, turning.items(), strict=True):
        measured, first = light[first : first + len(shapes)], first + len(shapes)
        known = use & ~is_unknown(torch.from_numpy(level)).numpy()
        if known.sum() < _FEWEST:
            continue
        # Cubic curves in s times what turns with the azimuth, by weighted least squares.
        basis = np.stack([np.stack([shape * s**power for shape in shapes]) for power in range(3)], -1)
        weight = np.broadcast_to(1 / level[known], (len(shapes), int(known.sum())))
        rows, target = basis[:, known] * weight[..., None], measured[:, known] * weight
        curve = np.linalg.lstsq(rows.reshape(-1, 3), target.ravel(), rcond=None)[0]
        rest = np.where(known, (measured - basis @ curve) / level, 0.0)
        variance = float(np.square(rest[:, known]).mean())
        found[name] = Left(
            float(np.median(level[known])),
            variance**0.5,
            tuple(_product(rest, known, apart) / variance for apart in _APART),
        )
    return found


def _product(rest: NDArray[np.float64], known: NDArray[np.bool_], apart: int) -> float:
    """Mean product of deviations (C, H, W) of known pixels so far apart along rows."""
    both = known[:, apart:] & known[:, :-apart]
    return float((rest[..., apart:] * rest[..., :-apart])[:, both].mean())


def measured(level: str, each: int, size: int, scale: int) -> Iterator[dict[str, Left]]:
    """What is left of every section of a level."""
    for number in range(each):
        for index, family in enumerate(FAMILIES):
            full = validation_section(family, (number + index) % SECTIONS, size, first=FIRST).full
            task = Scenario(scale, level).degrade(full, number)  # type: ignore[arg-type]
            ready = prepare(task.coarse, task.stack, Settings(scale=scale))
            far = distance_transform_edt(~boundary_pixels(boundary_edges(task.truth))) > _FAR
            light, sigma = ready.measurement[LIGHT].double().numpy(), ready.sigma[1:].double().numpy()
            yield left_in(light, sigma, c_axis(task.truth), far)


def main(arguments: list[str] | None = None) -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.light_noise", description=__doc__)
    parser.add_argument("--each", type=int, default=3, help="sections of each family")
    parser.add_argument("--size", type=int, default=113)
    parser.add_argument("--scale", type=int, default=2, help="every so many pixels a point")
    given = parser.parse_args(arguments)
    print("| level | group | stated noise | deviation / stated | in common, 1 px | 4 px |\n|---|---|---|---|---|---|")
    for level in LEVELS:
        found = list(measured(level, given.each, given.size, given.scale))
        for group in GROUPS:
            its = [one[group] for one in found if group in one]
            if its:
                figures = np.median([(x.stated, x.deviation, *x.common) for x in its], 0)
                print(f"| {level} | {group} | " + " | ".join(f"{x:.2f}" for x in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
