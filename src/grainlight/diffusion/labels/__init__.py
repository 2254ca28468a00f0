"""Diffusion over grain labels: which of the measured points near a pixel lies in its grain."""
