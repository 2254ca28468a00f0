"""Stored inputs: small sections as plain arrays, drawn once, so that a change of synth does not change them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).resolve().parent / "data"
CASES = ("lit", "unlit", "points")


@dataclass(frozen=True, eq=False)
class Case:
    """One input.

    Parameters
    ----------
    quaternions, phase_id
        (h, w, 4) and (h, w): the coarse map, in the sample frame that ``frame`` names, X along a. Phase 1 is titanium,
        2 a cubic one.
    ci
        (h, w) quality field.
    scale, step
        Of the restoration; um between EBSD points.
    truth
        (H, W, 4) orientations of the full map in frame S.
    measured
        (H, W) where EBSD measured.
    images, angles, saturation
        (N, H, W) light with the pixels of the truth; no image for a case without light.
    """

    quaternions: NDArray[np.float64]
    phase_id: NDArray[np.int16]
    ci: NDArray[np.float64]
    scale: int
    step: float
    frame: str
    truth: NDArray[np.float64]
    measured: NDArray[np.bool_]
    images: NDArray[np.uint16]
    angles: NDArray[np.float64]
    saturation: float

    def corner(self, side: int) -> Case:
        """Return the upper right corner of the points, ``side`` rows and columns of them, without truth and light."""
        here = np.s_[:side, -side:]
        return replace(self, quaternions=self.quaternions[here], phase_id=self.phase_id[here], ci=self.ci[here])


def read_case(name: str) -> Case:
    """Read an input of `CASES`."""
    with np.load(DATA / f"case_{name}.npz") as data:
        held = {field.name: data[field.name] for field in fields(Case)}
    for orientations in ("quaternions", "truth"):
        held[orientations] = unit(held[orientations].astype(np.float64))
    held["ci"] = held["ci"].astype(np.float64)
    held["frame"] = str(held["frame"])
    held |= {field: held[field].item() for field in ("scale", "step", "saturation")}
    return Case(**held)


def write_case(name: str, case: Case) -> None:
    """Store an input."""
    held = {field.name: getattr(case, field.name) for field in fields(Case)}
    held["quaternions"] = held["quaternions"].astype(np.float32)
    held["truth"] = held["truth"].astype(np.float16)  # 0.05 degrees: scores count from 5
    held["ci"] = held["ci"].astype(np.float32)
    np.savez_compressed(DATA / f"case_{name}.npz", **held)


def read_answer(name: str) -> dict[str, NDArray]:
    """Read the stored answer of a stage."""
    with np.load(DATA / f"answer_{name}.npz") as data:
        return {key: data[key] for key in data.files}


def unit(q: NDArray) -> NDArray[np.float64]:
    """Return quaternions (..., 4) of length 1, as float64."""
    wide = np.asarray(q, dtype=np.float64)
    return wide / np.linalg.norm(wide, axis=-1, keepdims=True)
