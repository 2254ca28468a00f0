"""A section without EBSD between two whose maps are restored: its grains are theirs, and its light says where."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from grainlight.crystal.embedding import decode
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.state import SIGMA_MAX, is_unknown
from grainlight.grains.edges import BOUNDARY_ANGLE, edge_starts
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress, Silent
from grainlight.restore.device import choose_device
from grainlight.restore.enhance import enhance
from grainlight.restore.inputs import Prepared, prepare
from grainlight.restore.result import INFERRED, NOT_RESTORED, Result
from grainlight.restore.sampling.beside import Between, KnownMap, ask_between
from grainlight.restore.sampling.label_prior import load_prior
from grainlight.restore.settings import Settings

# Pixels are taken for measured once the network gives their grain this probability. Of .8 and .95 on six synthetic
# stacks between true maps, eight sections apart: 14.0 and 31.3 % wrong near boundaries with clean light, 20.5 and 40.3
# with corrupted (a script that is not kept; between restored maps: `python -m benchmarks.between --gaps 8 --sure P`).
SURE = 0.8
# The light is calibrated where the two maps agree if that is in this share of the pixels; else on this share of those
# farthest from boundaries.
_SHARE, _INNER = 0.02, 0.3
# Share of the network's doubt that is left where the light placed a pixel afterwards. Chosen by hand:
# `python -m benchmarks.between` prints what is so stated beside what is found.
_STILL = 0.7
# Noise of what is taken for measured (degrees, root mean square).
_NOISE = 0.5


@dataclass(frozen=True, eq=False)
class KnownSection:
    """A restored section below or above.

    ``map`` on the output grid; ``known`` (H, W) pixels to go by; ``distance`` in um, positive.
    """

    map: OrientationMap
    known: NDArray[np.bool_]
    distance: float

    def canonical(self) -> NDArray[np.float64]:
        """Orientations (H, W, 4) in frame S with X along a."""
        return _canonical(self.map)

    @property
    def main_phase(self) -> int:
        """Phase of most of the known pixels."""
        if not self.known.any():
            return int(self.map.phases[0].id)
        return int(np.bincount(self.map.phase_id[self.known]).argmax())


def restore_between(
    light: LightStack | None,
    below: KnownSection | None,
    above: KnownSection | None,
    shape: OrientationMap,
    settings: Settings,
    progress: Progress | None = None,
) -> Result:
    """Restore a section without EBSD.

    The network chooses among the grains of the two maps by the section's own light; what it is sure of is then taken
    for measured, and the section is restored as any other, so that the light places the boundaries.

    Parameters
    ----------
    light
        Images of the section on the grid of the maps (`LightStack.origin` says where); None without.
    below, above
        Maps on one grid; one of them at least.
    shape
        Map on the same grid to fall back on where there is no light: the two maps' shapes interpolated, or a copy.
    settings
        As for `enhance`; the scale is that of the maps already, and light lies where ``origin`` says.

    Returns
    -------
    Result
        No pixel of it is measured.

    Raises
    ------
    InputError
        If the weights of the settings are of a network that was not trained on stacks.
    """
    progress = progress or Silent()
    # What lies between grains that the network is sure of is no hole, and what it chose is no noise.
    settings = replace(
        settings,
        scale=1,
        register="none",
        transform=None,
        points=None,
        noise=_NOISE,
        fill_holes=float(max(shape.shape)),
        keep_noise=True,
        light_required=False,
    )
    known = [one for one in (below, above) if one is not None]
    nearest = min(known, key=lambda one: one.distance)
    step = nearest.map.step[0]
    progress.begin("asking the sections below and above", 2)
    ready = None if light is None else prepare(calibration_points(below, above), light, settings)
    progress.advance()
    seen = ready is not None and ready.light is not None and not bool(is_unknown(ready.sigma[1:]).all())
    asked = _ask(ready if seen else None, (below, above), step, settings)
    progress.advance()
    if seen:
        draft = decode(asked.embedding.double(), dim=0).numpy()
        sure = asked.sure > SURE
    else:
        draft, sure = _canonical(shape), shape.phase_id > 0
        light = None
    points = _as_points(draft, sure, nearest)
    found = enhance(points, light, settings, progress)
    warnings = list(found.record["warnings"])
    if ready is not None and not seen and ready.light is not None:
        warnings += list(ready.light.warnings)
    return _inferred(found, asked, sure, warnings)


def calibration_points(below: KnownSection | None, above: KnownSection | None) -> OrientationMap:
    """Pixels of the nearer map to calibrate a section's light on: where both maps agree, or far inside grains."""
    known = [one for one in (below, above) if one is not None]
    nearest = min(known, key=lambda one: one.distance)
    q, use = nearest.canonical(), nearest.known.copy()
    if len(known) == 2:
        angle = torch.rad2deg(disorientation_angle(*(torch.from_numpy(one.canonical()) for one in known))).numpy()
        agree = known[0].known & known[1].known & (angle <= BOUNDARY_ANGLE)
        if agree.sum() >= _SHARE * max(int(use.sum()), 1):
            return _as_points(q, agree, nearest)
    inside = distance_transform_edt(~_at_boundary(q))
    use &= inside >= np.quantile(inside[use], 1 - _INNER) if use.any() else use
    return _as_points(q, use, nearest)


def _at_boundary(q: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels (H, W) with a boundary to the right or below."""
    t = torch.from_numpy(q)
    right, down = (
        (torch.rad2deg(disorientation_angle(a, b)) > BOUNDARY_ANGLE).numpy()
        for a, b in ((t[:, :-1], t[:, 1:]), (t[:-1], t[1:]))
    )
    return edge_starts(right, down)


def _ask(
    ready: Prepared | None,
    sides: tuple[KnownSection | None, KnownSection | None],
    step: float,
    settings: Settings,
) -> Between:
    """What the network says, with light or without."""
    prior = load_prior(settings.weights, choose_device(settings.device), stacks=True)
    maps = tuple(None if s is None else KnownMap(s.canonical(), s.known, s.distance / step) for s in sides)
    shape = next(m.known.shape for m in maps if m is not None)
    light, sigma = torch.zeros(5, *shape), torch.full((3, *shape), SIGMA_MAX)
    if ready is not None:
        light, sigma = ready.measurement[-5:], ready.sigma[1:]
    return ask_between(prior, light, sigma, (maps[0], maps[1]), settings.plan.views)


def _as_points(q: NDArray[np.float64], use: NDArray[np.bool_], like: KnownSection) -> OrientationMap:
    """A map of the orientations (H, W, 4) of some pixels, in the frames and phases of a section; others not indexed."""
    phase_id = np.where(use, like.main_phase, 0).astype(np.int16)
    made = OrientationMap.from_quaternions(q, like.map.step, like.map.phases, phase_id=phase_id, source="grainlight")
    framed = made.in_frame(like.map.sample_frame).in_crystal_frame(like.map.crystal_frame)
    return framed.replace(origin=like.map.origin, sample=like.map.sample)


def _canonical(of: OrientationMap) -> NDArray[np.float64]:
    return np.asarray(of.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A).quaternions)


def _inferred(found: Result, asked: Between, sure: NDArray[np.bool_], warnings: list[str]) -> Result:
    """A result of which no pixel is measured, and where what was taken for measured is doubted as the network does."""
    other, bound = asked.error_of(_canonical(found.map))
    restored = found.source != NOT_RESTORED
    # Where its own choice was taken the doubt is the network's; elsewhere the light has placed the pixel since, but
    # among points that are doubtful themselves.
    other = np.fmax(found.other_grain, np.where(sure, other, _STILL * other))
    bound = np.where(sure | (other > 0.1), np.fmax(found.uncertainty, bound), found.uncertainty)
    record = found.record | {"warnings": tuple(warnings)}
    return replace(
        found,
        source=np.where(restored, INFERRED, NOT_RESTORED).astype(np.uint8),
        uncertainty=np.where(restored, bound, found.uncertainty).astype(np.float32),
        other_grain=np.where(restored, other, found.other_grain).astype(np.float32),
        measured=np.zeros_like(found.measured),
        measured_points=np.zeros((0, 4)),
        correction=np.full_like(found.correction, np.nan),
        record=record,
    )
