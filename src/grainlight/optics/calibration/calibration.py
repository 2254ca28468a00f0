"""What turns the harmonics of a real stack into the canonical state, and the state into harmonics.

Nothing is known of gain, offset, polarizer zero, uncrossing, anisotropy and the light's unevenness. With the canonical
state A0, A2, A4 of a c-axis (`optics.forward.curves`) and V(x, y) the illumination:

    a0            = V (floor + G0 A0) + stray
    a2c - i a2s   = V G2 (A2c + i A2s) + e2 a0 + O2
    a4c - i a4s   = V G4 (A4c + i A4s) + e4 a0 + O4

e2 and e4 take up lamp drift that looks like a harmonic. A sense of rotation opposite to the one stated shows as A2 and
A4 conjugate. Everything is linear in the measurement, so noise stays what it was. `point_fit` finds the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from grainlight.optics.forward.curves import Curves
from grainlight.optics.forward.illumination import Illumination
from grainlight.optics.forward.imaging_model import ImagingModel


@dataclass(frozen=True)
class Calibration:
    """Numbers that turn harmonics into the canonical state.

    Parameters
    ----------
    gain
        (3,) complex128: G0 (real), G2, G4 at the mean light, in the images' unit.
    floor, stray
        Background of a0: the part that follows the light and the part that does not.
    leak, offset
        (2,) complex128 each: e2, e4 and O2, O4.
    curves
        Departure of the harmonics from those of a weakly anisotropic crystal.
    illumination
        V and the local brightness on top of it.
    sense
        +1 if azimuths and rotation run the way the frames say, -1 if the other way.
    signal
        For A0, A2, A4: does the group carry anything.
    spread
        Robust standard deviation of one channel of each group at the points [canonical units].
    sense_ratio
        Residual of the sense not chosen over that of the chosen.
    zero
        Polarizer zero plus half the uncrossing [degrees, modulo 90]; NaN without A2 and A4.
    phase_disagreement
        Angle between the zeros of A2 and A4 [degrees, 0 to 45]; NaN if either has no signal.
    points
        How many points were used.
    warnings
        Sentences for the user.
    """

    gain: Tensor
    floor: float
    stray: float
    leak: Tensor
    offset: Tensor
    curves: Curves
    illumination: Illumination
    sense: int
    signal: tuple[bool, bool, bool]
    spread: tuple[float, float, float]
    sense_ratio: float
    zero: float
    phase_disagreement: float
    points: int
    warnings: tuple[str, ...]

    @cached_property
    def imaging(self) -> ImagingModel:
        """The imaging model (5 channels) of the harmonics in the images' unit, groups without signal included."""
        gain = torch.zeros(5, 5, dtype=torch.float64)
        gain[0, 0] = self.gain[0].real
        leak, stray = torch.zeros(2, 5, dtype=torch.float64)
        for group in (1, 2):
            # z = c - i s of the images, and w = c + i s of the state in the sense of the images
            g, e, o = (complex(x) for x in (self.gain[group], self.leak[group - 1], self.offset[group - 1]))
            at = slice(2 * group - 1, 2 * group + 1)
            turn = [[g.real, -self.sense * g.imag], [-g.imag, -self.sense * g.real]]
            gain[at, at] = torch.tensor(turn, dtype=torch.float64)
            leak[at] = torch.tensor([e.real, -e.imag])
            stray[at] = torch.tensor([o.real, -o.imag])
        response = gain @ self.curves.model.response
        leaks = torch.eye(5, dtype=torch.float64)
        leaks[:, 0] += leak
        background = torch.tensor([self.floor, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
        stray[0] = self.stray
        stray[1:] += leak[1:] * self.stray
        return ImagingModel(leaks @ response, leaks @ background, illumination=self.illumination, stray=stray)

    def canonical(self, coefficients: Tensor, light: Tensor) -> Tensor:
        """Return the state (5, ...) of coefficients (5, ...) under the light V (...); zero in groups without signal."""
        a0 = coefficients[0]
        state = torch.zeros_like(coefficients)
        if self.signal[0]:
            state[0] = (a0 - self.stray - self.floor * light) / (float(self.gain[0].real) * light)
        for group in (1, 2):
            if not self.signal[group]:
                continue
            inverse = 1 / complex(self.gain[group])
            leak, offset = complex(self.leak[group - 1]), complex(self.offset[group - 1])
            # z = c - i s; written in real parts, which halves the memory of a large image
            real = coefficients[2 * group - 1] - leak.real * a0 - offset.real
            imag = -coefficients[2 * group] - leak.imag * a0 - offset.imag
            state[2 * group - 1] = (real * inverse.real - imag * inverse.imag) / light
            state[2 * group] = self.sense * (real * inverse.imag + imag * inverse.real) / light
        return state

    def expected(self, c_axes: Tensor) -> Tensor:
        """Return the state (5, ...) that c-axes (..., 3) in frame S have with this calibration's curves."""
        return self.curves.model.of_axes(c_axes)
