"""Constants of grains that no measured point met: `python -m benchmarks.missed`.

Fits the logit of `restore.uncertainty.surroundings` on synthetic sections that are neither trained on nor evaluated,
with light, most of them at scale 8, where most grains are missed. A pixel counts that was not measured and whose rival
has hardly a chance: an error above 5 degrees there is taken for a grain that nobody measured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.unlit import logistic, which_sections
from grainlight.crystal.embedding import SQUARED_NORM, decode
from grainlight.diffusion.checkpoint import load_weights
from grainlight.diffusion.state import EBSD, is_unknown
from grainlight.evaluation.metrics import BOUNDARY_ANGLE, disorientation
from grainlight.evaluation.reference_map import FIRST_SEED, SECTIONS, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.restore.inputs import prepare
from grainlight.restore.labelling.label import label_map
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.sampling.tiles import TiledDenoiser
from grainlight.restore.settings import Settings
from grainlight.restore.uncertainty.second_label import second_probability
from grainlight.restore.uncertainty.surroundings import surroundings
from grainlight.synth.families import FAMILIES

FIRST_MISSED_SEED = FIRST_SEED + 400_000
_SCENARIOS = (Scenario(2), Scenario(4), Scenario(8), Scenario(8, "clean"), Scenario(8, noise=2.0))
_SURE = 0.02  # what the rival has less than


def pixels_of_sections(numbers: list[int], size: int, weights: Path | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Terms (4, N), a constant first, of the pixels that count in every restoration, and which are wrong (N,).

    Parameters
    ----------
    numbers
        Sections of each family, 0 to 7.
    size
        Rows and columns of a section.
    """
    denoise = TiledDenoiser(load_weights(weights), torch.device("cpu"))
    for number in numbers:
        for place, family in enumerate(FAMILIES):
            reference = validation_section(family, (number + place) % SECTIONS, size, first=FIRST_MISSED_SEED)
            for scenario in _SCENARIOS:
                task = scenario.degrade(reference.full, 7 * place + number)
                settings = Settings(scale=scenario.scale)
                ready = prepare(task.coarse, task.stack, settings)
                guide, unknown = ready.estimate(denoise, settings)[EBSD], is_unknown(ready.sigma)
                neighbours = find_neighbours(~unknown[0])
                # Boundaries by the descent: pixels whose boundary is in question do not count.
                moved = label_map(ready.joint(), guide).relabelled
                if moved is None:
                    continue
                restored = decode(moved.embedding, dim=0).double().numpy()
                wrong = torch.from_numpy(disorientation(restored, task.truth) > BOUNDARY_ANGLE)
                variance = (1 - guide.square().sum(0) / SQUARED_NORM).clamp(min=0.0)
                terms = surroundings(ready.measurement, ready.sigma, neighbours).missed_terms(variance)
                counts = unknown[0] & ~unknown[1:].all(0) & (second_probability(moved.gap) < _SURE)
                yield torch.stack((torch.ones_like(variance), *terms))[:, counts], wrong[counts]


def main() -> None:
    """Write the constants to standard output, and the share of the pixels that were wrong."""
    arguments = which_sections(__doc__)
    with torch.inference_mode():
        parts = list(pixels_of_sections(arguments.sections, arguments.size, arguments.weights))
        terms, wrong = (torch.cat(list(part), -1) for part in zip(*parts, strict=True))
        fitted = logistic(terms, wrong)
    sys.stdout.write(f"MISSED = {tuple(round(float(v), 3) for v in fitted)}\n")
    sys.stdout.write(f"{wrong.numel()} pixels, {float(wrong.float().mean()):.4f} of them wrong\n")


if __name__ == "__main__":
    main()
