"""Orientation maps and light stacks: grids, frames, phases, masks, and the files they come from."""

from grainlight.maps.light_stack import LightStack, parse_angles
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase

__all__ = ["LightStack", "OrientationMap", "Phase", "parse_angles"]
