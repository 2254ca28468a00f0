"""The fixed tasks of the evaluation: what is left of a full map."""

from __future__ import annotations

from dataclasses import dataclass

from grainlight.evaluation.damage import Damage
from grainlight.evaluation.degrade import Level, Task, degrade
from grainlight.maps.orientation_map import OrientationMap


@dataclass(frozen=True)
class Scenario:
    """How a full map is degraded.

    Parameters
    ----------
    scale, level
        Points left out; level of the light, None for EBSD alone.
    noise
        Root-mean-square misorientation of the EBSD noise in degrees.
    misindexed, holes, scattered, damage
        As for `degrade`.
    """

    scale: int
    level: Level | None = "corrupted"
    noise: float = 0.5
    misindexed: float = 0.0
    holes: float = 0.0
    scattered: float | None = None
    damage: Damage | None = None

    @property
    def name(self) -> str:
        """What a table calls it; no two scenarios share one."""
        parts = [f"scale {self.scale}"]
        if self.scattered is not None:
            parts = [f"{100 * self.scattered:g} % of the points"]
        if self.noise != 0.5:
            parts.append(f"noise {self.noise:g} deg")
        if self.misindexed:
            parts.append(f"{100 * self.misindexed:g} % wrong")
        if self.holes:
            parts.append(f"{100 * self.holes:g} % holes")
        if self.damage is not None:
            parts.append(f"light damaged: {self.damage.kind} {self.damage.strength}")
        return ", ".join(parts)

    @property
    def light(self) -> str:
        """Level of the light in words."""
        return self.level or "none"

    @property
    def is_main(self) -> bool:
        """Whether this is the headline: corrupted light at scale 2 or 4, and nothing else."""
        return self in MAIN

    def degrade(self, full: OrientationMap, seed: int, *, scale: int | None = None, level: Level | None = None) -> Task:
        """Return the task made from a full map; ``scale`` and ``level`` in place of the scenario's own.

        The same seed photographs the same field of the same map alike, and draws the same EBSD noise at the same scale.
        """
        rows, cols = ((n - 1) // self.scale * self.scale + 1 for n in full.shape)
        return degrade(
            full.cropped(rows, cols),
            scale=scale or self.scale,
            level=level or self.level,
            seed=seed,
            noise_deg=self.noise,
            misindexed=self.misindexed,
            holes=self.holes,
            scattered=self.scattered,
            damage=self.damage,
        )


MAIN = (Scenario(2), Scenario(4))
SCENARIOS = (
    *MAIN,
    Scenario(2, "clean"),
    Scenario(4, "clean"),
    Scenario(2, None),
    Scenario(4, None),
    Scenario(8, "clean"),
    Scenario(8),
    Scenario(1, noise=2.0),
    Scenario(1, noise=5.0),
    Scenario(1, None, noise=2.0),
    Scenario(1, misindexed=0.03),
    Scenario(1, None, misindexed=0.03),
    Scenario(1, holes=0.1),
    Scenario(1, "clean", scattered=0.01),
    Scenario(1, scattered=0.01),
    *MAIN,
)
"""In the order of the table; the main ones stand twice: each place is another section and another seed."""
