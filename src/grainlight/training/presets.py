"""Named settings of training runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from grainlight.diffusion.network import SHIPPED_SHAPE, LabelConfig
from grainlight.training.hidden_labels import LabelMixture
from grainlight.training.labelling import LABELLING
from grainlight.training.task import Task


@dataclass(frozen=True)
class TrainingPreset:
    """Everything that decides what a run computes, but for seed, device and budget.

    The schedule is warm-up, plateau and linear decay to zero over the last ``decay`` share of the budget, which is a
    number of steps or of seconds of training, whichever ends first. ``task`` says what is learnt; ``network`` and
    ``mixture`` are of the classes that it takes.
    """

    task: Task = LABELLING
    network: Any = field(default_factory=LabelConfig)
    mixture: Any = field(default_factory=LabelMixture)
    patch: int = 64
    batch: int = 16
    parts: int = 2
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
    # Sections of every question of the validation.
    held_out: int = 96


_ON_STACKS = TrainingPreset(
    network=SHIPPED_SHAPE,
    mixture=LabelMixture(stacks=0.3),
    patch=96,
    batch=512,
    parts=4,
    lr=7e-4,
    muon_lr=0.014,
    decay=0.5,
    bf16=True,
    warmup_steps=100,
    log_every=50,
    save_every_seconds=185.0,
    held_out=24,
)

PRESETS = {
    "tiny": TrainingPreset(
        network=LabelConfig(widths=(8, 12, 16), down_blocks=(0, 1, 1), up_blocks=(0, 1), stacks=True),
        mixture=LabelMixture(stacks=0.3),
        patch=32,
        batch=4,
        parts=1,
        warmup_steps=5,
        steps=20,
        held_out=8,
        log_every=5,
        save_every_seconds=0.0,
    ),
    "cpu": TrainingPreset(network=SHIPPED_SHAPE, mixture=LabelMixture(stacks=0.25)),
    # More training of finished weights (--start): half the rates, falling from the first step on.
    "continue": TrainingPreset(
        network=SHIPPED_SHAPE, mixture=LabelMixture(stacks=0.25), lr=5e-4, muon_lr=0.01, decay=1.0, ema_longest=500
    ),
    # Those of the shipped weights: `gpu` from nothing, `gpu-stacks` from what it gave, `gpu-further` from that.
    "gpu": TrainingPreset(
        patch=96, batch=256, parts=4, bf16=True, warmup_steps=200, log_every=50, save_every_seconds=170.0
    ),
    "gpu-stacks": _ON_STACKS,
    "gpu-further": replace(
        _ON_STACKS,
        mixture=LabelMixture(stacks=0.25, again=2),
        batch=1024,
        lr=5e-4,
        muon_lr=0.01,
        decay=0.8,
        warmup_steps=150,
        held_out=48,
    ),
}
