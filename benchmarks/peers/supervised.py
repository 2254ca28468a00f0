"""A supervised U-Net: the same network body, trained end to end for one task only (scale 4, corrupted light).

The usual way to restore images with a network, after Ronneberger, Fischer & Brox (MICCAI 2015) and the residual
learning of Zhang et al. (IEEE TIP 2017): fill the map plainly, let a network predict what is wrong with it. Body and
size are those of the joint denoiser; what stands around the body (guided mean, noise levels from clean to unknown,
several calls, projection) is missing on purpose. Sections come from the same stream, with light faults of the same
kinds in the range of the corrupted level. One call per map.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.guide import Cells
from benchmarks.peers.denoiser.loss import LossSettings
from benchmarks.peers.denoiser.network import NetworkConfig
from benchmarks.peers.denoiser.noise import NoiseMixture
from benchmarks.peers.denoiser.parts import PART_MEAN, PART_STD, part_to_channel
from benchmarks.peers.denoiser.prior import prior_of
from benchmarks.peers.denoiser.task import Denoising
from benchmarks.peers.denoiser.tiles import TiledDenoiser
from benchmarks.peers.denoiser.weights import load_denoiser
from benchmarks.peers.pipeline import through_pipeline
from benchmarks.peers.weights import weights_of
from grainlight.crystal.embedding import PER_DEGREE, decode, embed
from grainlight.diffusion.state import EBSD, LIGHT, SIGMA_MAX, SIGMA_MIN, group_sigma, group_to_channel, is_unknown
from grainlight.errors import InputError
from grainlight.evaluation.degrade import Task
from grainlight.evaluation.methods import Answer, Method
from grainlight.synth.blemish import gaussian_blur
from grainlight.synth.draw import Draw
from grainlight.training.presets import TrainingPreset

SCALE = 4
"""The only scale that it knows."""
INPUTS = 27
"""Channels that the network sees: the filled state (23) and the noise levels (4), which say what was measured."""
_LEVEL = 0.5 * PER_DEGREE / math.sqrt(3.0)  # noise of 0.5 degrees (rms) per channel
# Of the light at the corrupted level, over tuning sections: noise of the fourth harmonics, blur in pixels.
_NOISE, _BLUR = (0.02, 0.3), (0.6, 1.2)


class NearestFill(nn.Module):
    """What stands in the skip's place: nearest measured orientation, light as measured, spread of clean data."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("std", torch.tensor(PART_STD).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("prior", torch.tensor(PART_MEAN).view(1, -1, 1, 1), persistent=False)
        self.std: Tensor
        self.prior: Tensor

    def forward(self, x: Tensor, sigma: Tensor, cells: Cells | None = None) -> tuple[Tensor, Tensor]:
        """Return the filled state (B, 23, H, W) and the spread per part (B, 5, H, W); arguments as for the skip's."""
        x = x.float()
        nothing = part_to_channel(self.prior).expand_as(x)
        light = torch.where(group_to_channel(is_unknown(sigma))[:, LIGHT], nothing[:, LIGHT], x[:, LIGHT])
        filled = [
            image[:, index[0], index[1]] if known.any() else torch.zeros_like(image)
            for image, known in zip(x[:, EBSD], ~is_unknown(sigma[:, 0]), strict=True)
            for index in [_nearest_known(known)]
        ]
        return torch.cat((torch.stack(filled), light), 1), self.std.expand(len(x), -1, *x.shape[2:])


def _nearest_known(known: Tensor) -> Tensor:
    """Row and column (2, H, W) of the nearest pixel of a mask (H, W), as `baselines.nearest` finds it."""
    unknown = (~known).cpu().numpy()
    index = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return torch.from_numpy(np.asarray(index, dtype=np.int64)).to(known.device)


class SupervisedUNet(Denoiser):
    """The filled state plus what the network adds to it."""

    format = "grainlight-peer-supervised-1"

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config or NetworkConfig(inputs=INPUTS))
        self.skip = NearestFill()  # type: ignore[assignment]

    def refine(self, x: Tensor, sigma: Tensor, b: Tensor, p: Tensor, out: Tensor | None = None) -> Tensor:
        """Return b + std F(b, noise levels)."""
        features = torch.cat((b / part_to_channel(self.skip.std), sigma.log() / 4), dim=1)
        found = self.network(features.contiguous(memory_format=torch.channels_last))
        return b + part_to_channel(p) * found.float()


def corrupted_scale_4(draw: Draw, clean: Tensor, mixture: NoiseMixture) -> tuple[Tensor, Tensor]:
    """Draw the one task: a measured state and its noise levels, as `denoiser.noise.draw_noise_field`.

    Every fourth point of every fourth row with noise of 0.5 degrees, beginning anywhere, up to 5 % of them lost in half
    of the sections; light blurred by 0.6 to 1.2 pixels, with wandering gain, uneven noise, stains and now and then
    a group without signal. The mixture is not asked.
    """
    batch, _, rows, columns = clean.shape
    first = draw.integer(SCALE, batch, 2)
    on_row = (torch.arange(rows, device=draw.device) + first[:, :1]) % SCALE == 0
    on_column = (torch.arange(columns, device=draw.device) + first[:, 1:]) % SCALE == 0
    lost = draw.uniform(0.0, 0.05, batch, 1, 1) * draw.chance(0.5, batch, 1, 1)
    mask = on_row[:, :, None] & on_column[:, None] & ~draw.chance(lost, batch, rows, columns)
    ebsd = torch.where(mask, _LEVEL, SIGMA_MAX)[:, None]

    fourth = draw.log_uniform(*_NOISE, batch, 1)
    base = torch.cat((fourth * draw.log_uniform(0.5, 2.0, batch, 2), fourth), 1)[..., None, None]
    missing = draw.chance(torch.tensor((0.05, 0.05, 0.0), device=draw.device).expand(batch, 3), batch, 3)
    uneven = draw.uniform(0.0, 0.5, batch, 1, 1, 1) * draw.smooth_field(batch, 1, rows, columns, draw.scalar(6.0, 30.0))
    stain = draw.smooth_field(batch, 1, rows, columns, draw.scalar(3.0, 20.0)) > 1.6
    stain = stain & draw.chance(0.5, batch, 1, 1, 1)
    level = base * uneven.exp()
    level = torch.where(stain, torch.maximum(level, draw.log_uniform(0.1, 1.0, batch, 1, 1, 1)), level)
    level = torch.where(missing[..., None, None], SIGMA_MAX, level)
    wander = draw.smooth_field(batch, 1, rows, columns, draw.scalar(10.0, 50.0))
    light = gaussian_blur(clean[:, LIGHT], draw.scalar(*_BLUR))
    light = light * (1 + draw.uniform(0.0, 0.08, batch, 1, 1, 1) * wander)

    sigma = torch.cat((ebsd, level), 1).clamp(SIGMA_MIN, SIGMA_MAX)
    spread = group_to_channel(sigma)
    mean = torch.where(is_unknown(spread), 0.0, torch.cat((clean[:, EBSD], light), 1))
    return mean + spread * draw.normal(*clean.shape), sigma


PRESET = TrainingPreset(
    task=Denoising(
        # An absolute error beyond some 3 degrees (a tenth of the spread of clean data): the best answer to "this grain
        # or that one" is then the likelier one, where a square would answer with an orientation between the two.
        loss=LossSettings(huber=0.1),
        later_calls=0.0,
        kind=SupervisedUNet,
        measure=corrupted_scale_4,
    ),
    network=NetworkConfig(inputs=INPUTS),
    mixture=NoiseMixture(),
    patch=48,
    batch=8,
    save_every_seconds=600.0,
)
"""How it is trained, but for the budget."""


def check_task(task: Task) -> None:
    """Make sure that a task is the one that it was trained for.

    Raises
    ------
    InputError
        If the scale is not 4, or there is no light.
    """
    if task.scale != SCALE:
        raise InputError(
            "the supervised network was trained for one scale only", found=f"scale {task.scale}", expected=f"{SCALE}"
        )
    if task.light is None or task.sigma is None:
        raise InputError("the supervised network was trained with light", found="a task without light")


def task_state(task: Task) -> tuple[Tensor, Tensor]:
    """State (23, H, W) and noise levels (4, H, W) of a task with light; 0.5 degrees of EBSD noise, as in training."""
    assert task.light is not None
    assert task.sigma is not None
    mask = torch.from_numpy(task.measured)
    e = embed(torch.from_numpy(task.quaternions).float(), dim=-3) * mask
    level = torch.where(mask, _LEVEL, torch.inf)
    return torch.cat((e, torch.from_numpy(np.nan_to_num(task.light)).float())), group_sigma(
        level, torch.from_numpy(task.sigma).float()
    )


def supervised(weights: Path | None = None) -> Method:
    """Return the supervised U-Net alone: one call, and the nearest orientation to what it says.

    Parameters
    ----------
    weights
        File of its weights; by default where `peers.train` writes them.
    """

    def method(task: Task) -> Answer:
        check_task(task)
        model = load_denoiser(weights or weights_of("supervised"), kind=SupervisedUNet)
        state = TiledDenoiser(model, torch.device("cpu"))(*task_state(task))
        return Answer(decode(state[EBSD], dim=0).double().numpy(), state[LIGHT].numpy())

    return method


def supervised_projected(weights: Path | None = None) -> Method:
    """Return the same followed by this project's projection and placing of boundaries."""

    def method(task: Task) -> Answer:
        check_task(task)
        model = load_denoiser(weights or weights_of("supervised"), kind=SupervisedUNet)
        return through_pipeline(prior_of(model), task, steps=1, samples=1)

    return method
