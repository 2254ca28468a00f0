"""Orientations of synthetic grains: textures, twins and variants."""
