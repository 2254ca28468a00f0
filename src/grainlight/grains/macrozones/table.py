"""Macrozones as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grainlight.grains.macrozones.regions import Macrozones

COLUMNS = (
    "macrozone,grains,area_um2,share,aspect,x_um,y_um,c_polar_deg,c_azimuth_deg,c_spread_deg,c_widest_deg,"
    "full_orientation_share,q_w,q_x,q_y,q_z,nearest_um,chain_deg,chained"
)


def macrozone_table(found: Macrozones) -> str:
    """Return a line for each macrozone as CSV; the c-axis by its angle from Z and its azimuth from X, counter-clockwise
    in frame S (X right, Y up), the orientation in the same frame with X along a."""
    lines = [COLUMNS]
    for number, zone in enumerate(found.zones, 1):
        x, y, z = zone.c_axis
        polar, azimuth = np.degrees(np.arccos(np.clip(z, -1, 1))), np.degrees(np.arctan2(y, x)) % 360
        values = (
            *(zone.area, zone.share, zone.aspect, zone.x, zone.y, polar, azimuth, zone.spread, zone.widest),
            *(zone.full_share, *zone.orientation, zone.nearest, zone.chain),
        )
        text = ",".join("" if value != value else f"{value:.6g}" for value in values)
        lines.append(f"{number},{zone.grains},{text},{int(is_chained(zone.chain, found.tolerance))}")
    return "\n".join(lines) + "\n"


def is_chained(chain: float, tolerance: float) -> bool:
    """Whether steps within the tolerance lead farther than it allows between two grains of one macrozone."""
    return chain > 2 * tolerance


def macrozone_lines(found: Macrozones, of_samples: Sequence[Macrozones] = ()) -> list[str]:
    """Return what was found in words, and between what it lies in the samples of an ensemble."""
    lines = [
        f"macrozones: {len(found.zones)} regions of c-axes within {found.tolerance:g} degrees of their mean, of "
        f"{found.minimum_area:.3g} um2 and more, over {100 * found.share:.3g} % of the field"
    ]
    for number, zone in enumerate(found.zones[:5], 1):
        lines.append(
            f"macrozone {number}: {zone.area:.4g} um2, {zone.grains} grains, aspect {zone.aspect:.2g}, c-axes spread "
            f"by {zone.spread:.2g} deg (rms), at most {zone.widest:.3g} apart; {100 * zone.full_share:.0f} % of it "
            "within the tolerance of one full orientation"
        )
    if of_samples:
        counts, shares = [len(one.zones) for one in of_samples], [one.share for one in of_samples]
        lines.append(
            f"macrozones in the {len(of_samples)} samples: {min(counts)} to {max(counts)} over "
            f"{100 * min(shares):.3g} to {100 * max(shares):.3g} % of the field"
        )
    chained = [zone for zone in found.zones if is_chained(zone.chain, found.tolerance)]
    if chained:
        widest = max(zone.chain for zone in chained)
        lines.append(
            f"{len(chained)} of them are parts of chains of small steps, whose ends are up to {widest:.3g} degrees "
            "apart: a criterion from neighbour to neighbour would take such a chain for one macrozone"
        )
    return lines
