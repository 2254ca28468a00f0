"""Light on the map: what the images are worth, where they lie, their tiles, and the calibration, each in its turn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress
from grainlight.restore.large.windows import Window
from grainlight.restore.light.calibrated import CalibratedLight
from grainlight.restore.light.calibration import WindowedLight, calibrate_light
from grainlight.restore.light.images.wrong_images import check_images
from grainlight.restore.light.registration import RegisteredLight, find, registered, screened
from grainlight.restore.light.tiles import retile
from grainlight.restore.points.grid import PointGrid
from grainlight.restore.settings import Settings

# Share of the field whose light contradicts its points, from which tiles that lie beside their place are looked for.
_UNUSED = 0.05
# Tiles were moved rightly where no more of their light than this share contradicts its points afterwards, and light
# that was taken for one piece lies there with so many times the residual.
_LEFT, _SHARPER = 0.7, 0.9
# The light as it was stated is used in place of light that had to be bent where its misfit is below so many times that
# of the other, over the rest of so much of the field.
_BETTER, _MOST_UNUSED = 0.8, 0.6


@dataclass(frozen=True, eq=False)
class PlacedLight:
    """A stack as it is ``registered``, and ``calibrated``: None where there is none to use."""

    registered: RegisteredLight
    calibrated: CalibratedLight | WindowedLight | None

    @property
    def unused(self) -> float:
        """Share of the field whose light is not used."""
        return 1.0 if self.calibrated is None else self.calibrated.unused

    @property
    def residual(self) -> float:
        """Of the registration, in recorded pixels; 0 where nothing was fitted."""
        registration = self.registered.registration
        return 0.0 if registration is None or np.isnan(registration.residual) else registration.residual

    @property
    def misfit(self) -> float:
        """Usual distance of the light that is used from what the points should show."""
        report = {} if self.calibrated is None else self.calibrated.report
        found = [float(report.get(f"spread_{group}", np.inf)) for group in ("a2", "a4")]
        return min(found)


def place_light(
    ebsd: OrientationMap,
    light: LightStack,
    grid: PointGrid,
    noise: float,
    cut: list[Window],
    settings: Settings,
    progress: Progress,
) -> PlacedLight:
    """See what the images recorded and which of them fit, bring them to the map and calibrate them."""
    screen = screened(light)
    if screen.light is None:
        return PlacedLight(RegisteredLight(None, None, screen.notes, screen.reason), None)
    checked = check_images(screen.light)
    told = (*screen.notes, *checked.told)

    def brought(stack: LightStack, told: tuple[str, ...], settings: Settings = settings) -> PlacedLight:
        placed = registered(stack, find(ebsd, stack, settings, progress), told)
        return PlacedLight(placed, calibrate_light(placed, grid, noise, ebsd.sample_frame, cut))

    found = brought(checked.light, told)
    if settings.register != "auto" or _is_given(found) or not _is_doubtful(found):
        return found
    # Of a c-axis, which feels the noise in two directions of three.
    again = retile(checked.light, grid, noise / np.sqrt(3.0))
    if again is not None:
        better = brought(again.light, (*told, *again.told))
        sharper = found.unused > _UNUSED or _is_bent(found) or better.residual < _SHARPER * found.residual
        if sharper and not _is_bent(better) and better.unused < _LEFT * again.share:
            return better
    if not _is_bent(found):
        return found
    # Bent for a tile beside its place, light fits nowhere; what lies where it was stated fits better, if only there.
    try:
        stated = brought(checked.light, told, replace(settings, register="none"))
    except InputError:  # nobody asked for the stated place: images that miss the map there are no fault of theirs
        return found
    return stated if stated.misfit < _BETTER * found.misfit and stated.unused < _MOST_UNUSED else found


def _is_doubtful(found: PlacedLight) -> bool:
    """Whether light that was brought to the map may have tiles beside their place: it had to be moved or bent, or
    contradicts the points of a region."""
    unused = found.calibrated is not None and found.calibrated.unused > _UNUSED
    return unused or _is_bent(found) or found.registered.transform is not None


def _is_given(found: PlacedLight) -> bool:
    """Whether a user gave another place than the stated one, in which what contradicts the points is no tile."""
    registration = found.registered.registration
    return registration is not None and registration.method == "file" and found.registered.transform is not None


def _is_bent(found: PlacedLight) -> bool:
    """Whether no place was found for light, but for one that had to be bent."""
    registration = found.registered.registration
    return registration is not None and (not registration.trusted or registration.method == "deformable")
