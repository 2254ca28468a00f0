"""The table of grains that no measured point met (`python -m benchmarks.constants missed_grain`).

Fits the logit of `restore.uncertainty.surroundings` on synthetic sections that are neither trained on nor evaluated,
with light, most of them at scale 8, where most grains are missed. A pixel counts that was not measured and whose second
label has hardly a chance: an error above 5 degrees there is taken for a grain that nobody measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.sections import Sections, chosen, seeds_text
from benchmarks.unlit import NUMBERS, logistic
from grainlight.crystal.embedding import SQUARED_NORM, decode
from grainlight.diffusion.state import is_unknown
from grainlight.evaluation.metrics import BOUNDARY_ANGLE, disorientation
from grainlight.evaluation.reference_map import FIRST_SEED, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.restore.inputs import prepare
from grainlight.restore.labelling.label import label_map
from grainlight.restore.settings import Settings
from grainlight.restore.uncertainty.second_label import second_probability
from grainlight.restore.uncertainty.summary import network_variance
from grainlight.restore.uncertainty.surroundings import surroundings
from grainlight.synth.families import FAMILIES

FIRST_MISSED_SEED = FIRST_SEED + 400_000
_SCENARIOS = (Scenario(2), Scenario(4), Scenario(8), Scenario(8, "clean"), Scenario(8, noise=2.0))
_USUAL, _SIZE = 2, 97
_SURE = 0.02  # the second label's probability is less than this


def pixels_of_sections(on: Sections) -> Iterator[tuple[Tensor, Tensor]]:
    """Terms (4, N), a constant first, of the pixels that count in every restoration, and which are wrong (N,)."""
    prior = on.prior()
    for number in NUMBERS[: on.each or _USUAL]:
        for place, family in enumerate(FAMILIES):
            section = chosen(number, place)
            reference = validation_section(family, section, on.size or _SIZE, first=FIRST_MISSED_SEED)
            for scenario in _SCENARIOS:
                task = scenario.degrade(reference.full, 7 * place + number)
                settings = Settings(scale=scenario.scale, quality=on.quality)
                joint = prepare(task.coarse, task.stack, settings).joint()
                said, unknown = prior.sample(joint, settings.plan), is_unknown(joint.sigma)
                # Boundaries by the descent: pixels whose boundary is in question do not count.
                moved = label_map(joint, said.guide).relabelled
                if moved is None:
                    continue
                assert joint.neighbours is not None
                restored = decode(moved.embedding, dim=0).double().numpy()
                wrong = torch.from_numpy(disorientation(restored, task.truth) > BOUNDARY_ANGLE)
                variance = network_variance(said.mean) / SQUARED_NORM
                terms = surroundings(joint.state, joint.sigma, joint.neighbours).missed_terms(variance)
                counts = unknown[0] & ~unknown[1:].all(0) & (second_probability(moved.gap) < _SURE)
                yield torch.stack((torch.ones_like(variance), *terms))[:, counts], wrong[counts]


def fit(on: Sections) -> dict[str, dict[str, Any]]:
    """Return the values of the table ``missed_grain``."""
    with torch.inference_mode():
        parts = list(pixels_of_sections(on))
        terms, wrong = (torch.cat(list(part), -1) for part in zip(*parts, strict=True))
        fitted = logistic(terms, wrong)
    names = ("constant", "variance", "crossing", "way")
    return {"missed_grain": {name: round(float(v), 3) for name, v in zip(names, fitted, strict=True)}}


def seeds(on: Sections) -> str:
    """Return the seeds of the sections as text."""
    numbers = [[chosen(one, place) for one in NUMBERS[: on.each or _USUAL]] for place in range(len(FAMILIES))]
    return seeds_text(numbers, FIRST_MISSED_SEED, on.size or _SIZE)
