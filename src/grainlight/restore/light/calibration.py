"""The calibration of a stack on the measured points, and its light made canonical where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grainlight.crystal.euler import c_axis
from grainlight.crystal.frames import SampleFrame
from grainlight.optics.calibration.calibration import Calibration
from grainlight.optics.calibration.canonical import apply, calibration_report, level_report
from grainlight.optics.calibration.damage.contrast import find_low_contrast
from grainlight.optics.calibration.damage.regions import ALL, Regions, calibrate_trusted
from grainlight.optics.calibration.frame_check import Polars, check_frame
from grainlight.optics.calibration.harmonics import Harmonics
from grainlight.optics.calibration.light_noise import LightNoise
from grainlight.optics.calibration.point_fit import NoSignalError
from grainlight.optics.calibration.point_light import PointLight, at_points, together
from grainlight.optics.forward.curves import Curves
from grainlight.restore.large.windows import Window, whole
from grainlight.restore.light.calibrated import CalibratedLight, as_calibrated, no_light, not_used
from grainlight.restore.light.few_images import calibrate_few
from grainlight.restore.light.registration import RegisteredLight
from grainlight.restore.light.source import LightSource, light_source
from grainlight.restore.points.grid import PointGrid

# Points of the whole map that calibration and noise are taken from.
_POINTS = 400_000


@dataclass(frozen=True, eq=False)
class WindowedLight:
    """Canonical light that is made where it is asked for.

    ``source`` of the harmonics; ``grid`` of the points of the whole map; ``calibration``, ``noise`` and
    ``regions`` without light of the whole; ``report`` and ``warnings`` as of `CalibratedLight`.
    """

    source: LightSource
    grid: PointGrid
    calibration: Calibration
    noise: LightNoise
    regions: Regions | None
    report: dict[str, Any]
    warnings: tuple[str, ...]

    @property
    def curves(self) -> Curves:
        """Curves that the light of every part follows."""
        return self.calibration.curves

    @property
    def unused(self) -> float:
        """Share of the field whose light contradicts the points of a region."""
        return 0.0 if self.regions is None else float(self.regions.share[ALL].mean())

    def part(self, window: Window) -> CalibratedLight:
        """Return the light of a window."""
        return self.canonical(self.source.harmonics(*window.outer), window)

    def canonical(self, harmonics: Harmonics, window: Window) -> CalibratedLight:
        """Return the light of a window whose harmonics are known."""
        rows, columns = window.outer
        at, axes = points_of(self.grid.part(window))
        light = apply(
            self.calibration,
            harmonics,
            axes,
            at,
            corner=(rows.start, columns.start),
            noise=self.noise,
            regions=self.regions,
        )
        # Of what is kept: windows overlap.
        levels = level_report(light.sigma[:, *window.kept], light.flags[window.kept])
        found = as_calibrated(light, self.curves)
        return replace(found, report=light.report | self.report | levels, warnings=self.warnings)


def calibrate_light(
    light: RegisteredLight,
    grid: PointGrid,
    noise: float,
    frame: SampleFrame = SampleFrame.S,
    cut: Sequence[Window] | None = None,
) -> CalibratedLight | WindowedLight | None:
    """Calibrate a stack on the measured orientations; None where there is none to use.

    Five and more angles give the harmonics pixel by pixel; from fewer images, or images of unknown settings, the
    harmonics are inferred with what EBSD measured nearby. Light that says nothing of the c-axes is not used, and a
    warning says so.

    Parameters
    ----------
    noise
        Root-mean-square misorientation of the EBSD's noise in degrees.
    frame
        The sample frame that the map was said to have: what the light says of it is reported.
    cut
        Windows that the light will be asked for; the whole map if None.

    Raises
    ------
    InputError
        If too few points of the map lie on the images.
    """
    if light.light is None:
        return None
    if not light.light.determined:
        stack = light.stack(grid)
        return None if stack is None else calibrate_few(stack, grid)
    source = light_source(light.light, light.transform, grid.step, grid.left)
    return calibrate_source(source, grid, cut or [whole(*grid.shape)], noise, frame)


def calibrate_source(
    source: LightSource, grid: PointGrid, cut: Sequence[Window], noise: float, frame: SampleFrame = SampleFrame.S
) -> CalibratedLight | WindowedLight:
    """Calibrate harmonics on the points of all windows; the light of a single window is made at once.

    The noise is measured all over the map, so that it is the same on both sides of a seam.
    """
    light = source.light
    every = every_so_many(grid)
    parts = []
    for window in cut:
        harmonics = source.harmonics(*window.inner)
        parts.append((_seen(harmonics, grid, window, every, len(cut)), _corner(window)))
    seen = together(parts, grid.shape)
    alone = len(cut) == 1
    # The c-axis feels the noise in two directions, each with a third of its variance.
    axis_noise = noise / np.sqrt(3.0)
    try:
        found, levels, regions = calibrate_trusted(seen, axis_noise, rotates=light.rotates, mirror=source.mirror)
        veiled = _veiled(found, harmonics, seen) if alone else None
        if veiled is not None:
            seen = seen.without(veiled)
            found, levels, regions = calibrate_trusted(seen, axis_noise, rotates=light.rotates, mirror=source.mirror)
    except NoSignalError as error:
        outside = ~torch.isfinite(harmonics.coefficients).all(0) if alone else None
        return no_light(grid.shape, not_used(error), outside)
    polars = None if source.polars is None else Polars(*source.polars, light.bireflectance)
    said = check_frame(found, frame, rotates=light.rotates, mirror=source.mirror, polars=polars)
    warnings = (*found.warnings, *said.warnings, *(() if regions is None else regions.told()))
    report = {"frame": said.as_record()} | calibration_report(found, levels.terms)
    made = WindowedLight(source, grid, found, levels, regions, report, warnings)
    # Of a single window the harmonics are at hand.
    return made.canonical(harmonics, cut[0]) if alone else made


def _veiled(found: Calibration, harmonics: Harmonics, seen: PointLight) -> Tensor | None:
    """Points (P,) whose light is veiled, and would bend a calibration; None where there are none."""
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in harmonics.shape)
    light = found.illumination.at(rows[:, None], columns)
    state = torch.nan_to_num(found.canonical(harmonics.coefficients.double(), light))
    low = find_low_contrast(found, state, harmonics.coefficients[0], seen.c_axes, seen.positions)
    return None if low is None or low.blurred else low.points


def every_so_many(grid: PointGrid) -> int:
    """The way from one point that a calibration asks to the next."""
    return 1 + int(grid.measured.sum()) // _POINTS


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


def _seen(harmonics: Harmonics, grid: PointGrid, window: Window, every: int, windows: int) -> PointLight:
    """Harmonics at every so many points of the inside of one of so many windows."""
    at, axes = points_of(grid.part(Window(window.inner, window.inner)), every)
    return at_points(harmonics, axes, at, windows)


def _corner(window: Window) -> tuple[int, int]:
    return window.inner[0].start, window.inner[1].start


def points_of(grid: PointGrid, every: int = 1) -> tuple[Tensor, Tensor]:
    """Positions (P, 2) and c-axes (P, 3) of every so many measured points."""
    at = np.argwhere(grid.measured)[::every]
    axes = c_axis(grid.points[grid.nearest[at[:, 0], at[:, 1]]])
    return torch.from_numpy(at.astype(np.float64)), torch.from_numpy(axes)
