"""Tell whose HDF5 file it is, from what it says at its top."""

from __future__ import annotations

from pathlib import Path

from grainlight.errors import InputError
from grainlight.maps.io.hdf5 import Node, open_hdf5


def hdf5_kind(file: Path) -> str:
    """Return the name of an HDF5 file's format.

    Raises
    ------
    InputError
        Where it is damaged or of a kind that is not read here.
    """
    with open_hdf5(file) as root:
        names = root.keys()
        maker = _maker(root, names)
        if "EDAX" in maker.upper() or (not maker and _has_edax_scan(root)):
            return "EDAX HDF5"
        raise InputError(
            "this HDF5 file is of a kind that is not read",
            file=file,
            found=(f"made by {maker!r}, " if maker else "") + "with " + (", ".join(names[:12]) or "nothing in it"),
            expected="EDAX OIM HDF5",
            advice="export the map as .ang, .ctf or one of these",
        )


def _maker(root: Node, names: list[str]) -> str:
    """Return what the file says of its maker; vendors write the name with blanks or in lower case."""
    for name in names:
        if name.strip().lower() == "manufacturer":
            return root.text(name)
    return root.text("Manufacturer") or root.text("manufacturer")


def _has_edax_scan(root: Node) -> bool:
    return any(root.child(f"{name}/EBSD/Header") and root.child(f"{name}/EBSD/Data") for name in root.groups())
