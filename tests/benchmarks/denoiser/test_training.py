"""The denoiser's training: resume, older checkpoints, and that it learns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.loss import denoising_loss
from benchmarks.peers.denoiser.noise import draw_noise_field
from benchmarks.peers.denoiser.presets import PRESETS
from benchmarks.peers.denoiser.stream import next_batch
from benchmarks.peers.denoiser.weights import KEPT, load_denoiser
from grainlight.errors import InputError
from grainlight.synth.draw import Draw
from grainlight.training import loop
from grainlight.training.loop import load_state, new_state, save_state, train

TINY = replace(PRESETS["tiny"], save_every_seconds=1e9, log_every=4)


def test_kept_weights_are_the_denoisers() -> None:
    assert KEPT.is_file()
    assert load_denoiser().config == PRESETS["cpu"].network


def test_a_run_in_two_parts_is_one_run(tmp_path: Path) -> None:
    # the rate must not know the budget: it is cut here
    preset = replace(TINY, steps=6, decay=1e-9)
    whole = load_file(train(tmp_path / "whole", preset, seed=3))
    train(tmp_path / "two", replace(preset, steps=3), seed=3)
    parts = load_file(train(tmp_path / "two", preset, seed=99))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_log_has_a_line_for_each_part_of_the_loss(tmp_path: Path) -> None:
    train(tmp_path, replace(TINY, steps=4))
    first, *_, last = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(first["parts"]) == 5
    assert "validation" in last


def test_a_checkpoint_from_before_a_setting_of_the_network_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(new_state(TINY, 1, "cpu"), path)
    with loop.safe_open(path, "pt") as file:
        header, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    config = json.loads(header["config"])
    del config["structure"], config["scales"]
    loop.save_file(tensors, path, metadata=header | {"config": json.dumps(config)})
    assert load_state(path, TINY, "cpu").model.config == TINY.network
    with pytest.raises(InputError, match="another network"):
        load_state(path, replace(TINY, network=replace(TINY.network, scales=3)), "cpu")


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    draw = Draw.seeded(55)
    clean = next_batch(draw, 32, 32, 4)
    x, sigma = draw_noise_field(draw, clean)

    @torch.inference_mode()
    def loss(model: Denoiser) -> float:
        denoised, p = model.estimate(x, sigma)
        return float(denoising_loss(denoised, clean, p)[0])

    trained = load_denoiser(train(tmp_path, replace(TINY, steps=40, batch=8), seed=1))
    assert loss(trained) < 0.985 * loss(Denoiser(TINY.network))
