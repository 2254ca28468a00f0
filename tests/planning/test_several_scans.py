"""Two scans of one field, the second finer, in a box, and displaced by .4 of its steps: merged without a seam."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.evaluation.degrade import Level, degrade
from grainlight.evaluation.metrics import boundary_edges, disorientation
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore.enhance import enhance
from grainlight.restore.result import Result
from grainlight.restore.settings import Settings
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_sections

FINE = 5  # points of the section in a step of the output
OFF = 2  # of them, by which the box is displaced: .4 steps
TOP, LEFT, SIDE = 30, 36, 41  # the box, in pixels of the output


@pytest.fixture(scope="module")
def section() -> OrientationMap:
    q = make_sections(Draw.seeded(3), 1, (481, 481), (70.0, 70.0), "equiaxed").orientation[0].double().numpy()
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return OrientationMap.from_quaternions(q, (0.1, 0.1), (TITANIUM,))


def _box(section: OrientationMap) -> OrientationMap:
    rows, columns = (slice(FINE * first + OFF, FINE * (first + SIDE - 1) + OFF + 1, FINE) for first in (TOP, LEFT))
    part = section.part(rows, columns)
    part = part.replace(
        x=part.x - part.x[0, 0], y=part.y - part.y[0, 0], step=(0.5, 0.5), origin=(part.x[0, 0], part.y[0, 0])
    )
    return degrade(part, scale=1, level=None, seed=7).coarse.replace(origin=part.origin)


def _steps(result: Result, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Angles between neighbours of one true grain: across the border of the box, inside it and outside."""
    q = result.map.quaternions
    inside = np.zeros(q.shape[:2], bool)
    inside[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = True
    found: dict[str, list[np.ndarray]] = {"seam": [], "inside": [], "outside": []}
    for axis, true in enumerate(reversed(boundary_edges(truth))):
        low, high = (np.take(x, range(x.shape[axis] - 1), axis) for x in (q, inside))
        after, beyond = (np.take(x, range(1, x.shape[axis]), axis) for x in (q, inside))
        angle = disorientation(low, after)
        for name, where in (("seam", high != beyond), ("inside", high & beyond), ("outside", ~high & ~beyond)):
            found[name].append(angle[where & ~true])
    return {name: np.concatenate(parts) for name, parts in found.items()}


@pytest.mark.parametrize("level", ["corrupted", None])
def test_no_seam(section: OrientationMap, level: Level | None) -> None:
    full = section.every(FINE)
    task = degrade(full, scale=4, level=level, seed=1)
    settings = Settings(scale=4, quality="fast", device="cpu")
    merged = enhance(task.coarse, task.stack, settings, also=[_box(section)])
    alone = enhance(task.coarse, task.stack, settings)
    one, two = _steps(alone, task.truth), _steps(merged, task.truth)
    # boundaries that are none are as rare along the border as inside the box, where they are its displacement
    assert (two["seam"] > 5).mean() < (two["inside"] > 5).mean()
    # inside a grain nothing steps there: less than the noise of a point, half a degree
    within = two["seam"][two["seam"] < 5]
    assert np.median(within) < max(np.median(two["inside"]), np.median(one["seam"])) + 0.02
    assert np.quantile(within, 0.9) < 0.5
    # what was measured in the box is what the map shows there
    inside = np.s_[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    assert merged.measured[inside].all()
    assert np.mean(merged.source[inside] == 1) > 0.93
    # and what is wrong in the box is where the points of the displaced scan lie in another grain than its pixels
    points = section.part(*(slice(FINE * n + OFF, FINE * (n + SIDE - 1) + OFF + 1, FINE) for n in (TOP, LEFT)))
    displaced = disorientation(points.quaternions, task.truth[inside]) > 5
    error = [disorientation(found.map.quaternions, task.truth)[inside] > 5 for found in (alone, merged)]
    assert (error[1] & ~displaced).mean() < 0.025
    assert (error[1] & ~displaced).mean() < 0.5 * (error[0] & ~displaced).mean()
