"""Grains of a volume: labels over faces, statistics, contacts, tables."""
