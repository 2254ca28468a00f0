"""One synthetic task for all stages; nothing here is collected by `make test`."""

from __future__ import annotations

import pytest
import torch

from grainlight.evaluation.degrade import Task
from grainlight.evaluation.reference_map import validation_section
from grainlight.evaluation.scenario import Scenario
from grainlight.restore.inputs import Prepared, prepare
from grainlight.restore.settings import Settings

SIZE = 257


@pytest.fixture(scope="session")
def task() -> Task:
    torch.set_num_threads(1)
    return Scenario(2).degrade(validation_section("equiaxed", 2, SIZE).full, 0)


@pytest.fixture(scope="session")
def ready(task: Task) -> Prepared:
    return prepare(task.coarse, task.stack, Settings(scale=2, register="none"))
