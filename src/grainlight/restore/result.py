"""What a restoration gives back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io import save_ebsd
from grainlight.maps.io.restored import FIELD, phases_text
from grainlight.maps.io.save import output_format
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.maps.io.shared.npz import write_npz
from grainlight.maps.io.shared.own_note import finite
from grainlight.maps.orientation_map import OrientationMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from orix.crystal_map import CrystalMap

    from grainlight.maps.light_stack import LightStack

NOT_RESTORED, MEASURED, CORRECTED, INFERRED = 0, 1, 2, 3
_HARMONICS = ("A0", "A2c", "A2s", "A4c", "A4s")
_NARROWED = {
    "quaternions": np.float32,
    "light": np.float16,
    "measured_quaternions": np.float32,
    "other_grain": np.float16,
    "contradiction": np.float16,
}
"""What the archive holds with fewer digits than a result."""


@dataclass(frozen=True, eq=False)
class Result:
    """A restored map and its uncertainty, all on the output grid (H, W).

    Parameters
    ----------
    map
        Restored orientations in the frames of the input, with its phases.
    uncertainty
        Bound in degrees that the misorientation to the truth stays under for nine pixels in ten. NaN where nothing was
        restored, and everywhere with weights that bounds were not fitted for (``record["constants"]``).
    boundary
        Probability, 0 to 1, that a boundary of 5 degrees or more runs to the right of or below the pixel.
    source
        0 not restored (another phase, a wide hole, masked, or beyond the reach of the data), 1 measured (the output
        agrees with what was measured here, noise taken off), 2 corrected (measured, but contradicted by its
        surroundings and replaced), 3 inferred.
    light
        (5, H, W) restored canonical harmonics A0, A2c, A2s, A4c, A4s.
    measured, measured_points
        Where EBSD measured (H, W), and what: orientations (n, 4) in the frames of the input, in the order of
        `numpy.argwhere`; `measured_quaternions` (H, W, 4) is the same as an image. Nothing measured is lost.
    correction
        Angle in degrees between measurement and output; NaN where nothing was measured.
    record
        Version, weights, seed, settings, inputs, calibration, warnings.
    samples
        (K, H, W, 4) orientations of the ensemble's members, in the frames of `map`: what `grains` takes its
        probabilities and intervals from. K is 0 where the ensemble has one member.
    other_grain
        (H, W) probability, 0 to 1, that the pixel belongs to another grain (is off by more than 5 degrees); NaN where
        ``uncertainty`` is.
    contradiction
        (H, W) how many standard deviations the light misses what the map would show
        (`restore.uncertainty.residual`): 0.7 to 1 is usual, above 2 light and map contradict each other. NaN where
        nothing was measured or restored; None without light.
    light_flags
        (H, W) bits of what is wrong with the measured light: 1 outside the images, 2 saturated, 4 the stack does not
        fit harmonics, 8 contradicts the EBSD points nearby, 16 the harmonics contradict each other (dust, stain,
        scratch, mixed pixel), 32 contradicts the restored map, 64 not used because a region contradicts its EBSD
        points, 128 the same of its brightness alone. None without light.
    """

    map: OrientationMap
    uncertainty: NDArray[np.float32]
    boundary: NDArray[np.float32]
    source: NDArray[np.uint8]
    light: NDArray[np.float32]
    measured: NDArray[np.bool_]
    measured_points: NDArray[np.float64]
    correction: NDArray[np.float32]
    record: dict[str, Any]
    samples: NDArray[np.float16] = field(default_factory=lambda: np.zeros((0, 0, 0, 4), np.float16))
    other_grain: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    contradiction: NDArray[np.float32] | None = None
    light_flags: NDArray[np.uint16] | None = None

    @property
    def measured_quaternions(self) -> NDArray[np.float64]:
        """What EBSD measured (H, W, 4) in the frames of the input; the identity where it did not."""
        found = np.zeros((*self.measured.shape, 4))
        found[..., 0] = 1.0
        found[self.measured] = self.measured_points
        return found

    def to_orix(self) -> CrystalMap:
        """Return the restored map as an orix `CrystalMap`, with uncertainty, boundary and source as properties.

        Returns
        -------
        Points row by row, X of the crystals along a; points that are not indexed have phase -1.
        """
        fields = dict(self.map.fields) | {
            "uncertainty": self.uncertainty,
            "boundary": self.boundary,
            "source": self.source,
        }
        return self.map.replace(fields=fields).to_orix()

    def _repr_html_(self) -> str:
        """What a notebook shows: `grainlight.card`."""
        import grainlight

        return str(grainlight.card(self))

    def view(self, light: LightStack | None = None, height: int = 760) -> Any:
        """Return the viewer for a notebook: layers under a slider, single pixels, grains.

        Parameters
        ----------
        light
            The images that the map was restored with, to be shown beside the restored light.
        height
            Of the frame, in pixels.

        Returns
        -------
        A document of its own, which the notebook shows; it asks the network for nothing.
        """
        import grainlight

        return grainlight.view(self, light, height)

    def plot_ipf(self, ax: Axes | None = None, direction: Literal["X", "Y", "Z"] = "Z") -> Axes:
        """Plot the restored map in orientation colours: `grainlight.plot_ipf`.

        Parameters
        ----------
        ax
            Axes to plot into; those of a new figure if None.
        direction
            Sample direction of the colours: "X" (right), "Y" (up) or "Z" (out of the surface).

        Returns
        -------
        The axes.
        """
        import grainlight

        return grainlight.plot_ipf(self, ax, direction)

    def plot_boundaries(self, ax: Axes | None = None) -> Axes:
        """Plot boundaries by their probability on the restored light: `grainlight.plot_boundaries`.

        Parameters
        ----------
        ax
            Axes to plot into; those of a new figure if None.

        Returns
        -------
        The axes.
        """
        import grainlight

        return grainlight.plot_boundaries(self, ax)

    def plot_uncertainty(self, ax: Axes | None = None) -> Axes:
        """Plot the bound of the error in degrees: `grainlight.plot_uncertainty`.

        Parameters
        ----------
        ax
            Axes to plot into; those of a new figure if None.

        Returns
        -------
        The axes.
        """
        import grainlight

        return grainlight.plot_uncertainty(self, ax)

    def save(self, path: str | Path, overwrite: bool = False) -> list[Path]:
        """Write the map in the format of its ending (`maps.io.save`) and, beside it, everything else (.npz).

        Formats with room carry uncertainty, boundary, source, correction and light as layers, and the record; .ang and
        .ctf carry the uncertainty in the vendor's column, .ang also boundary and source as columns of their own.

        Parameters
        ----------
        path
            The file; its ending decides the format.
        overwrite
            Whether files that are there are replaced.

        Returns
        -------
        The files that were written.

        Raises
        ------
        InputError
            If a file is there already and may not be replaced, or the folder is missing or closed.
        """
        path = Path(path)
        chosen = output_format(path)
        beside = path.with_suffix(".npz")
        for file in (path, beside, *(path.with_suffix(ending) for ending in chosen.companions)):
            if file.exists() and not overwrite:
                raise InputError(
                    "the output exists already", file=file, advice="choose another name, or --force to replace it"
                )
        # The second file is whole under a temporary name before the first appears.
        with atomic_path(beside) as temporary:
            with temporary.open("wb") as stream:
                write_npz(stream, self._archived(), _NARROWED)
            written = save_ebsd(self.map, path, self._layers(chosen.layers), self.record)
        return [*written, beside]

    def _archived(self) -> Iterator[tuple[str, Any]]:
        """What the archive holds, by name, one after the other, some of it `_NARROWED`."""
        nothing: NDArray[Any] = np.zeros((0, 0), np.uint8)
        yield "quaternions", self.map.quaternions
        yield "phase_id", self.map.phase_id
        yield "uncertainty", self.uncertainty
        yield "boundary", self.boundary
        yield "source", self.source
        yield "light", self.light
        yield "measured", self.measured
        yield "measured_quaternions", self.measured_points
        yield "correction", self.correction
        yield "samples", self.samples
        yield "other_grain", self.other_grain
        yield "contradiction", nothing if self.contradiction is None else self.contradiction
        yield "light_flags", nothing if self.light_flags is None else self.light_flags
        yield "step", np.float64(self.map.step[0])
        yield "origin", np.array(self.map.origin, dtype=np.float64)
        yield "phases", np.array(phases_text(self.map.phases))
        for name, values in self.map.fields.items():
            yield f"{FIELD}{name}", values
        yield "record", np.array(json.dumps(finite(self.record), allow_nan=False))

    def _layers(self, room: str) -> dict[str, NDArray[Any]]:
        """What stands beside the map, (H, W) each, as far as a format has room."""
        found: dict[str, NDArray[Any]] = {}
        if room != "none":
            found = {"boundary": self.boundary, "source": self.source}
        if room == "any":
            # Readers take NaN for 0: a bound that is not given anywhere must not look like one of 0.
            found |= {"uncertainty": self.uncertainty} if np.isfinite(self.uncertainty).any() else {}
            found |= {"correction": self.correction}
            found |= {f"light_{name}": layer for name, layer in zip(_HARMONICS, self.light, strict=True)}
        return found
