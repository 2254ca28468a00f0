"""Weights on disk."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from grainlight.diffusion.checkpoint import load_weights, save_weights, weights_hash
from grainlight.diffusion.network import LabelConfig, LabelNetwork
from grainlight.errors import InputError

SMALL = LabelConfig(widths=(4, 4, 8), down_blocks=(0, 1, 1), up_blocks=(0, 1))


def model() -> LabelNetwork:
    torch.manual_seed(0)
    return LabelNetwork(SMALL)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(model(), path, {"step": "7"})
    back = load_weights(path)
    assert back.config == SMALL
    assert not back.training
    for name, tensor in model().state_dict().items():
        # Half precision has 11 bits.
        torch.testing.assert_close(back.state_dict()[name], tensor, rtol=2**-11, atol=1e-7)
        assert back.state_dict()[name].dtype == torch.float32
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(model(), path)
    before = weights_hash(path)
    assert len(before) == 16
    assert weights_hash(path) == before
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert weights_hash(path) != before


def test_rounding_twice_is_rounding_once(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.safetensors", tmp_path / "twice.safetensors"
    save_weights(model(), once)
    save_weights(load_weights(once), twice)
    first, second = load_file(once), load_file(twice)
    assert all(torch.equal(first[name], second[name]) for name in first)


def broken(kind: str, path: Path) -> None:
    save_weights(model(), path)
    tensors, config = load_file(path), json.dumps(asdict(SMALL))
    if kind == "missing":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("these are no weights")
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif kind == "other format":
        save_file(tensors, path, metadata={"format": "something-else", "config": config})
    elif kind == "no header":
        save_file(tensors, path)
    elif kind == "no config":
        save_file(tensors, path, metadata={"format": LabelNetwork.format})
    elif kind == "unknown setting":
        save_file(tensors, path, metadata={"format": LabelNetwork.format, "config": '{"depth": 3}'})
    elif kind == "other shape":
        save_file(tensors, path, metadata={"format": LabelNetwork.format, "config": config.replace("8]", "9]")})
    elif kind == "config of another kind":
        save_file(tensors, path, metadata={"format": LabelNetwork.format, "config": "[3]"})
    elif kind == "no widths":
        empty = json.dumps(asdict(SMALL) | {"widths": []})
        save_file(tensors, path, metadata={"format": LabelNetwork.format, "config": empty})
    elif kind == "not finite":
        tensors["weigh"][1] = torch.nan
        save_file(tensors, path, metadata={"format": LabelNetwork.format, "config": config})
    else:
        tensors.pop(next(iter(tensors)))
        save_file(tensors, path, metadata={"format": LabelNetwork.format, "config": config})


@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "empty",
        "text",
        "truncated",
        "other format",
        "no header",
        "no config",
        "unknown setting",
        "other shape",
        "config of another kind",
        "no widths",
        "not finite",
        "tensor missing",
    ],
)
def test_what_is_no_weights_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "w.safetensors"
    broken(kind, path)
    with pytest.raises(InputError, match="weights"):
        load_weights(path)
