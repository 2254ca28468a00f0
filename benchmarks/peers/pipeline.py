"""This project's preparation, projection and placing of boundaries around another network."""

from __future__ import annotations

from grainlight.crystal.embedding import decode
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer
from grainlight.restore.inputs import prepare
from grainlight.restore.sampling.prior import Prior
from grainlight.restore.settings import Settings


def through_pipeline(
    prior: Prior,
    task: Task,
    quality: str = "balanced",
    *,
    steps: int | None = None,
    samples: int | None = None,
    seed: int = 0,
) -> Answer:
    """Restore a task with a network of one's own.

    Parameters
    ----------
    prior
        The network, on the CPU.
    quality, steps, samples, seed
        As for `methods.restoration`.

    Returns
    -------
    No bounds: theirs is a calibration for the shipped weights.
    """
    settings = Settings(scale=task.scale, quality=quality, steps=steps, samples=samples, seed=seed)
    ready = prepare(task.coarse, task.stack, settings)
    posterior = ready.restore(prior, settings)
    part = tuple(slice(size) for size in task.measured.shape)
    q = decode(posterior.embedding, dim=0).double().numpy()[part]
    return Answer(q, posterior.light.numpy()[:, *part], boundary=posterior.uncertainty.boundary.numpy()[part])
