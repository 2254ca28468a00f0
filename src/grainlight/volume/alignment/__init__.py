"""Alignment of the sections of a volume: patterns of their light, pairs, one fit, the record and its picture."""
