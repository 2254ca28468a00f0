"""The volume of a run: its stored sections, read one by one as they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import CrystalFrame, change_crystal_frame
from grainlight.maps.io.shared.own_note import version
from grainlight.restore.record import weights_in_use
from grainlight.volume.alignment.record import Alignment
from grainlight.volume.by_section import BySection
from grainlight.volume.jobs import Specimen
from grainlight.volume.manifest import Manifest
from grainlight.volume.section_store import read_array, read_said
from grainlight.volume.volume import Volume

_LAYERS = {
    "quaternions": (np.float32, (4,)),
    "phase_id": (np.int16, ()),
    "uncertainty": (np.float32, ()),
    "other_grain": (np.float32, ()),
    "boundary": (np.float32, ()),
    "source": (np.uint8, ()),
    "light": (np.float32, (5,)),
}


@dataclass(frozen=True, eq=False)
class Stored(BySection):
    """One layer (Z, ...) of the sections in the folder of a run, in the frames of its specimen.

    ``rows`` (Z,) of the manifest, ``name`` of the layer as of a `Volume`.
    """

    folder: Path
    rows: tuple[int, ...]
    name: str
    specimen: Specimen

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array: sections first; the light's harmonics before rows and columns."""
        more = _LAYERS[self.name][1]
        first, last = (more, ()) if self.name == "light" else ((), more)
        return (len(self.rows), *first, *self.specimen.grid.shape, *last)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of an array."""
        return np.dtype(_LAYERS[self.name][0])

    def read(self, k: int) -> NDArray[Any]:
        """Read section ``k``."""
        values = read_array(self.folder, self.rows[k], self.name)
        if self.name == "quaternions":
            return _in_frames(values, read_array(self.folder, self.rows[k], "phase_id"), self.specimen)
        return values.astype(self.dtype, copy=False)


def gather(manifest: Manifest, specimen: Specimen, alignment: Alignment, output: Path) -> Volume:
    """The volume of stored sections, in the frames of the first section with EBSD.

    Its layers stay on disk: a section is read when it is asked for, as everything in `volume` does, so what is held of
    a volume does not grow with its sections.

    Raises
    ------
    InputError
        Where the file of a section is missing or damaged.
    """
    sections = manifest.sections
    rows = tuple(s.row for s in sections)
    layers = {name: Stored(output.absolute(), rows, name, specimen) for name in _LAYERS}
    light = layers.pop("light")
    lit = any(np.isfinite(light[k]).any() for k in range(len(light)))
    said = [f"section {s.row} (z {s.z:g} um): {text}" for s in sections for text in read_said(output, s.row)]
    record = {
        "version": version(),
        "weights": weights_in_use(specimen.settings),
        "settings": specimen.settings.as_record(),
        "manifest": manifest.path.name,
        "shifts_um": np.asarray(alignment.shifts).round(4).tolist(),
        "ebsd_in_light_um": list(specimen.anchor),
        "warnings": [*alignment.said, *said],
        "excluded": {str(s.row): s.exclude for s in sections if s.exclude},
        "trend": alignment.trend,
    }
    return Volume(
        z=np.array([s.z for s in sections]),
        step=specimen.grid.step,
        origin=specimen.grid.origin,
        light=cast("NDArray[np.float32]", light) if lit else None,
        measured=np.array([s.ebsd is not None and not s.exclude for s in sections]),
        phases=specimen.phases,
        sample_frame=specimen.sample_frame,
        crystal_frame=specimen.crystal_frame,
        record=record,
        **cast(Any, layers),
    )


def _in_frames(q: NDArray[Any], phase_id: NDArray[Any], specimen: Specimen) -> NDArray[np.float32]:
    """Orientations (Y, X, 4) in frame S, hexagonal ones with X along a, in the frames of the specimen."""
    q = q.astype(np.float64)
    turned = change_crystal_frame(q, CrystalFrame.X_ALONG_A, specimen.crystal_frame)
    others = [phase.id for phase in specimen.phases if not phase.has_hexagonal_axes]
    turned = np.where(np.isin(phase_id, others)[..., None], q, turned)
    return np.asarray(specimen.sample_frame.from_frame_s(turned), dtype=np.float32)
