"""From prepared inputs to the estimate of every pixel's orientation and how sure it is: the stages in their order.

This is the one place that says how an estimate is made. It takes a `JointMeasurement` (state, noise levels, measured
points) and knows neither files nor grids nor vendors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from grainlight.diffusion.state import EBSD, is_unknown
from grainlight.optics.forward.curves import IDEAL
from grainlight.progress import Progress, Silent
from grainlight.restore.labelling.descent import RelabelSettings
from grainlight.restore.labelling.label import label_map
from grainlight.restore.labelling.lone_points import crowded, lone_points
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
    it has one member; ``blur`` of the light in pixels, None without; ``unused`` (H, W) where light was not used,
    because measured points stood alone in a map that followed it.
    """

    embedding: Tensor
    light: Tensor
    uncertainty: Uncertainty
    samples: Tensor | None = None
    blur: float | None = None
    unused: Tensor | None = None


def infer(prior: Prior, measured: JointMeasurement, plan: Plan, progress: Progress | None = None) -> Posterior:
    """Sample, label, and say how sure the labels are.

    With visits of the chain in the plan its boundaries are those of the chain, and the light is calibrated a second
    time, on a draft; those of the members are always the descent's.
    """
    progress = progress or Silent()
    stated = measured
    if plan.visits:
        measured = second_look(prior, measured, plan.seed)
    drawn = prior.sample(measured, plan)
    progress.begin("placing the boundaries", 1 + len(drawn.members))
    relabelling = RelabelSettings(visits=plan.visits, seed=plan.seed)
    labelled = label_map(measured, drawn.guide, relabelling, drawn.unlit)
    believed = trusted_light(measured, labelled.embedding)
    if believed is not measured:
        # What is made anew is not kept beside the old: these are the largest arrays here.
        measured = believed
        del drawn, labelled
        drawn = prior.sample(measured, plan)
        labelled = label_map(measured, drawn.guide, relabelling, drawn.unlit)
    mean, light = drawn.mean, drawn.light
    progress.advance()
    members = label_members(measured, drawn.members, labelled.embedding, progress.advance)
    # The embeddings of the members are the largest arrays here and are not needed any more: free them.
    del drawn
    # The light that the orientations should show, averaged with the network's where it has one: their errors differ.
    expected = IDEAL.of_embedding(labelled.embedding)
    if light is not None:
        expected = light if measured.neighbours is None else 0.5 * (light + expected)
    uncertainty = measure_uncertainty(measured, mean, labelled, members)
    unused = is_unknown(measured.sigma[1:]).all(0) & ~is_unknown(stated.sigma[1:]).all(0)
    return Posterior(labelled.embedding, expected, uncertainty, members.orientations, labelled.blur, unused)


def trusted_light(measured: JointMeasurement, e: Tensor) -> JointMeasurement:
    """Leave out the light where measured points stand alone in the map (18, H, W) that was made with it, more often
    than chance has it: EBSD has met their grains more than once, and light alone does not contradict that."""
    if measured.neighbours is None or not measured.has_light:
        return measured
    points = measured.measured
    lone = lone_points(e, measured.state[EBSD], measured.sigma[0], points, measured.neighbours)
    lies = crowded(lone & measured.lit, points) & ~is_unknown(measured.sigma[1:]).all(0)
    return measured.without_light(lies) if bool(lies.any()) else measured


def second_look(prior: Prior, measured: JointMeasurement, seed: int) -> JointMeasurement:
    """Calibrate the light anew on a draft of the map: in fine structures measured points alone tell too little."""
    if measured.neighbours is None or not measured.has_light:
        return measured
    drawn = label_map(measured, prior.draft(measured, seed))
    believed = trusted_light(measured, drawn.embedding)
    if believed is not measured:
        measured, drawn = believed, label_map(believed, prior.draft(believed, seed))
    moved = drawn.relabelled
    if moved is None:
        return measured
    state, sigma = recalibrate(measured.state, measured.sigma, moved.embedding, moved.imaging)
    return replace(measured, state=state, sigma=sigma)
