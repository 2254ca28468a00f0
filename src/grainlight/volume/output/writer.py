"""Write a volume section by section: in any order, from any number of processes, interrupted and taken up again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path, refuse_full_disk
from grainlight.volume.output.layout import BY_NAME, GRAINS, NAME, Header, Layer, attributes
from grainlight.volume.output.zarr_file import need_zarr, read_attributes
from grainlight.volume.section import Section, section_of
from grainlight.volume.volume import Volume

Group = Any
"""A group of zarr, which not every installation has."""
_MARKS = ".volume_sections"
_GO_ON = "make room on the disk and run again: sections that are done stay"


@dataclass(frozen=True, eq=False)
class VolumeWriter:
    """A ``volume.zarr`` in the making.

    A section that is written leaves a mark in the folder ``.volume_sections`` beside the volume, after its last byte:
    what was interrupted has none. Different sections may be written by different processes at once.

    Parameters
    ----------
    folder
        Where ``volume.zarr`` is.
    header
        What it is laid out by.
    """

    folder: Path
    header: Header

    @classmethod
    def open(cls, folder: str | Path, header: Header) -> VolumeWriter:
        """Begin a volume in a folder that exists, or go on with the one that is there.

        Raises
        ------
        InputError
            Where the folder is missing, holds a volume of another layout, or zarr is not installed.
        """
        folder = Path(folder)
        _check(header)
        need_zarr()
        if not folder.is_dir():
            raise InputError("the output folder does not exist", file=folder, advice="make the folder first")
        writer = cls(folder, header)
        with writer._writing():
            if not writer.path.exists():
                writer._begin()
            (folder / _MARKS).mkdir(exist_ok=True)
        found = read_attributes(writer.path)
        there, wanted = found.get("grainlight", {}), header.as_json()
        for name, value in wanted.items():
            if there.get(name) != value:
                raise InputError(
                    "the folder holds a volume that is laid out otherwise",
                    file=writer.path,
                    place=name,
                    found=str(there.get(name))[:120],
                    expected=str(value)[:120],
                    advice="choose another folder for the output, or remove the old volume",
                )
        return writer

    @property
    def path(self) -> Path:
        """The volume's folder."""
        return self.folder / NAME

    @property
    def done(self) -> dict[int, str]:
        """Sections that are written, and the keys that they were put with."""
        found = {}
        for mark in (self.folder / _MARKS).glob("[0-9]*"):
            if mark.name.isdigit() and int(mark.name) < len(self.header.z):
                found[int(mark.name)] = mark.read_text(encoding="utf-8")
        return dict(sorted(found.items()))

    def put(self, index: int, section: Section, key: str = "") -> None:
        """Write a section, or write it anew.

        Parameters
        ----------
        index
            Its number from the lowest up, from 0.
        section
            What was restored of it.
        key
            What it was made from, such as a hash of its inputs and settings; `done` gives it back.

        Raises
        ------
        InputError
            Where the disk is full.
        """
        values = self._layers(index, section)
        with self._writing():
            self._mark(index).unlink(missing_ok=True)
            group = self._group()
            if read_attributes(self.path).get("grainlight", {}).get("complete"):
                self._state(group, complete=False)
            for name, array in values.items():
                group[name][BY_NAME[name].at(index)] = array
            with atomic_path(self._mark(index)) as temporary:
                temporary.write_text(key, encoding="utf-8")

    def forget(self, index: int) -> None:
        """Take a section for one that is not written."""
        self._mark(index).unlink(missing_ok=True)

    def finish(self, record: dict[str, Any], grains: NDArray[np.int32] | None = None) -> Path:
        """Say that the volume is whole; one process does it, when no other writes.

        Parameters
        ----------
        record
            How the volume was made, as JSON can hold it.
        grains
            (Z, Y, X) grain ids, asked for section by section (`volume.grains.grain_volume.find_volume_grains`).

        Returns
        -------
        The path of the volume.

        Raises
        ------
        InputError
            Where sections are missing, or the disk is full.
        """
        missing = sorted(set(range(len(self.header.z))) - set(self.done))
        if missing:
            raise InputError(
                "sections of the volume are missing",
                file=self.path,
                found=f"no section {', '.join(map(str, missing[:12]))}{' ...' if len(missing) > 12 else ''}",
                expected=f"{len(self.header.z)} sections",
                advice="run again: what is done is not done twice",
            )
        with self._writing():
            group = self._group()
            if grains is not None:
                layer = BY_NAME[GRAINS]
                if GRAINS not in group:
                    _create(group, layer, self.header)
                array = group[GRAINS]
                for k in range(len(self.header.z)):
                    array[layer.at(k)] = np.asarray(grains[k], dtype=layer.dtype)
            elif GRAINS in group:
                # of sections that may have changed since
                del group[GRAINS]
            self._state(group, complete=True, record=record, grains=grains is not None)
            for left in self.path.rglob("*.partial"):
                left.unlink(missing_ok=True)
        return self.path

    def _layers(self, index: int, section: Section) -> dict[str, NDArray[Any]]:
        if not 0 <= index < len(self.header.z):
            raise IndexError(f"section {index} of a volume of {len(self.header.z)}")
        values = {}
        for layer in self.header.layers:
            array = getattr(section, layer.name)
            chunk = layer.chunk(self.header.size)
            expected = tuple(n for n, axis in zip(chunk, layer.axes, strict=True) if axis != "z")
            if array is None or array.shape != expected:
                shape = None if array is None else array.shape
                raise ValueError(f"{layer.name} of shape {shape} for a section of shape {expected}")
            values[layer.name] = np.ascontiguousarray(array, dtype=layer.dtype)
        return values

    def _mark(self, index: int) -> Path:
        return self.folder / _MARKS / f"{index:05d}"

    def _begin(self) -> None:
        """Make the volume under another name: of several processes that begin it at once, one does."""
        import zarr

        temporary = Path(tempfile.mkdtemp(prefix=f".{NAME}.", dir=self.folder))
        try:
            content = attributes(self.header, {}, complete=False, grains=False)
            group = zarr.create_group(str(temporary / NAME), zarr_format=3, attributes=content)
            for layer in self.header.layers:
                _create(group, layer, self.header)
            try:
                (temporary / NAME).rename(self.path)
            except OSError:
                if not self.path.exists():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _group(self) -> Group:
        import zarr

        return zarr.open_group(str(self.path), mode="r+", zarr_format=3)

    def _state(self, group: Group, complete: bool, record: dict[str, Any] | None = None, grains: bool = False) -> None:
        group.attrs.put(attributes(self.header, record or {}, complete, grains))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        import zarr

        try:
            # a chunk that holds nothing but the fill value is a file too: a missing file is a missing section
            with zarr.config.set({"array.write_empty_chunks": True}):
                yield
        except OSError as error:
            refuse_full_disk(self.path, error, _GO_ON)
            raise InputError("the volume cannot be written", file=self.path, found=str(error)[:200]) from error


def header_of(volume: Volume) -> Header:
    """Return what a volume is laid out by."""
    return Header(
        z=volume.z,
        shape=volume.shape[1:],
        step=volume.step,
        origin=volume.origin,
        measured=volume.measured,
        phases=volume.phases,
        sample_frame=volume.sample_frame,
        crystal_frame=volume.crystal_frame,
        light=volume.light is not None,
    )


def save_volume(volume: Volume, folder: str | Path, overwrite: bool = False) -> Path:
    """Write a volume as ``volume.zarr`` into a folder that exists; it appears when it is whole.

    Returns
    -------
    The path of the volume.

    Raises
    ------
    InputError
        Where there is one already and it may not be replaced, the folder is missing or closed, the disk is full, or
        zarr is not installed.
    """
    folder = Path(folder)
    target = folder / NAME
    need_zarr()
    if not folder.is_dir():
        raise InputError("the output folder does not exist", file=folder, advice="make the folder first")
    if target.exists() and not overwrite:
        raise InputError(
            "the output exists already", file=target, advice="choose another folder, or --force to replace it"
        )
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{NAME}.", dir=folder))
    except OSError as error:
        raise InputError("the output folder cannot be written", file=target, found=str(error)) from error
    try:
        writer = VolumeWriter.open(temporary, header_of(volume))
        for k in range(len(volume.z)):
            writer.put(k, section_of(volume, k))
        made = writer.finish(volume.record, volume.grain_id)
        if target.exists():
            target.rename(temporary / "replaced")
        made.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _check(header: Header) -> None:
    z = np.asarray(header.z, dtype=np.float64)
    if not len(z) or not np.isfinite(z).all() or (np.diff(z) <= 0).any() or len(header.measured) != len(z):
        raise ValueError("heights of a volume rise, and there is a `measured` for each")


def _create(group: Group, layer: Layer, header: Header) -> None:
    group.create_array(
        layer.name,
        shape=layer.shape(header.size),
        chunks=layer.chunk(header.size),
        dtype=layer.dtype,
        fill_value=layer.fill,
        dimension_names=layer.axes,
    )
