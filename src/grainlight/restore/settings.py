"""What a user may choose about a restoration."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grainlight.errors import InputError

LARGEST_SCALE = 8
# Solver steps and members of the ensemble: points of the measured curve of error against time.
QUALITIES: dict[str, tuple[int, int]] = {"fast": (2, 1), "balanced": (3, 2), "best": (4, 8)}


@dataclass(frozen=True)
class Settings:
    """Settings of one restoration.

    Parameters
    ----------
    scale
        Output step = EBSD step / scale, 1 to 8.
    quality
        "fast", "balanced" or "best": more computing, better answer.
    steps, samples
        Solver steps and ensemble members, in place of the quality's.
    seed
        The same seed gives the same answer, whatever the tile size.
    device
        "cpu", "cuda" or "auto".
    projection
        Re-estimate orientations from measured ones of the same grain.
    noise
        Root-mean-square misorientation of the EBSD's noise in degrees; estimated from neighbours if None.
    weights
        Weights file in place of the shipped one.
    """

    scale: int = 2
    quality: str = "balanced"
    steps: int | None = None
    samples: int | None = None
    seed: int = 0
    device: str = "auto"
    projection: bool = True
    noise: float | None = None
    weights: Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.scale <= LARGEST_SCALE or int(self.scale) != self.scale:
            raise InputError(
                "the scale cannot be used", found=str(self.scale), expected=f"a whole number 1 to {LARGEST_SCALE}"
            )
        if self.quality not in QUALITIES:
            raise InputError("unknown quality", found=repr(self.quality), expected=", ".join(QUALITIES))
        for name in ("steps", "samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"the number of {name} cannot be used", found=str(value), expected="1 or more")
        if self.noise is not None and not 0 <= self.noise <= 20:
            raise InputError("the EBSD noise cannot be used", found=f"{self.noise} degrees", expected="0 to 20 degrees")
        if self.device not in ("auto", "cpu", "cuda"):
            raise InputError("unknown device", found=repr(self.device), expected="auto, cpu or cuda")

    @property
    def calls(self) -> tuple[int, int]:
        """Steps and samples that will be used."""
        steps, samples = QUALITIES[self.quality]
        return self.steps or steps, self.samples or samples

    def as_record(self) -> dict[str, Any]:
        """Plain values for the record of a run."""
        record = asdict(self)
        record["weights"] = None if self.weights is None else self.weights.name
        record["steps"], record["samples"] = self.calls
        return record
