"""Makes the stored answers anew (README.md says when): ``python -m tests.golden.renew [--inputs] [NAME ...]``."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from . import stages
from .answers import ANSWERS, ENDS
from .cases import CASES, DATA, read_answer, read_case, write_case


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="answers to renew; all if none is named")
    parser.add_argument("--inputs", action="store_true", help="draw the inputs anew, too")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    DATA.mkdir(exist_ok=True)
    if chosen.inputs:
        for name in CASES:
            write_case(name, stages.draw_case(name))
    for name in chosen.names or [*ANSWERS, "written"]:
        if name == "written":
            _renew_written()
        else:
            _renew(name)


def _renew(name: str) -> None:
    answer = ANSWERS[name]
    found = answer.make()
    file = DATA / f"answer_{name}.npz"
    if file.is_file():
        print(name, *(f"    {one}" for one in answer.deviations(found, read_answer(name))), sep="\n")
    np.savez_compressed(file, **answer.stored(found))
    if name in ENDS:
        case = read_case(ENDS[name][0])
        errors = stages.errors(found["orientations"], case)
        print(name, *(f"{key} {value:.4f}" for key, value in errors.items()), sep="; ")


def _renew_written() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files, archive = stages.written(read_case("points").corner(14), Path(folder))
    for ending, content in files.items():
        (DATA / f"written.{ending}").write_bytes(content)
    (DATA / "archive.json").write_text(json.dumps(archive, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
