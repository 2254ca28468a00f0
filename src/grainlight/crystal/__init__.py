"""Quaternions, Laue group 6/mmm, the orientation embedding and the frames of vendors. Knows no pixels and no files."""
