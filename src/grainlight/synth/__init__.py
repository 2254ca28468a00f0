"""Synthetic polycrystals and their polarized light, in batches, on any device. Knows nothing of the network."""
