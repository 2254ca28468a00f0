"""The network: how far it sees, and that it sees the same everywhere."""

from __future__ import annotations

import pytest
import torch

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.guide import Cells
from benchmarks.peers.denoiser.network import NetworkConfig, UNet, flops_per_pixel
from benchmarks.peers.denoiser.tiles import HALO
from grainlight.diffusion.state import SIGMA_MAX

NARROW = NetworkConfig(widths=(8, 8, 8, 8))


def awake(config: NetworkConfig = NARROW) -> Denoiser:
    """A denoiser whose last layer is not zero and whose weights hide no path: all of one sign."""
    torch.manual_seed(0)
    model = Denoiser(config)
    for parameter in model.network.parameters():
        torch.nn.init.uniform_(parameter, 0.05, 0.15)
    return model


def reach(model: Denoiser, size: int, at: int) -> int:
    """Largest distance in pixels, along rows or columns, from which the output at one pixel is influenced."""
    x = torch.randn(1, 23, size, size, generator=torch.Generator().manual_seed(1))
    sigma = torch.full((1, 4, size, size), 0.5).requires_grad_()
    x.requires_grad_()
    # Which points count as known is a property of the whole map and comes from outside.
    points = torch.ones(1, size, size, dtype=torch.bool)
    model(x, sigma, Cells(points, 12))[0, :, at, at].sum().backward()
    influence = x.grad.abs().amax((0, 1)) + sigma.grad.abs().amax((0, 1))
    rows, columns = (influence > 0).nonzero(as_tuple=True)
    return int(max((rows - at).abs().max(), (columns - at).abs().max()))


def test_it_sees_no_farther_than_the_halo_of_a_tile() -> None:
    model = awake()
    # The reach depends on where a pixel lies in the 8 x 8 blocks that the coarsest level sees.
    found = [reach(model, 272, 132 + at) for at in range(4)]
    assert max(found) <= HALO
    # 102: a halo far beyond what is needed would be work for nothing.
    assert max(found) > HALO - 16


def test_translation_by_eight_pixels() -> None:
    model = awake()
    generator = torch.Generator().manual_seed(2)
    size, shift = 264, 8
    x = torch.randn(1, 23, size, size, generator=generator)
    sigma = torch.rand(1, 4, size, size, generator=generator) + 0.1
    points = torch.ones(1, size, size, dtype=torch.bool)
    with torch.no_grad():
        here = model(x, sigma, Cells(points, 4))
        there = model(x.roll((shift, shift), (2, 3)), sigma.roll((shift, shift), (2, 3)), Cells(points, 4))
    inner = slice(HALO, size - HALO)
    moved = slice(HALO + shift, size - HALO + shift)
    torch.testing.assert_close(there[..., moved, moved], here[..., inner, inner], rtol=1e-4, atol=1e-4)


def test_untrained_it_is_the_skip() -> None:
    model = Denoiser(NARROW)
    x, sigma = torch.randn(2, 23, 16, 24), torch.full((2, 4, 16, 24), 0.3)
    denoised, p = model.estimate(x, sigma)
    b, skip_p = model.skip(x, sigma)
    assert torch.equal(denoised, b)
    assert torch.equal(p, skip_p)


def test_images_of_a_batch_do_not_see_each_other() -> None:
    model = awake()
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(3, 23, 16, 16, generator=generator)
    sigma = torch.full((3, 4, 16, 16), 0.3)
    # Images of different kinds are cut into cells of different sizes.
    sigma[1, 0] = SIGMA_MAX
    sigma[1, 0, ::4, ::4] = 0.02
    sigma[2, 0, 1::2, ::2] = 0.02
    with torch.no_grad():
        together = model(x, sigma)
        alone = torch.cat([model(x[i : i + 1], sigma[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("batch", "rows", "columns"), [(1, 8, 16), (1, 72, 24), (2, 40, 32)])
def test_without_gradients_it_takes_another_way_to_the_same(batch: int, rows: int, columns: int) -> None:
    """Strips, layers taken together and images overwritten, against the layers one by one."""
    model = awake(NetworkConfig(widths=(8, 12, 16, 16)))
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(batch, 23, rows, columns, generator=generator)
    sigma = torch.rand(batch, 4, rows, columns, generator=generator) + 0.1
    b, p = model.skip(x, sigma)
    p = p.sqrt()  # the network must be heard
    given = [image.clone() for image in (x, sigma, b, p)]
    expected = model.refine(x, sigma, b, p).detach()
    with torch.no_grad():
        found = model.refine(x, sigma, b, p)
    assert float((expected - b).abs().max()) > 0.02
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(one, two) for one, two in zip((x, sigma, b, p), given, strict=True))


def test_size_and_multiple() -> None:
    model = Denoiser()
    weights = sum(p.numel() for p in model.parameters())
    assert 2e6 < weights < 6e6
    assert model.config.multiple == 8
    assert all(name.startswith("network.") for name in model.state_dict())


def test_operations_are_counted_as_they_are() -> None:
    config = NetworkConfig()
    counted = [0.0]

    def count(module: torch.nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        weight = module.weight
        # Every weight meets every pixel of the output; of a transposed convolution, of the input.
        transposed = isinstance(module, torch.nn.ConvTranspose2d)
        pixels = (inputs[0] if transposed else output)[0, 0].numel()
        counted[0] += 2.0 * weight.numel() * pixels

    network = UNet(config)
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            module.register_forward_hook(count)
    network(torch.zeros(1, config.inputs, 32, 32))
    assert counted[0] / 32**2 == pytest.approx(flops_per_pixel(config), rel=0.02)


def test_the_refining_part_compiles_in_one_graph() -> None:
    model = Denoiser(NARROW)
    x, sigma = torch.randn(2, 23, 16, 16), torch.full((2, 4, 16, 16), 0.3)
    b, p = model.skip(x, sigma)
    compiled = torch.compile(model.refine, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, sigma, b, p), model.refine(x, sigma, b, p))
