"""Read and write EBSD maps and light images: `load` and `save` choose the file of the format."""

from __future__ import annotations

from grainlight.maps.io.load import load_ebsd
from grainlight.maps.io.readers.ang import read_ang
from grainlight.maps.io.readers.channel5 import read_channel5
from grainlight.maps.io.readers.ctf import read_ctf
from grainlight.maps.io.readers.dream3d import read_dream3d
from grainlight.maps.io.readers.edax_h5 import read_edax_h5
from grainlight.maps.io.readers.h5ebsd import read_h5ebsd
from grainlight.maps.io.readers.h5oina import read_h5oina
from grainlight.maps.io.readers.images import load_light
from grainlight.maps.io.readers.orix_h5 import read_orix_h5
from grainlight.maps.io.readers.osc import read_osc
from grainlight.maps.io.save import losses, save_ebsd
from grainlight.maps.io.writers.ang import write_ang
from grainlight.maps.io.writers.ctf import write_ctf
from grainlight.maps.io.writers.ome_tiff import write_light_ome_tiff

__all__ = [
    "load_ebsd",
    "load_light",
    "losses",
    "read_ang",
    "read_channel5",
    "read_ctf",
    "read_dream3d",
    "read_edax_h5",
    "read_h5ebsd",
    "read_h5oina",
    "read_orix_h5",
    "read_osc",
    "save_ebsd",
    "write_ang",
    "write_ctf",
    "write_light_ome_tiff",
]
