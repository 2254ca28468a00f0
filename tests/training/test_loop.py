"""The loop: exact resume, kills, schedule, and nothing but torch, numpy and safetensors."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from grainlight.diffusion import checkpoint
from grainlight.diffusion.checkpoint import load_weights
from grainlight.diffusion.network import LabelNetwork
from grainlight.errors import InputError
from grainlight.training import labelling, loop
from grainlight.training.loop import begin_from, load_state, new_state, save_state, schedule, train
from grainlight.training.presets import PRESETS
from grainlight.training.validation import questions, validate_labels

TINY = replace(PRESETS["tiny"], save_every_seconds=1e9, log_every=4)


def same(a: Path, b: Path) -> bool:
    one, two = load_file(a), load_file(b)
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def stopped(folder: Path, preset: object, at: int, monkeypatch: pytest.MonkeyPatch, **kwargs: object) -> None:
    """Train, and be interrupted in the middle after a checkpoint at a step."""

    class Killed(Exception):
        pass

    draws = []

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def count(*args: object) -> object:
            if len(draws) == at:
                raise Killed
            draws.append(1)
            return original(*args)

        return count

    with monkeypatch.context() as patch:
        for name in ("draw_case", "draw_stack_case"):
            patch.setattr(labelling, name, counted(getattr(labelling, name)))
        with pytest.raises(Killed):
            train(folder, preset, **kwargs)


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str
) -> None:
    monkeypatch.setattr(labelling, "validate_labels", lambda model, asked: {})
    preset = replace(TINY, optimizer=optimizer, steps=12)
    whole = train(tmp_path / "whole", preset, seed=3)
    # Checkpoints at every step; then stopped at the seventh.
    stopped(tmp_path / "two", replace(preset, save_every_seconds=0.0), 6, monkeypatch, seed=3)
    assert load_state(tmp_path / "two" / "state.safetensors", preset, "cpu").step == 6
    parts = train(tmp_path / "two", preset, seed=99)
    assert same(whole, parts)
    assert same(whole.with_name("state.safetensors"), parts.with_name("state.safetensors"))


class Killed(BaseException):
    """Ends a run as a signal does: nothing of it catches this."""


def killed_after(events: int, patch: pytest.MonkeyPatch) -> None:
    """End the run at an event: a batch drawn, a step taken, a file half written, whole, or renamed."""
    left = [events]

    def count() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    def counted(of: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            count()
            found = of(*args, **kwargs)
            count()
            return found

        return call

    def half_first(of: Callable[..., object]) -> Callable[..., object]:
        def call(tensors: object, target: Path, metadata: object) -> None:
            try:
                count()
            except Killed:
                of(tensors, target, metadata=metadata)
                os.truncate(target, target.stat().st_size // 2)
                raise
            of(tensors, target, metadata=metadata)
            count()

        return call

    patch.setattr(labelling, "draw_case", counted(labelling.draw_case))
    patch.setattr(loop, "step_if", counted(loop.step_if))
    for module in (loop, checkpoint):
        patch.setattr(module, "save_file", half_first(module.save_file))
    patch.setattr(os, "replace", counted(os.replace))


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_a_run_that_was_killed_dozens_of_times_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str
) -> None:
    """Each run goes a little way from the last checkpoint, and ends anywhere: in a step, in a file, between two."""
    monkeypatch.setattr(labelling, "validate_labels", lambda model, asked: {})
    asked = questions(8, scales=(4,))
    monkeypatch.setattr(labelling, "questions", lambda count: asked)
    preset = replace(TINY, optimizer=optimizer, steps=10, batch=1, save_every_seconds=0.0)
    whole = train(tmp_path / "whole", preset, seed=3)
    folder, kills = tmp_path / "parts", 0
    draws = random.Random(5)
    while True:
        with monkeypatch.context() as patch:
            killed_after(draws.randrange(1, 16), patch)
            try:
                # its own random numbers are not those that a caller drew in between
                torch.rand(draws.randrange(1, 9))
                parts = train(folder, preset, seed=3)
                break
            except Killed:
                kills += 1
    assert kills > 10
    assert same(whole, parts)
    assert same(whole.with_name("state.safetensors"), parts.with_name("state.safetensors"))
    assert {path.name for path in folder.iterdir()} == {"state.safetensors", "weights.safetensors", "log.jsonl"}


def test_a_larger_network_begins_with_what_a_smaller_one_says(tmp_path: Path) -> None:
    small = new_state(replace(TINY, network=replace(TINY.network, stacks=False)), 1, "cpu").model
    torch.nn.init.normal_(small.head.weight, std=0.3)
    large = new_state(replace(TINY, network=replace(TINY.network, down_blocks=(1, 2, 2))), 2, "cpu").model
    begin_from(large, small.state_dict(), tmp_path / "weights.safetensors")
    asked = questions(8, 32, (4,))[:1]
    assert validate_labels(large, asked) == validate_labels(small, asked)
    with pytest.raises(InputError, match="do not fit the preset's network"):
        begin_from(small, large.state_dict(), tmp_path / "weights.safetensors")


def test_seed_decides_everything_and_the_callers_random_numbers_go_on(tmp_path: Path) -> None:
    short = replace(TINY, steps=3)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one = train(tmp_path / "one", short, seed=1)
    assert torch.equal(torch.rand(3), expected)
    assert same(one, train(tmp_path / "two", short, seed=1))
    assert not same(one, train(tmp_path / "three", short, seed=2))


def test_a_kill_while_a_checkpoint_is_written_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = new_state(TINY, 1, "cpu")
    path = tmp_path / "state.safetensors"
    state.step = 5
    save_state(state, path)

    def half(tensors: dict, target: Path, metadata: dict) -> None:
        Path(target).write_bytes(b"half of a file")
        raise KeyboardInterrupt

    state.step = 6
    monkeypatch.setattr(loop, "save_file", half)
    with pytest.raises(KeyboardInterrupt):
        save_state(state, path)
    assert load_state(path, TINY, "cpu").step == 5


def test_a_kill_between_the_last_two_files_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(TINY, steps=4)
    whole = train(tmp_path / "whole", short, seed=1)
    for name in ("save_state", "save_weights"):
        folder = tmp_path / name

        def fail(*args: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(loop, name, fail)
            with pytest.raises(KeyboardInterrupt):
                train(folder, short, seed=1)
        assert same(train(folder, short, seed=1), whole)


@pytest.mark.parametrize("kind", ["empty", "text", "no header"])
def test_an_unusable_checkpoint_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "state.safetensors"
    if kind == "no header":
        loop.save_file({"a": torch.zeros(1)}, path)
    else:
        path.write_bytes(b"" if kind == "empty" else b"not a checkpoint at all")
    with pytest.raises(InputError, match=r"state\.safetensors"):
        train(tmp_path, TINY)


def test_a_checkpoint_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(new_state(TINY, 1, "cpu"), path)
    # copies: what old versions of safetensors return lies in the file, which is written anew below
    whole = {name: value.clone() for name, value in load_file(path).items()}
    with safe_open(path, "pt") as file:
        header = file.metadata()
    changes: list[tuple[dict, dict]] = [
        ({"step": "many"}, {}),
        ({"config": "[1"}, {}),
        ({"config": "[" * 100_000}, {}),
        ({"config": "3"}, {}),
        ({"seconds": "x"}, {}),
        ({}, {"generator": torch.zeros(3, dtype=torch.uint8)}),
        ({}, {"optimizer.x": torch.zeros(3)}),
        ({}, {"optimizer.9999.momentum": torch.zeros(3)}),
        ({}, {next(name for name in whole if name.startswith("ema.")): torch.zeros(3)}),
    ]
    for words, tensors in changes:
        loop.save_file(whole | tensors, path, metadata=header | words)
        with pytest.raises(InputError, match=r"state\.safetensors"):
            load_state(path, TINY, "cpu")
    for name in ("generator", next(name for name in whole if name.startswith("model."))):
        loop.save_file({key: value for key, value in whole.items() if key != name}, path, metadata=header)
        with pytest.raises(InputError, match="cannot be read as a checkpoint"):
            load_state(path, TINY, "cpu")


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train(tmp_path, replace(TINY, steps=2))
    with pytest.raises(InputError, match="another network"):
        train(tmp_path, PRESETS["cpu"])
    with pytest.raises(InputError, match="another kind of run"):
        train(tmp_path, replace(TINY, optimizer="adam"))


def test_a_run_moves_between_kinds_of_device(tmp_path: Path) -> None:
    # What a GPU writes differs from what a CPU does in its random numbers only.
    short = replace(TINY, steps=2)
    train(tmp_path, short)
    path = tmp_path / "state.safetensors"
    whole = {name: value.clone() for name, value in load_file(path).items()}
    with safe_open(path, "pt") as file:
        header = file.metadata()
    of_gpu = whole | {"generator": torch.arange(16, dtype=torch.uint8), "host_generator": whole["generator"]}
    loop.save_file(of_gpu, path, metadata=header)
    moved, again = load_state(path, TINY, "cpu"), load_state(path, TINY, "cpu")
    assert moved.step == 2
    assert torch.equal(moved.draw.uniform(0, 1, 5), again.draw.uniform(0, 1, 5))
    assert all(torch.equal(value, whole[f"model.{name}"]) for name, value in moved.model.state_dict().items())
    assert moved.optimizer.state_dict()["state"]
    train(tmp_path, TINY)
    with safe_open(path, "pt") as file:
        assert file.metadata()["step"] == str(TINY.steps)
        assert "host_generator" not in file.keys()  # noqa: SIM118 (not a dict)


def test_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    short = replace(TINY, steps=2)
    before = train(tmp_path, short).read_bytes()
    assert train(tmp_path, short).read_bytes() == before


def test_start_from_weights(tmp_path: Path) -> None:
    first = train(tmp_path / "first", replace(TINY, steps=3))
    still = replace(TINY, steps=1, lr=0.0, muon_lr=0.0)
    second = train(tmp_path / "second", still, seed=5, start=first)
    assert same(first, second)


def test_log_and_weights(tmp_path: Path) -> None:
    reported = []
    weights = train(tmp_path, TINY, report=reported.append)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == reported
    assert [line["step"] for line in lines if "loss" in line] == [4, 8, 12, 16, 20]
    assert all(0 < line["loss"] < 100 and len(line["parts"]) == 2 for line in lines if "loss" in line)
    assert "validation" in lines[-1]
    assert load_weights(weights).config == TINY.network
    assert {p.name for p in tmp_path.iterdir()} == {"state.safetensors", "weights.safetensors", "log.jsonl"}


def test_it_learns(tmp_path: Path) -> None:
    asked = questions(8, scales=(4,))

    def surprise(model: LabelNetwork) -> float:
        return sum(value for name, value in validate_labels(model.eval(), asked).items() if "surprise" in name)

    trained = load_weights(train(tmp_path, replace(TINY, steps=60, batch=8), seed=1))
    assert surprise(trained) < 0.97 * surprise(LabelNetwork(TINY.network))


def test_a_gradient_that_is_not_finite_is_a_step_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls = labelling.label_loss, []

    def sometimes(*args: object) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(1)
        loss, parts = original(*args)
        return loss * (torch.nan if len(calls) == 3 else 1.0), parts

    monkeypatch.setattr(labelling, "label_loss", sometimes)
    weights = load_file(train(tmp_path, replace(TINY, steps=8, log_every=4)))
    assert all(bool(torch.isfinite(t).all()) for t in weights.values())
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["skipped"] for line in lines if "loss" in line] == [1, 0]
    assert all(0 < line["loss"] < 100 for line in lines if "loss" in line)


def test_schedule() -> None:
    preset = replace(TINY, steps=1000, seconds=100.0, warmup_steps=10, decay=0.4)
    assert schedule(preset, 0, 0.0) == pytest.approx(0.1)
    assert schedule(preset, 9, 0.0) == schedule(preset, 500, 0.0) == schedule(preset, 600, 59.9) == 1.0
    assert schedule(preset, 800, 0.0) == pytest.approx(0.5)
    assert schedule(preset, 100, 80.0) == pytest.approx(0.5)
    assert schedule(preset, 1000, 0.0) == schedule(preset, 10, 120.0) == 0.0


def test_time_is_a_budget_too(tmp_path: Path) -> None:
    train(tmp_path, replace(TINY, steps=10**9, seconds=0.5))
    state = load_state(tmp_path / "state.safetensors", TINY, "cpu")
    assert 0 < state.step < 10_000
    assert state.seconds >= 0.5


def test_bfloat16_on_a_cpu(tmp_path: Path) -> None:
    weights = load_file(train(tmp_path, replace(TINY, steps=2, bf16=True)))
    assert all(bool(torch.isfinite(t.float()).all()) for t in weights.values())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_trains_validates_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls = labelling.label_loss, []

    def sometimes(*args: object) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(1)
        loss, parts = original(*args)
        return loss * (torch.nan if len(calls) in (1, 3) else 1.0), parts

    monkeypatch.setattr(labelling, "label_loss", sometimes)
    for steps in (4, 8):
        weights = load_file(train(tmp_path, replace(TINY, steps=steps, bf16=True), device="cuda"))
    assert all(bool(torch.isfinite(t).all()) for t in weights.values())
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["skipped"] for line in lines if "loss" in line] == [2, 0]
    assert sum("validation" in line for line in lines) == 2


def test_needs_torch_numpy_and_safetensors_only(tmp_path: Path) -> None:
    script = f"""
import sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"scipy", "orix", "tifffile", "imageio", "rich", "matplotlib", "dask", "h5py"}}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Wall())
from dataclasses import replace
from pathlib import Path
from grainlight.training.loop import train
from grainlight.training.presets import PRESETS
train(Path({str(tmp_path)!r}), replace(PRESETS["tiny"], steps=2, save_every_seconds=1e9))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ})
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "weights.safetensors").is_file()
