"""Macrozones: regions of many grains whose c-axes lie close together."""
