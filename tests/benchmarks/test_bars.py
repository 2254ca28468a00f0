"""Bars: what is compared with what, and on which side it must lie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.bars import Bar, check, judged_in, main, markdown, read
from grainlight.errors import InputError
from grainlight.evaluation import table
from grainlight.evaluation.figures import NAMES, Figures
from grainlight.evaluation.methods import CLEAN_COPY, COPY, DENOISED_COPY, FULL, ours
from grainlight.evaluation.reference_map import SYNTHETIC
from grainlight.evaluation.results import Results
from grainlight.evaluation.run import MeasuredAnswer
from grainlight.evaluation.scenario import Scenario

NAN = float("nan")
BLANK = Figures(**dict.fromkeys(NAMES, NAN))


def row(scenario, method, *, group="Ti", map_="Ti", seed=0, **figures):
    return MeasuredAnswer(
        group,
        map_,
        scenario.name,
        scenario.light,
        method,
        seed,
        replace(BLANK, **figures),
        seconds=1.0,
        cpu_seconds=1.0,
    )


def bar(rows, start, group="Ti"):
    found = [bar for bar in check(Results.of(rows)) if bar.name.startswith(start) and bar.group == group]
    assert len(found) == 1, [bar.name for bar in found]
    return found[0]


def corrupted(f, n):
    """G = 0.4 and C = 0.9 in F, 0.2 and 0.1 in N, for the plain copy at scale 2."""
    return [
        row(Scenario(2), ours("balanced"), edge_f1=f, near_over_5=n),
        row(Scenario(2), COPY, edge_f1=0.4, near_over_5=0.2),
        row(Scenario(2), CLEAN_COPY[COPY], edge_f1=0.9, near_over_5=0.1),
    ]


@pytest.mark.parametrize(("f", "n", "met"), [(0.71, 0.13, True), (0.69, 0.15, False)])
def test_corrupted_light_goes_its_share_of_the_way(f, n, met):
    for short, needed in (("F", 0.7), ("N", 0.14)):
        found = bar(corrupted(f, n), f"corrupted PL, scale 2: {short} 0.6 of the way from G to C (guided copy)")
        assert found.needed == pytest.approx(needed)
        assert found.met is met
    stricter = bar(corrupted(f, n), f"corrupted PL, scale 2: F 0.6 of the way from G to C ({DENOISED_COPY})")
    assert stricter.met is None
    assert stricter.verdict == "not measured"


def test_clean_light_must_be_better_in_every_column():
    low = ("over_5", "near_over_5", "mean", "median", "near_mean", "near_median", "measured_median")
    copy = dict.fromkeys(low, 1.0) | dict.fromkeys(("edge_f1", "pixel_f1"), 0.8)
    better = dict.fromkeys(low, 0.5) | {"edge_f1": 0.88, "pixel_f1": 0.9}
    name = "clean PL, scale 4: columns in which it is no better than the guided copy"
    for figures, met, note in ((better, True, ""), (better | {"median": 1.0}, False, "median: 1.0000 against 1.0000")):
        rows = [row(Scenario(4, "clean"), ours("balanced"), **figures), row(Scenario(4, "clean"), COPY, **copy)]
        found = [bar for bar in check(Results.of(rows)) if bar.name == name]
        assert [(one.met, one.note) for one in found] == [(met, note)]
    gain = bar(rows, "clean PL, scale 4: F above G + 0.35 (1 - G) (guided copy)")
    assert gain.needed == pytest.approx(0.87)
    assert gain.met


def test_headline_is_a_ratio_on_the_same_cases():
    rows = [
        row(Scenario(4), ours("balanced"), pixel_f1=0.96),
        row(Scenario(4), FULL, pixel_f1=0.98),
        # a second seed without its reference does not count
        row(Scenario(4), ours("balanced"), seed=1, pixel_f1=0.1),
    ]
    found = bar(rows, "headline, scale 4")
    assert found.figure == pytest.approx(0.96 / 0.98)
    assert found.met
    assert bar(rows, "headline, scale 2").met is None


def test_qualities_must_rise():
    values = {"fast": 0.5, "balanced": 0.6, "best": 0.6}
    rows = [row(Scenario(2), ours(quality), edge_f1=value) for quality, value in values.items()]
    assert bar(rows, "corrupted PL, scale 2: F of balanced above fast").met
    assert bar(rows, "corrupted PL, scale 2: F of best above balanced").met is False


def test_honesty_misindexing_and_light():
    wrong = Scenario(1, misindexed=0.03)
    rows = [
        row(wrong, ours("balanced"), corrected=0.96, changed=0.006),
        row(Scenario(2), ours("balanced"), coverage=0.84, calibration=0.04, light_before=0.3, light_after=0.14),
    ]
    assert bar(rows, "scale 1, 3 % wrong, PL corrupted: share of wrong").met
    assert bar(rows, "scale 1, 3 % wrong, PL corrupted: share of good").met is False
    assert bar(rows, "scale 2, PL corrupted: distance of the 90 %").met is False
    assert bar(rows, "scale 2, PL corrupted: calibration error").met
    assert bar(rows, "corrupted PL, scale 2: PL NRMSE").met


def test_scale_8_against_nearest_at_scale_2():
    rows = [
        row(Scenario(8, "clean"), ours("balanced"), edge_f1=0.5, near_over_5=0.2),
        row(Scenario(2, "clean"), "nearest", edge_f1=0.4, near_over_5=0.2),
    ]
    assert bar(rows, "scale 8, clean PL: edge_f1").met
    assert bar(rows, "scale 8, clean PL: near_over_5").met is False


def test_precision_over_the_noise_on_sections_and_under_the_copy_on_maps():
    figures = {"inside_measured": 0.29, "inside_unmeasured": 0.31}
    rows = [row(Scenario(2), ours("best"), group=SYNTHETIC, **figures)]
    name = "scale 2, PL corrupted: error inside grains, "
    assert bar(rows, f"{name}measured", SYNTHETIC).figure == pytest.approx(0.58)
    assert bar(rows, f"{name}measured", SYNTHETIC).met
    assert bar(rows, f"{name}unmeasured", SYNTHETIC).met is False
    rows = [
        row(Scenario(2), ours("balanced"), **figures),
        row(Scenario(2), DENOISED_COPY, **dict.fromkeys(figures, 0.3)),
    ]
    assert bar(rows, f"{name}measured").met
    assert bar(rows, f"{name}unmeasured").met is False


def test_verdicts_and_table():
    bars = [Bar("Ti", "one", 0.5, ">=", 0.4), Bar("Ti", "two", 0.5, "<", 0.4), Bar("Ti", "three", NAN, "<", 0.4)]
    assert [bar.verdict for bar in bars] == ["met", "MISSED by 0.100", "not measured"]
    text = markdown(bars)
    assert text.endswith("\n\nTi: 1 of 2 bars met\nnot measured in this run: 1\n")
    assert "three" not in text


def test_the_command_reads_what_evaluate_writes(tmp_path, capsys):
    rows = corrupted(0.71, 0.15)
    file = tmp_path / "evaluation.json"
    file.write_text(table.as_json(Results.of(rows), None, "cpu", 1.0), encoding="utf-8")
    assert read(file).answers[0].figures.edge_f1 == 0.71
    main([str(file), "--output", str(tmp_path / "bars.md")])
    text = capsys.readouterr().out
    assert text == markdown(check(Results.of(rows))) == (tmp_path / "bars.md").read_text(encoding="utf-8")
    assert "Ti: 1 of 2 bars met" in text


def test_another_file_is_refused(tmp_path):
    file = tmp_path / "evaluation.json"
    for text in ("{", "[]", "{}", '{"answers": [{"figures": {}}]}'):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="cannot be read as an evaluation"):
            read(file)


def test_the_only_quality_that_ran_is_judged():
    for ran, judged in (("fast",), "fast"), (("fast", "best", "balanced"), "balanced"), ((), "balanced"):
        assert judged_in(Results.of(row(Scenario(2), ours(quality)) for quality in ran)) == judged
