"""The chance of a grain that no point met is refitted from pixels that were not measured, on sections of its own."""

from __future__ import annotations

import torch

from benchmarks.missed import FIRST_MISSED_SEED, pixels_of_sections
from benchmarks.sections import Sections
from benchmarks.unlit import logistic
from grainlight.restore.uncertainty.surroundings import Surroundings


def test_regression_finds_the_logit_that_pixels_were_drawn_from():
    generator = torch.Generator().manual_seed(0)
    terms = torch.cat((torch.ones(1, 30_000), torch.randn(3, 30_000, generator=generator)))
    weights = torch.tensor([-1.0, 0.5, 2.0, -0.7])
    happened = torch.rand(30_000, generator=generator) < torch.sigmoid(weights @ terms)
    torch.testing.assert_close(logistic(terms, happened).float(), weights, atol=0.08, rtol=0)


def test_chance_is_a_logit_of_the_terms_that_are_fitted():
    variance, nearest = torch.rand(2, 20, 30, generator=torch.Generator().manual_seed(1))
    around = Surroundings(torch.zeros(20, 30), 1 + 5 * nearest, torch.ones(20, 30), 0.05, 0.05)
    logit = torch.logit(around.missed(variance).double()).flatten()
    terms = torch.stack((torch.ones_like(variance), *around.missed_terms(variance))).double().flatten(1)
    weights = torch.linalg.lstsq(terms.T, logit[:, None]).solution[:, 0]
    torch.testing.assert_close(weights @ terms, logit, atol=1e-4, rtol=0)


def test_pixels_are_those_that_light_reaches_and_nobody_measured(tmp_path):
    from grainlight.diffusion.checkpoint import save_weights
    from grainlight.diffusion.network import LabelNetwork
    from grainlight.training.presets import PRESETS

    weights = tmp_path / "weights.safetensors"
    save_weights(LabelNetwork(PRESETS["tiny"].network), weights)
    with torch.inference_mode():
        terms, wrong = next(pixels_of_sections(Sections(1, 33, weights=weights)))
    assert terms.shape == (4, len(wrong))
    # at scale 2 one pixel in four is measured
    assert 0 < len(wrong) <= 33 * 33 - 17 * 17
    assert bool((terms[0] == 1).all())
    assert bool(terms.isfinite().all())


def test_sections_are_nobody_elses():
    from benchmarks import doubt, realism, unlit
    from grainlight.evaluation import reference_map

    others = (
        reference_map.FIRST_SEED,
        reference_map.FIRST_TUNING_SEED,
        realism.FIRST,
        unlit.FIRST_FITTING_SEED,
        doubt.FIRST_CHECKING_SEED,
    )
    assert min(abs(FIRST_MISSED_SEED - other) for other in others) > 100 * 100
