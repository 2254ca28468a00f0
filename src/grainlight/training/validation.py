"""Wrong grain of one call: the fixed protocol that label models, peers and classical copies are held to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal import quaternion
from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.crystal.quaternion import crystal_axes
from grainlight.diffusion.candidates import (
    SLOTS,
    Candidates,
    find_candidates,
    nearest_point,
    point_spacing,
    to_cells,
)
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.network import LabelNetwork
from grainlight.diffusion.state import SIGMA_MAX, group_to_channel_light
from grainlight.synth.blemish import blur_each
from grainlight.synth.draw import Draw
from grainlight.synth.light import draw_curves, light_state
from grainlight.synth.section import make_sections
from grainlight.training.hidden_labels import Case, right_candidates
from grainlight.training.stream import draw_size_range

SEED = 777
_NOISE = 0.03
SCALES = (2, 4, 8)


@dataclass(frozen=True, eq=False)
class Question:
    """A batch of unseen sections at a scale, its candidates, and which of them are ``right`` (n, 16, 16)."""

    name: str
    case: Case
    candidates: Candidates
    right: Tensor


def questions(sections: int = 96, patch: int = 64, scales: tuple[int, ...] = SCALES) -> list[Question]:
    """Sections of mixed grain sizes, in batches of 8, with light and without, at every scale.

    The light has noise of .03 to .3 (A4; A2 .4 to 2.5 and A0 .7 to 4 times that) and a blur of .3 to 1.2 pixels, which
    is not told; the orientations have noise of .03 per channel. Made on the CPU: every device is asked the same.
    """
    out = []
    for scale in scales:
        for lit in (True, False):
            draw = Draw.seeded(SEED)
            for _ in range(max(1, sections // 8)):
                case = _case(draw, min(8, sections), patch, scale, lit)
                points = case.measured.points
                candidates = find_candidates(nearest_point(points), point_spacing(points))
                right = right_candidates(case, candidates)
                name = f"scale {scale} {'light' if lit else 'alone'}"
                out.append(Question(name, case, candidates, right))
    return out


def _case(draw: Draw, batch: int, patch: int, scale: int, lit: bool) -> Case:
    sections = make_sections(draw, batch, (patch, patch), draw_size_range(draw))
    embedding = embed(sections.orientation, dim=-3)
    light = light_state(crystal_axes(sections.orientation)[2], draw_curves(draw, batch))
    light = blur_each(light, draw.uniform(0.3, 1.2, batch))
    fourth = draw.log_uniform(0.03, 0.3, batch, 1)
    levels = (fourth * draw.log_uniform(0.7, 4.0, batch, 1), fourth * draw.log_uniform(0.4, 2.5, batch, 1), fourth)
    sigma = torch.cat(levels, 1)[..., None, None].expand(-1, -1, patch, patch)
    light = light + group_to_channel_light(sigma) * draw.normal(*light.shape)
    vector = draw.normal(batch, patch, patch, 3) * (_NOISE / PER_DEGREE * math.pi / 180)
    noisy = embed(quaternion.multiply(quaternion.from_rotation_vector(vector), sections.orientation), dim=-3)
    points = torch.zeros(batch, patch, patch, dtype=torch.bool)
    points[:, ::scale, ::scale] = True
    measured = Measurement(
        points,
        torch.where(points[:, None], noisy, 0.0),
        torch.where(points, _NOISE, 0.0),
        light if lit else torch.zeros_like(light),
        sigma.contiguous() if lit else torch.full_like(sigma, SIGMA_MAX),
    )
    return Case(measured, sections.grain, embedding, torch.ones_like(points))


def wrong_share(question: Question, chosen: Tensor) -> float:
    """Share of unmeasured pixels (0 to 1) whose chosen candidate (n, 16) does not lie in their grain.

    Pixels of grains that no candidate lies in count as wrong.
    """
    right = question.right.gather(2, chosen[:, :, None])[:, :, 0]
    return float((~right)[hidden(question)].float().mean())


def hidden(question: Question) -> Tensor:
    """Unmeasured pixels (n, 16)."""
    return ~to_cells(question.case.measured.points[:, None])[:, 0]


@torch.inference_mode()
def validate_labels(model: LabelNetwork, asked: list[Question]) -> dict[str, float]:
    """Wrong grain (%) of one call by question, and the surprise (nats) of the true set of labels."""
    device = next(model.parameters()).device
    sums: dict[str, list[tuple[float, float]]] = {}
    for question in asked:
        measured = question.case.measured.to(device)
        labels = model.label(measured, Revealed.none(measured), question.candidates.to(device))
        logits = labels.logits.cpu()
        wrong = wrong_share(question, logits[:, :, :SLOTS].argmax(2))
        right = torch.cat((question.right, ~question.right.any(2, keepdim=True)), 2)
        surprise = -(logits.log_softmax(2).masked_fill(~right, -torch.inf)).logsumexp(2)
        sums.setdefault(question.name, []).append((wrong, float(surprise[hidden(question)].mean())))
    out = {}
    for name, found in sums.items():
        out[f"{name}: wrong grain, %"] = round(100 * sum(w for w, _ in found) / len(found), 2)
        out[f"{name}: surprise"] = round(sum(s for _, s in found) / len(found), 4)
    return out
