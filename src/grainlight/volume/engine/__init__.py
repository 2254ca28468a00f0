"""Who does the sections of a volume: this process, a pool of processes, or the workers of a scheduler."""
