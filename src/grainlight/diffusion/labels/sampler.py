"""From the label network to a map: marginals of one call, and joint samples by revealing labels step by step.

Absorbing diffusion (Austin et al. 2021, Structured denoising diffusion models in discrete state-spaces): all labels
are hidden, and each step reveals some of them, drawn from what the network says given those revealed before. Pixels are
revealed in a random order, a few at first, so that what is drawn at once is far apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.crystal.embedding import SQUARED_NORM
from grainlight.diffusion.labels.candidates import SLOTS, Candidates, at_points, from_cells
from grainlight.diffusion.labels.evidence import same_grain
from grainlight.diffusion.labels.measurement import Measurement, Revealed
from grainlight.diffusion.labels.network import Labels

Call = Callable[[Measurement, Revealed], tuple[Labels, Candidates]]


@dataclass(frozen=True, eq=False)
class LabelEstimate:
    """What the labels of a batch say.

    ``chosen`` (B, 18, H, W): embedding of the likeliest grain, of the candidate in it that is likeliest; ``mean``
    (B, 18, H, W): posterior mean; ``sure`` (B, H, W): probability of that grain; ``other`` (B, H, W): probability of a
    grain that no candidate lies in.
    """

    chosen: Tensor
    mean: Tensor
    sure: Tensor
    other: Tensor


def estimate(labels: Labels, candidates: Candidates, measured: Measurement) -> LabelEstimate:
    """Likeliest grain and posterior mean of every pixel.

    Candidates of one grain share its probability: they are joined by the likeness of their orientations before the
    likeliest is taken.
    """
    p = labels.logits.softmax(2)
    embedding = at_points(measured.embedding, candidates.index)
    alike = same_grain(embedding, at_points(measured.noise[:, None], candidates.index)[:, 0])
    mass = torch.einsum("bpkhw,bklhw->bplhw", p[:, :, :SLOTS], alike)
    mass = torch.cat((mass.masked_fill(~candidates.usable[:, None], 0.0), p[:, :, SLOTS:]), 2)
    sure, grain = mass.max(2)
    new = grain == SLOTS
    best = grain.clamp(max=SLOTS - 1)
    chosen = embedding.gather(2, best[:, None].expand(-1, embedding.shape[1], -1, -1, -1))
    chosen = torch.where(new[:, None], on_sphere(labels.other), chosen)
    mean = torch.einsum("bpkhw,bckhw->bcphw", p[:, :, :SLOTS], embedding) + p[:, :, SLOTS][:, None] * labels.other
    return LabelEstimate(
        from_cells(chosen), from_cells(mean), from_cells(sure[:, None])[:, 0], from_cells(p[:, :, SLOTS][:, None])[:, 0]
    )


def on_sphere(embedding: Tensor) -> Tensor:
    """Embeddings (B, 18, ...) scaled to the norm of an orientation."""
    return F.normalize(embedding, dim=1) * SQUARED_NORM**0.5


def schedule(steps: int) -> list[float]:
    """Share of the pixels that is revealed after each step but the last: doubled from step to step."""
    return [2.0 ** (step - steps + 1) for step in range(1, steps)]


def sample(call: Call, measured: Measurement, steps: int, generator: torch.Generator) -> LabelEstimate:
    """Draw a map: labels are revealed in ``steps`` calls of the network.

    Returns
    -------
    LabelEstimate
        Of the last call, with ``chosen`` the sample; the rest given all that was revealed before.
    """
    shape, device = measured.points.shape, measured.points.device
    order = torch.rand(shape, generator=generator).to(device)
    revealed = Revealed.none(measured)
    for share in [*schedule(steps), 1.0]:
        labels, candidates = call(measured, revealed)
        drawn, new = draw_labels(labels, candidates, measured, generator)
        reveal = (order <= share) & ~revealed.mask & ~measured.points
        revealed = Revealed(
            revealed.mask | reveal,
            torch.where(reveal[:, None], drawn, revealed.embedding),
            revealed.new | (new & reveal),
        )
    found = estimate(labels, candidates, measured)
    kept = torch.where(revealed.mask[:, None], revealed.embedding, found.chosen)
    return LabelEstimate(kept, found.mean, found.sure, found.other)


def draw_labels(
    labels: Labels, candidates: Candidates, measured: Measurement, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Embedding (B, 18, H, W) of a label drawn for every pixel, and whether it is a new grain (B, H, W)."""
    # Gumbel noise from the CPU's generator: a seed means the same on every device.
    lots = torch.rand(labels.logits.shape, generator=generator).clamp(1e-9, 1 - 1e-7).to(labels.logits.device)
    label = (labels.logits - (-lots.log()).log()).argmax(2)
    embedding = at_points(measured.embedding, candidates.index)
    drawn = embedding.gather(2, label.clamp(max=SLOTS - 1)[:, None].expand(-1, embedding.shape[1], -1, -1, -1))
    new = label == SLOTS
    drawn = torch.where(new[:, None], on_sphere(labels.other), drawn)
    return from_cells(drawn), from_cells(new[:, None])[:, 0]
