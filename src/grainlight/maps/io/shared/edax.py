"""What EDAX's points mean, whatever file they stand in: .ang, OIM HDF5, .osc, .h5ebsd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grainlight.crystal.frames import SampleFrame
from grainlight.errors import InputError
from grainlight.maps.io.shared.assemble import add_unnamed_phases
from grainlight.maps.phase import Phase

DEFAULT_FRAME = SampleFrame.EDAX2
"""What MTEX's newer import takes for EDAX files that do not say; the user may overrule."""

COORDINATE_SYSTEMS = {1: SampleFrame.EDAX1, 2: SampleFrame.EDAX2, 3: SampleFrame.EDAX4, 4: SampleFrame.EDAX3}
"""EDAX's "Coordinate System/ID", read off the drawings that OIM stores beside it: 1 has A1 down and A2 right, 2 up and
left, 3 left and down, 4 right and up. The names of frames here follow MTEX's settings, which number the last two the
other way round."""

SHORT_NAMES = {"confidence_index": "ci", "image_quality": "iq", "sem_signal": "sem"}
"""Fields of HDF5 files under the names that .ang files have for them."""

_FOUR_PI = 4.0 * np.pi  # a not-indexed angle, to the digits of any writer


def indexed_points(euler: NDArray[np.floating], ci: NDArray[np.floating] | None) -> NDArray[np.bool_]:
    """Return (n,) which points have an orientation: no angle of 4 pi among (n, 3) in radians and no CI of -1."""
    valid = np.ones(len(euler), bool) if ci is None else ci > -0.999
    for angle in euler.T:
        valid &= np.abs(angle - _FOUR_PI) > 0.01
    return valid


def phase_numbers(
    written: NDArray[np.int16], valid: NDArray[np.bool_], phases: list[Phase], notes: list[str]
) -> tuple[NDArray[np.int16], list[Phase]]:
    """Return phase numbers with 0 for not indexed.

    EDAX numbers the points of a single-phase file 0, others number them 1; with several phases 0 is "not indexed",
    unless the phases are numbered from 0, which shows in points of phase 0 that have good orientations.
    """
    highest = int(written.max())
    zero = written == 0
    zero_based = False
    if highest == 0 and len(phases) <= 1:
        written = np.full_like(written, phases[0].id if phases else 1)
    elif zero.any() and len(phases) > 1 and highest < len(phases):
        zero_based = 2 * int(np.count_nonzero(valid & zero)) > int(np.count_nonzero(zero))
        if zero_based:
            notes.append("Phases are numbered from 0 in the data and from 1 in the header: read as one less.")
            order = np.array([phase.id for phase in phases], dtype=np.int16)
            written = order[written]
    number = np.where(valid, written, 0).astype(np.int16)
    return number, add_unnamed_phases(phases, number, notes)


def check_radians(euler: NDArray[np.floating], file: Path, place: str | None = None) -> None:
    """Refuse angles (n, 3) of indexed points that are no radians.

    Raises
    ------
    InputError
        Where one is beyond a full turn.
    """
    largest = float(max(euler.max(), -euler.min())) if euler.size else 0.0
    if largest > 2.0 * np.pi + 0.1:
        raise InputError(
            "the Euler angles are no radians",
            file=file,
            place=place,
            found=f"an angle of {largest:g}",
            expected="angles from 0 to 6.2832, or 12.566 for points that are not indexed",
            advice="export the angles in radians, or check that the columns stand in the vendor's order",
        )
