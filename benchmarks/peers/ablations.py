"""This project with one of its parts taken away: what each part is worth, with the shipped weights unless said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from benchmarks.peers.pipeline import through_pipeline
from grainlight.crystal.embedding import decode
from grainlight.diffusion.checkpoint import load_weights
from grainlight.diffusion.network import LabelNetwork
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer, Method, answer_of, restoration
from grainlight.maps.orientation_map import OrientationMap
from grainlight.optics.forward.curves import IDEAL
from grainlight.restore.enhance import enhance
from grainlight.restore.inputs import prepare
from grainlight.restore.labelling.label import project_measured
from grainlight.restore.sampling.label_prior import LabelPrior, load_prior
from grainlight.restore.settings import Settings

FEW = 0.01
"""Share of the pixels whose EBSD points the ablation from light keeps."""
_FEWEST = 48
"""Points that it keeps at least: twice what the calibration of the light needs."""


def ebsd_only(quality: str = "balanced", *, seed: int = 0) -> Method:
    """Return the restoration without the light stack."""
    restore = restoration(quality, seed=seed, device="cpu")

    def method(task: Task) -> Answer:
        return restore(replace(task, stack=None, light=None, sigma=None))

    return method


def light_only(quality: str = "balanced", *, seed: int = 0, share: float = FEW) -> Method:
    """Return the restoration from light and hardly any EBSD: orientations have no other source than a few points.

    Parameters
    ----------
    share
        Of the pixels that keep a measured point, drawn with ``seed`` from those that have one, 48 at least: the light
        cannot be calibrated without, and it never says how a crystal is turned about its c-axis.
    """
    restore = restoration(quality, seed=seed, device="cpu")

    def method(task: Task) -> Answer:
        if task.stack is None:
            raise InputError("there is no light to restore from", advice="choose the level clean or corrupted")
        return restore(
            replace(task, coarse=few_points(task.coarse, max(_FEWEST, round(share * task.valid.size)), seed))
        )

    return method


def few_points(coarse: OrientationMap, count: int, seed: int) -> OrientationMap:
    """Return a map with this many of its 6/mmm points, drawn at random, and the others not indexed."""
    at = np.flatnonzero(coarse.is_6mmm)
    kept = np.random.default_rng(seed).permutation(at)[:count]
    phase_id = np.zeros(coarse.phase_id.size, coarse.phase_id.dtype)
    phase_id[kept] = coarse.phase_id.reshape(-1)[kept]
    return coarse.replace(phase_id=phase_id.reshape(coarse.shape))


def without_projection(quality: str = "balanced", *, seed: int = 0) -> Method:
    """Return what the network says, averaged over the ensemble: no projection on the measured points, and none of the
    steps that rest on it (lone pixels, boundaries by the light)."""

    def method(task: Task) -> Answer:
        settings = Settings(scale=task.scale, quality=quality, seed=seed, device="cpu", projection=False)
        answer = answer_of(enhance(task.coarse, task.stack, settings), task)
        # Bounds and boundary probabilities are calibrated for the whole restoration.
        return replace(answer, bound=None, boundary=None)

    return method


def without_relabelling(quality: str = "balanced", *, seed: int = 0) -> Method:
    """Return the restoration whose boundaries stay where the network and the projection put them."""

    def method(task: Task) -> Answer:
        settings = Settings(scale=task.scale, quality=quality, seed=seed, device="cpu")
        ready = prepare(task.coarse, task.stack, settings)
        found = ready.estimate(load_prior(), settings)
        e = project_measured(ready.joint(), found.guide).embedding
        rows, columns = task.measured.shape
        part = (slice(rows), slice(columns))
        return Answer(decode(e, dim=0).double().numpy()[part], IDEAL.of_embedding(e).numpy()[:, *part])

    return method


def untrained(quality: str = "balanced", *, seed: int = 0) -> Method:
    """Return the restoration with a network of the shipped shape that was never trained: what a guided copy, the
    projection and the light do without it."""

    def method(task: Task) -> Answer:
        network = LabelNetwork(load_weights().config).eval()
        return through_pipeline(LabelPrior(network, torch.device("cpu")), task, quality, seed=seed)

    return method
