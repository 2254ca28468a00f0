"""Registration in the restoration, before the light is calibrated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from grainlight.errors import InputError
from grainlight.maps.images.condition import Condition, condition
from grainlight.maps.images.light_order import true_angles
from grainlight.maps.images.step import check_step
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.progress import Progress
from grainlight.register.points import from_pairs, load_points, map_positions
from grainlight.register.register import Registration, register
from grainlight.register.transform import Transform, load_transform, stated
from grainlight.register.warp import warp_stack
from grainlight.restore.light.calibrated import NOT_USED
from grainlight.restore.light.images.recorded import recorded
from grainlight.restore.points.grid import PointGrid
from grainlight.restore.settings import Settings

WAYS_ON = (
    "If it lies where --pl-origin and --pl-step state, --register none believes that; --points CSV starts from pairs "
    "of points that are seen on both"
)
"""What a user can do where the place was not found."""


@dataclass(frozen=True, eq=False)
class RegisteredLight:
    """A stack and where it lies: ``light`` as recorded, None where there is none to use; ``registration`` says how it
    comes to the map, None where the images are worth nothing; ``told`` of the images; ``refused``: why they are not.
    """

    light: LightStack | None
    registration: Registration | None
    told: tuple[str, ...] = ()
    refused: str | None = None

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

    def without(self, refused: str) -> RegisteredLight:
        """Return it without its light, which is refused for a reason."""
        return replace(self, light=None, refused=refused.removeprefix(NOT_USED).rstrip("."))

    @property
    def warnings(self) -> tuple[str, ...]:
        found = () if self.registration is None else self.registration.warnings
        refused = () if self.refused is None else (f"{NOT_USED}{self.refused}.",)
        return (*self.told, *found, *refused)

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


def screened(light: LightStack) -> Condition:
    """Return a stack as far as it can be used, NaN where an image did not record, and what is to be said of it.

    Raises
    ------
    InputError
        Where the images follow their angles in another order than the stated one.
    """
    found = condition(light)
    if found.light is None:
        return found
    shown = recorded(found.light)
    found = replace(found, light=shown.light, notes=(*found.notes, *shown.told))
    angles, told = true_angles(shown.light)
    if angles is not None:
        listed = ",".join(f"{angle:g}" for angle in angles)
        raise InputError(
            "the light images are in another order than their angles",
            file=light.paths[0] if light.paths else None,
            found=f"they change with the angle as light does at {listed}",
            expected=f"at {','.join(f'{angle:g}' for angle in shown.light.angles)}, as stated",
            advice="give the files in the order of their angles, or their angles in the order of the files: "
            f"--angles {listed}",
        )
    return found if told is None else replace(found, notes=(*found.notes, told))


def register_light(
    ebsd: OrientationMap, light: LightStack, settings: Settings, progress: Progress | None = None
) -> RegisteredLight:
    """Bring a stack to the map, or leave it out with a warning where it is worth nothing, or cannot be told where it
    lies."""
    found = screened(light)
    if found.light is None:
        return RegisteredLight(None, None, found.notes, found.reason)
    return registered(found.light, find(ebsd, found.light, settings, progress), found.notes)


def registered(light: LightStack, found: Registration, told: tuple[str, ...] = ()) -> RegisteredLight:
    """Return a stack where a registration says, or none where that is not to be trusted."""
    if not found.trusted:
        return RegisteredLight(None, found, told, f"its place on the EBSD map was not found with confidence. {WAYS_ON}")
    return RegisteredLight(light, found, told)
