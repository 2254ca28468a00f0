"""Colour scales of doubts and sources: one meaning, one scale, in figures and pages; safe for colour-blind readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.colors import Colormap, Normalize

NOT_RESTORED = "#f4d3c4"
"""Pixels without a value: a colour of no scale."""


@dataclass(frozen=True)
class Scale:
    """A colour scale from ``low`` to ``high``, logarithmic or not, in a colour map of matplotlib.

    ``first`` and ``last`` cut the colour map, where its ends would vanish on white or black.
    """

    name: str
    low: float
    high: float
    ticks: tuple[float, ...]
    unit: str
    logarithmic: bool = False
    first: float = 0.0
    last: float = 1.0

    def position(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return where values lie on the scale, 0 to 1; NaN stays NaN."""
        if self.logarithmic:
            # zero lies below every scale
            values = np.log(np.maximum(values, self.low * 1e-3) / self.low) / np.log(self.high / self.low)
        else:
            values = (values - self.low) / (self.high - self.low)
        return np.clip(values, 0.0, 1.0)

    def colour_map(self) -> Colormap:
        """Return the colour map, with a colour of its own for NaN."""
        from matplotlib.colors import ListedColormap

        return ListedColormap(self.palette() / 255.0, self.name).with_extremes(bad=NOT_RESTORED)

    def norm(self) -> Normalize:
        """Return matplotlib's norm of the scale."""
        from matplotlib.colors import LogNorm, Normalize

        return (LogNorm if self.logarithmic else Normalize)(self.low, self.high, clip=True)

    def palette(self, count: int = 256) -> NDArray[np.uint8]:
        """Return colours (count, 3) from low to high."""
        from matplotlib import colormaps

        colours = colormaps[self.name](np.linspace(self.first, self.last, count))[:, :3]
        return np.round(255 * colours).astype(np.uint8)


DEGREES = Scale("cividis", 0.3, 60.0, (0.5, 1, 2, 5, 10, 20, 50), "degrees", logarithmic=True)
"""Uncertainty."""
CHANCE = Scale("cividis", 0.0, 1.0, (0, 0.25, 0.5, 0.75, 1), "probability")
"""That a pixel belongs to another grain."""
PROBABILITY = Scale("Greys", 0.0, 1.0, (0, 0.25, 0.5, 0.75, 1), "probability")
"""Boundaries on white."""
ON_GREY = Scale("plasma", 0.0, 1.0, (0, 0.25, 0.5, 0.75, 1), "probability", first=0.2, last=0.95)
"""Boundaries on a grey image."""
RESIDUAL = Scale("cividis", 0.0, 4.0, (0, 1, 2, 3, 4), "standard deviations")
"""How far the light misses what the map would show: 0.7 to 1 is usual, above 2 they contradict each other."""
DENSITY = Scale("Blues", 0.0, 1.0, (), "times random", last=0.92)
"""Pole figures; its upper end is the figure's own."""


@dataclass(frozen=True)
class Source:
    """Where a pixel comes from: its code in `Result.source`, name and colour."""

    code: int
    name: str
    colour: str


# after Okabe and Ito; lightness tells them apart too
SOURCES = (
    Source(0, "not restored", "#3a3a3a"),
    Source(1, "measured", "#0072b2"),
    Source(2, "corrected", "#d55e00"),
    Source(3, "inferred", "#f2e6b8"),
)
