"""Tell whose HDF5 file it is, from what it says at its top."""

from __future__ import annotations

from pathlib import Path

from grainlight.errors import InputError
from grainlight.maps.io.hdf5.node import Node, open_hdf5


def hdf5_kind(file: Path) -> str:
    """Return the name of an HDF5 file's format.

    Raises
    ------
    InputError
        Where it is damaged or of a kind that is not read here.
    """
    with open_hdf5(file) as root:
        names = root.names()
        maker = _maker(root, names)
        if "DataContainers" in names or "DataStructure" in names:
            return "dream3d"
        if maker.lower() == "orix" and "crystal_map" in names:
            return "orix HDF5"
        slices = any(name.isdigit() and root.child(f"{name}/Header") for name in names)
        if slices and ("ZStartIndex" in names or "Index" in names) and maker.upper() in ("TSL", "HKL"):
            return "h5ebsd"
        oxford = "oxford" in maker.lower() or (not maker and "Format Version" in names)
        if oxford:
            return "h5oina"
        if "EDAX" in maker.upper() or (not maker and _has_edax_scan(root)):
            return "EDAX HDF5"
        raise InputError(
            "this HDF5 file is of a kind that is not read",
            file=file,
            found=(f"made by {maker!r}, " if maker else "") + "with " + (", ".join(names[:12]) or "nothing in it"),
            expected="EDAX OIM HDF5, h5oina, orix HDF5, h5ebsd or dream3d",
            advice=_advice(maker, names),
        )


def _advice(maker: str, names: list[str]) -> str:
    if "bruker" in maker.lower():
        return "export the map from Esprit as .ctf: how Bruker's HDF5 lays its axes could not be verified"
    return "export the map as .ang, .ctf or one of these"


def _maker(root: Node, names: list[str]) -> str:
    """Return what the file says of its maker; vendors write the name with blanks or in lower case."""
    for name in names:
        if name.strip().lower() == "manufacturer":
            return root.text(name)
    return root.text("Manufacturer") or root.text("manufacturer")


def _has_edax_scan(root: Node) -> bool:
    return any(root.child(f"{name}/EBSD/Header") and root.child(f"{name}/EBSD/Data") for name in root.groups())
