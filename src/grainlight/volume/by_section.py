"""Arrays of a volume that are read section by section, as they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class BySection(ABC):
    """An array (Z, ...) that is not in memory: ``array[k]`` reads section k, `numpy.asarray` all of it."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """As of an array: sections first."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """As of an array."""

    @abstractmethod
    def read(self, k: int) -> NDArray[Any]:
        """Read section ``k``, from 0.

        Raises
        ------
        InputError
            Where its file is damaged.
        """

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, k: int) -> NDArray[Any]:
        count = len(self)
        if not -count <= k < count:
            raise IndexError(f"section {k} of a volume of {count}")
        return self.read(int(k) % count)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("what is on disk is copied")
        found = np.empty(self.shape, dtype or self.dtype)
        for k in range(len(self)):
            found[k] = self[k]
        return found
