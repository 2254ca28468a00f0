"""Read the metadata of a ``volume.zarr`` with suspicion: shapes, types and files are checked before an array is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np

from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.errors import InputError
from grainlight.maps.phase import LAUE_GROUPS, Phase
from grainlight.volume.output.layout import GRAINS, LAYERS, LAYOUT, NAME, Header, Layer

_META = "zarr.json"
_LARGEST_TEXT = 64 << 20
_CODECS = ("bytes", "zstd", "gzip", "blosc", "crc32c")
_MOST = 10**6  # sections, rows and columns


def need_zarr() -> None:
    """Raise the `InputError` of an installation without zarr."""
    if importlib.util.find_spec("zarr") is None:
        raise InputError(
            "volumes are kept in Zarr files, and the package zarr is not installed",
            advice='pip install "grainlight[volume]"',
        )


def find_volume(path: str | Path) -> Path:
    """Return the folder of a ``volume.zarr``, named itself or by the folder that it lies in.

    Raises
    ------
    InputError
        Where there is none.
    """
    path = Path(path)
    for folder in (path, path / NAME):
        if (folder / _META).is_file():
            return folder
    raise InputError(
        "there is no volume here",
        file=path,
        found="a file" if path.is_file() else "no such folder" if not path.is_dir() else f"no {NAME}/{_META}",
        expected=f"a folder with {NAME}, or {NAME} itself",
        advice="check the path and the spelling",
    )


def read_attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of the group.

    Raises
    ------
    InputError
        Where its metadata are missing, damaged or of another format.
    """
    meta = _json(path)
    if meta.get("zarr_format") != 3 or meta.get("node_type") != "group":
        raise InputError(
            "this is no group of Zarr format 3",
            file=path / _META,
            found=f"zarr_format {meta.get('zarr_format')!r}, node_type {meta.get('node_type')!r}"[:120],
            expected="a volume that grainlight wrote",
        )
    found = meta.get("attributes", {})
    return found if isinstance(found, dict) else {}


def read_header(path: Path) -> tuple[Header, dict[str, Any]]:
    """Return the header of a whole volume and its record.

    Raises
    ------
    InputError
        Where it is damaged, incomplete or of another program.
    """
    own = read_attributes(path).get("grainlight")
    if not isinstance(own, dict) or own.get("layout") != LAYOUT:
        found = f"layout {own.get('layout')!r}" if isinstance(own, dict) else "no attribute grainlight"
        raise InputError(
            "this Zarr group is no volume of this version", file=path, found=found[:120], expected=f"layout {LAYOUT}"
        )
    try:
        header = _header(own)
        record = own.get("record", {})
        if not isinstance(record, dict):
            raise ValueError(f"a record that is {type(record).__name__}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            "the header of the volume is damaged",
            file=path / _META,
            place="grainlight",
            found=f"{type(error).__name__}: {error}"[:200],
            advice="copy the volume again, or run again",
        ) from error
    if own.get("complete") is not True:
        raise InputError(
            "the volume is not whole: its run was interrupted or still goes on",
            file=path,
            advice="run again with the same inputs and output: what is done is not done twice",
        )
    return header, record


def check_layers(path: Path, header: Header) -> tuple[Layer, ...]:
    """Return the layers that are there, after their metadata and files.

    Raises
    ------
    InputError
        Where a layer is missing, of another type or shape, or lacks the file of a section.
    """
    found = header.layers
    if (path / GRAINS).is_dir():
        found = (*found, *(layer for layer in LAYERS if layer.name == GRAINS))
    for layer in found:
        _check_layer(path / layer.name, layer, header)
    return found


def _check_layer(folder: Path, layer: Layer, header: Header) -> None:
    if not (folder / _META).is_file():
        raise InputError("an array of the volume is missing", file=folder, expected=layer.name)
    meta = _json(folder)
    size = header.size
    grid, keys, codecs = meta.get("chunk_grid"), meta.get("chunk_key_encoding"), meta.get("codecs")
    stated = {
        "zarr_format": (meta.get("zarr_format"), 3),
        "node_type": (meta.get("node_type"), "array"),
        "data_type": (meta.get("data_type"), layer.dtype),
        "shape": (meta.get("shape"), list(layer.shape(size))),
        "chunk_grid": (_inside(grid, "chunk_shape"), list(layer.chunk(size))),
        "chunk_key_encoding": (_inside(keys, "separator"), "/"),
        "storage_transformers": (meta.get("storage_transformers") or [], []),
    }
    for place, (value, expected) in stated.items():
        if value != expected:
            raise InputError(
                "an array of the volume is not as its header says",
                file=folder / _META,
                place=place,
                found=str(value)[:120],
                expected=str(expected),
                advice="copy the volume again, or run again",
            )
    names = [one.get("name") if isinstance(one, dict) else None for one in codecs] if isinstance(codecs, list) else []
    if not names or any(name not in _CODECS for name in names):
        raise InputError(
            "an array of the volume is packed in a way that is not read here",
            file=folder / _META,
            place="codecs",
            found=str(names)[:120],
            expected=", ".join(_CODECS),
        )
    missing = [k for k in range(size[0]) if not (folder / layer.key(k)).is_file()]
    if missing:
        raise InputError(
            "files of the volume are missing",
            file=folder,
            found=f"no {layer.key(missing[0])}" + (f" and {len(missing) - 1} more" if len(missing) > 1 else ""),
            expected=f"{size[0]} sections",
            advice="copy the volume again, or run again",
        )


def _inside(value: Any, name: str) -> Any:
    configuration = value.get("configuration") if isinstance(value, dict) else None
    return configuration.get(name) if isinstance(configuration, dict) else None


def _header(own: dict[str, Any]) -> Header:
    z, measured = np.array(own["z_um"], dtype=np.float64), own["measured"]
    rows, columns = own["shape"]
    step, (x, y) = own["step_um"], own["origin_um"]
    if z.ndim != 1 or not 0 < len(z) <= _MOST or not np.isfinite(z).all() or (np.diff(z) <= 0).any():
        raise ValueError("heights z_um that do not rise")
    if not isinstance(measured, list) or len(measured) != len(z) or not all(isinstance(one, bool) for one in measured):
        raise ValueError(f"measured is no list of {len(z)} times true or false")
    if not all(type(n) is int and 0 < n <= _MOST for n in (rows, columns)):
        raise ValueError(f"shape {own['shape']}"[:80])
    if not (np.isfinite([step, x, y]).all() and step > 0):
        raise ValueError(f"step {step}, origin {x}, {y}"[:80])
    phases = tuple(_phase(one) for one in own["phases"])
    if len({phase.id for phase in phases}) != len(phases):
        raise ValueError("two phases of one number")
    return Header(
        z=z,
        shape=(rows, columns),
        step=float(step),
        origin=(float(x), float(y)),
        measured=np.array(measured, dtype=bool),
        phases=phases,
        sample_frame=SampleFrame(own["sample_frame"]),
        crystal_frame=CrystalFrame(own["crystal_frame"]),
        light=own["light"] is True,
    )


def _phase(one: dict[str, Any]) -> Phase:
    number, name, group = one["id"], one["name"], one["laue_group"]
    if type(number) is not int or not 0 < number < 1 << 15 or not isinstance(name, str):
        raise ValueError(f"phase {number!r} {name!r}"[:80])
    if group not in ("", *LAUE_GROUPS):
        raise ValueError(f"Laue group {group!r}"[:80])
    lattice = [float(one[key]) for key in ("a", "b", "c", "alpha", "beta", "gamma")]
    if not np.isfinite(lattice).all():
        raise ValueError(f"lattice {lattice}")
    return Phase(number, name, group, *lattice)


def _json(folder: Path) -> dict[str, Any]:
    file = folder / _META
    try:
        if file.stat().st_size > _LARGEST_TEXT:
            raise ValueError(f"{file.stat().st_size:,} bytes of metadata")
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"a {type(found).__name__} in place of an object")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            "the metadata of the volume are damaged",
            file=file,
            found=f"{type(error).__name__}: {error}"[:200],
            advice="copy the volume again, or run again",
        ) from error
    return found
