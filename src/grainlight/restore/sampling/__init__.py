"""Samples of the restored map: the seam between a network and the pipeline, and the label network behind it."""
