"""What is written of a volume: the store of all sections, and files for other programs."""
