"""Figures of every real map against a computation that shares no code with the room: numpy, SciPy and loops.

Neighbours come from distances between points, disorientations from SciPy's rotations and groups, grains from a search
from point to point, moments and means from numpy's own functions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from grainlight.crystal.frames import CrystalFrame
from grainlight.grains.grain_map import find_grains
from grainlight.maps.io import load_ebsd
from grainlight.maps.orientation_map import OrientationMap
from tests.real_files import RealFiles

FILES = (
    "pymicro/Ti64-200x200.ang",
    "pymicro/Ti_ebsd_demo_joao.h5",
    "lightform/Sample.cpr",
    "defdap/testDataEBSD.cpr",
    "dream3d/Small_IN100_Slice1.dream3d",
    "ebsdlib/EdaxAngOnly.h5",
    "ebsdlib/Out_Of_Order.ang",
    "ebsdlab/EBSD.ang",
    "ebsdlab/EBSD.osc",
    "orix_data/sdss_ferrite_austenite.ang",
    "dream3d_data/Test_US_1.ctf",
    "dream3d_data/Test_US_2.ctf",
    "dream3d_data/Test_European_1.ctf",
    "kikuchipy/oxford_patterns_v1.h5oina",
)
GROUPS = {"6/mmm": "D6", "m-3m": "O", "4/mmm": "D4", "-3m": "D3", "": "C1"}
TWINS = ((1, 0, 2), (1, 1, 1), (1, 1, 2), (1, 0, 1))
SMALLEST, ANGLE = 5, 5.0


@dataclass
class Points:
    """Indexed points of a map: position (n, 2), rotation, phase (n,), pairs of neighbours (m, 2) with their angle, and
    how many neighbours each has in the scan."""

    at: np.ndarray
    rotation: Rotation
    phase: np.ndarray
    pairs: np.ndarray
    angle: np.ndarray
    around: np.ndarray
    groups: dict[int, Rotation]
    step: tuple[float, float]
    hexagonal: bool


def smallest_angle(between: Rotation, group: Rotation) -> np.ndarray:
    """Degrees, the smallest over the group of a crystal."""
    return np.degrees(np.min([(one * between).magnitude() for one in group], axis=0))


def points_of(ebsd: OrientationMap) -> Points:
    ebsd = ebsd.in_crystal_frame(CrystalFrame.X_ALONG_A)
    every = np.stack([ebsd.x, ebsd.y], axis=-1)[ebsd.present]
    phase = ebsd.phase_id[ebsd.present]
    near = cKDTree(every).query_pairs(1.05 * max(ebsd.step), output_type="ndarray")
    around = np.bincount(near.ravel(), minlength=len(every))
    number = np.cumsum(phase > 0) - 1
    pairs = number[near[(phase[near] > 0).all(axis=1)]]
    known = phase > 0
    rotation = Rotation.from_quat(ebsd.quaternions[ebsd.present][known][:, [1, 2, 3, 0]])
    phase = phase[known]
    groups = {one.id: Rotation.create_group(GROUPS[one.laue_group]) for one in ebsd.phases}
    angle = np.full(len(pairs), np.inf)
    for one, group in groups.items():
        same = (phase[pairs] == one).all(axis=1)
        if same.any():
            left, right = (rotation[pairs[same, side]] for side in (0, 1))
            angle[same] = smallest_angle(left * right.inv(), group)
    hexagonal = ebsd.grid == "hexagonal"
    return Points(every[known], rotation, phase, pairs, angle, around[known], groups, ebsd.step, hexagonal)


def connected(count: int, pairs: np.ndarray) -> np.ndarray:
    """Number of the part that each node is in."""
    beside = defaultdict(list)
    for a, b in pairs.tolist():
        beside[a].append(b)
        beside[b].append(a)
    part = np.full(count, -1)
    number = 0
    for start in range(count):
        if part[start] >= 0:
            continue
        part[start] = number
        waiting = [start]
        while waiting:
            for other in beside[waiting.pop()]:
                if part[other] < 0:
                    part[other] = number
                    waiting.append(other)
        number += 1
    return part


def grains_of(points: Points) -> np.ndarray:
    """Grain of each point, -1 for none: small parts join the neighbour of the lowest mean angle, round by round."""
    label = connected(len(points.phase), points.pairs[points.angle <= ANGLE])
    while True:
        size = Counter(label.tolist())
        seen: dict[tuple[int, int], list[float]] = defaultdict(list)
        for (a, b), angle in zip(label[points.pairs].tolist(), points.angle.tolist(), strict=True):
            if a != b and np.isfinite(angle):
                seen[a, b].append(angle)
                seen[b, a].append(angle)
        best: dict[int, tuple[float, int]] = {}
        for (a, b), angles in seen.items():
            if size[a] < SMALLEST:
                best[a] = min(best.get(a, (np.inf, -1)), (float(np.mean(angles)), b))
        if not best:
            small = np.array([size[one] < SMALLEST for one in label.tolist()], dtype=bool)
            return np.where(small, -1, label)
        joined = connected(int(label.max()) + 1, np.array([(a, b) for a, (_, b) in best.items()]))
        label = joined[label]


def own_points(points: Points, label: np.ndarray) -> np.ndarray:
    """Which points have an orientation of their grain."""
    inside = (label[points.pairs[:, 0]] == label[points.pairs[:, 1]]) & (points.angle <= ANGLE)
    part = connected(len(label), points.pairs[inside])
    size = Counter(part.tolist())
    largest: dict[int, int] = defaultdict(int)
    for one, grain in zip(part.tolist(), label.tolist(), strict=True):
        largest[grain] = max(largest[grain], size[one])
    least = [min(largest[grain], SMALLEST) for grain in label.tolist()]
    return np.array([size[one] >= few for one, few in zip(part.tolist(), least, strict=True)]) & (label >= 0)


def mean_orientation(rotations: Rotation, group: Rotation) -> Rotation:
    """Normalised mean of the equivalents nearest to the first point, and once more with that mean in its place."""
    mean = rotations[0]
    for _ in range(2):
        forms = [one * rotations for one in group]
        apart = np.array([(form * mean.inv()).magnitude() for form in forms])
        near = np.stack([form.as_quat() for form in forms])[apart.argmin(0), np.arange(len(rotations))]
        mean = Rotation.from_quat((near * np.sign(near @ mean.as_quat())[:, None]).sum(axis=0))
    return mean


def figures_of(points: Points) -> dict[str, float]:
    label = grains_of(points)
    own = own_points(points, label)
    left, right = label[points.pairs.T]
    inside = (left == right) & (points.angle <= ANGLE)
    step_x, step_y = points.step
    area_of_point = step_x * step_y
    members = defaultdict(list)
    for number, grain in enumerate(label.tolist()):
        if grain >= 0:
            members[grain].append(number)
    border, diameter, aspect, gos = [], [], [], []
    mean: dict[int, Rotation] = {}
    full = 6 if points.hexagonal else 4
    for grain, its in members.items():
        border.append(bool((points.around[its] < full).any()))
        diameter.append(2 * np.sqrt(len(its) * area_of_point / np.pi))
        moments = np.cov(points.at[its].T, bias=True) + np.diag([step_x**2, step_y**2]) / 12
        low, high = np.linalg.eigvalsh(moments)
        aspect.append(np.sqrt(high / low))
        kept = [one for one in its if own[one]]
        group = points.groups[int(points.phase[its[0]])]
        mean[grain] = mean_orientation(points.rotation[kept], group)
        gos.append(smallest_angle(points.rotation[kept] * mean[grain].inv(), group).mean())
    total, count = np.zeros(len(label)), np.zeros(len(label))
    for side in (0, 1):
        np.add.at(total, points.pairs[inside, side], points.angle[inside])
        np.add.at(count, points.pairs[inside, side], 1)
    kam = total[own & (count > 0)] / count[own & (count > 0)]
    upright = np.isclose(points.at[points.pairs[:, 0], 1], points.at[points.pairs[:, 1], 1])
    length = np.where(upright, step_y, step_x) if not points.hexagonal else np.full(len(upright), step_x / np.sqrt(3))
    between = (left != right) & (left >= 0) & (right >= 0)
    whole = ~np.array(border, dtype=bool)

    def average(values: list[float]) -> float:
        return float(np.array(values)[whole].mean()) if whole.any() else float("nan")

    return {
        "grains": len(members),
        "interior_grains": int(whole.sum()),
        "mean_diameter": average(diameter),
        "mean_aspect": average(aspect),
        "mean_gos": average(gos),
        "boundary_density": float(length[between].sum() / (len(label) * area_of_point)),
        "kam": float(kam.mean()) if kam.size else float("nan"),
        "left_out": float((label < 0).mean()),
        **_twins(points, label, mean, between, length),
    }


def _twins(
    points: Points, label: np.ndarray, mean: dict[int, Rotation], between: np.ndarray, length: np.ndarray
) -> dict[str, float]:
    """Share of the length of boundaries by the half turns about the normals of K1, in titanium."""
    ratio = 4.686 / 2.95
    group = Rotation.create_group("D6")
    normals = np.array([[h, (h + 2 * k) / np.sqrt(3), index / ratio] for h, k, index in TWINS])
    turns = Rotation.from_rotvec(np.pi * normals / np.linalg.norm(normals, axis=1, keepdims=True))
    # a turn of one crystal after that of the other, whichever of its equivalents either is in
    forms = Rotation.concatenate([one * turn * other for turn in turns for one in group for other in group])
    share, known = 0.0, {}
    for (a, b), of in zip(label[points.pairs[between]].tolist(), length[between].tolist(), strict=True):
        if (a, b) not in known:
            one = mean[a] * mean[b].inv()
            known[a, b] = known[b, a] = np.degrees((forms * one.inv()).magnitude().min()) <= ANGLE
        share += of * known[a, b]
    return {"twin_fraction": share / float(length[between].sum())} if between.any() else {}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_figures_of_a_real_map(shared_data: RealFiles, name: str) -> None:
    ebsd = load_ebsd(shared_data / name)
    titanium = [phase.name for phase in ebsd.phases] in (["Titanium"], ["Titanium (Alpha)"])
    found = find_grains(ebsd)
    value = {key: one.value for key, one in found.figures.items()}
    value |= {
        "left_out": found.left_out,
        "kam": float(np.nanmean(found.kam)) if np.isfinite(found.kam).any() else np.nan,
    }
    for key, expected in figures_of(points_of(ebsd)).items():
        if key in ("grains", "interior_grains"):
            assert value[key] == expected, key
        elif key != "twin_fraction" or titanium:
            assert value[key] == pytest.approx(expected, rel=1e-3, abs=1e-9, nan_ok=True), key


def test_no_map_is_left_out(shared_data: RealFiles) -> None:
    """Files of the folder that are maps with indexed points are in the list, but for second copies of their data."""
    copies = {"Sample.crc", "testDataEBSD.crc", "oxford_patterns_v2.h5oina"}
    endings = {".ang", ".ctf", ".cpr", ".crc", ".osc", ".h5", ".h5oina", ".dream3d", ".h5ebsd"}
    for path in shared_data.rglob("*"):
        name = path.relative_to(shared_data.folder).as_posix()
        if path.suffix not in endings or name in FILES or path.name in copies:
            continue
        try:
            ebsd = load_ebsd(path)
        except Exception:
            continue
        assert ebsd.indexed.sum() < 2, name
