"""From the label network to a map: marginals of one call, and joint samples by revealing labels step by step.

Absorbing diffusion (Austin et al. 2021, Structured denoising diffusion models in discrete state-spaces): all labels
are hidden, and each step reveals some of them, drawn from what the network says given those revealed before. Pixels are
revealed in a random order, a few at first, so that what is drawn at once is far apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grainlight.crystal.embedding import SQUARED_NORM
from grainlight.diffusion.asked import Asked
from grainlight.diffusion.candidates import PIXELS, SLOTS, Candidates, at_points, from_cells, from_cells_last
from grainlight.diffusion.evidence import same_grain, same_grain_width
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.network import Labels

# Cells at a time: what is said of them stays in a CPU's cache.
_AT_ONCE = 1024
# Logit of a label that may not be drawn, and the share of the labels that is hidden again in a round.
_CLOSED, _HIDDEN_AGAIN = -40.0, 0.3


@dataclass(frozen=True, eq=False)
class LabelEstimate:
    """What the labels of a batch say.

    ``chosen`` (B, 18, H, W): embedding of the likeliest grain, the mean over its candidates; ``mean`` (B, 18, H, W):
    posterior mean; ``sure`` (B, H, W): probability of that grain; ``other`` (B, H, W): probability of a
    grain that no candidate lies in.
    """

    chosen: Tensor
    mean: Tensor
    sure: Tensor
    other: Tensor


def estimate(labels: Labels, candidates: Candidates, measured: Measurement, *, known: bool = False) -> LabelEstimate:
    """Likeliest grain and posterior mean of every pixel.

    Candidates of one grain share its probability: they are joined by the likeness of their orientations before the
    likeliest is taken. With ``known`` it is the likeliest of those that a candidate lies in, wherever there is one: the
    orientation that is expected of another grain is a blend that no grain has.
    """
    embedding, noise = measured.orientation_rows()
    cells = len(candidates.index)
    # Channels: chosen, mean, sure, other.
    found = labels.logits.new_empty(cells, PIXELS, 2 * embedding.shape[1] + 2)
    for start in range(0, cells, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        index, usable = candidates.index[part], candidates.usable[part]
        p = labels.logits[part].softmax(2)
        of_points = at_points(embedding, index)
        alike = same_grain(of_points, same_grain_width(at_points(noise, index)[..., 0]))
        mass = torch.bmm(p[:, :, :SLOTS], alike).masked_fill_(~usable[:, None], 0.0)
        other_grain = p[:, :, SLOTS:]
        if known:
            mass = mass.masked_fill_(~usable[:, None], -1.0)
            sure, grain = torch.cat((mass, torch.zeros_like(other_grain)), 2).max(2)
        else:
            sure, grain = torch.cat((mass, other_grain), 2).max(2)
        other = labels.other[part].transpose(1, 2)
        # Of all candidates of the grain, as far as the network believes in each.
        inside = alike.gather(1, grain.clamp(max=SLOTS - 1)[..., None].expand(-1, -1, SLOTS)) * p[:, :, :SLOTS]
        chosen = torch.where((grain == SLOTS)[..., None], other, torch.bmm(inside, of_points))
        chosen = on_sphere(chosen)
        mean = torch.baddbmm(other_grain * other, p[:, :, :SLOTS], of_points)
        torch.cat((chosen, mean, sure[..., None], other_grain), 2, out=found[part])
    size = (measured.points.shape[1], measured.points.shape[2])
    images = from_cells(found.transpose(1, 2).contiguous(), size)
    chosen, mean, sure, new = images.split((embedding.shape[1], embedding.shape[1], 1, 1), 1)
    return LabelEstimate(chosen, mean, sure[:, 0], new[:, 0])


def on_sphere(embedding: Tensor) -> Tensor:
    """Embeddings (..., 18) scaled to the norm of an orientation."""
    return embedding * (SQUARED_NORM**0.5 / embedding.square().sum(-1, keepdim=True).sqrt_().clamp_(min=1e-12))


def schedule(steps: int) -> list[float]:
    """Share of the pixels that is revealed after each step but the last: doubled from step to step."""
    return [2.0 ** (step - steps) for step in range(1, steps)]


def draw(asked: Asked, steps: int, generator: torch.Generator) -> Tensor:
    """Draw a map: labels are revealed in ``steps`` calls of the network.

    Parameters
    ----------
    asked
        The network's answer before any label; it is asked again after every step but the last.
    generator
        On the CPU: a seed means the same on every device.

    Returns
    -------
    Embedding (B, 18, H, W) of the label drawn for every pixel. A measured pixel is given a label as others are: that of
    a point of its grain, not always its own.
    """
    measured, candidates = asked.question.measured, asked.question.candidates
    shape, device = measured.points.shape, measured.points.device
    order = torch.rand(shape, generator=generator).to(device)
    revealed = Revealed.none(measured)
    drawn, new = draw_labels(asked.labels, candidates, measured, generator)
    for share in schedule(steps):
        reveal = (order <= share) & ~revealed.mask & ~measured.points
        revealed = Revealed(
            revealed.mask | reveal,
            torch.where(reveal[:, None], drawn, revealed.embedding),
            revealed.new | (new & reveal),
        )
        drawn, new = draw_labels(asked.given(revealed), candidates, measured, generator)
    return torch.where(revealed.mask[:, None], revealed.embedding, drawn)


def draw_labels(
    labels: Labels, candidates: Candidates, measured: Measurement, generator: torch.Generator, leaning: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Embedding (B, 18, H, W) of a label drawn for every pixel, and whether it is a new grain (B, H, W).

    ``leaning`` is added to the logit of a new grain.
    """
    # One number a pixel, from the CPU's generator: where it falls among the labels' cumulative probabilities.
    lot = torch.rand(*labels.logits.shape[:2], 1, generator=generator).to(labels.logits.device)
    embedding, _ = measured.orientation_rows()
    drawn = labels.logits.new_empty(*lot.shape[:2], embedding.shape[1])
    new = torch.empty(lot.shape[:2], dtype=torch.bool, device=lot.device)
    for start in range(0, len(lot), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        logits = labels.logits[part]
        if leaning:
            logits = torch.cat((logits[..., :SLOTS], logits[..., SLOTS:] + leaning), 2)
        label = (logits.softmax(2).cumsum(2) < lot[part]).sum(2).clamp(max=SLOTS)
        new[part] = label == SLOTS
        drawn[part] = at_points(embedding, candidates.index[part].gather(1, label.clamp(max=SLOTS - 1)))
    drawn[new] = on_sphere(labels.other.transpose(1, 2)[new])
    size = (measured.points.shape[1], measured.points.shape[2])
    return from_cells_last(drawn, size), from_cells(new[:, None], size)[:, 0]


@dataclass(frozen=True, eq=False)
class DrawnLabels:
    """Labels that were drawn: ``embedding`` (B, 18, H, W), and ``new`` (B, H, W) where no candidate lies in the grain.

    A measured pixel has the embedding that was measured.
    """

    embedding: Tensor
    new: Tensor


def draw_revised(
    asked: Asked, generator: torch.Generator, *, steps: int, rounds: int = 0, leaning: float = 0.0
) -> DrawnLabels:
    """Draw labels in ``steps`` calls, then hide some and draw them again given the others, ``rounds`` times.

    Pixels that are revealed in one call do not see one another, and their boundaries are ragged: drawing them again is
    a step of a Gibbs sampler of the same distribution (as remasking is; Wang et al. 2025, arXiv 2503.00307). The
    generator lies on the CPU: a seed means the same on every device. ``leaning`` as for `draw_labels`.
    """
    measured, candidates = asked.question.measured, asked.question.candidates
    shape, device = measured.points.shape, measured.points.device

    def revealing(before: Revealed, where: Tensor, *, first: bool = False) -> Revealed:
        labels = asked.labels if first else asked.given(before)
        drawn, new = draw_labels(labels, candidates, measured, generator, leaning)
        embedding = torch.where(where[:, None], drawn, before.embedding)
        return Revealed(before.mask | where, embedding, before.new | (new & where))

    order = torch.rand(shape, generator=generator).to(device)
    revealed = Revealed.none(measured)
    for step in range(1, steps + 1):
        where = (order <= (step / steps) ** 2) & ~revealed.mask & ~measured.points
        revealed = revealing(revealed, where, first=step == 1)
    for _ in range(rounds):
        kept = revealed.mask & (torch.rand(shape, generator=generator).to(device) >= _HIDDEN_AGAIN)
        revealed = revealing(_part(revealed, kept), ~kept & ~measured.points)
    return DrawnLabels(torch.where(revealed.mask[:, None], revealed.embedding, measured.embedding), revealed.new)


def draw_known(asked: Asked, generator: torch.Generator, drawn: DrawnLabels, where: Tensor) -> DrawnLabels:
    """Draw the labels of some pixels (B, H, W) again, among candidates alone, given those of the others."""
    measured, candidates = asked.question.measured, asked.question.candidates
    every = Revealed(~measured.points, drawn.embedding, drawn.new)
    labels = asked.given(_part(every, ~measured.points & ~where))
    logits = labels.logits.clone()
    logits[..., SLOTS] = _CLOSED
    again, _ = draw_labels(Labels(logits, labels.other), candidates, measured, generator)
    where = where & ~measured.points
    return DrawnLabels(torch.where(where[:, None], again, drawn.embedding), drawn.new & ~where)


def _part(revealed: Revealed, kept: Tensor) -> Revealed:
    """What is revealed at some pixels (B, H, W)."""
    return Revealed(kept, torch.where(kept[:, None], revealed.embedding, 0.0), revealed.new & kept)
