"""Points of noise: they agree with no neighbour, and have the quality of points that do not.

Where a pattern shows nothing (a hole, a pore, resin), indexing answers with an orientation all the same. Such
orientations do not repeat from point to point, and their quality is bad. Neither alone tells noise: a grain that the
scan met once has no neighbour either, and along boundaries quality is bad. Which quality is bad is not a matter of the
number, that means something else in every file: it is one met far more often among points that stand alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, uniform_filter

from grainlight.crystal.euler import IDENTITY
from grainlight.grains.boundaries import edge_angles, laue_groups
from grainlight.grains.edges import Edges, edges_of_map
from grainlight.grains.segment import MINIMUM_PIXELS, connected
from grainlight.maps.orientation_map import OrientationMap

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

GOOD_IS = {"ci": 1, "mad": -1, "bc": 1, "fit": -1, "iq": 1, "bs": 1, "bands": 1, "pq": 1, "pattern_quality": 1}
"""Fields that are asked, by the names that the readers give them; 1 where large values are good, -1 where small are."""
_AGREE, _MOST_AGREE = 5.0, 15.0  # degrees up to which neighbours support one another
_OF_NOISE = 3.1  # of angles that noise alone makes (Maxwell), 99 % are within so many lower quartiles
_FEWEST, _FEWEST_SUPPORTED = 20, 100
# Bad values are sought among the worst of the supported points, from each of these shares to the next as long as they
# are met so many times as often among points that stand alone.
_SHARES, _TIMES = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2), 5.0
# A field tells noise if so many more of the points that stand alone have bad values, and so many times as often. On the
# real files .57 and more where there is noise, .23 and less, or 6 times as often, where there is none.
_MORE, _MORE_OFTEN = 0.3, 10.0
# A point that stands alone is noise where in a window of so many points more than such a share is noise or not indexed.
_AROUND, _MOSTLY = 5, 0.35
# Without any quality field: places of so many points and more in whose windows such a share stands alone, in a map in
# which no larger share of the others does.
_PLACE, _NEARLY_ALL, _HARDLY = 25, 0.7, 0.3


@dataclass(frozen=True, eq=False)
class NoisePoints:
    """Points of noise of a map.

    Parameters
    ----------
    found
        (h, w) which points are noise.
    field, limit
        The quality field that tells them, and the value that theirs is beyond; "" and NaN where no field does.
    others
        Share of the supported points that are beyond it, too.
    alone
        How many points no neighbour supports.
    """

    found: Mask
    field: str = ""
    limit: float = float("nan")
    others: float = 0.0
    alone: int = 0

    def as_record(self) -> dict[str, str | float | int | None]:
        """Plain values for the record of a run."""
        told = bool(self.field)
        return {
            "points": int(self.found.sum()),
            "field": self.field or None,
            "limit": float(self.limit) if told else None,
            "alone": self.alone,
        }


def find_noise(ebsd: OrientationMap) -> NoisePoints:
    """Find the points of noise.

    A point is supported if it is one of five and more that neighbours connect, diagonal ones too, each step up to 5
    degrees (up to 15 in a noisy map). Points without support are noise if a quality field tells so: their value is
    beyond one that ten times as large a share of the unsupported as of the supported points is beyond, and three in
    ten of them at least. So are those among them that stand mostly among noise. In a map without any quality field,
    places where nearly all points are without support are noise, if elsewhere most have some.
    """
    none = NoisePoints(np.zeros(ebsd.shape, dtype=bool))
    indexed = ebsd.indexed
    edges = _edges_with_diagonals(ebsd)
    angle = edge_angles(ebsd.quaternions, ebsd.phase_id, laue_groups(ebsd), edges)
    inside = np.isfinite(angle)
    if inside.sum() < _FEWEST_SUPPORTED:
        return none
    limit = float(np.clip(_OF_NOISE * np.quantile(angle[inside], 0.25), _AGREE, _MOST_AGREE))
    close = inside & (angle <= limit)
    part = connected(edges.first[close], edges.second[close], indexed.size)
    supported = indexed & (np.bincount(part)[part] >= MINIMUM_PIXELS).reshape(indexed.shape)
    alone = indexed & ~supported
    none = NoisePoints(none.found, alone=int(alone.sum()))
    if none.alone < _FEWEST or supported.sum() < _FEWEST_SUPPORTED:
        return none
    known = {
        name: sign * np.asarray(ebsd.fields[name], np.float64)
        for name, sign in GOOD_IS.items()
        if name in ebsd.fields and np.ptp(ebsd.fields[name][indexed]) > 0
    }
    if not known:
        return NoisePoints(_places(alone, supported, ebsd), alone=none.alone)
    told = [one for name, good in known.items() if (one := _tells(name, good, alone, supported)) is not None]
    if not told:
        return none
    _, name, value = max(told)
    bad = known[name] < value
    found = _among_noise(alone & bad, alone, ebsd)
    return NoisePoints(found, name, GOOD_IS[name] * value, float(bad[supported].mean()), none.alone)


def without_noise(ebsd: OrientationMap) -> tuple[OrientationMap, NoisePoints]:
    """Return the map with its points of noise not indexed and a note of it, and what was found."""
    noise = find_noise(ebsd)
    count, total = int(noise.found.sum()), int(ebsd.indexed.sum())
    if not count:
        return ebsd, noise
    why = "nor do most of the points around them, and there is no quality field to ask"
    if noise.field:
        side = "below" if GOOD_IS[noise.field] > 0 else "above"
        why = (
            f"and their {noise.field} is {side} {noise.limit:.3g}, as {100 * noise.others:.2g} % of the others' is, or "
            "they stand among such points"
        )
    told = (
        f"{count:,} of {total:,} indexed points ({100 * count / total:.2g} %) are taken as noise, not as measured: no "
        f"neighbour supports them, {why}. --keep-noise keeps them."
    )
    return (
        ebsd.replace(
            phase_id=np.where(noise.found, 0, ebsd.phase_id).astype(np.int16),
            quaternions=np.where(noise.found[..., None], IDENTITY, ebsd.quaternions),
            notes=(*ebsd.notes, told),
        ),
        noise,
    )


def _edges_with_diagonals(ebsd: OrientationMap) -> Edges:
    """Edges between neighbours, on squares to the diagonal ones too; their lengths mean nothing."""
    edges = edges_of_map(ebsd)
    if edges.grid != "square":
        return edges
    index = np.arange(ebsd.phase_id.size, dtype=np.int32).reshape(ebsd.shape)
    first = np.concatenate([edges.first, index[:-1, :-1].ravel(), index[:-1, 1:].ravel()])
    second = np.concatenate([edges.second, index[1:, 1:].ravel(), index[1:, :-1].ravel()])
    return Edges(first, second, np.ones(len(first), np.float32), edges.shape, edges.grid)


def _tells(name: str, good: Array, alone: Mask, supported: Mask) -> tuple[float, str, float] | None:
    """Return by how much more of the points that stand alone have bad values, the field and the value (good is more)
    that bad ones are below; None where the field does not tell noise."""
    ours, others = good[alone], good[supported]
    if not (np.isfinite(ours).all() and np.isfinite(others).all()):
        return None
    limit, ends = -np.inf, np.quantile(others, _SHARES[1:])
    for end in ends:
        share = float(((others >= limit) & (others < end)).mean())
        if end > limit and float(((ours >= limit) & (ours < end)).mean()) < _TIMES * share:
            break
        limit = float(end)
    bad, usual = float((ours < limit).mean()), float((others < limit).mean())
    return (bad - usual, name, limit) if bad - usual >= _MORE and bad >= _MORE_OFTEN * usual else None


def _places(alone: Mask, supported: Mask, ebsd: OrientationMap) -> Mask:
    """Return the points (h, w) of places where nearly all stand alone; none where many others do."""
    present = uniform_filter(ebsd.present.astype(np.float64), _AROUND, mode="constant")
    share = uniform_filter((alone | (ebsd.phase_id == 0)).astype(np.float64), _AROUND, mode="constant")
    place, count = label(alone & (share > _NEARLY_ALL * present), np.ones((3, 3)))
    large = np.bincount(place.ravel(), minlength=count + 1) >= _PLACE
    large[0] = False
    noise = _among_noise(large[place], alone, ebsd)
    rest = (alone & ~noise).sum()
    return noise if rest <= _HARDLY * (rest + supported.sum()) else np.zeros_like(noise)


def _among_noise(noise: Mask, alone: Mask, ebsd: OrientationMap) -> Mask:
    """Return the noise (h, w) with the points that stand alone among it."""
    present = uniform_filter(ebsd.present.astype(np.float64), _AROUND, mode="constant")
    while True:
        share = uniform_filter((noise | (ebsd.phase_id == 0)).astype(np.float64), _AROUND, mode="constant")
        near = uniform_filter(noise.astype(np.float64), _AROUND, mode="constant") > 1e-9
        more = noise | (alone & near & (share > _MOSTLY * present))
        if more.sum() == noise.sum():
            return noise
        noise = more
