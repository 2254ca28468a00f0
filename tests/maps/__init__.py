"""Tests of maps and their files; a package so that they can share their samples."""
