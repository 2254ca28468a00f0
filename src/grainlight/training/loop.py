"""The training loop: a task's loss, optimiser, EMA, log, checkpoint, resume."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from grainlight.diffusion.checkpoint import load_weights, save_weights
from grainlight.errors import InputError, in_words
from grainlight.synth.draw import Draw
from grainlight.training.optimizer import MuonAdam, step_if
from grainlight.training.presets import TrainingPreset


@dataclass
class TrainingState:
    """What a checkpoint holds: enough to go on as if nothing had happened."""

    model: nn.Module
    ema: nn.Module
    optimizer: torch.optim.Optimizer
    draw: Draw
    step: int = 0
    seconds: float = 0.0


def new_state(preset: TrainingPreset, seed: int, device: str) -> TrainingState:
    # Weights are drawn on the CPU, whatever the device; the caller's own random numbers go on as they were.
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        model, ema = preset.task.build(preset), preset.task.build(preset)
    ema = ema.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema.load_state_dict(model.state_dict())
    return TrainingState(model, ema.requires_grad_(False), _optimizer(preset, model), Draw.seeded(seed, device))


def _optimizer(preset: TrainingPreset, model: nn.Module) -> torch.optim.Optimizer:
    if preset.optimizer == "muon":
        return MuonAdam(model, preset.lr, preset.muon_lr)
    optimizer = torch.optim.AdamW(model.parameters(), preset.lr, betas=(0.9, 0.99), weight_decay=0.01)
    for group in optimizer.param_groups:
        group["base_lr"] = preset.lr
    return optimizer


def save_state(state: TrainingState, path: Path) -> None:
    """Write a checkpoint to a temporary name and rename it: a kill leaves the old one whole."""
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in state.ema.state_dict().items()}
    for index, entry in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in entry.items()}
    tensors["generator"] = state.draw.generator.get_state()
    if state.draw.host is not state.draw.generator:
        tensors["host_generator"] = state.draw.host.get_state()
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    config: Any = state.model.config
    header = {"step": str(state.step), "seconds": repr(state.seconds), "config": json.dumps(asdict(config))}
    temporary = path.with_name(path.name + ".part")
    save_file(tensors, temporary, metadata=header)
    os.replace(temporary, path)


def load_state(path: Path, preset: TrainingPreset, device: str) -> TrainingState:
    """Continue from a checkpoint.

    Raises
    ------
    InputError
        If the checkpoint cannot be read, or was written for a network of another shape or another optimiser.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        missing = {"step", "seconds", "config"} - header.keys()
        if missing:
            raise KeyError(f"the header has no {', '.join(sorted(missing))}")
    except (SafetensorError, OSError, KeyError) as error:
        raise _unusable(path, error) from error
    try:
        return _restored(header, tensors, path, preset, device)
    except InputError:
        raise
    except (AttributeError, IndexError, KeyError, RecursionError, RuntimeError, TypeError, ValueError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> InputError:
    told = error.args[0] if isinstance(error, KeyError) and "header" in str(error) else ""
    return InputError(
        "cannot be read as a checkpoint",
        file=path,
        found=told or in_words(error, "no checkpoint, or a damaged one"),
        expected="a file that a training run wrote",
        advice="remove it, or use another folder",
    )


def _restored(
    header: dict[str, str], tensors: dict[str, Tensor], path: Path, preset: TrainingPreset, device: str
) -> TrainingState:
    """Return the state that a checkpoint's header and tensors tell."""
    state = new_state(preset, 0, device)
    # A field that a checkpoint is too old to know had its default.
    written = asdict(type(preset.network)()) | json.loads(header["config"])
    if json.loads(json.dumps(written)) != json.loads(json.dumps(asdict(preset.network))):
        raise InputError(
            "the checkpoint belongs to another network",
            file=path,
            found=header["config"],
            expected=json.dumps(asdict(preset.network)),
            advice="use the preset that the run began with, or another folder",
        )
    for prefix, module in (("model.", state.model), ("ema.", state.ema)):
        module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            entries.setdefault(int(index), {})[key] = tensor
    if entries:
        muon = any("momentum" in entry for entry in entries.values())
        if muon != (preset.optimizer == "muon"):
            raise InputError(
                "the checkpoint belongs to another kind of run",
                file=path,
                found=f"optimiser {'muon' if muon else 'adam'}",
                expected=f"optimiser {preset.optimizer}",
                advice="go on as the run began, or give its weights to a new one as a start",
            )
        groups = state.optimizer.state_dict()["param_groups"]
        if not entries.keys() <= {index for group in groups for index in group["params"]}:
            raise IndexError("more optimiser states than tensors")
        state.optimizer.load_state_dict({"state": entries, "param_groups": groups})
    state.draw = _draw_again(state.draw, tensors)
    state.step, state.seconds = int(header["step"]), float(header["seconds"])
    return state


def _draw_again(draw: Draw, tensors: dict[str, Tensor]) -> Draw:
    """Random numbers that go on where a checkpoint's stopped.

    Those of a GPU and of a CPU are of different kinds: a run that moves from one to the other goes on with numbers that
    follow from the checkpoint's, other ones than it would have drawn.
    """
    there, here = ("host_generator" in tensors), draw.host is not draw.generator
    if there != here:
        stopped = tensors["generator"].numpy().tobytes()
        return Draw.seeded(int.from_bytes(hashlib.sha256(stopped).digest()[:4], "little") >> 1, draw.device)
    draw.generator.set_state(tensors["generator"])
    if here:
        draw.host.set_state(tensors["host_generator"])
    return draw


def begin_from(model: nn.Module, begun: dict[str, Tensor], start: Path) -> None:
    """Take over weights of a network of the same shape or a smaller one, so that the model answers as that did.

    What only the model has adds nothing at first: gains of further residual blocks are zero, and so are the weights of
    layers for inputs that the smaller network does not take.

    Raises
    ------
    InputError
        If a tensor of ``begun`` has no place of its shape in the model.
    """
    own = model.state_dict()
    astray = [name for name, tensor in begun.items() if name not in own or own[name].shape != tensor.shape]
    if astray:
        found = f"{astray[0]} of shape {tuple(begun[astray[0]].shape)}"
        here = f"shape {tuple(own[astray[0]].shape)}" if astray[0] in own else "no such layer"
        raise InputError(
            "the weights to start from do not fit the preset's network",
            file=start,
            found=found,
            expected=here,
            advice="use weights of a network that is no wider and no deeper, or another preset",
        )
    with torch.no_grad():
        for name, tensor in own.items():
            if name in begun:
                tensor.copy_(begun[name])
            elif name.endswith(".gain"):
                tensor.zero_()


def schedule(preset: TrainingPreset, step: int, seconds: float) -> float:
    """Learning-rate factor: warm-up, plateau, linear decay to zero."""
    done = max(step / preset.steps, seconds / preset.seconds)
    return min(1.0, (step + 1) / preset.warmup_steps, max(0.0, 1 - done) / preset.decay)


def train(
    folder: Path,
    preset: TrainingPreset,
    *,
    seed: int = 0,
    device: str = "cpu",
    start: Path | None = None,
    report: Callable[[dict], None] | None = None,
) -> Path:
    """Train until the preset's budget is used up, from the newest checkpoint in the folder if there is one.

    Parameters
    ----------
    folder
        Receives ``state.safetensors`` (checkpoint), ``weights.safetensors`` (EMA) and ``log.jsonl``.
    start
        Weights file to begin from where there is no checkpoint yet; see `begin_from`.
    report
        Called with every line of the log.

    Returns
    -------
    Path of the EMA weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, weights, log = folder / "state.safetensors", folder / "weights.safetensors", folder / "log.jsonl"
    for file in (checkpoint, weights):
        # of a run that was killed while it wrote
        file.with_name(f"{file.name}.part").unlink(missing_ok=True)
    state = load_state(checkpoint, preset, device) if checkpoint.exists() else new_state(preset, seed, device)
    if start is not None and state.step == 0:
        begun = load_weights(start, device, type(state.model)).state_dict()
        for model in (state.model, state.ema):
            begin_from(model, begun, start)
    task = preset.task
    core = task.core(state.model)
    core = torch.compile(core) if preset.compile else core
    held_out = task.held_out(preset)
    flops = 3 * task.flops_per_pixel(preset) * preset.patch**2
    sums, since, last_save = torch.zeros(1 + task.parts, device=device), time.perf_counter(), time.perf_counter()
    skipped = torch.zeros((), device=device)
    counted, first_step, began, before = 0, state.step, time.perf_counter(), state.seconds

    def write(entry: dict) -> None:
        with log.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        if report:
            report(entry)

    def save() -> None:
        # The checkpoint last: after a kill in between, the run repeats some steps and writes the weights again.
        save_weights(state.ema, weights, {"step": str(state.step), "samples": str(state.step * preset.batch)})
        save_state(state, checkpoint)
        write({"step": state.step, "validation": task.validate(state.ema.eval(), held_out)})

    while state.step < preset.steps and state.seconds < preset.seconds:
        factor = schedule(preset, state.step, state.seconds)
        for group in state.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        loss, parts = task.learn(state.model, core, state.draw, preset)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(state.model.parameters(), preset.clip)
        # Of a gradient that is not finite nothing is learnt: the step is skipped, and told in the log.
        good = torch.isfinite(norm)
        step_if(state.optimizer, good)
        skipped += ~good
        state.step += 1
        weight = max(1 / (preset.ema_share * state.step + 1), 1 / preset.ema_longest)
        with torch.no_grad():
            torch._foreach_lerp_(list(state.ema.parameters()), list(state.model.parameters()), weight)
        sums += torch.where(good, torch.cat((loss.detach().view(1), parts)), 0.0)
        counted += 1
        state.seconds = before + time.perf_counter() - began
        if state.step % preset.log_every == 0:
            now = time.perf_counter()
            rate = preset.batch * counted / (now - since)
            left_out = int(skipped)
            means = [round(v / max(1, counted - left_out), 4) for v in sums.tolist()]
            write(
                {
                    "step": state.step,
                    "samples": state.step * preset.batch,
                    "seconds": round(state.seconds, 1),
                    "loss": means[0],
                    "parts": means[1:],
                    "lr": factor,
                    "norm": round(float(norm), 3),
                    "skipped": left_out,
                    "samples_per_second": round(rate, 1),
                    "gflop_per_second": round(rate * flops / 1e9, 1),
                }
            )
            sums.zero_()
            skipped.zero_()
            counted, since = 0, now
        if time.perf_counter() - last_save >= preset.save_every_seconds:
            paused = time.perf_counter()
            save()
            last_save = time.perf_counter()
            since += last_save - paused
    if state.step > first_step or not weights.exists():
        save()
    return weights
