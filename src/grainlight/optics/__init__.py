"""Reflected polarized light: physics, harmonics of a stack, and their calibration to the canonical state."""
