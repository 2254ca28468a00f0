"""Read and write EBSD maps and light images: one file per format, one door for all."""

from __future__ import annotations

from grainlight.maps.io.ang import read_ang
from grainlight.maps.io.ang_writer import write_ang
from grainlight.maps.io.channel5 import read_channel5
from grainlight.maps.io.ctf import read_ctf
from grainlight.maps.io.ctf_writer import write_ctf
from grainlight.maps.io.dream3d import read_dream3d
from grainlight.maps.io.edax_h5 import read_edax_h5
from grainlight.maps.io.h5ebsd import read_h5ebsd
from grainlight.maps.io.h5oina import read_h5oina
from grainlight.maps.io.images import load_light
from grainlight.maps.io.load import load_ebsd
from grainlight.maps.io.ome_tiff_writer import write_light_ome_tiff
from grainlight.maps.io.orix_h5 import read_orix_h5
from grainlight.maps.io.osc import read_osc
from grainlight.maps.io.save import losses, save_ebsd

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
