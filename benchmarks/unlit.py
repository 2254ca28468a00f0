"""Constants of boundaries without light: `python -m benchmarks.unlit`.

Fits the logits of `restore.uncertainty.unlit_boundary` on synthetic sections that are neither trained on nor evaluated,
at scales 2, 3, 4 and 8 and, for edges between measured points, at scale 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from grainlight.diffusion.checkpoint import load_weights
from grainlight.diffusion.state import EBSD, is_unknown
from grainlight.evaluation.metrics import boundary_edges
from grainlight.evaluation.reference_map import FIRST_SEED, SECTIONS, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.restore.inputs import prepare
from grainlight.restore.labelling.label import project_measured
from grainlight.restore.points.neighbours import find_neighbours
from grainlight.restore.sampling.tiles import TiledDenoiser
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


def edges_of_sections(
    numbers: list[int], size: int, weights: Path | None = None
) -> Iterator[tuple[bool, Tensor, Tensor]]:
    """Whether all was measured, terms (n, N) and the truth (N,) of a draw of edges of every restoration."""
    denoise = TiledDenoiser(load_weights(weights), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    for number in numbers:
        for place, family in enumerate(FAMILIES):
            reference = validation_section(family, (number + place) % SECTIONS, size, first=FIRST_FITTING_SEED)
            for scenario in _SCENARIOS:
                task = scenario.degrade(reference.full, 7 * place + number)
                settings = Settings(scale=scenario.scale)
                ready = prepare(task.coarse, None, settings)
                guide, measured = ready.estimate(denoise, settings)[EBSD], ~is_unknown(ready.sigma[0])
                neighbours = find_neighbours(measured)
                e = project_measured(ready.joint(), guide).embedding
                around = surroundings(ready.measurement, ready.sigma, neighbours)
                found = edge_terms(e, guide, ready.sigma[0], measured, around)
                for terms, truth in zip(found, boundary_edges(task.truth), strict=True):
                    draw = torch.randint(0, truth.size, (_EDGES,), generator=generator)
                    dense = scenario.scale == 1
                    chosen = terms.measured if dense else terms.inferred
                    yield dense, chosen.flatten(1)[:, draw], torch.from_numpy(truth).flatten()[draw]


def which_sections(description: str | None) -> argparse.Namespace:
    """Read from the command line what a fit is made on: ``weights``, ``sections`` and their ``size``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--sections", type=int, nargs="+", default=[0, 2], help="of each family, 0 to 7")
    parser.add_argument("--size", type=int, default=97, help="rows and columns of a section")
    return parser.parse_args()


def main() -> None:
    """Write the constants to standard output."""
    arguments = which_sections(__doc__)
    with torch.inference_mode():
        found = list(edges_of_sections(arguments.sections, arguments.size, arguments.weights))
        for name, dense in (("INFERRED", False), ("MEASURED", True)):
            parts = [(terms, truth) for kind, terms, truth in found if kind is dense]
            fitted = logistic(torch.cat([t for t, _ in parts], 1), torch.cat([y for _, y in parts]))
            sys.stdout.write(f"{name} = {tuple(round(float(v), 3) for v in fitted)}\n")


if __name__ == "__main__":
    main()
