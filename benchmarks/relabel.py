"""The constants of the relabelling, one at a time: `python -m benchmarks.relabel`.

On synthetic sections that are neither trained on nor evaluated: every estimate of the network is projected once and
relabelled with each variant. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from grainlight.crystal.embedding import decode
from grainlight.evaluation.metrics import Scores, score
from grainlight.evaluation.reference_map import FIRST_TUNING_SEED, SIZE, validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.restore.inputs import prepare
from grainlight.restore.labelling.descent import RelabelSettings
from grainlight.restore.labelling.label import project_measured, relabel_by_light
from grainlight.restore.sampling.label_prior import load_prior
from grainlight.restore.settings import Plan, Settings
from grainlight.synth.families import FAMILIES

SCENARIOS = (Scenario(2), Scenario(4), Scenario(2, "clean"), Scenario(4, "clean"), Scenario(4, "severe"))
USUAL = RelabelSettings()
VARIANTS: dict[str, RelabelSettings] = {
    "not relabelled": replace(USUAL, sweeps=0),
    "as shipped": USUAL,
    **{f"length {v:g}": replace(USUAL, length=v) for v in (1.0, 2.0)},
    **{f"guide {v:g} deg": replace(USUAL, guide=v) for v in (15.0, 1000.0)},
    **{f"floor {v:g}": replace(USUAL, floor=v) for v in (0.02, 0.08)},
    **{f"diagonal {v:g}": replace(USUAL, diagonal=v) for v in (0.5, 1.0)},
    **{f"{v} sweeps": replace(USUAL, sweeps=v) for v in (1, 6)},
    **{f"{v} visits": replace(USUAL, visits=v) for v in (10, 60)},
    **{f"10 visits, temperature {v:g}": replace(USUAL, visits=10, temperature=v) for v in (2.0, 4.0)},
    "10 visits, nothing asked without light": replace(USUAL, visits=10, unlit=0.0),
    **{f"10 visits, unlit {v:g}": replace(USUAL, visits=10, unlit=v) for v in (0.3, 1.0)},
    **{f"10 visits, length beside unlit {v:g}": replace(USUAL, visits=10, beside_unlit=v) for v in (0.3, 0.7, 1.0)},
}
_FIGURES = ("over_5", "near_over_5", "edge_f1", "pixel_f1")


def figures(size: int = SIZE) -> Iterator[tuple[str, Scenario, Scores]]:
    """Variant, scenario and scores, section by section."""
    prior = load_prior()
    for number, family in enumerate(FAMILIES):
        full = validation_section(family, 4 + number % 4, size, first=FIRST_TUNING_SEED).full
        for scenario in SCENARIOS:
            task = scenario.degrade(full, number)
            ready = prepare(task.coarse, task.stack, Settings(scale=scenario.scale, register="none"))
            joint = ready.joint()
            guide = prior.draft(joint, 0)
            unlit = prior.sample(joint, Plan(1, 1, visits=1)).unlit
            found = project_measured(joint, guide)
            for name, settings in VARIANTS.items():
                moved = relabel_by_light(joint, found, guide, settings, unlit if settings.unlit else None)
                assert moved is not None  # every scenario has light
                restored = decode(moved.embedding, dim=0).double().numpy()
                yield name, scenario, score(restored, task.truth, task.measured, task.valid)


def main() -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="rows and columns of a section")
    rows: dict[str, dict[Scenario, list[list[float]]]] = {}
    with torch.inference_mode():
        for name, scenario, scores in figures(parser.parse_args().size):
            values = [getattr(scores, figure) for figure in _FIGURES]
            rows.setdefault(name, {}).setdefault(scenario, []).append(values)
    titles = [f"{scenario.name}, {scenario.light}" for scenario in SCENARIOS]
    write = sys.stdout.write
    write("over 5 deg % / near boundaries % / edge F1 / boundary pixel F1\n\n")
    write("| variant | " + " | ".join(titles) + " |\n" + "|---" * (1 + len(titles)) + "|\n")
    for name, found in rows.items():
        cells = []
        for scenario in SCENARIOS:
            over, near, edge, pixel = np.mean(found[scenario], 0)
            cells.append(f"{100 * over:.1f} / {100 * near:.1f} / {edge:.3f} / {pixel:.3f}")
        write(f"| {name} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
