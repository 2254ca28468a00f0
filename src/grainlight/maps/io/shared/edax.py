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
    """Return (n,) which points have an orientation.

    Those have none with an angle of 4 pi among (n, 3) in radians, with a CI of -1, or with three angles of 0 and a CI
    of 0 where other points have a CI.
    """
    valid = np.ones(len(euler), bool) if ci is None else ci > -0.999
    for angle in euler.T:
        valid &= np.abs(angle - _FOUR_PI) > 0.01
    if ci is not None and (ci > 0).any():
        valid &= (ci > 0) | euler.any(axis=1)
    return valid


def phase_numbers(
    written: NDArray[np.int16],
    euler: NDArray[np.floating],
    valid: NDArray[np.bool_],
    phases: list[Phase],
    notes: list[str],
    from_zero: bool = False,
) -> tuple[NDArray[np.int16], list[Phase]]:
    """Return phase numbers with 0 for not indexed, and the phases.

    A phase of -1 is not indexed. EDAX numbers the points of a single-phase file 0, others number them 1; with several
    phases 0 is "not indexed" unless the phases are numbered from 0. That is told by the header's own numbers, then by
    points of phase -1, then by points of phase 0 that have good orientations.

    Parameters
    ----------
    written
        (n,) numbers of the file, from -1.
    euler
        (n, 3) angles.
    valid
        (n,) what `indexed_points` says.
    phases
        Those of the header, in the order of their ids.
    notes
        Gets a line where a rule had to decide.
    from_zero
        Whether the header numbers its phases from 0; the ids of ``phases`` are then one more.
    """
    absent = written < 0
    if absent.any():
        valid = valid & ~absent
        notes.append(f"Points of phase -1 or of none, read as not indexed: {np.count_nonzero(absent):,}.")
    if len(phases) <= 1 and written.max() <= 0:
        number = np.full_like(written, phases[0].id if phases else 1)
    elif len(phases) > 1 and (reason := _numbered_from_zero(written, euler, valid, phases, from_zero, notes)):
        notes.append(f"Phases are numbered from 0 in the data: {reason}.")
        order = np.array([phase.id for phase in phases], dtype=np.int16)
        number = written + np.int16(1) if from_zero else order[np.maximum(written, 0)]
    else:
        number = written
    number = np.where(valid, number, 0).astype(np.int16)
    left = int(np.count_nonzero(valid & (written == 0) & (number == 0) & euler.any(axis=1)))
    if left:
        notes.append(
            f"{left:,} points of phase 0 have an orientation, yet phases are numbered from 1 here: read as not "
            "indexed. If 0 is a phase, number the phases in the file from 1."
        )
    return number, add_unnamed_phases(phases, number, notes)


def _numbered_from_zero(
    written: NDArray[np.int16],
    euler: NDArray[np.floating],
    valid: NDArray[np.bool_],
    phases: list[Phase],
    from_zero: bool,
    notes: list[str],
) -> str:
    """Return what tells that the data number several phases from 0; "" where they number them from 1."""
    used = np.flatnonzero(np.bincount(np.maximum(written, -1) + 1)) - 1
    if from_zero:
        if {int(number) + 1 for number in used if number >= 0} <= {phase.id for phase in phases}:
            return "so does the header"
        notes.append("The header numbers its phases from 0, the data number them from 1.")
    zero = written == 0
    if not zero.any() or used[-1] >= len(phases):
        return ""
    oriented = int(np.count_nonzero(valid & zero & euler.any(axis=1)))
    if oriented and used[0] < 0:
        return "points that are not indexed have -1, those of phase 0 have orientations"
    if 2 * oriented > int(np.count_nonzero(zero)):
        return "most points of phase 0 have an orientation"
    notes.append("Phase 0 was read as not indexed: most of its points have no orientation.")
    return ""


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
