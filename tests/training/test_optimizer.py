"""Muon and Adam, and steps that are not taken."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from grainlight.diffusion.network import LabelConfig, LabelNetwork
from grainlight.training.optimizer import MuonAdam, orthogonalised, step_if, step_or_undo


@pytest.mark.parametrize("shape", [(24, 24), (16, 90), (90, 16), (192, 1728)])
def test_singular_values_come_out_alike(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    u, _ = torch.linalg.qr(torch.randn(shape[0], min(shape), generator=generator))
    v, _ = torch.linalg.qr(torch.randn(shape[1], min(shape), generator=generator))
    values = torch.logspace(0, -1.5, min(shape))
    found = orthogonalised(u * values @ v.T)
    singular = torch.linalg.svdvals(found)
    assert singular.min() > 0.6
    assert singular.max() < 1.25
    # The same directions as before: U^T X V is diagonal.
    inner = u.T @ found @ v
    assert (inner - torch.diag(inner.diag())).abs().max() < 0.01


def test_size_of_a_gradient_does_not_matter() -> None:
    matrix = torch.randn(20, 30, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(orthogonalised(1e-3 * matrix), orthogonalised(matrix), rtol=1e-2, atol=1e-3)
    assert not orthogonalised(torch.zeros(4, 5)).any()


def test_muon_takes_the_inner_kernels_only() -> None:
    model = LabelNetwork(LabelConfig(widths=(4, 4, 8)))
    muon, adam = MuonAdam(model).param_groups
    names = {id(p): n for n, p in model.named_parameters()}
    assert {id(p) for g in (muon, adam) for p in g["params"]} == set(names)
    of_muon = [names[id(p)] for p in muon["params"]]
    assert of_muon
    assert all(n.endswith("weight") and ".stem." not in n and ".head." not in n for n in of_muon)
    assert all(p.ndim == 4 for p in muon["params"])


def test_adam_is_torchs_adam() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    one, two = MuonAdam(ours, lr=0.01), torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.9, 0.99))
    x = torch.randn(8, 3)
    for _ in range(5):
        for model, optimizer in ((ours, one), (theirs, two)):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def test_it_goes_down() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 2, 3, padding=1))
    x, y = torch.randn(4, 3, 8, 8), torch.randn(4, 2, 8, 8)
    optimizer = MuonAdam(model, lr=1e-2, muon_lr=0.02)
    losses = []
    for _ in range(40):
        loss = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert math.isfinite(losses[-1])


@pytest.mark.parametrize("take", [step_if, step_or_undo])
def test_a_step_is_taken_or_nothing_changes(take: Callable) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))
    optimizer = MuonAdam(model)
    x = torch.randn(2, 3, 8, 8)
    kept = []
    for good, gain in ((False, torch.nan), (True, 1.0), (False, torch.nan), (True, 1.0)):
        optimizer.zero_grad()
        (gain * model(x)).square().sum().backward()
        take(optimizer, torch.tensor(good))
        kept.append([p.detach().clone() for p in model.parameters()])
    first, second, third, fourth = kept
    assert all(bool(torch.isfinite(p).all()) for p in fourth)
    assert all(torch.equal(a, b) for a, b in zip(second, third, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(third, fourth, strict=True))
