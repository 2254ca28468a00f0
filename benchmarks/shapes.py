"""Several shapes of the label network, trained side by side on the same batches: `python -m benchmarks.shapes FOLDER`.

What a batch costs is mostly the making of its sections, so five networks cost little more than one, and what they learn
differs by their shape alone. Writes weights of each and the log of the training loop; a run that was stopped goes
on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grainlight.diffusion.candidates import CELL, PIXELS, SLOTS, Candidates
from grainlight.diffusion.checkpoint import save_weights
from grainlight.diffusion.evidence import Evidence, gather_evidence, tabulate
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.misfit import HALF
from grainlight.diffusion.network import LabelConfig, LabelNetwork, Labels
from grainlight.synth.draw import Draw
from grainlight.training.hidden_labels import LabelMixture
from grainlight.training.labelling import Labelling, draw_lesson, label_loss
from grainlight.training.loop import load_state, train
from grainlight.training.presets import PRESETS, TrainingPreset
from grainlight.training.validation import validate_labels

# Kinds of evidence of single pixels that a gated network weighs anew, and the side of what a cell sees around it.
_TERMS = 6
_SEEN_SIDE = CELL + 2


@dataclass(frozen=True)
class Shape(LabelConfig):
    """A network; ``gated``: whether it weighs the evidence of single pixels anew by what it knows of what is around."""

    gated: bool = False


SHAPES = {
    # that of the shipped weights
    "shipped": Shape(stacks=True),
    "gated": Shape(stacks=True, gated=True),
    "small_gated": Shape(widths=(96, 128, 192), stacks=True, gated=True),
    "narrow_gated": Shape(widths=(64, 128, 192), stacks=True, gated=True),
    "wide_gated": Shape(widths=(192, 192, 256), stacks=True, gated=True),
}
_SMALL = Shape(widths=(8, 12, 16), down_blocks=(0, 1, 1), up_blocks=(0, 1), stacks=True)
TINY = {"plain": _SMALL, "gated": replace(_SMALL, gated=True)}


class GatedNetwork(LabelNetwork):
    """The label network; a gated one adds evidence of single pixels past its first layer, which has few channels."""

    format = "grainlight-shapes-1"
    config_type = Shape

    def __init__(self, config: Shape) -> None:
        super().__init__(config)
        self.gated = config.gated
        if config.gated:
            self.head = nn.Conv2d(config.widths[0], self.head.out_channels + PIXELS * _TERMS, 1)
            for parameter in self.head.parameters():
                nn.init.zeros_(parameter)

    def from_evidence(self, evidence: Evidence, size: tuple[int, int]) -> Labels:
        """Labels of the cells of images of a size (H, W)."""
        stem = self._first(evidence.features, evidence.beside)
        guided = self.guided(evidence)
        if not self.gated:
            return self.answer(stem, guided, size)
        stem = stem.view(-1, size[0] // CELL, size[1] // CELL, stem.shape[1]).permute(0, 3, 1, 2)
        rows = self.rows(stem)
        ends = PIXELS * (SLOTS + 1), rows.shape[1] - PIXELS * _TERMS
        logits, other, gates = rows.tensor_split(ends, 1)
        weighed = (_terms(evidence) * gates.reshape(-1, PIXELS, _TERMS, 1)).sum(2)
        return Labels(
            guided + logits.reshape(guided.shape) + F.pad(weighed, (0, 1)), other.reshape(len(other), -1, PIXELS)
        )

    def label(
        self,
        measured: Measurement,
        revealed: Revealed,
        candidates: Candidates,
        dtype: torch.dtype = torch.float32,
    ) -> Labels:
        """What the network says of the candidates; see `LabelNetwork.label`."""
        evidence = gather_evidence(tabulate(measured, revealed), candidates)
        return self.from_evidence(evidence, (measured.points.shape[1], measured.points.shape[2]))


def _terms(evidence: Evidence) -> Tensor:
    """Evidence of each pixel for each candidate (n, 16, `_TERMS`, 16)."""
    first = 2 * PIXELS * SLOTS
    agrees = evidence.features[:, first : first + _SEEN_SIDE**2 * SLOTS].reshape(-1, _SEEN_SIDE, _SEEN_SIDE, SLOTS)
    around = 3 * F.avg_pool2d(agrees.permute(0, 3, 1, 2), 3, 1).flatten(2).transpose(1, 2)
    terms = [
        t for misfit in (evidence.light, evidence.expected) for t in (misfit / (misfit + HALF), misfit.log1p() / 2)
    ]
    return torch.stack((*terms, evidence.distance.clamp(max=9) / 3, around), 2)


@dataclass(frozen=True)
class Shapes:
    """Networks by name."""

    of: dict[str, Shape] = field(default_factory=lambda: dict(SHAPES))


class SideBySide(nn.Module):
    """Networks that share nothing but their batches."""

    format = "grainlight-shapes-1"
    config_type = Shapes

    def __init__(self, config: Shapes) -> None:
        super().__init__()
        self.config = config
        self.networks = nn.ModuleDict({name: GatedNetwork(shape) for name, shape in config.of.items()})


class Comparison(Labelling):
    """The task of the label network for several at once: the loss is the sum of theirs."""

    def __init__(self, networks: int) -> None:
        self.parts = networks

    def build(self, preset: TrainingPreset) -> Any:
        return SideBySide(preset.network)

    def learn(self, model: Any, core: Any, draw: Draw, preset: TrainingPreset) -> tuple[Tensor, Tensor]:
        lesson = draw_lesson(draw, preset)
        device = lesson.asked.device
        total, choices = torch.zeros((), device=device), []
        for network in model.networks.values():
            with torch.autocast(device.type, torch.bfloat16, enabled=preset.bf16):
                labels = network.from_evidence(lesson.evidence, lesson.size)
            loss, parts = label_loss(labels, lesson.right, lesson.clean, lesson.asked)
            total = total + loss
            choices.append(parts[0])
        return total, torch.stack(choices)

    def flops_per_pixel(self, preset: TrainingPreset) -> float:
        one = super().flops_per_pixel
        return sum(one(replace(preset, network=shape)) for shape in preset.network.of.values())

    def held_out(self, preset: TrainingPreset) -> Any:
        return super().held_out(replace(preset, network=next(iter(preset.network.of.values()))))

    def validate(self, model: Any, held_out: Any) -> dict[str, float]:
        scores = {name: validate_labels(network, held_out) for name, network in model.networks.items()}
        return {f"{name}, {what}": value for name, found in scores.items() for what, value in found.items()}


def settings(shapes: dict[str, Shape], base: TrainingPreset) -> TrainingPreset:
    """Settings of the run: those of a preset, every section measured twice in a batch."""
    return replace(
        base,
        task=Comparison(len(shapes)),
        network=Shapes(shapes),
        mixture=LabelMixture(stacks=0.2, again=2),
        # of the gradients of all together
        clip=base.clip * len(shapes) ** 0.5,
        held_out=min(24, base.held_out),
        save_every_seconds=135.0,
    )


def _write(entry: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(entry) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Train, then write the weights of each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=12.5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="a check in seconds")
    given = parser.parse_args()
    chosen = settings(TINY, PRESETS["tiny"]) if given.tiny else settings(SHAPES, PRESETS["gpu"])
    chosen = replace(chosen, seconds=60.0 * given.minutes)
    train(given.folder, chosen, seed=given.seed, device=given.device, report=_write)
    state: Any = load_state(given.folder / "state.safetensors", chosen, given.device)
    for name, network in state.ema.networks.items():
        save_weights(network, given.folder / f"{name}.safetensors", {"step": str(state.step)})


if __name__ == "__main__":
    main()
