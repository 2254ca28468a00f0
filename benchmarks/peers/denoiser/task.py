"""Training of the denoiser: undo what a noise field hides of a clean state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.loss import LossSettings, denoising_loss
from benchmarks.peers.denoiser.network import flops_per_pixel
from benchmarks.peers.denoiser.noise import NoiseMixture, draw_noise_field
from benchmarks.peers.denoiser.solver import later_input, stated_levels
from benchmarks.peers.denoiser.stream import next_batch
from benchmarks.peers.denoiser.validation import validate, validation_set
from grainlight.synth.draw import Draw
from grainlight.training.presets import TrainingPreset
from grainlight.training.task import Core


@dataclass(frozen=True)
class Denoising:
    """A ``kind`` of denoiser that undoes what ``measure`` draws of a clean state.

    ``later_calls``: share of the steps that learn a later call of the solver, whose input is the network's own
    estimate.
    """

    loss: LossSettings = field(default_factory=LossSettings)
    later_calls: float = 0.35
    kind: type[Denoiser] = Denoiser
    measure: Callable[[Draw, Tensor, NoiseMixture], tuple[Tensor, Tensor]] = draw_noise_field

    @property
    def parts(self) -> int:
        """Number of parts of the loss that the log shows."""
        return len(self.loss.part_weight)

    def build(self, preset: TrainingPreset) -> Denoiser:
        """A model with random weights."""
        return self.kind(preset.network)

    def core(self, model: Denoiser) -> Core:
        """All but the skip."""
        return model.refine

    def learn(self, model: Denoiser, core: Core, draw: Draw, preset: TrainingPreset) -> tuple[Tensor, Tensor]:
        """Loss of a batch drawn anew, and its parts (5,), without gradient."""
        clean = next_batch(draw, preset.batch, preset.patch, preset.parts)
        x, sigma = self.measure(draw, clean, preset.mixture)
        if draw.scalar(0.0, 1.0) < self.later_calls:
            x, sigma = _after_a_call(model, x, sigma, draw, preset)
        b, p = model.skip(x, sigma)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=preset.bf16):
            denoised = core(x, sigma, b, p)
        return denoising_loss(denoised, clean, p, self.loss)

    def flops_per_pixel(self, preset: TrainingPreset) -> float:
        """Operations of one call, forward."""
        return flops_per_pixel(preset.network)

    def held_out(self, preset: TrainingPreset) -> Tensor:
        """Clean states that are validated on."""
        short = preset.steps <= 100
        return validation_set(preset.patch if short else max(64, preset.patch), 1 if short else 4)

    def validate(self, model: Denoiser, held_out: Tensor) -> dict[str, float]:
        """Scores by name."""
        return validate(model, held_out)


@torch.no_grad()
def _after_a_call(
    model: Denoiser, x: Tensor, sigma: Tensor, draw: Draw, preset: TrainingPreset
) -> tuple[Tensor, Tensor]:
    """What the solver would see at its second or third call: the network learns to mend its own estimates."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=preset.bf16):
        first = model(x, sigma)
    call = 1 if draw.scalar(0.0, 1.0) < 0.6 else 2
    return later_input(x, sigma, first), stated_levels(sigma, call)
