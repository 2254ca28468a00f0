"""Wrong grain of one call: the fixed protocol that label models, peers and classical copies are held to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal import quaternion
from grainlight.crystal.embedding import PER_DEGREE, embed
from grainlight.crystal.quaternion import crystal_axes
from grainlight.diffusion.beside import candidates_of
from grainlight.diffusion.candidates import (
    SLOTS,
    Candidates,
    find_candidates,
    nearest_point,
    point_spacing,
    to_cells,
)
from grainlight.diffusion.measurement import Measurement, Neighbours, Revealed
from grainlight.diffusion.network import LabelNetwork
from grainlight.diffusion.state import SIGMA_MAX, group_to_channel_light
from grainlight.synth.blemish import blur_each
from grainlight.synth.draw import Draw
from grainlight.synth.light import draw_curves, light_state
from grainlight.synth.section import make_sections, make_stack
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
    light, sigma = _light(draw, sections.orientation, draw_curves(draw, batch))
    vector = draw.normal(batch, patch, patch, 3) * (_NOISE / PER_DEGREE * math.pi / 180)
    noisy = embed(quaternion.multiply(quaternion.from_rotation_vector(vector), sections.orientation), dim=-3)
    points = torch.zeros(batch, patch, patch, dtype=torch.bool)
    points[:, ::scale, ::scale] = True
    measured = Measurement(
        points,
        torch.where(points[:, None], noisy, 0.0),
        torch.where(points, _NOISE, 0.0),
        light if lit else torch.zeros_like(light),
        sigma if lit else torch.full_like(sigma, SIGMA_MAX),
    )
    return Case(measured, sections.grain, embedding, torch.ones_like(points))


def _light(draw: Draw, orientation: Tensor, curves: Tensor) -> tuple[Tensor, Tensor]:
    """Blurred and noisy light (B, 5, H, W) of orientations (B, H, W, 4), and its noise levels (B, 3, H, W)."""
    batch, rows, columns = orientation.shape[:3]
    light = light_state(crystal_axes(orientation)[2], curves)
    light = blur_each(light, draw.uniform(0.3, 1.2, batch))
    fourth = draw.log_uniform(0.03, 0.3, batch, 1)
    levels = (fourth * draw.log_uniform(0.7, 4.0, batch, 1), fourth * draw.log_uniform(0.4, 2.5, batch, 1), fourth)
    sigma = torch.cat(levels, 1)[..., None, None].expand(-1, -1, rows, columns)
    return light + group_to_channel_light(sigma) * draw.normal(*light.shape), sigma.contiguous()


def stack_questions(sections: int = 96, patch: int = 64) -> list[Question]:
    """Sections without points between two others that are known, .1 to .8 grain diameters away, with light and without.

    The light is as in `questions`; the maps below and above are the truth.
    """
    out = []
    for lit in (True, False):
        draw = Draw.seeded(SEED)
        for _ in range(max(1, sections // 8)):
            case = _stack_case(draw, min(8, sections), patch, lit)
            candidates = candidates_of(case.measured)
            name = f"between sections, {'light' if lit else 'alone'}"
            out.append(Question(name, case, candidates, right_candidates(case, candidates)))
    return out


def _stack_case(draw: Draw, batch: int, patch: int, lit: bool) -> Case:
    away = draw.log_uniform(0.1, 0.8, 2, batch)
    heights = torch.stack((torch.zeros(batch), -away[0], away[1]))
    (middle, *others), pixels = make_stack(draw, heights, (patch, patch), draw_size_range(draw))
    curves = draw_curves(draw, batch)
    light, sigma = _light(draw, middle.orientation, curves)
    known = torch.stack([embed(s.orientation, dim=-3) for s in others], 1)
    theirs = torch.stack([light_state(crystal_axes(s.orientation)[2], curves) for s in others], 1)
    level = torch.full((batch, 2, patch, patch), _NOISE)
    points = torch.zeros(batch, patch, patch, dtype=torch.bool)
    measured = Measurement(
        points,
        torch.zeros(batch, 18, patch, patch),
        torch.zeros(batch, patch, patch),
        light if lit else torch.zeros_like(light),
        sigma if lit else torch.full_like(sigma, SIGMA_MAX),
        Neighbours(
            torch.ones(batch, 2, patch, patch, dtype=torch.bool),
            known,
            level,
            theirs,
            level[:, :, None].expand(-1, -1, 3, -1, -1),
            pixels[1:].abs().T.contiguous(),
        ),
    )
    clean = embed(middle.orientation, dim=-3)
    return Case(measured, middle.grain, clean, torch.ones_like(points), torch.stack([s.grain for s in others]))


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
