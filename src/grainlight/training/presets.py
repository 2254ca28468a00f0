"""Named settings of training runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from grainlight.diffusion.denoiser import Denoiser
from grainlight.diffusion.labels.network import LabelConfig
from grainlight.diffusion.network import NetworkConfig
from grainlight.diffusion.noise import NoiseMixture, draw_noise_field
from grainlight.synth.draw import Draw
from grainlight.training.hidden_labels import LabelMixture
from grainlight.training.loss import LossSettings


@dataclass(frozen=True)
class TrainingPreset:
    """Everything that decides what a run computes, but for seed, device and budget.

    The schedule is warm-up, plateau and linear decay to zero over the last ``decay`` share of the budget, which is a
    number of steps or of seconds of training, whichever ends first. ``task`` says what is trained: ``denoising``, a
    ``kind`` of denoiser that undoes what ``measure`` draws of a clean state, or ``labelling``, the label network;
    ``network`` and ``mixture`` are of the classes that the task takes.
    """

    task: str = "denoising"
    network: Any = field(default_factory=NetworkConfig)
    mixture: Any = field(default_factory=NoiseMixture)
    loss: LossSettings = field(default_factory=LossSettings)
    patch: int = 64
    batch: int = 16
    parts: int = 2
    # Share of the steps that learn a later call of the solver: the input is the network's own estimate.
    later_calls: float = 0.35
    optimizer: str = "muon"
    lr: float = 1e-3
    muon_lr: float = 0.02
    warmup_steps: int = 100
    decay: float = 0.35
    clip: float = 2.0
    # EMA over the last share of the steps so far, but no longer than this many.
    ema_share: float = 0.1
    ema_longest: int = 2000
    steps: int = 1_000_000
    seconds: float = float("inf")
    bf16: bool = False
    compile: bool = False
    log_every: int = 50
    save_every_seconds: float = 240.0
    kind: type[Denoiser] = Denoiser
    measure: Callable[[Draw, Tensor, NoiseMixture], tuple[Tensor, Tensor]] = draw_noise_field


PRESETS = {
    "tiny": TrainingPreset(
        network=NetworkConfig(widths=(8, 12, 16, 24)),
        patch=32,
        batch=4,
        parts=1,
        warmup_steps=5,
        steps=20,
        log_every=5,
        save_every_seconds=0.0,
    ),
    "cpu": TrainingPreset(),
    # More training of finished weights (--start): half the rate, falling from the first step on.
    "continue": TrainingPreset(lr=5e-4, muon_lr=0.01, decay=1.0, ema_longest=500),
    "gpu": TrainingPreset(batch=512, parts=8, bf16=True, compile=True, warmup_steps=200, log_every=20),
    "labels-tiny": TrainingPreset(
        task="labelling",
        network=LabelConfig(widths=(8, 12, 16), down_blocks=(0, 1, 1), up_blocks=(0, 1)),
        mixture=LabelMixture(),
        patch=32,
        batch=4,
        parts=1,
        warmup_steps=5,
        steps=20,
        log_every=5,
        save_every_seconds=0.0,
    ),
    "labels-cpu": TrainingPreset(task="labelling", network=LabelConfig(), mixture=LabelMixture()),
    "labels-gpu": TrainingPreset(
        task="labelling",
        network=LabelConfig(),
        mixture=LabelMixture(),
        patch=96,
        batch=256,
        parts=4,
        bf16=True,
        warmup_steps=200,
        log_every=50,
        save_every_seconds=170.0,
    ),
}
