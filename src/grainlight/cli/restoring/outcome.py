"""What the terminal says of a restoration."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from grainlight.cli.terminal import note

if TYPE_CHECKING:
    from grainlight.restore.result import Result


def tell_result(result: Result, told: Collection[str] = ()) -> None:
    """Print what became of the pixels, how sure the result is, and warnings that were not ``told`` before."""
    import numpy as np

    from grainlight.report.findings import CLEAR_BOUND

    names = ("not restored", "measured", "corrected", "inferred")
    share = np.bincount(result.source.ravel(), minlength=len(names)) / result.source.size
    rows, columns = result.source.shape
    print(
        f"{rows} x {columns} pixels: "
        + ", ".join(f"{100 * s:.1f} % {n}" for s, n in zip(share, names, strict=True) if s)
    )
    if result.record["light_refused"] is None:
        tell_registration(result.record.get("registration"))
    known = result.uncertainty[(result.source > 0) & np.isfinite(result.uncertainty)]
    if known.size:
        within = 100 * float(np.mean(known <= CLEAR_BOUND))
        print(
            f"uncertainty (90 % bound): median {float(np.median(known)):.2f} deg; within {CLEAR_BOUND:g} deg at "
            f"{within:.0f} % of the pixels; the others may belong to the neighbouring grain"
        )
    elif (result.source > 0).any():
        print("uncertainty: no bound is given, it is not calibrated for these weights")
    for warning in result.record["warnings"]:
        if warning not in told:
            note(f"note: {warning}")


def tell_registration(record: dict[str, Any] | None) -> None:
    """Print where the light was found to lie, from the record of a registration."""
    if record is None:
        return
    if not record["trusted"]:
        return
    residual = record["residual_px"]
    sure = "" if residual is None else f", residual {residual:.2f} px (rms, estimated)"
    place = "in its stated place" if not record["moved_px"] else f"moved by {record['moved_px']:.2f} px (rms)"
    print(f"registration: {record['method']}, {place}{sure}")
