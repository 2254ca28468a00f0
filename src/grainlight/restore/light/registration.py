"""Registration in the restoration, before the light is calibrated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from grainlight.maps.image_step import check_step
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress
from grainlight.register.points import from_pairs, load_points, map_positions
from grainlight.register.register import Registration, register
from grainlight.register.transform import Transform, load_transform, stated
from grainlight.register.warp import warp_stack
from grainlight.restore.points.grid import PointGrid
from grainlight.restore.settings import Settings


@dataclass(frozen=True, eq=False)
class RegisteredLight:
    """A stack and where it lies: ``light`` as recorded, None where there is none to use; ``registration`` says how it
    comes to the map."""

    light: LightStack | None
    registration: Registration | None

    @property
    def transform(self) -> Transform | None:
        """From the map to the pixels of the stack; None for one that lies as it was stated."""
        found = self.registration
        return None if found is None or found.moved == 0.0 else found.transform

    def stack(self, grid: PointGrid) -> LightStack | None:
        """The stack where the map is."""
        if self.light is None or self.transform is None:
            return self.light
        rows, columns = grid.shape
        return warp_stack(self.light, self.transform, rows=rows, columns=columns, step=grid.step, left=grid.left)

    @property
    def warnings(self) -> tuple[str, ...]:
        return () if self.registration is None else self.registration.warnings

    def as_record(self) -> dict[str, Any] | None:
        return None if self.registration is None else self.registration.as_record()


def find(ebsd: OrientationMap, light: LightStack, settings: Settings, progress: Progress | None = None) -> Registration:
    """Register as the settings say: a saved transform, points of the user's, or a search."""
    if settings.transform is not None:
        given = load_transform(settings.transform)
        here = stated(light, given.extent)
        return Registration(given, "file", float("nan"), given.distance(here), True, {}, ())
    check_step(ebsd, light)
    start = None
    if settings.points is not None:
        points, pixels = load_points(settings.points)
        positions = map_positions(ebsd, points)
        x, y = ebsd.x[ebsd.present], ebsd.y[ebsd.present]
        extent = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
        start = from_pairs(positions, pixels, stated(light, extent))
        if settings.register == "none":
            moved = start.distance(stated(light, extent))
            return Registration(start, "points", float("nan"), moved, True, {}, ())
    return register(ebsd, light, settings.register, scale=settings.scale, start=start, progress=progress)


def register_light(
    ebsd: OrientationMap, light: LightStack, settings: Settings, progress: Progress | None = None
) -> RegisteredLight:
    """Bring a stack to the map, or leave it out with a warning where it cannot be told where it lies."""
    return registered(light, find(ebsd, light, settings, progress))


def registered(light: LightStack, found: Registration) -> RegisteredLight:
    """Return a stack where a registration says, or none where that is not to be trusted."""
    if not found.trusted:
        told = "The polarized light is not used: its place on the EBSD map could not be found with confidence."
        return RegisteredLight(None, replace(found, warnings=(*found.warnings, told)))
    return RegisteredLight(light, found)
