"""Light of a large map: calibrated on the whole, brought to the canonical state a window at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grainlight.crystal.euler import c_axis
from grainlight.crystal.frames import SampleFrame
from grainlight.optics.calibration import Calibration, NoSignalError, calibrate_points
from grainlight.optics.canonical import apply, calibration_report, level_report
from grainlight.optics.frame_check import Polars, check_frame
from grainlight.optics.light_noise import LightNoise, measure_noise
from grainlight.optics.point_light import PointLight, at_points, together
from grainlight.restore.large.windows import Window
from grainlight.restore.light.calibrated import CalibratedLight, as_calibrated, no_light, not_used
from grainlight.restore.light.source import LightSource
from grainlight.restore.points.grid import PointGrid

# Points of the whole map that calibration and noise are taken from.
_POINTS = 400_000


@dataclass(frozen=True, eq=False)
class WindowedLight:
    """Canonical light that is made where it is asked for.

    ``source`` of the harmonics; ``placed`` points of the whole map; ``calibration`` and ``noise`` of the whole;
    ``axis_noise`` of the c-axes in degrees (standard deviation); ``report`` and ``warnings`` as of `CalibratedLight`.
    """

    source: LightSource
    placed: PointGrid
    calibration: Calibration
    noise: LightNoise
    axis_noise: float
    report: dict[str, Any]
    warnings: tuple[str, ...]

    def part(self, window: Window) -> CalibratedLight:
        """Return the light of a window."""
        rows, columns = window.outer
        at, axes = _points(self.placed.part(window))
        light = apply(
            self.calibration,
            self.source.harmonics(rows, columns),
            axes,
            at,
            axis_noise=self.axis_noise,
            corner=(rows.start, columns.start),
            noise=self.noise,
        )
        # Of what is kept: windows overlap.
        levels = level_report(light.sigma[:, *window.kept], light.flags[window.kept])
        return replace(as_calibrated(light), report={**self.report, **levels})


def calibrate_windowed(
    source: LightSource, placed: PointGrid, cut: Sequence[Window], noise: float, frame: SampleFrame = SampleFrame.S
) -> WindowedLight | CalibratedLight:
    """Calibrate the light of a large map, of windows ``cut``, on its measured orientations.

    Parameters
    ----------
    noise
        Root-mean-square misorientation of the EBSD's noise in degrees.
    frame
        The sample frame that the map was said to have.

    Raises
    ------
    InputError
        If too few points of the map lie on the images.
    """
    light = source.light
    every = 1 + int(placed.measured.sum()) // _POINTS
    seen = together([(_seen(source, placed, w, every), _corner(w)) for w in cut], placed.shape)
    try:
        found = calibrate_points(seen, rotates=light.rotates, mirror=source.mirror)
    except NoSignalError as error:
        return no_light(placed.shape, not_used(error))
    # The c-axis feels the noise in two directions, each with a third of its variance.
    axis_noise = noise / np.sqrt(3.0)
    levels = measure_noise(found, seen, axis_noise)
    polars = None if source.polars is None else Polars(*source.polars, light.bireflectance)
    said = check_frame(found, frame, rotates=light.rotates, mirror=source.mirror, polars=polars)
    report = {**calibration_report(found, levels.terms), "frame": said.as_record()}
    warnings = (*found.warnings, *said.warnings)
    return WindowedLight(source, placed, found, levels, axis_noise, report, warnings)


def usual_levels(reports: Sequence[dict[str, Any]], pixels: Sequence[int]) -> dict[str, float]:
    """Return what windows of so many pixels report of their own light: medians of noise levels, means of flags."""
    weight = np.array(pixels, dtype=np.float64)
    found = {}
    for name in reports[0]:
        values = [report[name] for report in reports]
        if name.startswith("sigma_"):
            order = np.argsort(values)
            found[name] = float(values[order[np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)]])
        elif name.startswith("share_"):
            found[name] = float(np.average(values, weights=weight))
    return found


def _seen(source: LightSource, placed: PointGrid, window: Window, every: int) -> PointLight:
    """Harmonics at every so many points of a window's inside."""
    rows, columns = window.inner
    at, axes = _points(placed.part(Window(window.inner, window.inner)), every)
    return at_points(source.harmonics(rows, columns), axes, at)


def _corner(window: Window) -> tuple[int, int]:
    return window.inner[0].start, window.inner[1].start


def _points(placed: PointGrid, every: int = 1) -> tuple[Tensor, Tensor]:
    """Positions (P, 2) and c-axes (P, 3) of every so many measured points."""
    at = np.argwhere(placed.measured)[::every]
    axes = c_axis(placed.points[placed.nearest[at[:, 0], at[:, 1]]])
    return torch.from_numpy(at.astype(np.float64)), torch.from_numpy(axes)
