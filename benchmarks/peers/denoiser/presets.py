"""Named settings of the denoiser's training runs."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.peers.denoiser.network import NetworkConfig
from benchmarks.peers.denoiser.noise import NoiseMixture
from benchmarks.peers.denoiser.task import Denoising
from grainlight.training.presets import TrainingPreset

CPU = TrainingPreset(task=Denoising(), network=NetworkConfig(), mixture=NoiseMixture())
"""That of the kept weights, with 3,907 steps and seed 1."""

PRESETS = {
    "tiny": replace(
        CPU,
        network=NetworkConfig(widths=(8, 12, 16, 24)),
        patch=32,
        batch=4,
        parts=1,
        warmup_steps=5,
        steps=20,
        log_every=5,
        save_every_seconds=0.0,
    ),
    "cpu": CPU,
}
