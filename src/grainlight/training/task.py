"""What a training run learns: the seam between the loop and a kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

from grainlight.synth.draw import Draw

if TYPE_CHECKING:
    from grainlight.training.presets import TrainingPreset

# Runs the network, or a compiled form of it, in the precision of the preset.
Core = Callable[..., Any]


class Task(Protocol):
    """A kind of model, the loss of one drawn batch, and its validation."""

    @property
    def parts(self) -> int:
        """Number of parts of the loss that the log shows."""
        ...

    def build(self, preset: TrainingPreset) -> nn.Module:
        """A model with random weights; it has a ``config`` and a ``format``."""
        ...

    def core(self, model: Any) -> Core:
        """The part of the model that may be compiled."""
        ...

    def learn(self, model: Any, core: Core, draw: Draw, preset: TrainingPreset) -> tuple[Tensor, Tensor]:
        """Loss of a batch drawn anew, and its parts (``parts``,), without gradient."""
        ...

    def flops_per_pixel(self, preset: TrainingPreset) -> float:
        """Operations of one call, forward."""
        ...

    def held_out(self, preset: TrainingPreset) -> Any:
        """What is validated on, the same for every run."""
        ...

    def validate(self, model: Any, held_out: Any) -> dict[str, float]:
        """Scores by name."""
        ...
