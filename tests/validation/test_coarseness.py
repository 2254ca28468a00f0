"""How coarse a map could have been scanned: errors grow with the scale, the verdict follows from the intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from grainlight.cli.main import main
from grainlight.errors import InputError
from grainlight.evaluation.reference_map import ReferenceMap, any_section
from grainlight.maps.io import save_ebsd
from grainlight.validation import coarseness
from grainlight.validation.coarseness import Coarseness, Step, how_coarse
from grainlight.validation.share import Share


def _found(*shares: tuple[float, float, float]) -> Coarseness:
    steps = tuple(Step(k, Share(*share), 1 / k**2) for k, share in enumerate(shares, 1))
    return Coarseness("map", "none", steps, 1.0, 360_000)


def test_the_verdict_is_that_of_the_intervals():
    found = _found((0.0, 0.0, 0.001), (0.02, 0.01, 0.03), (0.045, 0.03, 0.06), (0.08, 0.06, 0.1))
    assert found.coarsest(0.05).scale == 2
    assert found.perhaps(0.05).scale == 3
    assert found.coarsest(0.2).scale == 4
    assert found.coarsest(0.0005) is None
    told = "\n".join(found.lines(0.05, rate=10.0))
    assert "Every 2nd point was enough" in told
    assert "7.5 h" in told
    assert "Every 3rd point may have been enough" in told
    assert "Not even" in "\n".join(found.lines(0.0005))


def test_a_finer_scale_that_fails_ends_the_row():
    found = _found((0.0, 0.0, 0.001), (0.06, 0.05, 0.07), (0.04, 0.03, 0.045))
    assert found.coarsest(0.05).scale == 1


@pytest.fixture(scope="module")
def section() -> ReferenceMap:
    return any_section(5)


def test_errors_grow_with_the_scale(section, monkeypatch):
    monkeypatch.setattr(coarseness, "SCALES", (1, 3, 8))
    small = ReferenceMap("a", "a", section.full.cropped(73, 73))
    found = how_coarse(small, None, quality="fast", device="cpu")
    shares = [step.wrong.value for step in found.steps]
    assert shares == sorted(shares)
    assert shares[-1] > 2 * shares[1] > 0
    assert all(step.wrong.low <= step.wrong.value <= step.wrong.high for step in found.steps)
    assert [step.points for step in found.steps] == [1, 1 / 9, 1 / 64]
    again = how_coarse(small, None, quality="fast", device="cpu")
    assert again == found


def test_of_a_large_map_parts_are_looked_at(section):
    wide = section.full.replace(
        **{
            name: np.tile(getattr(section.full, name), (3, 4) + (1,) * (getattr(section.full, name).ndim - 2))
            for name in ("quaternions", "phase_id", "x", "y")
        }
    )
    parts, share = coarseness._parts(wide)
    assert [part.shape for part in parts] == [(193, 193)] * 4
    assert share == pytest.approx(4 * 193**2 / (3 * 4 * 161**2))
    assert coarseness._parts(section.full) == ([section.full], 1.0)


def test_draws_that_differ_widen_the_interval():
    alike, apart = (
        [[coarseness._Answer(np.repeat([1.0, 0.0], [n, 400 - n]), np.arange(400) % 36) for n in counts]]
        for counts in ((40, 40, 40), (20, 40, 60))
    )
    assert coarseness._between_draws(alike) == pytest.approx(0, abs=1e-12)
    extra = coarseness._between_draws(apart)
    assert extra == pytest.approx(0.5 / np.sqrt(3))
    narrow, wide = coarseness._together(alike[0], False, 0.0), coarseness._together(apart[0], False, extra)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_too_small_a_map_is_refused(section):
    with pytest.raises(InputError, match="too small to leave points out"):
        how_coarse(ReferenceMap("a", "a", section.full.cropped(7, 7)), None)


def test_command(section, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(coarseness, "SCALES", (1, 2))
    save_ebsd(section.full.cropped(33, 33), tmp_path / "full.ang")
    file = tmp_path / "out.json"
    options = ("--coarsest", "5", "--level", "none", "--quality", "fast", "--jobs", "1", "--device", "cpu")
    assert main(["evaluate", str(tmp_path / "full.ang"), *options, "--json", str(file)]) == 0
    assert "time saved" in capsys.readouterr().out
    (record,) = json.loads(file.read_text())["how_coarse"]
    assert [one["scale"] for one in record["scales"]] == [1, 2]
    assert record["tolerance"] == 0.05
    for wrong in (["--coarsest", "5"], [str(tmp_path / "full.ang"), "--coarsest", "5", "--quick"], ["--rate", "5"]):
        assert main(["evaluate", *wrong]) == 2
    assert "--rate says nothing" in capsys.readouterr().err
