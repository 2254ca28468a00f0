"""The preconditioned denoiser D(x, sigma) = E[clean state | noisy state], noise level per pixel and group."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from grainlight.diffusion.guide import Cells
from grainlight.diffusion.network import NetworkConfig, UNet
from grainlight.diffusion.skip import PrecisionWeightedSkip
from grainlight.diffusion.state import group_to_part, part_to_channel


class Denoiser(nn.Module):
    """Wraps the network so that loss and solver see D(x, sigma) only."""

    # Of its weights files: weights of another kind of denoiser must not pass for these.
    format = "grainlight-denoiser-1"

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        config = config or NetworkConfig()
        self.skip = PrecisionWeightedSkip(config.structure, config.scales)
        self.network = UNet(config)

    @property
    def config(self) -> NetworkConfig:
        return self.network.config

    def estimate(self, x: Tensor, sigma: Tensor, cells: Cells | None = None) -> tuple[Tensor, Tensor]:
        """Denoise and say how sure the skip was.

        Parameters
        ----------
        x
            Noisy state (B, 23, H, W), H and W multiples of `config.multiple`.
        sigma
            Noise level per group (B, 4, H, W), embedding or canonical light units, `SIGMA_MIN` to `SIGMA_MAX`.
        cells
            For tiles of one map, how the map is cut (`diffusion.guide`).

        Returns
        -------
        D, p
            Denoised state (B, 23, H, W) and the skip's standard deviation per part (B, 5, H, W), both float32.
        """
        b, p = self.skip(x, sigma, cells)
        return self.refine(x, sigma, b, p), p

    def refine(self, x: Tensor, sigma: Tensor, b: Tensor, p: Tensor) -> Tensor:
        """D = b + p F for a skip (b, p) that is known already."""
        std = self.skip.std
        c_in = part_to_channel((group_to_part(sigma) ** 2 + std**2).rsqrt())
        features = torch.cat((x * c_in, b / part_to_channel(std), sigma.log() / 4, (p / std).log() / 4), dim=1)
        # The network's weights have their channels last: its first convolution lays the image out as they are.
        out = self.network(features).float()
        return torch.addcmul(b, part_to_channel(p), out)

    def forward(self, x: Tensor, sigma: Tensor, cells: Cells | None = None) -> Tensor:
        return self.estimate(x, sigma, cells)[0]
