"""The functions of a c-axis that every light is a sum of.

With s = sin^2(beta), beta the inclination and phi the azimuth in frame S: s, s^2, h2 = s exp(2 i phi) and
h4 = s^2 exp(4 i phi), and each of them times 1 - s, which bends its dependence on the inclination. Whatever polarizer,
analyzer, wavelength and metal are, a harmonic of the intensity, and a single image as well, is a linear function of
them (exactly while the anisotropy is weak). All are made of three numbers: s and the real and imaginary part of h2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from grainlight.crystal.embedding import W2, principal_axis
from grainlight.optics.forward.point_spread import blur_strips

S, S2, H2_REAL, H2_IMAG, H4_REAL, H4_IMAG = range(6)
"""Terms of `basis`."""
BENT = 6
"""A term plus this is that term times 1 - s."""
TERMS = range(12)


def axis_powers(c_axes: Tensor) -> Tensor:
    """Return s and the real and imaginary part of h2 (3, ...) of c-axes (..., 3) in frame S."""
    x, y = c_axes[..., 0], c_axes[..., 1]
    return torch.stack((x * x + y * y, x * x - y * y, 2 * x * y))


def embedding_powers(e: Tensor) -> Tensor:
    """Return `axis_powers` (3, H, W) of embeddings (18, H, W), of any length; single precision."""
    out = e.new_empty(3, *e.shape[1:], dtype=torch.float32)
    for rows in blur_strips(e.shape[1], e.shape[2]):
        out[:, rows] = axis_powers(principal_axis((e[:5, rows] / W2).movedim(0, -1)))
    return out


def basis(axis: Tensor, terms: Sequence[int] = TERMS) -> Tensor:
    """Return some terms (n, ...) of the light of axes, given as `axis_powers` (3, ...)."""
    s, real, imag = axis
    plain = (s, s * s, real, imag, real * real - imag * imag, 2 * real * imag)
    rest = 1 - s
    return torch.stack([plain[term] if term < BENT else plain[term - BENT] * rest for term in terms])


def complex_powers(axis: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return s, h2 and h4 (...) of `axis_powers` (3, ...), the last two complex."""
    h2 = torch.complex(axis[1], axis[2])
    return axis[0], h2, h2 * h2
