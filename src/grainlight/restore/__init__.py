"""The pipeline: a coarse map and light images in, a full-resolution map with its doubts out. Knows no command line."""
