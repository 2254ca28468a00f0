"""Training of the label model: say which candidates lie in a pixel's grain, whatever is measured and revealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE
from grainlight.diffusion.beside import candidates_of
from grainlight.diffusion.candidates import to_cells
from grainlight.diffusion.evidence import Evidence, gather_evidence, tabulate
from grainlight.diffusion.network import LabelNetwork, Labels, flops_per_pixel
from grainlight.synth.draw import Draw
from grainlight.training.hidden_labels import LabelMixture, draw_case, reveal, right_candidates
from grainlight.training.stacks import draw_stack_case
from grainlight.training.task import Core
from grainlight.training.validation import Question, questions, stack_questions, validate_labels

if TYPE_CHECKING:
    from grainlight.training.presets import TrainingPreset

# Weight of the expected orientation of grains that no candidate lies in, beside the surprise in nats.
_OTHER = 0.3
_SCALE = 10 * PER_DEGREE


@dataclass(frozen=True, eq=False)
class Lesson:
    """A batch to learn from, by cells: its ``evidence``, the candidates (n, 16, 16) that are ``right``, the true
    embedding ``clean`` (n, 18, 16), the pixels (n, 16) that are ``asked``, not revealed ones; ``size`` of images."""

    evidence: Evidence
    right: Tensor
    clean: Tensor
    asked: Tensor
    size: tuple[int, int]


@torch.no_grad()
def draw_lesson(draw: Draw, preset: TrainingPreset) -> Lesson:
    """Draw the batch of a step."""
    mixture = preset.mixture
    assert isinstance(mixture, LabelMixture)
    in_stack = mixture.stacks > 0 and draw.scalar(0.0, 1.0) < mixture.stacks
    drawn = draw_stack_case if in_stack else draw_case
    case = drawn(draw, preset.batch, preset.patch, preset.parts, mixture)
    candidates = candidates_of(case.measured)
    right = right_candidates(case, candidates)
    revealed = reveal(draw, case, candidates, right, mixture)
    evidence = gather_evidence(tabulate(case.measured, revealed), candidates)
    asked = ~to_cells(revealed.mask[:, None])[:, 0]
    return Lesson(evidence, right, to_cells(case.embedding), asked, (preset.patch, preset.patch))


class Labelling:
    """The task of the label network (`grainlight.diffusion.network`)."""

    parts = 2

    def build(self, preset: TrainingPreset) -> LabelNetwork:
        return LabelNetwork(preset.network)

    def core(self, model: LabelNetwork) -> Core:
        return model

    def learn(self, model: LabelNetwork, core: Core, draw: Draw, preset: TrainingPreset) -> tuple[Tensor, Tensor]:
        lesson = draw_lesson(draw, preset)
        evidence = lesson.evidence
        with torch.autocast(evidence.features.device.type, torch.bfloat16, enabled=preset.bf16):
            labels = core(evidence.features, model.guided(evidence), lesson.size, evidence.beside)
        return label_loss(labels, lesson.right, lesson.clean, lesson.asked)

    def flops_per_pixel(self, preset: TrainingPreset) -> float:
        return flops_per_pixel(preset.network)

    def held_out(self, preset: TrainingPreset) -> list[Question]:
        asked = questions(preset.held_out)
        return asked + stack_questions(preset.held_out) if preset.network.stacks else asked

    def validate(self, model: LabelNetwork, held_out: list[Question]) -> dict[str, float]:
        return validate_labels(model, held_out)


def label_loss(labels: Labels, right: Tensor, clean: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
    """Surprise of the true set of labels, in nats, plus the error of the orientation where none of them is right.

    Parameters
    ----------
    labels
        What the network says.
    right
        Candidates (n, 16, 16) that lie in a pixel's grain.
    clean
        True embedding (n, 18, 16).
    asked
        Pixels (n, 16) that count: those not revealed.

    Returns
    -------
    Loss and its two parts (2,), without gradient.
    """
    new = ~right.any(2, keepdim=True)
    among = torch.cat((right, new), 2)
    log_p = labels.logits.log_softmax(2)
    surprise = -log_p.masked_fill(~among, -1e4).logsumexp(2)
    weight = asked.float()
    count = weight.sum().clamp(min=1)
    choice = (surprise * weight).sum() / count
    squared = (labels.other - clean).square().sum(1) / _SCALE**2
    # Linear far away: the orientation of a grain without a measured point can often not be known.
    robust = 2 * ((1 + squared).sqrt() - 1)
    expected = (robust * weight * new[:, :, 0]).sum() / count
    return choice + _OTHER * expected, torch.stack((choice, expected)).detach()


LABELLING = Labelling()
