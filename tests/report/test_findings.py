"""What a report says follows from the result's own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grainlight.report.findings import Finding, findings, percent, shares


def text_of(found: list[Finding], kind: str | None = None) -> str:
    return "\n".join(one.text for one in found if kind in (None, one.kind))


def with_record(result, **changes):
    return replace(result, record=result.record | changes)


def test_cautions_come_first_and_warnings_are_told(made):
    found = findings(made.result)
    order = [("caution", "sound", "note").index(one.kind) for one in found]
    assert order == sorted(order)
    assert found[0].text == "Stated frame doubtful."
    assert all(one.text.endswith(".") for one in found)


def test_shares_are_those_of_the_sources(made):
    share = shares(made.result)
    assert sum(share.values()) == pytest.approx(1.0)
    told = text_of(findings(made.result))
    assert f"{percent(share['measured'])} of the pixels show what EBSD measured" in told
    assert f"{percent(share['inferred'])} were not measured" in told
    replaced = share["corrected"] / (share["corrected"] + share["measured"])
    assert f"{percent(replaced)} of the measured points were contradicted" in told


def test_a_small_bound_is_sound_and_a_large_one_is_not(made):
    small = replace(made.result, uncertainty=np.full_like(made.result.uncertainty, 0.8))
    large = replace(made.result, uncertainty=np.full_like(made.result.uncertainty, 9.0))
    assert "90 % bound of 0.8°" in text_of(findings(small), "sound")
    assert "bound is above 5°" not in text_of(findings(small))
    assert "90 % bound of 9.0°" in text_of(findings(large), "caution")
    assert "At 100 % of the pixels the bound is above 5°" in text_of(findings(large), "caution")


def test_expected_errors_are_the_mean_of_their_probabilities(made):
    wide = replace(made.result, uncertainty=np.full_like(made.result.uncertainty, 9.0))
    expected = percent(float(made.result.other_grain.mean()))
    assert f"{expected} are expected to" in text_of(findings(wide), "caution")


def test_contradictions_are_a_caution_from_five_per_cent(made):
    agree = text_of(findings(with_record(made.result, light={"share_contradiction": 0.01})), "sound")
    assert "agrees with the measured c-axes" in agree
    against = text_of(findings(with_record(made.result, light={"share_contradiction": 0.12})), "caution")
    assert "contradict each other at 12 % of the pixels" in against


@pytest.mark.parametrize(
    "changes",
    [{"light_input": None}, {"registration": {"trusted": False, "method": "affine"}}, {"light": {"used": False}}],
)
def test_without_light_what_lies_between_points_is_a_guess(made, changes):
    told = text_of(findings(with_record(made.result, **changes)), "caution")
    assert "No polarized light was used" in told
    assert "surroundings and the light" not in text_of(findings(with_record(made.result, **changes)))


def test_registration_is_sound_below_a_pixel(made):
    assert "4.2 of their pixels" in text_of(findings(made.result), "sound")
    poor = made.result.record["registration"] | {"residual_px": 2.5}
    assert "likely error of the placement is 2.5 pixels" in text_of(
        findings(with_record(made.result, registration=poor)), "caution"
    )


def test_one_sample_has_no_intervals(made):
    one = with_record(made.result, settings=made.result.record["settings"] | {"samples": 1})
    assert "Only one view" in text_of(findings(one), "caution")
    assert "expected boundary length" not in text_of(findings(one))


def test_nothing_restored_is_said(made):
    empty = replace(made.result, source=np.zeros_like(made.result.source))
    assert "Nothing was restored." in text_of(findings(empty), "caution")


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.0004, "less than 0.1 %"),
        (0.0652, "6.5 %"),
        (0.5, "50 %"),
        (0.9995, "more than 99.9 %"),
    ],
)
def test_percent(share, text):
    assert percent(share) == text
