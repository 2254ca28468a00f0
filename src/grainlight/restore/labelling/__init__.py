"""From samples to a map: measured orientations projected, isolated pixels joined, boundaries placed by the light."""
