"""Whether the light of a wide hole is that of metal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from grainlight.restore.light.calibrated import CalibratedLight
from grainlight.restore.points.grid import PointGrid
from grainlight.restore.points.holes import WIDTH

# Over places of holes, medians with clean to severe light of three sections each: the second harmonic is 3.3 standard
# deviations and more in metal, 1.1 and less in resin; the residual .65 to 1.2 in metal, 1.2 to 10 in resin, 3 and more
# with corrupted and better light but in one, where most grains look alike.
MISSED, ANISOTROPIC, OF_METAL = 3.0, 2.0, 0.15


def shows_metal(
    grid: PointGrid, light: CalibratedLight, missed: NDArray[np.floating], step: float
) -> NDArray[np.bool_]:
    """Return which pixels (H, W) of wide holes show metal.

    Resin and pores look alike at all angles, or no grain from around the hole explains them. Most of the pixels around
    must be unlike that, within a window as wide as the narrowest of wide holes.

    Parameters
    ----------
    grid, light
        The points and the calibrated light.
    missed
        (H, W) normalised residual of the restored map (`uncertainty.residual`).
    step
        um between EBSD points.
    """
    assert grid.in_hole is not None
    second = np.hypot(*light.state[1:3].numpy())
    usual = float(np.median(second[grid.measured])) if grid.measured.any() else 0.0
    unlike = (second < np.maximum(ANISOTROPIC * light.sigma[1].numpy(), OF_METAL * usual)) | ~(missed <= MISSED)
    width = 2 * round(WIDTH * step / grid.step) + 1
    inside = grid.in_hole.astype(np.float64)
    around = uniform_filter(inside, width, mode="constant")
    share = uniform_filter(inside * unlike, width, mode="constant") / np.maximum(around, 1e-12)
    return np.asarray(share < 0.5)
