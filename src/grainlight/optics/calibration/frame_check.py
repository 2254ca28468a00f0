"""Does the sample frame that an EBSD map is said to have agree with its light?

Light sees the azimuth of the c-axis modulo 180 degrees and nothing else of a frame. Frames that differ by a half turn
are one to it. A frame of the other hand shows in the sense in which azimuths run; a quarter turn shows only where
polarizer, uncrossing and the sign of the bireflectance are known, because otherwise the polarizer's zero takes it up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from grainlight.crystal.euler import c_axis, quaternion_from_bunge
from grainlight.crystal.frames import SampleFrame
from grainlight.optics.calibration.calibration import Calibration

FRAMES = (
    SampleFrame.OXFORD,
    SampleFrame.EDAX1,
    SampleFrame.EDAX2,
    SampleFrame.EDAX3,
    SampleFrame.EDAX4,
    SampleFrame.NONE,
)
_TOLERANCE = 20.0
_TURNED = 8.0


@dataclass(frozen=True)
class Polars:
    """What is known of the polars at angle 0, in frame S, with a mirrored image flipped back.

    Parameters
    ----------
    polarizer
        Azimuth of the polarizer [degrees].
    uncrossing
        Of the analyzer, which stands at polarizer + 90 + uncrossing [degrees].
    bireflectance
        +1 if light is reflected more along the c-axis than across it, -1 if less; None if unknown.
    """

    polarizer: float
    uncrossing: float
    bireflectance: int | None = None


@dataclass(frozen=True)
class FrameCheck:
    """What the light says of the stated frame.

    Parameters
    ----------
    stated
        The frame that c-axes were taken in.
    fitting
        Frames in which azimuths agree with the light, as far as light can tell frames apart.
    contradicted
        Whether the stated frame is not one of them, beyond chance.
    same_hand
        Whether azimuths run in the sense that frame, --rotates and --mirror say.
    ratio
        Residual of the hand that does not fit over that of the hand that does.
    turn
        By how much azimuths must be turned counter-clockwise, for the same hand, to fit the polars [degrees]; NaN where
        the polars are unknown.
    period
        `turn` is known modulo this: 90 degrees, or 180 with the sign of the bireflectance; NaN as above.
    """

    stated: SampleFrame
    fitting: tuple[SampleFrame, ...]
    contradicted: bool
    same_hand: bool
    ratio: float
    turn: float
    period: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user; none where the light agrees."""
        evidence = f"residual {self.ratio:.2f} times smaller than with the stated hand" if not self.same_hand else ""
        if not math.isnan(self.turn) and (self.same_hand or self.contradicted):
            evidence += f"{'; ' if evidence else ''}azimuths turned by {self.turn:.1f} degrees modulo {self.period:.0f}"
        names = " or ".join(f"'{frame.value}'" for frame in self.fitting)
        found = []
        if self.contradicted:
            best = f"{names} fits best" if names else "no frame that is known fits"
            found.append(
                f"The light contradicts the stated sample frame '{self.stated.value}': {best} ({evidence}). "
                "If the frame is right, --rotates, --mirror or the stated polars are wrong."
            )
        elif not math.isnan(self.turn) and abs(self.turn) > _TURNED:
            found.append(
                f"The light agrees with the sample frame '{self.stated.value}' only after a turn of {self.turn:.1f} "
                "degrees: the map is turned against the images, or the stated polarizer is wrong."
            )
        return tuple(found)

    def as_record(self) -> dict[str, object]:
        """Return plain values for the record of a run."""
        return {
            "stated": self.stated.value,
            "fitting": [frame.value for frame in self.fitting],
            "contradicted": self.contradicted,
            "residual_ratio": round(self.ratio, 3),
            "turn_deg": self.turn,
            "turn_modulo_deg": self.period,
        }


def check_frame(
    calibration: Calibration,
    stated: SampleFrame,
    *,
    rotates: str = "sample",
    mirror: bool = False,
    polars: Polars | None = None,
) -> FrameCheck:
    """Compare the stated frame with the alternatives that the light can tell from it.

    Parameters
    ----------
    calibration
        Of the light on c-axes that were brought to frame S as `stated` says.
    stated
        The frame of the map's Euler angles.
    rotates, mirror
        As for `calibrate`.
    polars
        What is known of them, if anything.
    """
    sense = (1 if rotates == "sample" else -1) * (-1 if mirror else 1)
    same_hand = calibration.sense == sense
    turn, period = _turn(calibration, sense, polars)
    fitting = []
    for frame in FRAMES:
        hand, angle = _between(stated, frame)
        near = math.isnan(turn) or abs((turn - angle + period / 2) % period - period / 2) < _TOLERANCE
        if (hand > 0) == same_hand and near:
            fitting.append(frame)
    alike = [frame for frame in FRAMES if _between(stated, frame) == (1, 0.0)]
    contradicted = stated not in fitting and not any(frame in fitting for frame in alike)
    if same_hand and not fitting:
        contradicted = False  # a turn that no frame explains is a fault of the map, not of the stated frame
    ratio = calibration.sense_ratio if calibration.sense_ratio >= 1 else 1 / calibration.sense_ratio
    return FrameCheck(stated, tuple(fitting), contradicted, same_hand, ratio, turn, period)


def _turn(calibration: Calibration, sense: int, polars: Polars | None) -> tuple[float, float]:
    """Return by how much azimuths are off [degrees], about zero, and the period of that; NaN where unknown."""
    if polars is None or not (calibration.signal[1] or calibration.signal[2]):
        return math.nan, math.nan
    eta = math.radians(2 * polars.polarizer + polars.uncrossing)
    second, fourth = (complex(g) if sense > 0 else complex(g).conjugate() for g in calibration.gain[1:])
    if calibration.signal[1]:
        # the second harmonic is -i A2 exp(-i eta), A2 of the sign of -(R_e - R_o) sin(uncrossing)
        known = polars.bireflectance is not None and polars.uncrossing != 0
        sign = -(polars.bireflectance or 1) * math.copysign(1.0, polars.uncrossing)
        value = 1j * second * sign
        turn, period = (math.atan2(value.imag, value.real) + eta) / 2, 180.0 if known else 90.0
    else:
        value = -fourth
        turn, period = (math.atan2(value.imag, value.real) + 2 * eta) / 4, 90.0
    return (math.degrees(turn) + period / 2) % period - period / 2, period


def _between(stated: SampleFrame, other: SampleFrame) -> tuple[int, float]:
    """Return hand and angle of the change from one frame to another: azimuth -> hand * azimuth + angle, modulo 180."""
    azimuths = np.array([0.0, 30.0])
    inside = quaternion_from_bunge(np.stack((np.radians(azimuths + 90), np.full(2, np.pi / 2), np.zeros(2)), -1))
    c = c_axis(other.to_frame_s(stated.from_frame_s(inside)))
    first, then = np.degrees(np.arctan2(c[:, 1], c[:, 0])) % 180
    hand = 1 if abs((then - first - 30 + 90) % 180 - 90) < 1 else -1
    return hand, round(float(first), 6) % 180
