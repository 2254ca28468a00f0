"""What an evaluation compares: classical methods and this project, each from a task to an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.evaluation.baselines.guided_copy import guided_copy
from grainlight.evaluation.baselines.half_quadratic import half_quadratic
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.degrade import Task

if TYPE_CHECKING:
    from grainlight.restore.result import Result

QUALITIES = ("fast", "balanced", "best")
"""Of the restoration, in the order of what they cost."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method gives back for a task, on its grid (H, W); classical methods give orientations only.

    Parameters
    ----------
    quaternions
        (H, W, 4) in frame S, X along a.
    light
        (5, H, W) restored harmonics.
    bound
        (H, W) stated 90 % bound of the error in degrees; NaN where none is stated.
    boundary
        (H, W) stated probability of a boundary to the right of or below a pixel.
    """

    quaternions: NDArray[np.float64]
    light: NDArray[np.floating] | None = None
    bound: NDArray[np.floating] | None = None
    boundary: NDArray[np.floating] | None = None


Method = Callable[[Task], Answer]


def _nearest(task: Task) -> Answer:
    return Answer(nearest(task.quaternions, task.measured))


def _half_quadratic(task: Task) -> Answer:
    return Answer(half_quadratic(task.quaternions, task.measured))


def _guided(denoise: bool) -> Method:
    def method(task: Task) -> Answer:
        if task.light is None or task.sigma is None:
            raise InputError("the guided copy needs light", advice="choose the level clean or corrupted")
        return Answer(guided_copy(task.quaternions, task.measured, task.light, task.sigma, denoise=denoise))

    return method


COPY, DENOISED_COPY = "guided copy", "guided copy, denoised light"
BLIND: Mapping[str, Method] = {"nearest": _nearest, "half-quadratic": _half_quadratic}
"""Methods that use EBSD alone."""
GUIDED: Mapping[str, Method] = {COPY: _guided(False), DENOISED_COPY: _guided(True)}
"""Methods that need light."""
BASELINES: Mapping[str, Method] = {**BLIND, **GUIDED}
CLEAN_COPY = {name: f"{name}, clean PL" for name in GUIDED}
"""The guided copies given clean light of the same optics in place of corrupted."""
OURS = "grainlight"
FULL = "grainlight, 100 % EBSD"
"""Our restoration at scale 1 from EBSD at every point, with the same noise and the same light."""


def ours(quality: str) -> str:
    """Return the name of the restoration in tables."""
    return f"{OURS}, {quality}"


def restoration(
    quality: str = "balanced",
    *,
    steps: int | None = None,
    samples: int | None = None,
    visits: int | None = None,
    weights: Path | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Method:
    """Return the method of this project, `restore.enhance`, as an evaluation runs methods.

    Parameters
    ----------
    quality
        "fast", "balanced" or "best".
    steps, samples, visits
        Steps that a sample is revealed in, samples of the ensemble and visits of the chain at boundaries, in place
        of the quality's.
    weights
        A file of weights; the shipped ones by default.
    device
        "auto", "cpu" or "cuda".
    seed
        Of the sampler.
    """

    def method(task: Task) -> Answer:
        from grainlight.restore.enhance import enhance
        from grainlight.restore.settings import Settings

        settings = Settings(
            scale=task.scale,
            quality=quality,
            steps=steps,
            samples=samples,
            visits=visits,
            weights=weights,
            device=device,
            seed=seed,
        )
        return answer_of(enhance(task.coarse, task.stack, settings), task)

    return method


def answer_of(result: Result, task: Task) -> Answer:
    """Return a result as the answer to a task: in frame S, X along a, and no larger than the task's grid."""
    found = result.map.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A)
    rows, cols = task.measured.shape
    part = (slice(rows), slice(cols))
    return Answer(found.quaternions[part], result.light[:, *part], result.uncertainty[part], result.boundary[part])


def has_weights(path: Path | None = None) -> bool:
    """Return whether there are weights to restore with: the given file, or the shipped one."""
    from grainlight.diffusion.checkpoint import SHIPPED

    return (path or SHIPPED).is_file()


def require_weights(path: Path | None) -> None:
    """Make sure that there are weights to restore with.

    Raises
    ------
    InputError
        If there are none.
    """
    if not has_weights(path):
        raise InputError("there are no weights to restore with", file=path, advice="compare the baselines only")
