"""Broken files of every kind: read or refused with InputError, nothing else; a share of `tests.maps.fuzz`."""

from __future__ import annotations

import math
from collections import Counter

import h5py
import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd

from .fuzz import cases, time_limit, try_one
from .samples import ang_header, ang_rows, ctf_rows, square
from .test_channel5_osc import CPR, crc_bytes
from .test_ctf import ctf_header
from .vendor_hdf5 import dream3d, edax, h5ebsd, h5oina, layout_8, orix

MAKERS = {
    "edax.h5": edax,
    "a.h5oina": h5oina,
    "a.dream3d": dream3d,
    "b.dream3d": lambda path: layout_8(dream3d(path.with_name("older.dream3d")), path),
    "orix.h5": orix,
    "a.h5ebsd": lambda path: h5ebsd(path, "TSL"),
}
ANGLES = {
    "edax.h5": "Scan 1/EBSD/Data/Phi1",
    "a.h5oina": "1/EBSD/Data/Euler",
    "a.dream3d": "DataContainers/Volume/CellData/EulerAngles",
    "b.dream3d": "DataStructure/Scans/Volume/Cell Data/EulerAngles",
    "orix.h5": "crystal_map/data/phase_id",
    "a.h5ebsd": "3/Data/Phi1",
}


def test_only_input_errors_come_out(tmp_path):
    outcomes: dict[str, Counter[str]] = {}
    for name, path, columns in cases(tmp_path, 600, seed=20):
        with time_limit(60):
            outcomes.setdefault(name, Counter())[try_one(path, columns)] += 1
    assert len(outcomes) == 15
    total = sum(outcomes.values(), Counter())
    assert min(total["read"], total["refused"]) > 60


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("fault", ["promise", "text", "compound", "link", "virtual", "missing", "scalar", "chunk"])
def test_hdf5_oddities(tmp_path, name, fault):
    path = MAKERS[name](tmp_path / name)
    at = ANGLES[name]
    with h5py.File(path, "r+") as file:
        shape = file[at].shape
        del file[at]
        if fault == "promise":
            size = (10**9, 3) if "Euler" in at else (10**9,)
            file.create_dataset(at, size, "f4", chunks=True, compression="gzip")
        elif fault == "chunk":
            # of up to 2 GB; no HDF5 before 2.0 writes one of 4
            rows = min(2**24, 2**28 // math.prod(shape[1:]))
            file.create_dataset(at, shape, "f8", maxshape=(None,) * len(shape), chunks=(rows, *shape[1:]))
        elif fault == "text":
            file[at] = ["a"] * 20
        elif fault == "compound":
            file[at] = np.zeros(shape, [("a", "f4"), ("b", "f4")])
        elif fault == "link":
            file[at] = h5py.ExternalLink("elsewhere.h5", "/data")
        elif fault == "virtual":
            layout = h5py.VirtualLayout(shape=shape, dtype="f4")
            layout[...] = h5py.VirtualSource("elsewhere.h5", "data", shape=shape)
            file.create_virtual_dataset(at, layout)
        elif fault == "scalar":
            file[at] = 1.0
    reasons = r"more points|no numbers|another file|missing|no orientations|no points|no EBSD|disagree|unpacks|no slice"
    with pytest.raises(InputError, match=reasons):
        load_ebsd(path, section=3 if name == "a.h5ebsd" else None)


def test_cells_of_a_volume_are_counted_before_they_are_read(tmp_path):
    path = dream3d(tmp_path / "a.dream3d")
    with h5py.File(path, "r+") as file:
        file["DataContainers/Volume/_SIMPL_GEOMETRY/DIMENSIONS"][...] = [10**5, 10**4, 1]
    with pytest.raises(InputError, match="sizes of two datasets disagree"):
        load_ebsd(path)


@pytest.mark.parametrize("kind", ["ang", "ctf", "cpr", "edax", "h5oina"])
def test_a_header_that_promises_a_thousand_million_points(write, tmp_path, kind):
    if kind == "ang":
        path = write("a.ang", [ang_header(31623, 31623), *ang_rows(square(4, 5))])
    elif kind == "ctf":
        path = write("a.ctf", [ctf_header(31623, 31623), *ctf_rows(square(4, 5))])
    elif kind == "cpr":
        write("a.crc", crc_bytes(4, 5))
        path = write("a.cpr", CPR.format(rows=31623, cols=31623))
    else:
        path = (edax if kind == "edax" else h5oina)(tmp_path / f"a.{kind}")
        names = ("Scan 1/EBSD/Header/nRows",) if kind == "edax" else ("1/EBSD/Header/X Cells", "1/EBSD/Header/Y Cells")
        with h5py.File(path, "r+") as file:
            for name in names:
                file[name][...] = 10**9 if kind == "edax" else 31623
    with pytest.raises(InputError, match="promises far more points"):
        load_ebsd(path)


@pytest.mark.parametrize("name", ["a.h5oina", "a.dream3d", "a.h5ebsd"])
def test_a_heap_whose_objects_lead_nowhere_is_refused_before_the_library_reads_it(tmp_path, name):
    """Free space of size 0, and an object that wraps round: the library followed them for ever, deaf to signals."""
    content = MAKERS[name](tmp_path / name).read_bytes()
    heap = content.index(b"GCOL\1\0\0\0")
    end, place = heap + int.from_bytes(content[heap + 8 : heap + 16], "little"), heap + 16
    objects = []
    while place + 16 <= end:
        objects.append(place)
        number, size = int.from_bytes(content[place : place + 2], "little"), content[place + 8 : place + 16]
        place += int.from_bytes(size, "little") if number == 0 else 16 + -(-int.from_bytes(size, "little") // 8) * 8
    assert len(objects) > 1
    for at in (objects[0], objects[-1]):
        for size in (0 if at == objects[-1] else 2**64 - 16, 2**64 - 1, end):
            broken = bytearray(content)
            broken[at + 8 : at + 16] = size.to_bytes(8, "little")
            (tmp_path / name).write_bytes(broken)
            with time_limit(20), pytest.raises(InputError, match="damaged"):
                load_ebsd(tmp_path / name)
