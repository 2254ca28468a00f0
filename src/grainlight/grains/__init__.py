"""Boundaries, grains and their statistics, with intervals from an ensemble; how a map was made is not known here."""
