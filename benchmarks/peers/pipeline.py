"""This project's preparation, solver, projection and placing of boundaries around another network."""

from __future__ import annotations

import torch

from grainlight.crystal.embedding import decode
from grainlight.diffusion.denoiser import Denoiser
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer
from grainlight.restore.inputs import prepare
from grainlight.restore.sampling.tiles import TiledDenoiser
from grainlight.restore.settings import Settings


def through_pipeline(
    model: Denoiser,
    task: Task,
    quality: str = "balanced",
    *,
    steps: int | None = None,
    samples: int | None = None,
    seed: int = 0,
) -> Answer:
    """Restore a task with a denoiser of one's own.

    Parameters
    ----------
    model
        On the CPU.
    quality, steps, samples, seed
        As for `methods.restoration`.

    Returns
    -------
    No bounds: theirs is a calibration for the shipped weights.
    """
    settings = Settings(scale=task.scale, quality=quality, steps=steps, samples=samples, seed=seed)
    ready = prepare(task.coarse, task.stack, settings)
    posterior = ready.restore(TiledDenoiser(model, torch.device("cpu")), settings)
    part = tuple(slice(size) for size in task.measured.shape)
    q = decode(posterior.embedding, dim=0).double().numpy()[part]
    return Answer(q, posterior.light.numpy()[:, *part], boundary=posterior.uncertainty.boundary.numpy()[part])
