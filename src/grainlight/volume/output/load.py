"""Read a ``volume.zarr`` again: all of it, or section by section as it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.restore.cost import available_memory
from grainlight.volume.by_section import BySection
from grainlight.volume.output.layout import GRAINS, Header, Layer
from grainlight.volume.output.zarr_file import check_layers, find_volume, need_zarr, read_header
from grainlight.volume.volume import Volume


@dataclass(frozen=True, eq=False)
class OnDisk(BySection):
    """An array (Z, ...) of a ``volume.zarr`` that stays on disk.

    ``path`` of the volume, what it is laid out by, and which of its layers this is.
    """

    path: Path
    header: Header
    layer: Layer
    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array: sections first."""
        shape = self.layer.shape(self.header.size)
        at = self.layer.axes.index("z")
        return (shape[at], *shape[:at], *shape[at + 1 :])

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of an array."""
        return np.dtype(self.layer.dtype)

    def read(self, k: int) -> NDArray[Any]:
        """Read section ``k``.

        Raises
        ------
        InputError
            Where its file is damaged, or its values are none that a volume has.
        """
        try:
            found = np.asarray(self.array[self.layer.at(k)])
        except Exception as error:  # codecs raise whatever they run into
            raise self._damaged(k, f"{type(error).__name__}: {error}") from error
        wrong = _wrong(found, self.layer.name, self.header)
        if wrong:
            raise self._damaged(k, wrong)
        return found

    def _damaged(self, k: int, found: str) -> InputError:
        return InputError(
            f"section {k} of the volume is damaged",
            file=self.path / self.layer.name / self.layer.key(k),
            found=found[:200],
            advice="copy the volume again, or run again",
        )


def load_volume(path: str | Path, *, whole: bool = True) -> Volume:
    """Read a volume.

    Parameters
    ----------
    path
        A ``volume.zarr``, or the folder that it lies in.
    whole
        Whether it is read into memory; otherwise its arrays are `OnDisk`, and sections are read, and checked, as they
        are asked for. Everything in `volume` asks for one section at a time.

    Returns
    -------
    The volume with its record.

    Raises
    ------
    InputError
        Where there is none, its run was not finished, it is damaged, does not fit into memory, or zarr is missing.
    """
    need_zarr()
    import zarr

    folder = find_volume(path)
    header, record = read_header(folder)
    layers = check_layers(folder, header)
    if whole:
        _check_memory(folder, header, layers)
    try:
        group = zarr.open_group(str(folder), mode="r", zarr_format=3)
        arrays: dict[str, Any] = {one.name: OnDisk(folder, header, one, group[one.name]) for one in layers}
    except Exception as error:  # zarr raises whatever it runs into
        raise InputError(
            "the volume is damaged", file=folder, found=f"{type(error).__name__}: {error}"[:200]
        ) from error
    if whole:
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
    grains, light = arrays.pop(GRAINS, None), arrays.pop("light", None)
    return Volume(
        z=header.z,
        step=header.step,
        origin=header.origin,
        light=cast("NDArray[np.float32] | None", light),
        measured=header.measured,
        phases=header.phases,
        sample_frame=header.sample_frame,
        crystal_frame=header.crystal_frame,
        record=record,
        grain_id=cast("NDArray[np.int32] | None", grains),
        **arrays,
    )


def _wrong(values: NDArray[Any], name: str, header: Header) -> str:
    """Return what is wrong with the values of a section, nothing where they may be."""
    if name == "quaternions" and not (np.isfinite(values).all() and np.abs(values).max(initial=0) < 2):
        return "quaternions that are no numbers of size 1"
    if name == "phase_id":
        others = np.setdiff1d(values, [0, *(phase.id for phase in header.phases)])
        return f"phase {others[0]}, which the header does not name" if len(others) else ""
    if name == "source" and values.max(initial=0) > 3:
        return f"source {values.max()}"
    if name == GRAINS and values.min(initial=0) < 0:
        return f"grain {values.min()}"
    return ""


def _check_memory(path: Path, header: Header, layers: tuple[Layer, ...]) -> None:
    needed = sum(float(np.prod(one.shape(header.size), dtype=float)) * np.dtype(one.dtype).itemsize for one in layers)
    free = available_memory()
    if free is not None and needed > free:
        raise InputError(
            "the volume does not fit into memory",
            file=path,
            found=f"{needed / 1e9:.1f} GB for {' x '.join(map(str, header.size))} voxels",
            expected=f"at most {free / 1e9:.1f} GB",
            advice="read it section by section: load_volume(path, whole=False)",
        )
