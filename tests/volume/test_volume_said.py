"""Many sections have much to say; it is said once for each kind."""

from __future__ import annotations

from grainlight.restore.light.registration import WAYS_ON
from grainlight.volume.jobs import said_of_section
from grainlight.volume.report.said import in_short


def test_sentences_of_one_kind_become_one_and_the_worst_is_shown() -> None:
    light = [
        f"section {k} (z {k} um): The light is not used over {k % 5} % of the field (rows 0 to {k})."
        for k in (1, 3, 4, 5, 9)
    ]
    alone = "section 2 (z 2 um): The map is turned by 3 degrees."
    general = ["The trend is kept.", "No pair joins section 1 to section 2."]
    assert in_short([general[0], *light, alone, general[1]]) == [
        general[0],
        "sections 1, 3 to 5, 9 (most in section 4): The light is not used over 4 % of the field (rows 0 to 4).",
        alone,
        general[1],
    ]


def test_three_sections_speak_for_themselves() -> None:
    few = [f"section {k} (z {k} um): left out over {k} %" for k in (1, 2, 3)]
    assert in_short(few) == few


def test_without_numbers_none_is_most() -> None:
    same = [f"section {k} (z {k} um): too dark" for k in range(1, 6)]
    assert in_short(same) == ["sections 1 to 5: too dark"]


def test_options_that_a_volume_has_not_are_not_advised() -> None:
    holes = "4 places are wider than 6.7 EBSD steps and not restored; --fill-holes N restores up to N steps into them."
    noise = "12 points are left out: no neighbour supports them, as noise. --keep-noise keeps them."
    place = f"The polarized light is not used: its place was not found with confidence. {WAYS_ON}."
    assert said_of_section(holes) == "4 places are wider than 6.7 EBSD steps and not restored."
    assert said_of_section(noise) == "12 points are left out: no neighbour supports them, as noise."
    assert "--" not in said_of_section(place)
    assert "column origin" in said_of_section(place)
    kept = "The light lies elsewhere: check --pl-step and --pl-origin."
    assert said_of_section(kept) == kept
