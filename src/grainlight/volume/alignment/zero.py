"""Sections that were photographed with another zero of the polarizer: how far it is turned against that of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft2, ifft2, next_fast_len

from grainlight.volume.alignment.pair import COARSE, LEAST_SHARED, SMOOTH, displacements, search, shown_by_both
from grainlight.volume.alignment.pattern import Pattern, factor_for

_STEPS = 180  # angles of the polarizer that are tried, over half a turn


def turned(pattern: Pattern, degrees: float) -> Pattern:
    """The pattern as it were with a polarizer zero that many degrees farther: A2 turns by twice, A4 by four times."""
    channels = pattern.channels.copy()
    for first, times in ((1, 2), (3, 4)):
        z = (pattern.channels[first] + 1j * pattern.channels[first + 1]) * np.exp(1j * np.radians(times * degrees))
        channels[first], channels[first + 1] = z.real, z.imag
    return replace(pattern, channels=channels)


def turn_between(a: Pattern, b: Pattern) -> float | None:
    """Degrees, -90 to 90, by which ``b`` is to be turned to correlate best with ``a``; None if either is empty.

    Seen as complex numbers, A2 and A4 of one structure differ by a phase between the two zeros, and so do the values of
    their cross-correlation: its modulus tells the displacement, its phase there the turn.
    """
    x, y = a.weighted, b.weighted
    if not (x[1:].any() and y[1:].any()):
        return None
    shape = [next_fast_len(max(m, n) + max(m, n) // 2 + 1) for m, n in zip(x.shape[1:], y.shape[1:], strict=True)]
    low = np.exp(-0.5 * (2 * np.pi * SMOOTH) ** 2 * np.add.outer(*(np.fft.fftfreq(n) ** 2 for n in shape)))
    second, fourth = (_products(x[k] + 1j * x[k + 1], y[k] + 1j * y[k + 1], shape, low) for k in (1, 3))
    moves, shared = displacements(x.shape[1:], y.shape[1:])
    at = np.ix_(moves[0] % shape[0], moves[1] % shape[1])
    enough = shared >= LEAST_SHARED * min(x[0].size, y[0].size)
    score = np.where(enough, (np.abs(second[at]) + np.abs(fourth[at])) / np.sqrt(shared), -np.inf)
    best = np.unravel_index(int(score.argmax()), score.shape)
    angle = np.radians(np.arange(_STEPS) * (180.0 / _STEPS) - 90.0)
    fit = np.real(second[at][best] * np.exp(2j * angle) + fourth[at][best] * np.exp(4j * angle))
    return float(np.degrees(angle[int(fit.argmax())]))


def _products(
    x: NDArray[np.complexfloating], y: NDArray[np.complexfloating], shape: list[int], low: NDArray[np.float64]
) -> NDArray[np.complexfloating]:
    """Cross-correlation of two complex images: sums of conj(x) y over all displacements of the second."""
    return np.asarray(ifft2(fft2(x, shape).conj() * fft2(y, shape) * low**2))


def of_same_zero(pattern: Pattern, others: Sequence[Pattern], prominence: float) -> tuple[Pattern, float]:
    """A pattern turned to the polarizer zero of the first of others that it is then related to, and the degrees.

    ``prominence`` of the peak from which they are related, more by the root of the overlap where less is shared. The
    pattern as it is, and 0, where it is related to none.
    """
    for other in others:
        factor = factor_for((pattern.shape, other.shape), COARSE)
        theirs, ours = other.joined(factor), pattern.joined(factor)
        degrees = turn_between(theirs, ours)
        if degrees is None:
            continue
        found = search(theirs.weighted, turned(ours, degrees).weighted)
        if found is not None and found.prominence >= prominence / np.sqrt(
            shown_by_both(theirs.shape, ours.shape, found.at)
        ):
            return turned(pattern, degrees), degrees
    return pattern, 0.0
