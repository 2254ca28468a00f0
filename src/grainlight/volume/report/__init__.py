"""The page about a volume: its sections under a slider, cuts across them, where EBSD was and where doubt is."""
