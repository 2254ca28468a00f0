"""Inputs made by the commands themselves, small enough for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from grainlight.cli.main import main


@dataclass(frozen=True)
class Inputs:
    """A full map, its coarse copy and its light stack at 0:180:10, 0.5 um; weights of a few training steps."""

    full: Path
    coarse: Path
    light: Path
    weights: Path

    @property
    def light_options(self) -> list[str]:
        return ["--pl", str(self.light), "--angles", "0:180:10", "--pl-step", "0.5"]

    def enhance(self, output: Path, *more: str, ebsd: Path | None = None) -> list[str]:
        return [
            *("enhance", str(self.coarse if ebsd is None else ebsd), "--scale", "4", "--quality", "fast"),
            *("--device", "cpu", "--weights", str(self.weights), "--output", str(output), *more),
        ]


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = tmp_path_factory.mktemp("inputs")
    made = folder / "sections"
    assert main(["synthesize", "--size", "49,61", "--scale", "4", "--family", "equiaxed", "--output", str(made)]) == 0
    assert main(["train", "--preset", "tiny", "--steps", "1", "--device", "cpu", "--output", str(folder / "run")]) == 0
    stem = made / "section_000000"
    return Inputs(
        *(Path(f"{stem}_{end}") for end in ("full.ang", "coarse.ang", "light.tif")),
        folder / "run" / "weights.safetensors",
    )


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, standard output, standard error."""

    def call(*argv: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(word) for word in argv])
        except SystemExit as end:  # argparse leaves this way
            code = int(end.code or 0)
        out = capsys.readouterr()
        return code, out.out, out.err

    return call
