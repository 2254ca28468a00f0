"""The EBSD points on the output grid: where they lie, how noisy they are, which are wrong."""
