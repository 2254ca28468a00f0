"""Are posterior samples honest? `python -m benchmarks.sample_ranks [--sections 60] [--scale 4] [--samples 9]`.

Synthetic sections that the network has not seen, their EBSD at every n-th point, and as many maps drawn around the
points (`grainlight sample --around`). The truth's number of grains and its boundary length are ranked among those of
the samples; if truth and samples are alike, every rank is as likely (Talagrand's histogram), which chi-square tests.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import chi2

from grainlight.evaluation.degrade import degrade
from grainlight.evaluation.metrics import boundary_edges
from grainlight.grains.edges import edges_of
from grainlight.grains.segment import MINIMUM_PIXELS, components
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore.sampling.label_prior import LabelPrior, load_prior
from grainlight.samples.around import prepared_points, sample_around
from grainlight.synth.draw import Draw
from grainlight.synth.families import FAMILIES
from grainlight.synth.section import make_sections

FIRST = 41_000
"""First seed of the sections, apart from those of training, tuning and evaluation."""
FIGURES = ("grains", "boundary length")


def grains_of(right: NDArray[np.bool_], down: NDArray[np.bool_], valid: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Grain (H, W) of every valid pixel, 0 elsewhere: regions within boundary edges (`boundary_edges`)."""
    edges = edges_of(valid.shape, (1.0, 1.0), "square")
    joined = np.zeros(len(edges.first), bool)
    row, column = np.divmod(edges.first, valid.shape[1])
    below = edges.second - edges.first == valid.shape[1]
    joined[below] = ~down[row[below], column[below]]
    joined[~below] = ~right[row[~below], column[~below]]
    return components(joined, valid, edges)


def figures_of(section: OrientationMap) -> NDArray[np.float64]:
    """Number of grains of five pixels and more, and boundary length in pixels, of a map."""
    right, down = boundary_edges(section.quaternions)
    grain = grains_of(right, down, section.indexed)
    size = np.bincount(grain.ravel())[1:]
    return np.array([(size >= MINIMUM_PIXELS).sum(), right.sum() + down.sum()], dtype=float)


@dataclass(frozen=True, eq=False)
class Ranked:
    """Of one section: ``truth`` (2,) and ``samples`` (K, 2) of `FIGURES`."""

    truth: NDArray[np.float64]
    samples: NDArray[np.float64]

    def rank(self, lots: np.random.Generator) -> NDArray[np.int64]:
        """Rank (2,) of the truth among the samples, 0 to K; by lot among equals."""
        below = (self.samples < self.truth).sum(0)
        equal = (self.samples == self.truth).sum(0)
        return below + lots.integers(0, equal + 1)


def rank_section(prior: LabelPrior, seed: int, size: int, scale: int, count: int, noise: float) -> Ranked:
    """Draw a section of the families in turn, degrade it and sample around its points."""
    family = FAMILIES[seed % len(FAMILIES)]
    q = make_sections(Draw.seeded(seed), 1, (size, size), (9.0, 22.0), family).orientation[0].double().numpy()
    task = degrade(
        OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM,)), scale=scale, level=None, seed=seed, noise_deg=noise
    )
    points = prepared_points(task.coarse, scale)
    drawn = [sample_around(prior, task.coarse, points, 1_000 * seed + k)[0] for k in range(count)]
    rows, columns = drawn[0].shape
    truth = OrientationMap.from_quaternions(task.truth[:rows, :columns], (1.0, 1.0), (TITANIUM,))
    return Ranked(figures_of(truth), np.array([figures_of(one) for one in drawn]))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sample_ranks", description=__doc__)
    parser.add_argument("--sections", type=int, default=60)
    parser.add_argument("--size", type=int, default=65, help="pixels a side")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--noise", type=float, default=0.5, help="rms error of the EBSD in degrees")
    parser.add_argument("--bins", type=int, default=5, help="of the histograms; ranks are put together")
    parser.add_argument("--first", type=int, default=FIRST, help="first seed")
    chosen = parser.parse_args(arguments)
    torch.set_grad_enabled(False)
    prior, lots = load_prior(), np.random.default_rng(0)
    found = [
        rank_section(prior, chosen.first + k, chosen.size, chosen.scale, chosen.samples, chosen.noise)
        for k in range(chosen.sections)
    ]
    ranks = np.array([one.rank(lots) for one in found])
    print(
        f"{chosen.sections} sections, scale {chosen.scale}, {chosen.samples} samples each, ranks in {chosen.bins} bins"
    )
    for k, name in enumerate(FIGURES):
        bins = ranks[:, k] * chosen.bins // (chosen.samples + 1)
        counts = np.bincount(bins, minlength=chosen.bins)
        expected = len(ranks) / chosen.bins
        chance = chi2.sf(((counts - expected) ** 2 / expected).sum(), chosen.bins - 1)
        ratio = [one.samples[:, k].mean() / one.truth[k] for one in found]
        within = np.mean([one.samples[:, k].std(ddof=1) / one.truth[k] for one in found])
        print(
            f"{name}: {counts.tolist()}, chance {chance:.3f}; mean of the samples over the truth {np.mean(ratio):.3f}, "
            f"deviating by {np.std(ratio):.3f} from section to section; samples of a section deviate by {within:.3f}"
        )


if __name__ == "__main__":
    main()
