"""Which task a preset trains."""

from __future__ import annotations

from grainlight.training.denoising import DENOISING
from grainlight.training.labelling import LABELLING
from grainlight.training.presets import TrainingPreset
from grainlight.training.task import Task

TASKS: dict[str, Task] = {"denoising": DENOISING, "labelling": LABELLING}


def task_of(preset: TrainingPreset) -> Task:
    """The task of a preset."""
    return TASKS[preset.task]
