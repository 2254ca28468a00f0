"""What a user may choose about a restoration."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grainlight.errors import InputError
from grainlight.register.method import METHODS, Method

LARGEST_SCALE = 8
# Steps that a sample is revealed in, and members of the ensemble: points of the measured curve of error against time.
QUALITIES: dict[str, tuple[int, int]] = {"fast": (1, 1), "balanced": (3, 2), "best": (6, 8)}
# Views of the square that the labels' probabilities are averaged over.
VIEWS_AVERAGED: dict[str, int] = {"fast": 1, "balanced": 4, "best": 8}
# How often the chain that places boundaries asks every pixel which grain it is in; 0: a descent instead.
VISITS: dict[str, int] = {"fast": 0, "balanced": 20, "best": 60}


@dataclass(frozen=True)
class Plan:
    """What an estimate costs: ``samples`` of the map, each revealed in so many ``steps``, the ``seed`` of both and of
    the chain, ``visits`` of the chain (0 for the descent), and ``views`` of the square that are averaged."""

    steps: int
    samples: int
    seed: int = 0
    visits: int = 0
    views: int = 1


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
        Samples of the map, 1 for none, and the steps that each is drawn in, in place of the quality's.
    visits
        How often the chain that places boundaries by the light asks every pixel near one which grain it is in, in place
        of the quality's; 0 for a descent, which asks until nothing changes.
    seed
        The same seed gives the same result on a CPU: on the same machine, with the same number of threads and the same
        versions.
    device
        "cpu", "cuda" or "auto".
    projection
        Re-estimate orientations from measured ones of the same grain.
    noise
        Root-mean-square misorientation of the EBSD's noise in degrees; estimated from neighbours if None.
    weights
        Weights file in place of the shipped one.
    register
        How light is brought onto the map, as for `register.register`.
    transform
        File of a transform that was found before; nothing is registered then.
    points
        CSV file of pairs of points to start from, instead of a search.
    fill_holes
        EBSD steps from the nearest indexed point up to which the map is restored, with light too; 0 leaves every
        missing point out. None: 6 steps but not into holes that a circle of 3 steps fits into
        (`points.holes`), and with light as far as it is seen.
    light_required
        Whether a run without light, or with light that is not used, is an error in place of a warning.
    keep_noise
        Use points that agree with no neighbour and have bad quality (`points.unsupported`), in place of taking them for
        noise.
    calibration
        File of a validation on the same specimen, by whose factor bounds are multiplied.
    """

    scale: int = 2
    quality: str = "balanced"
    steps: int | None = None
    samples: int | None = None
    visits: int | None = None
    seed: int = 0
    device: str = "auto"
    projection: bool = True
    noise: float | None = None
    weights: Path | None = None
    register: Method = "auto"
    transform: Path | None = None
    points: Path | None = None
    fill_holes: float | None = None
    light_required: bool = False
    keep_noise: bool = False
    calibration: Path | None = None

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
        if self.visits is not None and self.visits < 0:
            raise InputError("the number of visits cannot be used", found=str(self.visits), expected="0 or more")
        if not -(2**63) <= self.seed < 2**63:
            raise InputError("the seed cannot be used", found=str(self.seed), expected="a whole number of 64 bits")
        if self.noise is not None and not 0 <= self.noise <= 20:
            raise InputError("the EBSD noise cannot be used", found=f"{self.noise} degrees", expected="0 to 20 degrees")
        if self.fill_holes is not None and not 0 <= self.fill_holes < 1e6:
            raise InputError(
                "the reach into holes cannot be used", found=f"{self.fill_holes}", expected="EBSD steps, 0 or more"
            )
        if self.register not in METHODS:
            raise InputError("unknown registration", found=repr(self.register), expected=", ".join(METHODS))
        if self.transform is not None and self.points is not None:
            raise InputError("a transform and points exclude one another", advice="give one of the two")
        if self.device not in ("auto", "cpu", "cuda"):
            raise InputError("unknown device", found=repr(self.device), expected="auto, cpu or cuda")

    @property
    def calls(self) -> tuple[int, int]:
        """Steps and samples that will be used."""
        steps, samples = QUALITIES[self.quality]
        return self.steps or steps, self.samples or samples

    @property
    def chain_visits(self) -> int:
        """Visits of the chain that will be used."""
        return VISITS[self.quality] if self.visits is None else self.visits

    @property
    def plan(self) -> Plan:
        """Steps, samples, seed and visits that will be used."""
        steps, samples = self.calls
        return Plan(steps, samples, self.seed, self.chain_visits, VIEWS_AVERAGED[self.quality])

    def network_calls(self, has_light: bool) -> int:
        """Calls of the network on each window, with light that of a draft and one without the light among them."""
        plan = self.plan
        # Before anything is revealed all samples are asked the same, which the first view is the answer to.
        drawn = (plan.steps - 1) * plan.samples if plan.samples > 1 else 0
        for_chain = has_light and self.chain_visits > 0 and self.projection
        return plan.views + drawn + (2 if for_chain else 0)

    def as_record(self) -> dict[str, Any]:
        """Plain values for the record of a run."""
        record = asdict(self)
        for name in ("weights", "transform", "points", "calibration"):
            path = getattr(self, name)
            record[name] = None if path is None else path.name
        record["steps"], record["samples"] = self.calls
        record["visits"] = self.chain_visits
        return record
