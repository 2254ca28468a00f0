"""What the network says of a section: in every view of the square, and again as labels are revealed.

What does not change from call to call is computed once. The first layer is linear, so its share of the features that
do not depend on what is revealed is kept, and a view is another first layer of the same features
(`diffusion/views.py`). The call that reveals nothing is the same for all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from grainlight.diffusion.candidates import PIXELS, SLOTS, Candidates
from grainlight.diffusion.evidence import CHANGING, Tables, gather_changing, gather_evidence, tabulate, with_revealed
from grainlight.diffusion.measurement import Measurement, Revealed
from grainlight.diffusion.network import LabelNetwork, Labels, strips
from grainlight.diffusion.views import beside_weight, first_weight

# First layers of views that are held at once, 32 bytes a pixel each.
_VIEWS = 4


@dataclass(frozen=True, eq=False)
class Question:
    """A batch of sections that a network is asked about, without gradients; their sides are multiples of its own.

    ``dtype``: that the layers after the first run in. ``done`` is called after every call of the network.
    """

    model: LabelNetwork
    measured: Measurement
    candidates: Candidates
    dtype: torch.dtype = torch.float32
    done: Callable[[], object] = lambda: None

    def ask(self, views: int = 1, reveals: bool = True) -> Asked:
        """Ask with nothing revealed, in so many of the eight views of the square; then with labels, if it ``reveals``
        some."""
        tables = tabulate(self.measured, Revealed.none(self.measured))
        first, fixed, guided = self.first_layers(tables, range(min(views, _VIEWS)), fixed=reveals)
        labels = mean = self.answer(first.pop(0), guided, 0)
        if views > 1:
            p, other = labels.logits.softmax(2), labels.other / views
            for view in range(1, views):
                if not first:
                    first, _, _ = self.first_layers(tables, range(view, min(view + _VIEWS, views)), fixed=False)
                turned = self.answer(first.pop(0), guided, view)
                p += turned.logits.softmax(2)
                other += turned.other / views
            mean = Labels(p.div_(views).clamp_(min=1e-9).log_(), other)
        return Asked(self, tables, fixed, guided, labels, mean)

    def answer(self, first: Tensor, guided: Tensor, view: int) -> Labels:
        """What follows a first layer (n, widths[0]) of a view."""
        points = self.measured.points
        with torch.autocast(points.device.type, self.dtype, enabled=self.dtype != torch.float32):
            labels = self.model.answer(first, guided, (points.shape[1], points.shape[2]), view)
        self.done()
        return labels

    def first_layers(
        self, tables: Tables, views: Sequence[int], fixed: bool
    ) -> tuple[list[Tensor], Tensor | None, Tensor]:
        """First layers (n, widths[0]) of views, of the features that never change where ``fixed``, and guided logits
        (n, 16, 17)."""
        model, cells = self.model, len(self.candidates.index)
        stem, bias = model.stem.weight[:, :, 0, 0], model.stem.bias
        assert bias is not None
        weights = [first_weight(stem, view) for view in views]
        if fixed:
            weights.append(stem.clone())
            weights[-1][:, list(CHANGING)] = 0.0
        weight, bias = torch.cat(weights), bias.repeat(len(weights))
        width = len(stem)
        layers = [tables.embedding.new_empty(cells, width) for _ in weights]
        guided = tables.embedding.new_empty(cells, PIXELS, SLOTS + 1)
        lent = None
        if tables.beside is not None:
            its = model.of_beside().weight
            lent = torch.cat([beside_weight(its, view) for view in views] + [its] * fixed)
        for part in strips(cells, tables.embedding.device.type):
            evidence = gather_evidence(tables, self.candidates, part)
            found = F.linear(evidence.features, weight, bias)
            if lent is not None and evidence.beside is not None:
                found += F.linear(evidence.beside, lent)
            for layer, of_view in zip(layers, found.split(width, 1), strict=True):
                layer[part] = of_view
            guided[part] = model.guided(evidence)
        share = layers.pop() if fixed else None
        return layers, share, guided


@dataclass(frozen=True, eq=False)
class Asked:
    """What the network says with nothing revealed: ``labels``, and ``mean``, probabilities averaged over views.

    ``fixed`` (n, widths[0]) share of the first layer, None where nothing will be revealed, and ``guided`` logits
    (n, 16, 17), do not depend on what is revealed.
    """

    question: Question
    tables: Tables
    fixed: Tensor | None
    guided: Tensor
    labels: Labels
    mean: Labels

    def given(self, revealed: Revealed) -> Labels:
        """What the network says given some labels."""
        assert self.fixed is not None
        its = self.question
        tables = with_revealed(self.tables, its.measured, revealed)
        weight = its.model.stem.weight[:, list(CHANGING), 0, 0]
        first = torch.empty_like(self.fixed)
        for part in strips(len(first), first.device.type):
            changing = F.linear(gather_changing(tables, its.candidates, part), weight)
            torch.add(self.fixed[part], changing, out=first[part])
        return its.answer(first, self.guided, 0)
