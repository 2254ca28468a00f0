"""The polarized light of an orientation map: what a camera would have seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack, parse_angles
from grainlight.maps.orientation_map import OrientationMap
from grainlight.synth import camera

Angles = str | Path | Sequence[float] | NDArray[np.floating]

_NOISE_STREAM = 1_000_003  # the noise draws from a stream of its own, apart from the optics


def simulate_light(
    ebsd: OrientationMap,
    angles: Angles = "0:180:10",
    *,
    step: float | None = None,
    level: Literal["clean", "mild", "corrupted", "severe"] = "clean",
    metal: str = "Ti",
    seed: int = 0,
    rotates: Literal["sample", "optics"] = "sample",
    mirror: bool = False,
) -> LightStack:
    """Return the polarized-light images that a full map would give, by the physics of `grainlight.optics.forward`.

    Parameters
    ----------
    ebsd
        Any map with points of Laue group 6/mmm; other points reflect like an isotropic phase.
    angles
        Degrees, as for `load_light`: "start:stop:step" (stop excluded), a list, or a file of them.
    step
        um per pixel; that of the map if None.
    level
        How good the microscope is.
    metal
        Whose optical constants are taken: Ti, Zr, Mg, Co or Zn.
    seed
        The same seed gives the same images: optics, dirt and noise.
    rotates, mirror
        What turns, and whether the optical path mirrors, as in `LightStack`.

    Returns
    -------
    Images (N, H, W) that begin at the map's first point.

    Raises
    ------
    InputError
        Where the map has no such point, or the images would be too large.
    """
    step = min(ebsd.step) if step is None else step
    shot = photograph_map(ebsd, angles, step=step, level=level, metal=metal, seed=seed, rotates=rotates, mirror=mirror)
    return LightStack(
        shot.images.numpy().astype(np.float32),
        np.array(shot.settings.angles),
        step,
        rotates=rotates,
        mirror=mirror,
        saturation=float(2**shot.settings.bits - 1),
    )


def photograph_map(
    ebsd: OrientationMap,
    angles: Angles,
    *,
    step: float,
    level: str,
    metal: str,
    seed: int,
    rotates: Literal["sample", "optics"],
    mirror: bool,
) -> camera.SimulatedStack:
    """Return the images of `simulate_light` with everything that was drawn for them; ``step`` in um."""
    if not ebsd.is_6mmm.any():
        raise InputError(
            "no point of the map belongs to a phase of Laue group 6/mmm",
            file=ebsd.path,
            found="; ".join(str(phase) for phase in ebsd.phases) or "no phase",
            expected="a hexagonal metal such as alpha titanium",
        )
    axes, valid = on_pixels(ebsd, step)
    turned = tuple(float(angle) for angle in parse_angles(angles))
    settings = replace(camera.PRESETS[level](seed, metal=metal), angles=turned, rotates=rotates, mirror=mirror)
    generator = torch.Generator().manual_seed(seed + _NOISE_STREAM)
    return camera.simulate_stack(torch.from_numpy(axes), settings, generator, valid=torch.from_numpy(valid))


def on_pixels(ebsd: OrientationMap, step: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return c-axes (rows, cols, 3) in frame S and whether they are of a 6/mmm phase, on a square grid of a step in um.

    Every pixel takes the nearest scan point, so that hexagonal grids and other steps come out where they belong.

    Raises
    ------
    InputError
        Where the stack would have more than 100 million pixels per image.
    """
    axes, valid = ebsd.c_axes(), ebsd.is_6mmm
    if ebsd.grid == "square" and np.allclose(ebsd.step, step, rtol=1e-9):
        return axes, valid
    present = ebsd.present
    x, y = ebsd.x[present], ebsd.y[present]
    rows, columns = (int(np.floor((float(v.max()) + 1e-6) / step)) + 1 for v in (y, x))
    if rows * columns > 100_000_000:
        raise InputError(
            "the images would be too large",
            found=f"{rows} x {columns} pixels",
            advice="a larger step of the images (--pl-step)",
        )
    tree = cKDTree(np.stack((y, x), axis=1))
    at = np.stack(np.meshgrid(np.arange(rows) * step, np.arange(columns) * step, indexing="ij"), axis=-1)
    nearest = tree.query(at.reshape(-1, 2))[1].reshape(rows, columns)
    return axes[present][nearest], valid[present][nearest]
