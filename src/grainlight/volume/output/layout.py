"""The layout of a ``volume.zarr``: its arrays, their chunks, and the metadata of its group.

Zarr format 3 with the metadata of OME-Zarr 0.5: one multiscale image, of one level, for each array on the axes z, y, x,
and for the light on c, z, y, x. Orientations have their components last, which OME-Zarr has no axes for: they are
beside the images. A chunk is one section; there are no shards.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.io.shared.own_note import finite, version
from grainlight.maps.phase import Phase

NAME = "volume.zarr"
LAYOUT = 1
GRAINS = "grain_id"
_SPACE = ("z", "y", "x")


@dataclass(frozen=True)
class Layer:
    """An array: its name, type of numbers, axes, fill value, and how many components it has beside z, y, x."""

    name: str
    dtype: str
    axes: tuple[str, ...] = _SPACE
    fill: float | int = 0
    width: int = 1

    def shape(self, size: tuple[int, int, int]) -> tuple[int, ...]:
        """Return the shape of the array for so many sections, rows and columns."""
        sizes = dict(zip(_SPACE, size, strict=True))
        return tuple(sizes.get(axis, self.width) for axis in self.axes)

    def chunk(self, size: tuple[int, int, int]) -> tuple[int, ...]:
        """Return the shape of a chunk, that of one section."""
        return self.shape((1, *size[1:]))

    def at(self, k: int) -> tuple[int | slice, ...]:
        """Return the index of section ``k``."""
        return tuple(k if axis == "z" else slice(None) for axis in self.axes)

    def key(self, k: int) -> str:
        """Return the path of the chunk of section ``k`` in the folder of the array."""
        return "/".join(["c", *(str(k) if axis == "z" else "0" for axis in self.axes)])


_NAN = float("nan")
LAYERS = (
    Layer("quaternions", "float32", (*_SPACE, "quaternion"), width=4),
    Layer("phase_id", "int16"),
    Layer("uncertainty", "float32", fill=_NAN),
    Layer("other_grain", "float32", fill=_NAN),
    Layer("boundary", "float32"),
    Layer("source", "uint8"),
    Layer("light", "float32", ("c", *_SPACE), _NAN, 5),
    Layer(GRAINS, "int32"),
)
"""All that there may be; without light there is no ``light``, before grains were looked for no ``grain_id``."""
BY_NAME = {layer.name: layer for layer in LAYERS}


@dataclass(frozen=True, eq=False)
class Header:
    """What a volume is laid out by: everything of a `Volume` that is no layer, and whether it has light.

    ``shape`` rows and columns of a section.
    """

    z: NDArray[np.float64]
    shape: tuple[int, int]
    step: float
    origin: tuple[float, float]
    measured: NDArray[np.bool_]
    phases: tuple[Phase, ...]
    sample_frame: SampleFrame
    crystal_frame: CrystalFrame
    light: bool = True

    @property
    def size(self) -> tuple[int, int, int]:
        """Sections, rows, columns."""
        return (len(self.z), *self.shape)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that a run writes; grains are found when all sections are there."""
        return tuple(layer for layer in LAYERS if layer.name != GRAINS and (self.light or layer.name != "light"))

    def as_json(self) -> dict[str, Any]:
        """Return the header as JSON holds it."""
        return {
            "layout": LAYOUT,
            "z_um": [float(z) for z in self.z],
            "shape": list(self.shape),
            "step_um": float(self.step),
            "origin_um": [float(value) for value in self.origin],
            "measured": [bool(one) for one in self.measured],
            "phases": [dataclasses.asdict(phase) for phase in self.phases],
            "sample_frame": self.sample_frame.value,
            "crystal_frame": self.crystal_frame.value,
            "light": self.light,
        }

    @property
    def spacing(self) -> float:
        """As of a `Volume`."""
        return float(np.median(np.diff(self.z))) if len(self.z) > 1 else float(self.step)


def attributes(header: Header, record: dict[str, Any], complete: bool, grains: bool) -> dict[str, Any]:
    """Return the attributes of the group: OME-Zarr's, and under ``grainlight`` the header, the record and the state.

    ``complete``: whether all sections are there; ``grains``: whether their grains are.
    """
    images = [
        _image(layer, header)
        for layer in LAYERS
        if layer.axes[-1] == "x" and (layer in header.layers or (grains and layer.name == GRAINS))
    ]
    own = header.as_json() | {"version": version(), "complete": complete, "record": finite(record)}
    return {"ome": {"version": "0.5", "multiscales": images}, "grainlight": own}


def _image(layer: Layer, header: Header) -> dict[str, Any]:
    """OME-Zarr's multiscale image of one array; uneven heights are told by their usual spacing."""
    scale = {"z": header.spacing, "y": float(header.step), "x": float(header.step)}
    start = {"z": float(header.z[0]), "y": float(header.origin[1]), "x": float(header.origin[0])}
    axes: list[dict[str, str]] = [
        {"name": axis, "type": "space", "unit": "micrometer"} if axis in _SPACE else {"name": axis, "type": "channel"}
        for axis in layer.axes
    ]
    transformations = [
        {"type": "scale", "scale": [scale.get(axis, 1.0) for axis in layer.axes]},
        {"type": "translation", "translation": [start.get(axis, 0.0) for axis in layer.axes]},
    ]
    dataset = {"path": layer.name, "coordinateTransformations": transformations}
    return {"name": layer.name, "axes": axes, "datasets": [dataset]}
