"""A plan as a map: the grid of the output with the planned points marked, for programs that take a .ctf."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grainlight.maps.orientation_map import OrientationMap
from grainlight.planning.plan import Plan
from grainlight.restore.result import Result

_BRIGHTEST = 255


def planned_map(result: Result, plan: Plan) -> OrientationMap:
    """Return the restored map with the plan in the columns of a .ctf that a byte fits into.

    Parameters
    ----------
    result
        The restoration that was planned from.
    plan
        Points or boxes.

    Returns
    -------
    The map; its field ``bc`` is 255 at the point or box to scan first and falls to 1 at the last, 0 where nothing is
    planned; ``bands`` is 1 at planned points, of boxes the number of the box (255 for all later ones).
    """
    shape = result.source.shape
    order = _order_of_boxes(plan, shape) if plan.boxes else _order_of_points(result, plan)
    last = max(int(order.max()), 1)
    planned = order > 0
    rank = np.where(planned, 1 + np.floor((_BRIGHTEST - 1) * (last - order) / max(last - 1, 1)), 0)
    number = np.minimum(order, _BRIGHTEST) if plan.boxes else planned
    fields = {"bc": rank.astype(np.uint8), "bands": np.asarray(number, dtype=np.uint8)}
    return result.map.replace(fields=fields, source="grainlight plan")


def _order_of_points(result: Result, plan: Plan) -> NDArray[np.int64]:
    """Return (H, W) the place of each pixel in the list, from 1; 0 where it is not in it."""
    order = np.zeros(result.source.shape, dtype=np.int64)
    (x0, y0), (dx, dy) = result.map.origin, result.map.step
    row, column = np.rint((plan.y - y0) / dy).astype(int), np.rint((plan.x - x0) / dx).astype(int)
    order[row, column] = np.arange(1, len(plan.x) + 1)
    return order


def _order_of_boxes(plan: Plan, shape: tuple[int, int]) -> NDArray[np.int64]:
    order = np.zeros(shape, dtype=np.int64)
    # of boxes that overlap the first counts
    for number, box in reversed(list(enumerate(plan.boxes, 1))):
        order[box.top : box.bottom + 1 : box.step, box.left : box.right + 1 : box.step] = number
    return order
