"""Hypothesis strategies for orientation maps."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import LAUE_GROUPS, Phase

NAMES = ("Titanium (Alpha)", "Zircaloy-4", "beta", "Mg", "Phase\twith  blanks", "Ni-Superalloy", "α-Ti")
_LATTICE = {"-3": 120.0, "-3m": 120.0, "6/m": 120.0, "6/mmm": 120.0}


@st.composite
def phases(draw) -> tuple[Phase, ...]:
    """One to four phases, numbered with gaps."""
    ids = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(sorted))
    found = []
    for number in ids:
        group = draw(st.sampled_from(("6/mmm", *LAUE_GROUPS)))
        a, c = draw(st.integers(2000, 9000)) / 1000, draw(st.integers(2000, 9000)) / 1000
        name = draw(st.sampled_from(NAMES))
        found.append(Phase(number, f"{name} {number}", group, a, a, c, 90.0, 90.0, _LATTICE.get(group, 90.0)))
    return tuple(found)


@st.composite
def maps(draw, hexagonal: bool = False, absent: bool = True) -> OrientationMap:
    """A map of a few points: any frames, phases, steps, points not indexed and, where asked, places without a point."""
    rows, cols = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    if hexagonal:
        rows, cols = max(rows, 2), max(cols, 2)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(phases())
    shape = (rows, cols)
    numbers = [0, *(phase.id for phase in kinds)]
    phase_id = rng.choice(numbers, size=shape).astype(np.int16)
    # orientations of all sorts, among them those where Euler angles are ambiguous
    euler = rng.uniform(0, [2 * np.pi, np.pi, 2 * np.pi], (*shape, 3))
    euler[..., 1] = np.where(rng.random(shape) < 0.2, rng.choice([0.0, np.pi], size=shape), euler[..., 1])
    quaternions = quaternion_from_bunge(euler)
    dx = draw(st.integers(1, 400)) / 100
    dy = draw(st.integers(1, 400)) / 100
    if absent and not hexagonal and rows * cols > 8:
        # the border stays, which is what tells the grid's size from the points
        inner = rng.random(shape) < 0.15
        inner[[0, -1]] = False
        inner[:, [0, -1]] = False
        phase_id[inner] = -1
    quaternions[phase_id <= 0] = [1, 0, 0, 0]
    y, x = np.meshgrid(np.arange(rows) * dy, np.arange(cols) * dx, indexing="ij")
    if hexagonal:
        x = x + np.where(np.arange(rows) % 2 == 1, dx / 2, 0.0)[:, None]
    return OrientationMap(
        quaternions=quaternions,
        phase_id=phase_id,
        x=x,
        y=y,
        phases=kinds,
        step=(dx, dy),
        grid="hexagonal" if hexagonal else "square",
        sample_frame=draw(st.sampled_from(SampleFrame)),
        crystal_frame=draw(st.sampled_from(CrystalFrame)),
        fields={
            "iq": rng.uniform(0, 3000, shape).round(1),
            "ci": rng.uniform(0, 1, shape).round(3),
            "mad": rng.uniform(0, 2, shape).round(4),
            "bc": rng.integers(0, 256, shape),
        },
    )
