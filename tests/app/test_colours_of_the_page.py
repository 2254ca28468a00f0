"""Text and controls of the page stand out from their ground, in light and in dark (WCAG 2.2: 4.5 and 3)."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

TEXT, CONTROL = ("ink", "soft", "accent", "caution"), ("edge", "ring")


def themes() -> dict[str, dict[str, str]]:
    css = files("grainlight.report.viewer").joinpath("static", "colours.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", part)) for part in css.split("@media", 2)[:2])
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    linear = []
    for k in (0, 2, 4):
        value = int(digits[k : k + 2], 16) / 255
        linear.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme):
    colours = themes()[theme]
    assert len(colours) >= 10
    for ground in ("paper", "wash"):
        for name in TEXT:
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for name in CONTROL:
            assert contrast(colours[name], colours[ground]) >= 3, (name, ground)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


def test_themes_differ():
    both = themes()
    assert both["light"]["paper"] != both["dark"]["paper"]
    assert contrast("#000", "#ffffff") == pytest.approx(21)
