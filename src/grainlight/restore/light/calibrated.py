"""Light as the restoration takes it: canonical, on the output grid, with its noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from grainlight.errors import InputError
from grainlight.optics.calibration.canonical import OUTSIDE, CanonicalLight
from grainlight.optics.forward.curves import WEAK, Curves
from grainlight.restore.large.windows import Window

_TELLING = 0.005  # share of the field from which little contrast is worth a sentence
NOT_USED = "The polarized light is not used: "
"""How the warning begins that says why."""


@dataclass(frozen=True, eq=False)
class CalibratedLight:
    """Canonical harmonics of a map or of a window.

    ``state`` (5, H, W) on the output grid; ``sigma`` (3, H, W) noise of a channel per group, infinite where unknown;
    ``flags`` (H, W) of `optics.calibration.canonical`; ``report`` and ``warnings`` of the calibration, for the record;
    ``curves`` that the state follows.
    """

    state: Tensor
    sigma: Tensor
    flags: Tensor
    report: dict[str, Any]
    warnings: tuple[str, ...]
    curves: Curves = WEAK

    @property
    def unused(self) -> float:
        """Share of the field whose light contradicts the points of a region."""
        return float(self.report.get("share_not_used", 0.0))

    def part(self, window: Window) -> CalibratedLight:
        """Return what lies in a window."""
        here = {name: getattr(self, name)[..., *window.outer] for name in ("state", "sigma", "flags")}
        return replace(self, **here)


def as_calibrated(light: CanonicalLight, curves: Curves = WEAK) -> CalibratedLight:
    """Return canonical light as the restoration takes it."""
    return CalibratedLight(light.state.float(), light.sigma.float(), light.flags, light.report, light.warnings, curves)


def no_light(shape: tuple[int, int], warning: str, outside: Tensor | None = None) -> CalibratedLight:
    """Return light (H, W) that says nothing, and why; ``outside`` (H, W) of the images, where that is known."""
    flags = torch.zeros(1, 1, dtype=torch.int16).expand(shape)
    flags = flags if outside is None else outside.to(torch.int16) * OUTSIDE
    nothing, unknown = torch.zeros(1, 1, 1).expand(5, *shape), torch.full((1, 1, 1), torch.inf).expand(3, *shape)
    return CalibratedLight(nothing, unknown, flags, {"used": False, "refused": warning}, (warning,))


def not_used(error: InputError) -> str:
    """Return the sentence for light that does not follow the map."""
    advice = str(error.advice)
    return f"{NOT_USED}{error.found}. Expected: {error.expected}. {advice[:1].upper()}{advice[1:]}."


def places_told(report: dict[str, Any]) -> list[str]:
    """Return sentences on places whose light is opaque or has less contrast than the rest, of the report of a light."""
    out = []
    opaque = float(report.get("share_opaque", 0.0))
    if opaque > _TELLING:
        out.append(
            f"The light is not used over {100 * opaque:.2g} % of the field, in patches that show no crystal: they do "
            "not change with the angle, and no c-axis along the beam is that bright or dark (residue, dust)."
        )
    for name, what in (("veiled", "veiled (haze, a film)"), ("out_of_focus", "out of focus")):
        share = float(report.get(f"share_{name}", 0.0))
        if share > _TELLING:
            out.append(
                f"The light is {what} over {100 * share:.2g} % of the field: it has less contrast there than "
                "elsewhere, and boundaries between points are less sure."
            )
    return out
