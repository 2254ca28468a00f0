"""Read HDF5 files of others with suspicion: every array is checked by arithmetic before it is read.

A dataset may claim a thousand million points, have another type or shape than its neighbours, point into another file
or unpack to many times its size. Here each of these is an `InputError` that names the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError, in_words
from grainlight.maps.io.hdf5.heaps import refuse_heaps

if TYPE_CHECKING:
    import h5py

_FREE_POINTS = 500_000
_POINTS_PER_BYTE = 2
"""A measured point takes bytes; a file of n bytes that claims more than this many points claims what it has not."""
_LARGEST_CHUNK = 256 << 20  # bytes, unpacked at once
_LARGEST_TEXT = 1 << 20
_LARGEST_GROUP = 10_000


@contextmanager
def open_hdf5(path: Path) -> Iterator[Node]:
    """Open a file for reading and give its root.

    Raises
    ------
    InputError
        Where it is no HDF5 file or its structure is damaged.
    """
    import h5py

    refuse_heaps(path)
    try:
        stream = h5py.File(path, "r", locking=False)
    except Exception as error:  # h5py raises whatever the library ran into
        raise _damaged(path, error) from error
    try:
        yield Node(path, stream, "")
    finally:
        stream.close()


@dataclass(frozen=True)
class Node:
    """A group of a file: ``path`` of the file, the group itself, its name ("" for the root)."""

    path: Path
    group: h5py.Group
    name: str

    def names(self) -> list[str]:
        """Return the names in the group, in the file's order of names."""
        try:
            if len(self.group) > _LARGEST_GROUP:
                raise InputError(
                    "a group has too many members",
                    file=self.path,
                    place=self.name or "/",
                    found=f"{len(self.group):,}",
                    expected=f"at most {_LARGEST_GROUP:,}",
                )
            # names that are no UTF-8 come as bytes
            return [name if isinstance(name, str) else name.decode("latin1") for name in self.group]
        except InputError:
            raise
        except Exception as error:
            raise _damaged(self.path, error, self.name) from error

    def groups(self) -> list[str]:
        """Return the names of the groups in the group."""
        return [name for name in self.names() if self.child(name) is not None]

    def child(self, name: str) -> Node | None:
        """Return a group below, by its name or path; None where there is none."""
        import h5py

        found = self._member(name)
        return Node(self.path, found, self._below(name)) if isinstance(found, h5py.Group) else None

    def need(self, name: str) -> Node:
        """Return a group below that must be there.

        Raises
        ------
        InputError
            Where it is not.
        """
        found = self.child(name)
        if found is None:
            raise InputError(
                "a group is missing",
                file=self.path,
                place=self.name or "/",
                found=", ".join(self.names()[:12]) or "nothing",
                expected=name,
                advice="export the map again with its data and header",
            )
        return found

    def size(self, name: str) -> int | None:
        """Return how many points a dataset claims, None where there is none."""
        data = self._dataset(name)
        return None if data is None or not data.shape else int(data.shape[0])

    def total(self, name: str) -> int:
        """Return how many numbers a dataset claims, 0 where there is none."""
        data = self._dataset(name)
        return 0 if data is None else int(np.prod(data.shape, dtype=object))

    def is_numeric(self, name: str) -> bool:
        """Whether a dataset holds numbers of a usual size."""
        data = self._dataset(name)
        return data is not None and data.dtype.kind in "biuf" and data.dtype.itemsize <= 8

    def column(self, name: str, points: int, width: int = 1) -> NDArray[Any] | None:
        """Return a dataset as numbers (points,) or (points, width); None where there is none.

        Raises
        ------
        InputError
            Where it holds other than numbers or has another size.
        """
        data = self._dataset(name)
        if data is None:
            return None
        if data.dtype.kind not in "biuf" or data.dtype.itemsize > 8:
            raise InputError(
                "a dataset holds no numbers", file=self.path, place=self._below(name), found=str(data.dtype)
            )
        if int(np.prod(data.shape, dtype=object)) != points * width or (width > 1 and data.shape[-1] != width):
            raise InputError(
                "the sizes of two datasets disagree",
                file=self.path,
                place=self._below(name),
                found=f"shape {data.shape}",
                expected=f"{points:,} points" + (f" of {width} numbers" if width > 1 else ""),
                advice="export the map again; the file may have been cut or edited",
            )
        self._refuse_chunks(data, name)
        try:
            array = np.asarray(data[()])
        except Exception as error:
            raise _damaged(self.path, error, self._below(name)) from error
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        return array.reshape(points, width) if width > 1 else array.reshape(points)

    def needed_column(self, name: str, points: int, width: int = 1) -> NDArray[Any]:
        """Return a dataset that must be there, as `column`.

        Raises
        ------
        InputError
            Where it is not.
        """
        array = self.column(name, points, width)
        if array is None:
            raise InputError(
                "a dataset is missing",
                file=self.path,
                place=self.name,
                found=", ".join(self.names()[:12]) or "nothing",
                expected=name,
                advice="export the map again with this dataset",
            )
        return array

    def fields(self, points: int, leave: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return every dataset of one number per point by its name in lower case with _ for blanks, but for some."""
        found: dict[str, NDArray[Any]] = {}
        for name in self.names():
            if name in leave:
                continue
            data = self._dataset(name)
            if data is None or data.dtype.kind not in "biuf" or data.dtype.itemsize > 8 or not data.shape:
                continue
            if data.shape[0] == points and int(np.prod(data.shape, dtype=object)) == points:
                array = self.needed_column(name, points)
                key = "_".join(name.lower().split())
                if key not in found:
                    found[key] = array.astype(np.uint8) if array.dtype.kind == "b" else array
        return found

    def numbers(self, name: str, most: int = 64) -> list[float]:
        """Return a small dataset of numbers as a flat list; empty where there is none."""
        value = self._small(name, most)
        if value is None or value.dtype.kind not in "biuf":
            return []
        return [float(item) for item in value.ravel()]

    def number(self, name: str) -> float | None:
        """Return the single finite number of a dataset; None where there is none."""
        found = self.numbers(name, 1)
        return found[0] if found and np.isfinite(found[0]) else None

    def whole(self, name: str) -> int | None:
        """Return the single whole number of a dataset; None where there is none."""
        found = self.number(name)
        return int(found) if found is not None and found == round(found) else None

    def texts(self, name: str, most: int = 1000) -> list[str]:
        """Return a small dataset as a list of texts; empty where there is none."""
        value = self._small(name, most)
        if value is None:
            return []
        return [_text(item) for item in value.ravel()]

    def attribute(self, name: str, most: int = 64) -> list[float]:
        """Return a small attribute of the group, of numbers, as a flat list; empty where there is none."""
        try:
            about = self.group.attrs.get_id(name) if name in self.group.attrs else None
            if about is None or about.shape is None or about.dtype.kind not in "biuf":
                return []
            small = int(np.prod(about.shape, dtype=object)) <= most
            return [float(item) for item in np.asarray(self.group.attrs[name]).ravel()] if small else []
        except Exception as error:
            raise _damaged(self.path, error, self.name) from error

    def text(self, name: str) -> str:
        """Return the single text of a dataset; "" where there is none."""
        found = self.texts(name, 1)
        return found[0] if found else ""

    def _below(self, name: str) -> str:
        return f"{self.name}/{name}" if self.name else name

    def _member(self, name: str) -> Any:
        import h5py

        group = self.group
        parts = [part for part in name.split("/") if part]
        try:
            for i, part in enumerate(parts):
                link = group.get(part, getlink=True)
                if isinstance(link, h5py.ExternalLink):
                    raise InputError(
                        "a link leads into another file",
                        file=self.path,
                        place=self._below("/".join(parts[: i + 1])),
                        found=f"{link.filename}",
                        expected="data in the file itself",
                        advice="export the map into one file",
                    )
                if link is None:
                    return None
                group = group.get(part)
                if i < len(parts) - 1 and not isinstance(group, h5py.Group):
                    return None
            return group
        except InputError:
            raise
        except Exception as error:
            raise _damaged(self.path, error, self._below(name)) from error

    def _dataset(self, name: str) -> h5py.Dataset | None:
        """Return a dataset that lies in this file and claims no more than the file can hold."""
        import h5py

        found = self._member(name)
        if not isinstance(found, h5py.Dataset):
            return None
        try:
            elsewhere = bool(found.external) or found.is_virtual
            shape = found.shape
            _ = found.dtype
        except Exception as error:
            raise _damaged(self.path, error, self._below(name)) from error
        if elsewhere:
            raise InputError(
                "the numbers of a dataset lie in another file",
                file=self.path,
                place=self._below(name),
                expected="data in the file itself",
                advice="export the map into one file",
            )
        if shape is None:
            return None
        self._refuse_promise(name, shape)
        return found

    def _refuse_promise(self, name: str, shape: tuple[int, ...]) -> None:
        most = _FREE_POINTS + _POINTS_PER_BYTE * self.path.stat().st_size
        if shape and int(shape[0]) > most:
            raise InputError(
                "a dataset claims more points than the file can hold",
                file=self.path,
                place=self._below(name),
                found=f"{int(shape[0]):,} points in {self.path.stat().st_size:,} bytes",
                expected=f"at most {most:,}",
                advice="export the map again; the file is damaged or was made to fail",
            )

    def _refuse_chunks(self, data: h5py.Dataset, name: str) -> None:
        if data.chunks is None:
            return
        size = int(np.prod(data.chunks, dtype=object)) * data.dtype.itemsize
        if size > max(_LARGEST_CHUNK // 16, min(4 * data.nbytes, _LARGEST_CHUNK)):
            raise InputError(
                "a dataset unpacks to far more than it holds",
                file=self.path,
                place=self._below(name),
                found=f"chunks of {size:,} bytes for {data.nbytes:,} bytes",
                advice="export the map again; the file is damaged or was made to fail",
            )

    def _small(self, name: str, most: int) -> NDArray[Any] | None:
        """Return a small dataset; None where there is none or it is large."""
        data = self._dataset(name)
        if data is None:
            return None
        size = int(np.prod(data.shape, dtype=object))
        if size > most or size * data.dtype.itemsize > _LARGEST_TEXT or size < 1:
            return None
        self._refuse_chunks(data, name)
        try:
            self._refuse_texts(data, size)
            return np.asarray(data[()])
        except Exception as error:
            raise _damaged(self.path, error, self._below(name)) from error

    def _refuse_texts(self, data: h5py.Dataset, size: int) -> None:
        """Refuse texts of free length that claim more bytes than the file has: the library believes them.

        Such a dataset holds, for each text, its length (4 bytes) and where it lies (8 and 4 bytes).
        """
        import h5py

        kind = h5py.check_string_dtype(data.dtype)
        if data.dtype.kind != "O" or (kind is not None and kind.length is not None):
            return
        if kind is None:
            raise ValueError(f"{data.dtype} that is no text")
        offset = data.id.get_offset()
        if offset is None:  # data in chunks or in the header: their place cannot be checked beforehand
            return
        with self.path.open("rb") as stream:
            stream.seek(offset)
            lengths = np.frombuffer(stream.read(16 * size), "<u4")[::4]
        if lengths.size < size or int(lengths.max()) > min(_LARGEST_TEXT, self.path.stat().st_size):
            raise ValueError("a text that claims more bytes than the file has")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            value = value.decode("latin1")
    return str(value).strip("\0").strip()


def _why(error: Exception) -> str:
    """Return what the library found, in words for who has the file."""
    text = str(error)
    if type(error) is ValueError and "nable to" not in text:
        return text[:200]  # our own
    for mark, words in _FAULTS.items():
        if mark in text:
            return words
    return in_words(error, "a structure that cannot be followed")


_FAULTS = {
    "truncated file": "fewer bytes than its head says: a copy that was not finished?",
    "file signature not found": "no HDF5 signature",
    "superblock": "a damaged head",
    "filter": "numbers that cannot be unpacked",
    "checksum": "a part that is not as it was written",
    "object header": "a damaged description of a dataset",
}


def _damaged(path: Path, error: Exception, place: str | None = None) -> InputError:
    return InputError(
        "the HDF5 file is damaged",
        file=path,
        place=place or None,
        found=_why(error),
        advice="copy or export the file again",
    )
