"""Samples of the restoration, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grainlight.crystal.embedding import PER_DEGREE, SQUARED_NORM, decode
from grainlight.diffusion.sampler import solve
from grainlight.diffusion.square import VIEWS, turn_image, turn_state, turn_state_back
from grainlight.diffusion.state import EBSD, LIGHT, group_to_channel_light, is_unknown
from grainlight.grains.edges import BOUNDARY_ANGLE, edge_starts
from grainlight.progress import Progress, Silent
from grainlight.restore.blur import grown
from grainlight.restore.grain_light import expected_light, neighbour_distances
from grainlight.restore.lone import join_lone_pixels
from grainlight.restore.projection import Neighbours, Projected, project
from grainlight.restore.recalibration import recalibrate
from grainlight.restore.relabel import Relabelled, RelabelSettings, relabel
from grainlight.restore.rival import boundary_probability, rival_distance, rival_probability
from grainlight.restore.settings import DRAFT_STEPS
from grainlight.restore.surroundings import surroundings
from grainlight.restore.turning import scatter_degrees, turning
from grainlight.restore.unlit_boundary import unlit_boundary

_NEVER_MIND = 0.03


@dataclass(frozen=True, eq=False)
class Posterior:
    """Summary of an ensemble.

    ``embedding`` (18, H, W) of the restored map; ``light`` (5, H, W) clean harmonics; ``doubt`` (H, W) expected
    distance (root mean square) of the truth from the map in degrees, for the choice between grains and before
    calibration, and ``lit`` (H, W) whether light had a say in that choice; ``scatter`` (H, W) the same distance for the
    orientation of the grain there; ``boundary`` (H, W) probability of a boundary of 5 degrees to the right or below;
    ``samples`` (K, H, W, 4) orientations of the samples in half precision (0.05 degrees), none where the ensemble has
    one member; ``blur`` of the light in pixels, None without.
    """

    embedding: Tensor
    light: Tensor
    doubt: Tensor
    lit: Tensor
    scatter: Tensor
    boundary: Tensor
    samples: Tensor | None = None
    blur: float | None = None


def boundary_starts(e: Tensor) -> Tensor:
    """Pixels (H, W) whose right or lower neighbour is farther than 5 degrees in embeddings (18, H, W)."""
    right, down = (apart > BOUNDARY_ANGLE * PER_DEGREE for apart in neighbour_distances(e))
    return torch.from_numpy(edge_starts(right.numpy(), down.numpy()))


def members(
    denoise: Callable[[Tensor, Tensor], Tensor],
    measurement: Tensor,
    sigma: Tensor,
    steps: int,
    samples: int,
    seed: int,
) -> Iterator[Tensor]:
    """Restored states (23, H, W) one after the other, each in another view of the square and with noise of its own."""
    for number in range(samples):
        view = number % VIEWS
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        # No name here: who takes a state decides how long it is held.
        yield turn_state_back(
            solve(denoise, turn_state(measurement, view), turn_image(sigma, view), steps, generator), view
        )


def restore_ensemble(
    denoise: Callable[[Tensor, Tensor], Tensor],
    measurement: Tensor,
    sigma: Tensor,
    neighbours: Neighbours | None,
    *,
    steps: int,
    samples: int,
    seed: int,
    visits: int = 0,
    drift: float = 0.0,
    barred: Tensor | None = None,
    progress: Progress | None = None,
) -> Posterior:
    """Restore ``samples`` times, each in another view of the square and with noise of its own, and summarise.

    Boundaries are placed by a chain of so many ``visits``, those of the members by the descent; with visits the light
    is calibrated a second time, on a draft. Without ``neighbours`` there is no data projection; ``barred`` pixels
    (H, W) belong to other phases.
    """
    rows, columns = measurement.shape[1:]
    placing = None if neighbours is None else Placing(measurement, sigma, neighbours, drift, barred)
    if visits and placing is not None:
        placing = _second_look(denoise, placing, seed)
        measurement, sigma = placing.measurement, placing.sigma
    mean = torch.zeros_like(measurement)
    found: list[Tensor] = []
    for state in members(denoise, measurement, sigma, steps, samples, seed):
        mean += state / samples
        if samples > 1:
            # Half precision keeps 0.02 degrees and half the memory.
            found.append(state[EBSD].half())
        # Not held while the next one is made.
        del state
    progress = progress or Silent()
    progress.begin("placing the boundaries", 1 + len(found))
    guide = mean[EBSD]
    final, error, moved = _place(placing, guide, RelabelSettings(visits=visits, seed=seed))
    progress.advance()
    # A posterior mean is shorter than an orientation by the variance that it averages over.
    spread = (SQUARED_NORM - guide.square().sum(0)).clamp(min=0.0)
    distance, shares = torch.zeros(rows, columns), torch.zeros(rows, columns)
    for number, member in enumerate(found):
        e = _place(placing, member.float())[0]
        distance += (e - final).square().sum(0) / samples
        shares += boundary_starts(e).float() / samples
        found[number] = decode(e, dim=0).half()
        progress.advance()
    scatter, around, lit = torch.zeros(rows, columns), None, _lit(sigma)
    boundary = shares
    # Where there is light it will say.
    if not found and (moved is None or not lit.all()):
        boundary = boundary_starts(final).float()
    if neighbours is not None:
        around = surroundings(measurement, sigma, neighbours)
        turn = turning(final, measurement, sigma, neighbours)
        scatter = scatter_degrees(error, drift, turn, around.nearest)
        if not lit.all():
            measured = ~is_unknown(sigma[0])
            boundary = torch.where(lit, boundary, unlit_boundary(final, guide, sigma[0], measured, around, ~lit))
    if moved is not None and around is not None:
        # Where there is light it has decided between grains: what is left open is what it could not tell apart.
        probability = rival_probability(moved.margin)
        decided = boundary_probability(final, moved.rival, probability, BOUNDARY_ANGLE)
        boundary = torch.where(lit, decided, boundary)
        apart = rival_distance(final, moved.rival)
        # A grain that no point met is no neighbour's: its orientation is any. A small chance of it, which there is
        # everywhere between points, moves no bound that holds for nine in ten.
        missed = (around.missed(spread / SQUARED_NORM) - _NEVER_MIND).clamp(min=0.0)
        spread = torch.where(lit, probability * apart + missed * 2 * SQUARED_NORM, torch.maximum(spread, distance))
    else:
        spread = torch.maximum(spread, distance)
    doubt = spread.sqrt() / PER_DEGREE
    if neighbours is None:
        # Nobody measured how grains are oriented: the network's spread stands for that as well.
        scatter = doubt
    # Two estimates with errors of their own: the network's, and what physics expects of the orientations.
    light = mean[LIGHT] if neighbours is None else 0.5 * (mean[LIGHT] + expected_light(final))
    return Posterior(
        final,
        light,
        doubt,
        lit if moved is not None else torch.zeros_like(lit),
        scatter,
        boundary,
        torch.stack(found) if found else None,
        None if moved is None else moved.blur,
    )


@dataclass(frozen=True, eq=False)
class Placing:
    """From the network's estimate to a map: projection on the measurement, lone pixels, boundaries by the light.

    ``measurement`` (23, H, W), ``sigma`` (4, H, W), ``neighbours``, ``drift`` and ``barred`` as for `restore_ensemble`.
    """

    measurement: Tensor
    sigma: Tensor
    neighbours: Neighbours
    drift: float = 0.0
    barred: Tensor | None = None

    def projected(self, guide: Tensor) -> Projected:
        """Project an estimate (18, H, W); the embedding that comes back is on the manifold's sphere."""
        found = project(guide, self.measurement[EBSD], self.sigma[0], self.neighbours, self.drift)
        joined = join_lone_pixels(found.embedding, guide, ~is_unknown(self.sigma[0]))
        return replace(found, embedding=_normalised(joined))

    def relabelled(self, found: Projected, guide: Tensor, settings: RelabelSettings | None = None) -> Relabelled | None:
        """Move the boundaries of what was projected to where the light says; None without light."""
        if is_unknown(self.sigma[1:]).all():
            return None
        channels = group_to_channel_light(self.sigma[1:])
        fixed = (~is_unknown(self.sigma[0]) & ~found.wrong) | ~_lit(self.sigma)
        light = self.measurement[LIGHT]
        return relabel(found.embedding, guide, fixed, light, channels, settings, self.barred)


def _second_look(denoise: Callable[[Tensor, Tensor], Tensor], placing: Placing, seed: int) -> Placing:
    """Calibrate the light anew on a draft of the map: in fine structures measured points alone tell too little."""
    if is_unknown(placing.sigma[1:]).all():
        return placing
    generator = torch.Generator().manual_seed(seed * 1_000_003)
    draft = solve(denoise, placing.measurement, placing.sigma, DRAFT_STEPS, generator)[EBSD]
    moved = placing.relabelled(placing.projected(draft), draft)
    if moved is None:
        return placing
    measurement, sigma = recalibrate(placing.measurement, placing.sigma, moved.embedding, moved.response)
    return replace(placing, measurement=measurement, sigma=sigma)


def _place(
    placing: Placing | None, guide: Tensor, settings: RelabelSettings | None = None
) -> tuple[Tensor, Tensor, Relabelled | None]:
    """Embedding (18, H, W) on the manifold's sphere, its standard error (H, W), and the relabelling, if any."""
    if placing is None:
        return _normalised(guide), torch.zeros_like(guide[0]), None
    found = placing.projected(guide)
    moved = placing.relabelled(found, guide, settings)
    return found.embedding if moved is None else moved.embedding, found.error, moved


def _lit(sigma: Tensor) -> Tensor:
    """Pixels (H, W) with light, or within the reach of a blur of some."""
    return grown((~is_unknown(sigma[1:])).any(0), 3)


def _normalised(e: Tensor) -> Tensor:
    return e * (SQUARED_NORM**0.5 / e.square().sum(0).sqrt_().clamp_(min=1e-6))
