"""The pipeline: coarse map and light images in, full-resolution map and its uncertainty out. Knows no command line."""
