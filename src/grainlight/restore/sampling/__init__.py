"""Samples of the restored state: calls of the network in tiles, the solver, the ensemble."""
