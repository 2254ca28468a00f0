"""The table from raw doubt to a bound: it holds for nine in ten, never falls, and is checked on other sections."""

from __future__ import annotations

import numpy as np

from benchmarks.doubt import fit, judged, knots, other_table, quantile_table, spread_quantiles
from benchmarks.sections import Sections
from grainlight.evaluation.scenario import Scenario
from grainlight.restore.uncertainty.lit_boundary import TERMS

RAW = knots()


def test_table_finds_the_quantile_of_each_doubt():
    rng = np.random.default_rng(0)
    doubt = np.exp(rng.uniform(np.log(0.2), np.log(40.0), 400_000))
    # the error is uniform up to twice the doubt: 90 % of the errors are under 1.8 times it
    error = doubt * rng.uniform(0.0, 2.0, len(doubt))
    table = quantile_table(error, doubt, np.zeros_like(doubt))
    assert np.allclose(table[1:], 1.8 * np.array(RAW[1:]), rtol=0.25)
    assert np.all(np.diff(table) >= 0)
    assert abs((error <= np.interp(doubt, RAW, table)).mean() - 0.9) < 0.02


def test_what_the_scatter_covers_needs_no_table():
    error = np.linspace(0.0, 1.0, 1000)
    table = quantile_table(error, np.full(1000, 1.0), np.full(1000, 1.0))
    assert max(table) < 0.01


def test_quantiles_of_the_spread_are_those_around_each_spacing():
    rng = np.random.default_rng(1)
    spacing = rng.choice([1.0, 2.0, 2.2, 8.0], 200_000)
    ratio = spacing * rng.uniform(0.0, 1.0, len(spacing))
    found = spread_quantiles(ratio.astype(np.float32), spacing, 1.5)
    # one at least; at 4 pixels, where there are none, between the others; beyond the last the last
    np.testing.assert_allclose(found, [1.5, 1.9, 3.6, 7.2, 7.2], rtol=0.05)


def test_doubts_without_data_are_filled_and_the_table_never_falls():
    error, doubt = np.full(1000, 2.0), np.full(1000, 1.0)
    error[:500], doubt[:500] = 1.0, 8.0
    table = quantile_table(error, doubt, np.zeros(1000))
    assert len(table) == len(RAW)
    assert min(table) == max(table) == 2.0


def test_halves_are_other_sections(tmp_path):
    from grainlight.diffusion.checkpoint import save_weights
    from grainlight.diffusion.network import LabelNetwork
    from grainlight.training.presets import PRESETS

    weights = tmp_path / "weights.safetensors"
    save_weights(LabelNetwork(PRESETS["tiny"].network), weights)
    one, other = (next(judged(half, Sections(size=33, quality="fast", weights=weights))) for half in (0, 1))
    assert one.scenario == other.scenario
    assert one.error.shape == one.uncertainty.shape == one.spread.shape == one.boundary.shape == (33 * 33,)
    assert not np.array_equal(one.error, other.error)


def test_all_tables_of_doubt_are_fitted_at_once(tmp_path, monkeypatch):
    from grainlight.diffusion.checkpoint import save_weights
    from grainlight.diffusion.network import LabelNetwork
    from grainlight.training.presets import PRESETS

    weights = tmp_path / "weights.safetensors"
    save_weights(LabelNetwork(PRESETS["tiny"].network), weights)
    monkeypatch.setattr("benchmarks.doubt.TASKS", (Scenario(2), Scenario(2, None)))
    tables = fit(Sections(each=1, size=49, quality="fast", weights=weights))
    assert set(tables) == {"spread_quantile", "lit_boundary", "uncertainty_lit", "uncertainty_unlit"}
    assert len(tables["lit_boundary"]["weights"]) == TERMS
    # the likelier the chain says a boundary is, the likelier it is
    assert tables["lit_boundary"]["weights"][2] > 0
    assert all(0.3 < one < 5 for part in ("noise", "turn") for one in tables["spread_quantile"][part])


def test_shares_of_other_grains_are_those_around_each_doubt():
    doubt = np.repeat(np.array(RAW, dtype=np.float32), 100)
    error = np.where(np.tile(np.arange(100), len(RAW)) < np.repeat(np.arange(len(RAW)), 100), 60.0, 1.0)
    assert other_table(error, doubt) == [round(k / 100, 4) for k in range(len(RAW))]
    assert np.isnan(other_table(error[:100], doubt[:100])[-1])
