"""Muon for the weight matrices, Adam for the rest.

Muon (K. Jordan et al., 2024) takes the momentum of a weight matrix and replaces it by a matrix close to the nearest
orthogonal one, found with a few Newton-Schulz steps; convolution kernels count as matrices (output, everything else).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """Roughly U V^T of the singular value decomposition U S V^T of a matrix (m, n).

    The singular values come out between about 0.7 and 1.2, but for those that were below a thousandth of the norm.
    """
    a, b, c = _COEFFICIENTS
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    # Every step multiplies x from the left by a polynomial of its Gram matrix: iterate on the small matrix only.
    gram = x @ x.T
    identity = torch.eye(len(gram), dtype=x.dtype, device=x.device)
    total = identity
    for _ in range(steps):
        factor = a * identity + b * gram + c * gram @ gram
        total = factor @ total
        gram = factor @ gram @ factor
    x = total @ x
    return x.T if tall else x


class MuonAdam(torch.optim.Optimizer):
    """Muon on tensors with two or more dimensions inside the network, Adam on biases, gains, the first and last layer.

    ``lr`` is Adam's; Muon's is ``muon_lr`` times the same schedule.
    """

    def __init__(self, model: nn.Module, lr: float = 1e-3, muon_lr: float = 0.02, momentum: float = 0.95) -> None:
        muon: list[Tensor] = []
        adam: list[Tensor] = []
        for name, parameter in model.named_parameters():
            outer = {"stem", "beside", "head"} & set(name.split("."))
            inner = parameter.ndim == 4 and min(parameter.shape[:2]) > 1 and not outer
            (muon if inner else adam).append(parameter)
        groups = [
            {"params": muon, "muon": True, "lr": muon_lr, "base_lr": muon_lr},
            {"params": adam, "muon": False, "lr": lr, "base_lr": lr},
        ]
        super().__init__(groups, {"momentum": momentum, "betas": (0.9, 0.99), "eps": 1e-8})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if group["muon"]:
                    self._muon(p, p.grad, state, group)
                else:
                    self._adam(p, p.grad, state, group)

    @staticmethod
    def _muon(p: Tensor, gradient: Tensor, state: dict, group: dict) -> None:
        if not state:
            state["momentum"] = torch.zeros_like(p)
        buffer = state["momentum"]
        buffer.lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp(buffer, group["momentum"])
        matrix = direction.reshape(direction.shape[0], -1)
        update = orthogonalised(matrix) * max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
        # An orthogonal update has the same size whatever the gradient's is, so weights would grow without decay.
        p.mul_(1 - group["lr"] * 0.01)
        p.add_(update.view_as(direction), alpha=-group["lr"])

    @staticmethod
    def _adam(p: Tensor, gradient: Tensor, state: dict, group: dict) -> None:
        if not state:
            state["mean"], state["square"] = torch.zeros_like(p), torch.zeros_like(p)
            state["step"] = torch.zeros(())
        state["step"] += 1
        beta1, beta2 = group["betas"]
        state["mean"].lerp_(gradient, 1 - beta1)
        state["square"].lerp_(gradient.square(), 1 - beta2)
        n = float(state["step"])
        scale = (state["square"] / (1 - beta2**n)).sqrt() + group["eps"]
        p.addcdiv_(state["mean"] / (1 - beta1**n), scale, value=-group["lr"])


def step_if(optimizer: torch.optim.Optimizer, good: Tensor) -> None:
    """Take a step if a flag (0-dimensional, bool) on the parameters' device is true; a GPU is not waited for."""
    if good.device.type != "cpu":
        step_or_undo(optimizer, good)
    elif bool(good):
        optimizer.step()


@torch.no_grad()
def step_or_undo(optimizer: torch.optim.Optimizer, good: Tensor) -> None:
    """Take a step and undo it where the flag is false, without asking what it is.

    An undone step leaves a trace in Adam's count of steps only, which matters in the first hundred.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    state = [v for p in parameters for name, v in optimizer.state[p].items() if name != "step"]
    changed = [*parameters, *state]
    # Copies, in few kernels.
    before = torch._foreach_mul(changed, 1.0)
    for p in parameters:
        # The first step makes the state, of which there is no copy yet: it must be finite.
        if not optimizer.state[p]:
            p.grad = torch.where(good, p.grad, 0.0)
    optimizer.step()
    for tensor, old in zip(changed, before, strict=True):
        torch.where(good, tensor, old, out=tensor)
