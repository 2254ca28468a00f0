"""Volumes: light on every section, EBSD on some, the whole specimen restored."""
