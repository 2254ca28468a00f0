from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from benchmarks.peers.denoiser import tiles
from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.network import NetworkConfig
from benchmarks.peers.denoiser.tiles import HALO, TiledDenoiser, count_tiles, spans
from grainlight.diffusion.state import SIGMA_MAX


def _random_model() -> Denoiser:
    torch.manual_seed(3)
    model = Denoiser(NetworkConfig(widths=(4, 6, 8, 8)))
    torch.nn.init.normal_(model.network.head.weight, std=0.1)
    return model.eval()


def test_tiled_and_whole_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    # In bfloat16 the order of sums, which differs from tile to tile, shows beyond the limit.
    monkeypatch.setattr(tiles, "has_fast_bfloat16", lambda device: False)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(23, 333, 301, generator=generator)
    sigma = torch.full((4, 333, 301), SIGMA_MAX)
    sigma[0, ::5, ::5] = 0.02
    sigma[1:] = 0.2
    model, device = _random_model(), torch.device("cpu")
    whole = TiledDenoiser(model, device, tile=4096)(x, sigma)
    tiled = TiledDenoiser(model, device, tile=64)(x, sigma)
    assert whole.shape == x.shape
    assert float((whole - tiled).abs().max()) < 2e-4


def test_a_halo_too_small_would_show() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(23, 160, 160, generator=generator)
    sigma = torch.full((4, 160, 160), 0.5)
    model, device = _random_model(), torch.device("cpu")
    whole = TiledDenoiser(model, device, tile=4096)(x, sigma)
    tiled = TiledDenoiser(model, device, tile=64, halo=8)(x, sigma)
    assert float((whole - tiled).abs().max()) > 1e-3


def test_spans_cover_and_do_not_leave_slivers() -> None:
    for size in (1, 8, 700, 704, 705, 1000, 1408, 2000, 5000):
        cut = spans(size, 704)
        assert cut[0][0] == 0
        assert cut[-1][1] == size
        assert all(a[1] == b[0] for a, b in pairwise(cut))
        assert all(stop - start <= 1.5 * 704 for start, stop in cut)
        assert all(start % 8 == 0 for start, _ in cut)
    assert HALO % 8 == 0
    assert count_tiles(2000, 1000, 704) == 3


def test_every_tile_is_told() -> None:
    told: list[int] = []
    denoise = TiledDenoiser(_random_model(), torch.device("cpu"), tile=32, halo=8, on_tile=lambda: told.append(1))
    denoise(torch.zeros(23, 64, 64), torch.ones(4, 64, 64))
    assert len(told) == 4
