"""The label network on whole maps: candidates, averages over views of the square, and samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional as F

from grainlight.diffusion.asked import Asked, Question
from grainlight.diffusion.candidates import Candidates, find_candidates, point_spacing
from grainlight.diffusion.checkpoint import load_weights
from grainlight.diffusion.measurement import Measurement
from grainlight.diffusion.network import LabelNetwork, Labels
from grainlight.diffusion.sampler import LabelEstimate, draw, estimate
from grainlight.diffusion.square import VIEWS
from grainlight.diffusion.state import SIGMA_MAX
from grainlight.errors import InputError
from grainlight.restore.device import has_fast_bfloat16
from grainlight.restore.sampling.farther import look_farther
from grainlight.restore.sampling.grain_prior import GrainPrior
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.sampling.prior import Samples
from grainlight.restore.settings import Plan


@dataclass(frozen=True)
class LabelPrior:
    """The label network on a device, as a `Prior`. ``on_call`` is called after every call of the network."""

    model: LabelNetwork
    device: torch.device
    on_call: Callable[[], object] = lambda: None

    def draft(self, measured: JointMeasurement, seed: int) -> Tensor:
        """Guide of one call; the seed does not matter."""
        with torch.inference_mode():
            asked = self.question(*self._inputs(measured)).ask(reveals=False)
        return _guide(self._estimate(asked, measured), measured)

    def sample(self, measured: JointMeasurement, plan: Plan) -> Samples:
        """Marginals averaged over views, and maps drawn label by label."""
        with torch.inference_mode():
            asked = self.question(*self._inputs(measured)).ask(min(plan.views, VIEWS), reveals=plan.samples > 1)
        found = self._estimate(asked, measured)
        # The average is not needed any more: free it.
        asked = replace(asked, mean=asked.labels)
        members = []
        for number in range(plan.samples if plan.samples > 1 else 0):
            # A generator takes 64 bits.
            generator = torch.Generator().manual_seed((plan.seed * 1_000_003 + number) % 2**64)
            with torch.inference_mode():
                drawn = draw(asked, plan.steps, generator)
            members.append(self._map(drawn, measured).half())
        del asked
        for_chain = plan.visits > 0 and measured.has_light and measured.neighbours is not None
        unlit = self._unlit(measured) if for_chain else None
        return Samples(_guide(found, measured), found.mean, None, tuple(members), unlit)

    def _unlit(self, measured: JointMeasurement) -> GrainPrior:
        """What the network says of the grains without the light, in one call: an average over views changes nothing."""
        question = self.question(*self._inputs(measured.without_light(torch.ones_like(measured.measured))))
        with torch.inference_mode():
            labels = question.ask(reveals=False).labels
        return GrainPrior.of(
            Labels(labels.logits.float().cpu(), labels.other.float().cpu()),
            question.candidates.to("cpu"),
            question.measured.to(torch.device("cpu")),
            measured.state.shape[2],
        )

    def _estimate(self, asked: Asked, measured: JointMeasurement) -> LabelEstimate:
        """What the network says of every pixel, (18, H, W) and (H, W)."""
        of, candidates = asked.question.measured, asked.question.candidates
        with torch.inference_mode():
            labels = look_farther(asked.mean, candidates, of)
            found = estimate(labels, candidates, of, known=True)
        return LabelEstimate(*(self._map(x, measured) for x in (found.chosen, found.mean, found.sure, found.other)))

    def question(self, measured: Measurement, candidates: Candidates) -> Question:
        """The network and a batch of sections, to be asked; in half precision where the device is fast in it."""
        dtype = torch.bfloat16 if has_fast_bfloat16(self.device) else torch.float32
        return Question(self.model, measured, candidates, dtype, self.on_call)

    def _inputs(self, measured: JointMeasurement) -> tuple[Measurement, Candidates]:
        """A batch of one: the map, grown by unmeasured pixels to whole cells, and its candidates."""
        multiple = self.model.config.multiple
        rows, columns = measured.state.shape[-2:]
        grow = (0, -columns % multiple, 0, -rows % multiple)
        state, sigma = F.pad(measured.state, grow)[None], F.pad(measured.sigma, grow, value=SIGMA_MAX)[None]
        asked = Measurement.of_state(state, sigma)
        # The channels of a pixel together: they are looked up so.
        asked = replace(asked, embedding=asked.embedding.contiguous(memory_format=torch.channels_last))
        nearest = _nearest(asked.points[0])
        candidates = find_candidates(nearest[None], point_spacing(measured.measured[None]))
        return asked.to(self.device), candidates.to(self.device)

    @staticmethod
    def _map(image: Tensor, measured: JointMeasurement) -> Tensor:
        """The only image of a batch, without what was added to the map."""
        rows, columns = measured.state.shape[-2:]
        return image[0, ..., :rows, :columns].float().cpu()


def _guide(found: LabelEstimate, measured: JointMeasurement) -> Tensor:
    """What a pixel is taken to be (18, H, W): the likeliest grain that was measured; where light has a say, the mean.

    Between two grains the mean leaves it to the light which side a pixel takes: on 18 tuning sections with corrupted
    light 6.0 % are wrong near boundaries in place of 6.2 (scale 4), 3.3 in place of 3.4 (scale 2). Without light the
    mean is worse than the likeliest grain by a percentage point, and so is, at every eighth point, the orientation that
    is expected of a grain nobody measured: 43.1 % in place of 40.6 on 12 tuning sections. How likely such a grain is,
    is stated as a probability.
    """
    return torch.where(measured.lit, found.mean, found.chosen) if measured.has_light else found.chosen


def load_prior(weights: Path | None = None, device: torch.device | str = "cpu", *, stacks: bool = False) -> LabelPrior:
    """The prior of a weights file, or of the shipped one.

    Raises
    ------
    InputError
        What `load_weights` raises; with ``stacks``, if the network was not trained on sections between others.
    """
    device = torch.device(device)
    model = load_weights(weights, device)
    if stacks and model.beside is None:
        raise InputError(
            "the weights know nothing of sections below and above",
            file=weights,
            expected="weights of a network that was trained on stacks",
            advice="leave --weights out for a volume, or train with the presets gpu-stacks or gpu-further",
        )
    return LabelPrior(model, device)


def _nearest(points: Tensor) -> Tensor:
    """Flat index (H, W) of the point of a mask (H, W) nearest to each pixel; -1 without points."""
    if not bool(points.any()):
        return torch.full(points.shape, -1)
    where = distance_transform_edt(~points.numpy(), return_distances=False, return_indices=True)
    return torch.from_numpy(where[0].astype(np.int64) * points.shape[1] + where[1])
