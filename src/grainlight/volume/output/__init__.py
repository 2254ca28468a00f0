"""What is written of a volume: the store of all sections, and files for other programs."""

from grainlight.volume.output.files import write_volume

__all__ = ["write_volume"]
