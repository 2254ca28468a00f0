"""Peers that need training: what they are before it, what they are trained on, resume, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.peers import plain_skip as plain
from benchmarks.peers import supervised as one_task
from benchmarks.peers import train as room
from benchmarks.peers.denoiser import task as denoising
from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.network import NetworkConfig
from benchmarks.peers.denoiser.noise import NoiseMixture, draw_noise_field
from benchmarks.peers.denoiser.parts import PART_MEAN, PART_STD
from benchmarks.peers.denoiser.presets import PRESETS
from benchmarks.peers.denoiser.stream import clean_states
from benchmarks.peers.denoiser.weights import load_denoiser
from benchmarks.peers.plain_skip import PlainDenoiser, plain_skip
from benchmarks.peers.supervised import (
    SupervisedUNet,
    corrupted_scale_4,
    supervised,
    supervised_projected,
    task_state,
)
from benchmarks.peers.weights import VARIABLE
from grainlight.crystal.embedding import decode
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.checkpoint import save_weights
from grainlight.diffusion.state import EBSD, LIGHT, SIGMA_MAX, is_unknown
from grainlight.errors import InputError
from grainlight.evaluation.baselines.nearest import nearest
from grainlight.evaluation.degrade import Task, degrade
from grainlight.maps.orientation_map import OrientationMap
from grainlight.synth.draw import Draw
from grainlight.training import loop

SMALL = NetworkConfig(widths=(8, 12, 16, 24))
TINY = {
    name: replace(
        preset,
        network=replace(SMALL, inputs=preset.network.inputs),
        patch=16,
        batch=2,
        parts=1,
        steps=4,
        warmup_steps=2,
        log_every=2,
    )
    for name, preset in room.PRESETS.items()
}


@pytest.fixture(scope="module")
def clean() -> torch.Tensor:
    return clean_states(Draw.seeded(3), 2, 32, (8.0, 12.0))


def corner(full: OrientationMap) -> OrientationMap:
    return OrientationMap.from_quaternions(full.quaternions[:33, :33], full.step, full.phases)


@pytest.fixture(scope="module")
def task(section: OrientationMap) -> Task:
    """33 x 33 pixels at scale 4 under corrupted light."""
    return degrade(corner(section), scale=4, level="corrupted", seed=1)


def off(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(disorientation_angle(torch.from_numpy(a), torch.from_numpy(b)).numpy())


def test_before_training_the_supervised_network_is_the_plain_filling(clean: torch.Tensor) -> None:
    x, sigma = corrupted_scale_4(Draw.seeded(1), clean, NoiseMixture())
    restored = SupervisedUNet()(x, sigma)
    for image, levels, out in zip(x, sigma, restored, strict=True):
        known = ~is_unknown(levels[0]).numpy()
        filled = nearest(image[EBSD].movedim(0, -1).numpy(), known)
        assert np.array_equal(out[EBSD].movedim(0, -1).detach().numpy(), filled)
        lit = (~is_unknown(levels[1:]))[[0, 1, 1, 2, 2]]
        assert torch.equal(out[LIGHT][lit], image[LIGHT][lit])
        assert torch.isfinite(out).all()


def test_a_map_without_a_point_gives_no_orientation_and_no_fault() -> None:
    x, sigma = torch.randn(1, 23, 16, 16), torch.full((1, 4, 16, 16), SIGMA_MAX)
    out = SupervisedUNet()(x, sigma)
    assert not out[:, EBSD].any()
    assert torch.equal(out[0, 18], torch.full((16, 16), PART_MEAN[2]))


def test_the_plain_skip_is_the_posterior_of_a_pixel_alone() -> None:
    draw = Draw.seeded(4)
    x = draw.normal(2, 23, 8, 8)
    sigma = draw.log_uniform(0.005, 8.0, 2, 4, 8, 8)
    b, p = PlainDenoiser(SMALL).skip(x, sigma)
    precision = sigma[:, [0, 0, 1, 2, 3]] ** -2 + torch.tensor(PART_STD).view(1, 5, 1, 1) ** -2
    torch.testing.assert_close(p, precision.rsqrt())
    # channel 18 is A0, the only one with a mean
    expected = (x[:, 18] / sigma[:, 1] ** 2 + PART_MEAN[2] / PART_STD[2] ** 2) / precision[:, 2]
    torch.testing.assert_close(b[:, 18], expected)
    # and the network has nothing to say before training
    assert torch.equal(PlainDenoiser(SMALL)(x, sigma), b)


def test_bodies_have_the_size_of_the_shipped_one() -> None:
    def size(model: Denoiser) -> int:
        return sum(p.numel() for p in model.parameters())

    ours = Denoiser()
    assert size(PlainDenoiser()) == size(ours)
    stem = ours.network.stem.weight.numel(), SupervisedUNet().network.stem.weight.numel()
    assert size(ours) - size(SupervisedUNet()) == stem[0] - stem[1]
    assert size(SupervisedUNet()) > 0.99 * size(ours)


def test_the_one_task_is_what_it_says(clean: torch.Tensor) -> None:
    clean = clean.repeat(8, 1, 1, 1)
    x, sigma = corrupted_scale_4(Draw.seeded(2), clean, NoiseMixture())
    phases = set()
    for image, levels, truth in zip(x, sigma, clean, strict=True):
        known = ~is_unknown(levels[0])
        at = known.nonzero()
        assert len(at) > 0.85 * 64
        assert len((at % 4).unique(dim=0)) == 1  # every fourth row and column, of one phase
        phases.add(tuple((at[0] % 4).tolist()))
        error = off(*(decode(e[EBSD][:, known], dim=0).double().numpy() for e in (image, truth)))
        assert np.sqrt((error**2).mean()) == pytest.approx(0.5, rel=0.3)
    assert len(phases) > 4
    # nothing of the truth where nothing is measured: other truths, same numbers
    other, levels = corrupted_scale_4(Draw.seeded(2), clean.flip(-1), NoiseMixture())
    assert torch.equal(levels, sigma)
    unknown = is_unknown(sigma[:, :1]).expand(-1, 18, -1, -1)
    assert torch.equal(other[:, EBSD][unknown], x[:, EBSD][unknown])


def test_stream_and_loop_are_those_of_the_project() -> None:
    ours, theirs = PRESETS["cpu"], plain.PRESET
    assert theirs.task == replace(ours.task, kind=PlainDenoiser)
    assert theirs.task.measure is draw_noise_field
    assert (theirs.network, theirs.mixture) == (ours.network, ours.mixture)
    assert one_task.PRESET.optimizer == theirs.optimizer == ours.optimizer
    assert one_task.PRESET.patch == theirs.patch
    assert one_task.PRESET.batch == theirs.batch


@pytest.mark.parametrize("name", TINY)
def test_training_resumes_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(denoising, "validate", lambda model, clean: {})
    # the rate must not know the budget: it is cut here
    preset = replace(TINY[name], decay=1e-9)
    whole = loop.train(tmp_path / "whole", preset, seed=5)
    loop.train(tmp_path / "halves", replace(preset, steps=2), seed=5)
    halves = loop.train(tmp_path / "halves", preset, seed=5)
    one, two = load_file(whole), load_file(halves)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert any(t.any() for k, t in one.items() if ".head." in k)  # it has learnt something
    assert all(t.dtype == torch.float16 for t in one.values())


def test_the_command_trains_each_into_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PRESETS", TINY)
    monkeypatch.setattr(denoising, "validate", lambda model, clean: {})
    one_step = next(iter(TINY.values()))
    room.main(["--pixels", str(one_step.batch * one_step.patch**2), "--output", str(tmp_path)])
    load_denoiser(tmp_path / "supervised" / "weights.safetensors", kind=SupervisedUNet)
    load_denoiser(tmp_path / "plain_skip" / "weights.safetensors", kind=PlainDenoiser)
    # one's weights are not another's, nor the shipped denoiser's
    for name, kind in (("plain_skip", Denoiser), ("supervised", PlainDenoiser)):
        with pytest.raises(InputError, match="another kind"):
            load_denoiser(tmp_path / name / "weights.safetensors", kind=kind)


def untrained(kind: type[Denoiser], folder: Path) -> Path:
    path = folder / "weights.safetensors"
    save_weights(kind(replace(SMALL, inputs=kind().config.inputs)), path)
    return path


def test_untrained_answer_is_the_nearest_point(task: Task, tmp_path: Path) -> None:
    answer = supervised(untrained(SupervisedUNet, tmp_path))(task)
    assert answer.quaternions.shape == task.truth.shape
    assert answer.light is not None
    assert answer.light.shape == (5, 33, 33)
    assert off(answer.quaternions, nearest(task.quaternions, task.measured)).max() < 0.05
    sigma = task_state(task)[1]
    assert np.array_equal(is_unknown(sigma[0]).numpy(), ~task.measured)


@pytest.mark.parametrize(("factory", "kind"), [(supervised_projected, SupervisedUNet), (plain_skip, PlainDenoiser)])
def test_through_our_pipeline(task: Task, tmp_path: Path, factory, kind: type[Denoiser]) -> None:
    answer = factory(untrained(kind, tmp_path))(task)
    assert answer.quaternions.shape == task.truth.shape
    np.testing.assert_allclose(np.linalg.norm(answer.quaternions, axis=-1), 1, atol=1e-5)
    # measured points are kept but for their noise
    assert np.median(off(answer.quaternions, task.quaternions)[task.measured]) < 1.0
    assert answer.light is not None
    assert answer.boundary is not None
    assert answer.light.shape[1:] == answer.boundary.shape == task.measured.shape


def test_supervised_refuses_other_tasks(section: OrientationMap) -> None:
    small = corner(section)
    for factory in (supervised, supervised_projected):
        with pytest.raises(InputError, match="one scale only"):
            factory()(degrade(small, scale=2, level=None))
        with pytest.raises(InputError, match="without light"):
            factory()(degrade(small, scale=4, level=None))


def test_missing_weights_are_refused_with_the_command(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for factory, name in ((supervised, "supervised"), (supervised_projected, "supervised"), (plain_skip, "plain_skip")):
        with pytest.raises(InputError, match=f"peers.train --which {name}"):
            factory()(task)
