"""The table of boundaries without light (`python -m benchmarks.constants unlit_boundary`).

Fits the logits of `restore.uncertainty.unlit_boundary` on synthetic sections that are neither trained on nor evaluated,
at scales 2, 3, 4 and 8 and, for edges between measured points, at scale 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.sections import Sections, chosen, seeds_text
from grainlight.evaluation.metrics import boundary_edges
from grainlight.evaluation.reference_map import FIRST_SEED, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.restore.inputs import prepare
from grainlight.restore.labelling.label import label_map
from grainlight.restore.settings import Settings
from grainlight.restore.uncertainty.surroundings import surroundings
from grainlight.restore.uncertainty.unlit_boundary import edge_terms
from grainlight.synth.families import FAMILIES

FIRST_FITTING_SEED = FIRST_SEED + 300_000
_SCENARIOS = (
    *(Scenario(scale, None) for scale in (2, 3, 4, 8)),
    *(Scenario(scale, None, noise=2.0) for scale in (1, 2, 4)),
    Scenario(1, None, noise=5.0),
)
NUMBERS = (0, 2, 4, 6, 1, 3, 5, 7)
"""Sections in the order in which they are taken, two where nothing else is asked for."""
_USUAL, _SIZE = 2, 97
_EDGES = 1500  # of each direction of each restoration
_RIDGE, _STEPS = 1e-2, 15


def logistic(terms: Tensor, happened: Tensor) -> Tensor:
    """Return the weights (n,) of the terms (n, N) in the logit of what happened (N,), by Newton's method."""
    x, y = terms.double(), happened.double()
    weights = torch.zeros(len(x), dtype=torch.float64)
    for _ in range(_STEPS):
        p = torch.sigmoid(weights @ x)
        curvature = (x * (p * (1 - p) + 1e-9)) @ x.T + _RIDGE * torch.eye(len(x), dtype=torch.float64)
        weights = weights + torch.linalg.solve(curvature, x @ (y - p) - _RIDGE * weights)
    return weights


def edges_of_sections(on: Sections) -> Iterator[tuple[bool, Tensor, Tensor]]:
    """Whether all was measured, terms (n, N) and the truth (N,) of a draw of edges of every restoration."""
    prior = on.prior()
    generator = torch.Generator().manual_seed(0)
    for number in NUMBERS[: on.each or _USUAL]:
        for place, family in enumerate(FAMILIES):
            section = chosen(number, place)
            reference = validation_section(family, section, on.size or _SIZE, first=FIRST_FITTING_SEED)
            for scenario in _SCENARIOS:
                task = scenario.degrade(reference.full, 7 * place + number)
                settings = Settings(scale=scenario.scale, quality=on.quality)
                joint = prepare(task.coarse, None, settings).joint()
                assert joint.neighbours is not None
                said = prior.sample(joint, settings.plan)
                e = label_map(joint, said.guide).embedding
                around = surroundings(joint.state, joint.sigma, joint.neighbours)
                found = edge_terms(e, said.mean, joint.sigma[0], joint.measured, around)
                for terms, truth in zip(found, boundary_edges(task.truth), strict=True):
                    draw = torch.randint(0, truth.size, (_EDGES,), generator=generator)
                    dense = scenario.scale == 1
                    its = terms.measured if dense else terms.inferred
                    yield dense, its.flatten(1)[:, draw], torch.from_numpy(truth).flatten()[draw]


def fit(on: Sections) -> dict[str, dict[str, Any]]:
    """Return the values of the table ``unlit_boundary``."""
    with torch.inference_mode():
        found = list(edges_of_sections(on))
        values = {}
        for name, dense in (("inferred", False), ("measured", True)):
            parts = [(terms, truth) for kind, terms, truth in found if kind is dense]
            fitted = logistic(torch.cat([t for t, _ in parts], 1), torch.cat([y for _, y in parts]))
            values[name] = [round(float(v), 3) for v in fitted]
    return {"unlit_boundary": values}


def seeds(on: Sections) -> str:
    """Return the seeds of the sections as text."""
    numbers = [[chosen(one, place) for one in NUMBERS[: on.each or _USUAL]] for place in range(len(FAMILIES))]
    return seeds_text(numbers, FIRST_FITTING_SEED, on.size or _SIZE)
