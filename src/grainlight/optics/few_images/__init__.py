"""Harmonics of images that do not determine them."""
