"""Write a stack of light images with the size of its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

_UM_PER_CM = 1e4


def write_tiff_stack(file: Path, images: NDArray[Any], step: float) -> None:
    """Write images (N, H, W) of ``step`` um a pixel as one TIFF file, the step as its resolution."""
    import tifffile

    per_cm = _UM_PER_CM / step
    tifffile.imwrite(file, images, photometric="minisblack", resolution=(per_cm, per_cm), resolutionunit="CENTIMETER")
