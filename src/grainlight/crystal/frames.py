"""Sample frames and crystal frames of the vendors.

Everything inside grainlight is in frame S: x right, y up, z out of the surface, azimuths counter-clockwise. A file's
Euler angles refer to a frame that the file does not name; `SampleFrame` names it. The table is that of
`docs/conventions.md`, after the settings of MTEX's import and Britton et al., Mater. Charact. 117, 113 (2016).
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grainlight.crystal.euler import conjugate, multiply, positive

_HALF = float(np.sqrt(0.5))


class SampleFrame(Enum):
    """Where the X, Y and Z of the Euler angles point on the image.

    ``OXFORD`` right, up, out (as EDAX setting 3); ``EDAX1`` down, right, out; ``EDAX2`` up, left, out;
    ``EDAX3`` right, up, out; ``EDAX4`` left, down, out; ``NONE`` right, down, in; ``S`` grainlight's own frame.
    """

    OXFORD = "oxford"
    EDAX1 = "edax1"
    EDAX2 = "edax2"
    EDAX3 = "edax3"
    EDAX4 = "edax4"
    NONE = "none"
    S = "S"

    @property
    def to_s(self) -> NDArray[np.float64]:
        """Quaternion (4,) whose matrix R brings vectors from this frame to frame S, ``v_S = R v``."""
        return np.array(_TO_S[self.name])

    def to_frame_s(self, quaternion: ArrayLike) -> NDArray[np.float64]:
        """Return passive orientations (..., 4), given in this frame, with frame S as their sample frame."""
        return positive(multiply(quaternion, conjugate(self.to_s)))

    def from_frame_s(self, quaternion: ArrayLike) -> NDArray[np.float64]:
        """Return passive orientations (..., 4), given in frame S, with this frame as their sample frame."""
        return positive(multiply(quaternion, self.to_s))


_TO_S = {
    "OXFORD": (1.0, 0.0, 0.0, 0.0),
    "EDAX1": (_HALF, 0.0, 0.0, -_HALF),
    "EDAX2": (_HALF, 0.0, 0.0, _HALF),
    "EDAX3": (1.0, 0.0, 0.0, 0.0),
    "EDAX4": (0.0, 0.0, 0.0, 1.0),
    "NONE": (0.0, 1.0, 0.0, 0.0),
    "S": (1.0, 0.0, 0.0, 0.0),
}


class CrystalFrame(Enum):
    """How Cartesian axes are laid in a trigonal or hexagonal crystal; Z is along c in both.

    ``X_ALONG_A`` (EDAX, orix) and ``X_ALONG_A_STAR`` (Oxford) differ by a turn of 30 degrees about c: a* lies 30
    degrees counter-clockwise of a, seen against c, when gamma is 120 degrees.
    """

    X_ALONG_A = "a"
    X_ALONG_A_STAR = "a*"


def change_crystal_frame(quaternion: ArrayLike, source: CrystalFrame, target: CrystalFrame) -> NDArray[np.float64]:
    """Return orientations (..., 4) of hexagonal crystals with X as in ``target``: phi2 changes by 30 degrees."""
    if source is target:
        return positive(quaternion)
    # passive turn of the crystal axes by +30 degrees: phi2 grows by 30 degrees
    half_turn = np.radians(15.0) if target is CrystalFrame.X_ALONG_A_STAR else -np.radians(15.0)
    return positive(multiply([np.cos(half_turn), 0.0, 0.0, -np.sin(half_turn)], quaternion))
