"""The study of the training's choices: its variants, its file and what it calls significant."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmarks import study as room
from benchmarks.peers.denoiser.denoiser import Denoiser
from benchmarks.peers.denoiser.presets import PRESETS
from benchmarks.peers.denoiser.validation import TASKS, validation_set
from benchmarks.study import (
    BASE,
    Variant,
    compare,
    main,
    markdown,
    read,
    score,
    study,
    variants,
)
from grainlight.errors import InputError

TINY = replace(PRESETS["tiny"], batch=1, save_every_seconds=float("inf"))


def record(variant: str, seed: int, loss: float, seconds: float = 1.0) -> dict:
    return {"variant": variant, "seed": seed, "seconds": seconds, "steps": 5, "cpu": 1.0, "scores": {"loss": loss}}


def test_every_variant_differs_from_the_base_in_one_choice() -> None:
    first, *others = variants()
    assert first.name == BASE
    assert len({variant.name for variant in others}) == len(others)
    for variant in others:
        changed = [n for n in vars(first.preset) if getattr(variant.preset, n) != getattr(first.preset, n)]
        if variant.steps == 0:
            assert not changed
        elif "patch" in changed:
            assert changed == ["patch", "batch"]
            pixels, expected = (v.preset.batch * v.preset.patch**2 for v in (variant, first))
            assert pixels == pytest.approx(expected, rel=0.15)
        else:
            assert changed in (["network"], ["mixture"], ["task"], ["optimizer"], ["optimizer", "lr"]) or (
                len(changed) == 1 and changed[0] in {"ema_share", "muon_lr"}
            )


def test_what_is_finished_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def trained(preset: object, steps: int, seed: int) -> tuple[object, float]:
        ran.append((preset, steps, seed))
        return None, 0.5

    monkeypatch.setattr(room, "trained", trained)
    monkeypatch.setattr(room, "score", lambda model, clean: {"loss": 1.0})
    monkeypatch.setattr(room, "cpu_per_step", lambda preset, steps: 0.1)
    file = tmp_path / "study.jsonl"
    base = Variant(BASE, "", TINY)
    chosen = [base, Variant("skip alone", "", TINY, steps=0), Variant("ema", "", replace(TINY, ema_share=0.0))]
    chosen.append(Variant("dear", "", replace(TINY, batch=2)))
    study(chosen[:1], 2.0, 1, file, base=base, each=1)
    assert [r["steps"] for r in read(file)] == [20]
    # The machine is busier now: what counts is what a step costs beside a step of the base.
    monkeypatch.setattr(room, "cpu_per_step", lambda preset, steps: 0.3 * preset.batch)
    study(chosen, 2.0, 2, file, base=base, each=1)
    assert [(steps, seed) for _, steps, seed in ran[:4]] == [(20, 0), (20, 1), (0, 0), (0, 1)]
    assert [(steps, seed) for _, steps, seed in ran[4:]] == [(20, 0), (20, 1), (10, 0), (10, 1)]
    with pytest.raises(InputError, match="another length"):
        study(chosen, 3.0, 2, file, base=base, each=1)
    file.write_text(file.read_text() + '{"variant": "ba', encoding="utf-8")
    with pytest.raises(InputError, match="line 9"):
        read(file)


def test_a_run_from_end_to_end(tmp_path: Path) -> None:
    file = tmp_path / "study.jsonl"
    first = Variant(BASE, "", TINY)
    study([first, Variant("skip alone", "", TINY, steps=0)], 0.01, 1, file, base=first, each=1, size=32, timing=1)
    base, alone = read(file)
    assert base["scores"].keys() == alone["scores"].keys()
    assert len(base["scores"]) == 2 + 3 * len(TASKS)
    assert base["scores"] != alone["scores"]
    # What was not trained gives what the skip gives.
    assert alone["scores"] == score(Denoiser(TINY.network).eval(), validation_set(32, 1))


def test_the_truth_scores_zero_and_the_ruler_is_not_the_variants() -> None:
    clean = validation_set(32, 1)

    class Knowing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
            return self.gain * clean

    found = score(Knowing().eval(), clean)
    assert all(value < 0.05 for value in found.values())
    assert found["loss"] == 0


def test_differences_are_taken_seed_by_seed() -> None:
    rows = [record(BASE, seed, loss) for seed, loss in enumerate((1.0, 2.0, 3.0))]
    rows += [record("better", seed, loss - 0.5) for seed, loss in enumerate((1.0, 2.0, 3.0))]
    rows += [record("alike", seed, loss) for seed, loss in enumerate((1.1, 1.9, 3.0))]
    found = compare(rows, "loss")
    assert found["better"].mean == pytest.approx(1.5)
    assert found["better"].error == pytest.approx(1 / 3**0.5)
    assert found["better"].against == pytest.approx(-0.5)
    # Its own differences do not spread; those of all variants do.
    assert found["better"].against_error == pytest.approx((0.01 / 2 / 3) ** 0.5)
    assert found["better"].is_significant
    assert not found["alike"].is_significant
    assert not found[BASE].is_significant
    assert compare(rows[:1], "loss")[BASE].mean == 1.0


def test_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "study.jsonl"
    rows = [record(name, s, loss + 0.01 * s) for name, loss in ((BASE, 1.0), ("adam", 2.0)) for s in range(2)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    main(["--table", "--output", str(file)])
    table = capsys.readouterr().out
    assert table == markdown(rows)
    assert "**2.005 ± 0.005**" in table
    assert "| 1.005 ± 0.005 |" in table
    assert markdown([]) == ""
