"""From prepared inputs to the estimate of every pixel's orientation and how sure it is: the stages in their order.

This is the one place that says how an estimate is made. It takes a `JointMeasurement` (state, noise levels, measured
points) and knows neither files nor grids nor vendors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from grainlight.optics.forward.curves import IDEAL
from grainlight.progress import Progress, Silent
from grainlight.restore.labelling.descent import RelabelSettings
from grainlight.restore.labelling.label import label_map
from grainlight.restore.labelling.members import label_members
from grainlight.restore.light.recalibration import recalibrate
from grainlight.restore.sampling.measurement import JointMeasurement
from grainlight.restore.sampling.prior import Prior
from grainlight.restore.settings import Plan
from grainlight.restore.uncertainty.summary import Uncertainty, measure_uncertainty


@dataclass(frozen=True, eq=False)
class Posterior:
    """What a restoration finds of a map or a window.

    ``embedding`` (18, H, W) of the restored map; ``light`` (5, H, W) clean harmonics; ``uncertainty`` before its
    tables; ``samples`` (K, H, W, 4) orientations of the ensemble's members in half precision (0.05 degrees), None where
    it has one member; ``blur`` of the light in pixels, None without.
    """

    embedding: Tensor
    light: Tensor
    uncertainty: Uncertainty
    samples: Tensor | None = None
    blur: float | None = None


def infer(prior: Prior, measured: JointMeasurement, plan: Plan, progress: Progress | None = None) -> Posterior:
    """Sample, label, and say how sure the labels are.

    With visits of the chain in the plan its boundaries are those of the chain, and the light is calibrated a second
    time, on a draft; those of the members are always the descent's.
    """
    progress = progress or Silent()
    if plan.visits:
        measured = second_look(prior, measured, plan.seed)
    drawn = prior.sample(measured, plan)
    mean, light = drawn.mean, drawn.light
    progress.begin("placing the boundaries", 1 + len(drawn.members))
    labelled = label_map(measured, drawn.guide, RelabelSettings(visits=plan.visits, seed=plan.seed))
    progress.advance()
    members = label_members(measured, drawn.members, labelled.embedding, progress.advance)
    # The embeddings of the members are the largest arrays here and are not needed any more: free them.
    del drawn
    # The light that the orientations should show, averaged with the network's where it has one: their errors differ.
    expected = IDEAL.of_embedding(labelled.embedding)
    if light is not None:
        expected = light if measured.neighbours is None else 0.5 * (light + expected)
    uncertainty = measure_uncertainty(measured, mean, labelled, members)
    return Posterior(labelled.embedding, expected, uncertainty, members.orientations, labelled.blur)


def second_look(prior: Prior, measured: JointMeasurement, seed: int) -> JointMeasurement:
    """Calibrate the light anew on a draft of the map: in fine structures measured points alone tell too little."""
    if measured.neighbours is None or not measured.has_light:
        return measured
    moved = label_map(measured, prior.draft(measured, seed)).relabelled
    if moved is None:
        return measured
    state, sigma = recalibrate(measured.state, measured.sigma, moved.embedding, moved.imaging)
    return replace(measured, state=state, sigma=sigma)
