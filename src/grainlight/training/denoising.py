"""Training of the denoiser: undo what a noise field hides of a clean state."""

from __future__ import annotations

import torch
from torch import Tensor

from grainlight.diffusion.denoiser import Denoiser
from grainlight.diffusion.network import flops_per_pixel
from grainlight.diffusion.sampler import later_input, stated_levels
from grainlight.synth.draw import Draw
from grainlight.training.loss import denoising_loss
from grainlight.training.presets import TrainingPreset
from grainlight.training.stream import next_batch
from grainlight.training.task import Core
from grainlight.training.validation import validate, validation_set


class Denoising:
    """The task of the joint denoiser (`grainlight.diffusion.denoiser`)."""

    parts = 5

    def build(self, preset: TrainingPreset) -> Denoiser:
        return preset.kind(preset.network)

    def core(self, model: Denoiser) -> Core:
        return model.refine

    def learn(self, model: Denoiser, core: Core, draw: Draw, preset: TrainingPreset) -> tuple[Tensor, Tensor]:
        clean = next_batch(draw, preset.batch, preset.patch, preset.parts)
        x, sigma = preset.measure(draw, clean, preset.mixture)
        if draw.scalar(0.0, 1.0) < preset.later_calls:
            x, sigma = self._after_a_call(model, x, sigma, draw, preset)
        b, p = model.skip(x, sigma)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=preset.bf16):
            denoised = core(x, sigma, b, p)
        return denoising_loss(denoised, clean, p, preset.loss)

    @staticmethod
    @torch.no_grad()
    def _after_a_call(
        model: Denoiser, x: Tensor, sigma: Tensor, draw: Draw, preset: TrainingPreset
    ) -> tuple[Tensor, Tensor]:
        """What the solver would see at its second or third call: the network learns to mend its own estimates."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=preset.bf16):
            first = model(x, sigma)
        call = 1 if draw.scalar(0.0, 1.0) < 0.6 else 2
        return later_input(x, sigma, first), stated_levels(sigma, call)

    def flops_per_pixel(self, preset: TrainingPreset) -> float:
        return flops_per_pixel(preset.network)

    def held_out(self, preset: TrainingPreset) -> Tensor:
        short = preset.steps <= 100
        return validation_set(preset.patch if short else max(64, preset.patch), 1 if short else 4)

    def validate(self, model: Denoiser, held_out: Tensor) -> dict[str, float]:
        return validate(model, held_out)


DENOISING = Denoising()
