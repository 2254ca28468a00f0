"""Broken files of every kind that is read: seeds, mutations, and one loop over both.

``python -m tests.maps.fuzz --count 20000 --seed 1`` runs it at length, ``--only NAME`` on one seed. A file is read or
refused with `InputError`; anything else, more than ten seconds or more than 1 GB is a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.result import Result

from . import vendor_hdf5
from .samples import TITANIUM, ang_header, ang_rows, ctf_rows, square
from .test_channel5_osc import CPR, crc_bytes, osc_bytes
from .test_ctf import ctf_header
from .test_text_columns import NUMBERS, table

LIMIT_S, LIMIT_BYTES = 10, 1 << 30

WORDS = ["nan", "inf", "-1", "0", "1e308", "-1e-308", "1e20", "99999999999999999999", "2.5", "1000000000"]
WORDS += [",", ";", "#", "\t", "\r", "\n", "\0", "é", "Phase", "GRID:", "HexGrid", "XCells", "x", "[Fields]", "Count=9"]
INTEGERS = [0, 1, 2**31 - 1, 2**32 - 1, 10**9, 2**16, 30]
FLOATS = [np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-30, -1111111.0, 12.566371, 1e9]


def text_seeds() -> dict[str, bytes]:
    places = [(r, c) for r in range(4) for c in range(5 - r % 2)]
    parts = {
        "square.ang": [ang_header(4, 5), *ang_rows(square(4, 5))],
        "hexagonal.ang": [ang_header(4, 5, 4, dy=0.433, grid="HexGrid"), *ang_rows(places, dy=0.433, shift=0.25)],
        "oxford.ctf": [ctf_header(4, 5), *ctf_rows(square(4, 5))],
        "project.cpr": [CPR.format(rows=4, cols=5)],
        "columns.txt": [table(";", ",", "id;phase;x;y;phi1;Phi;phi2;bc")],
        "named.ang": [ang_header(4, 5), *(row.replace("  0  10", "  Titanium  10") for row in ang_rows(square(4, 5)))],
    }
    found = {
        name: "".join(part if part.endswith("\n") else part + "\n" for part in lines).encode()
        for name, lines in parts.items()
    }
    return found | {"wide.ctf": found["oxford.ctf"].decode().encode("utf-16")}


def saved(path: Path) -> bytes:
    """The .npz of a restoration, small."""
    shape = (4, 5)
    q = np.zeros((*shape, 4))
    q[..., 0] = 1.0
    ebsd = OrientationMap.from_quaternions(q, (0.5, 0.5), (TITANIUM,), fields={"iq": np.ones(shape)})
    record = {"frames": {"sample": "S", "crystal": "a"}, "ebsd": {"phases": {"1": "Titanium"}}}
    layers = (np.ones(shape, np.float32), np.zeros(shape, np.float32), np.ones(shape, np.uint8))
    light, measured = np.zeros((5, *shape), np.float32), np.ones(shape, bool)
    Result(ebsd, *layers, light, measured, q.reshape(-1, 4), layers[0], record).save(path.with_suffix(".ang"))
    return path.read_bytes()


def hdf5_seeds(folder: Path) -> dict[str, bytes]:
    makers: dict[str, Callable[[Path], Path]] = {
        "edax.h5": vendor_hdf5.edax,
        "oxford.h5oina": vendor_hdf5.h5oina,
        "tsl.h5ebsd": lambda path: vendor_hdf5.h5ebsd(path, "TSL"),
        "volume.dream3d": lambda path: vendor_hdf5.dream3d(path),
        "orix.hdf5": vendor_hdf5.orix,
    }
    return {name: make(folder / name).read_bytes() for name, make in makers.items()}


def break_text(text: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(text)
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(6)
        at = int(rng.integers(len(data))) if data else 0
        if kind == 0:
            data[at : at + int(rng.integers(1, 200))] = b""
        elif kind == 1:
            data[at : at + 1] = bytes([int(rng.integers(256))])
        elif kind == 2:
            data[at:at] = f" {WORDS[rng.integers(len(WORDS))]} ".encode()
        elif kind == 3:
            lines = bytes(data).split(b"\n")
            i, j = rng.integers(len(lines), size=2)
            lines[i], lines[j] = lines[j], lines[i]
            data = bytearray(b"\n".join(lines))
        else:
            mark = (b" ", b"\t", b"=", b";")[rng.integers(4)]
            words = bytes(data).split(mark)
            words[int(rng.integers(len(words)))] = WORDS[rng.integers(len(WORDS))].encode()
            data = bytearray(mark.join(words))
    return bytes(data)


def break_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        kind = rng.integers(6)
        at = int(rng.integers(len(data))) if data else 0
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data[at : at + 1] = bytes([int(rng.integers(256))])
        elif kind == 2:
            data[at : at + 4] = int(INTEGERS[rng.integers(len(INTEGERS))]).to_bytes(4, "little")
        elif kind == 3:
            data[at : at + 4] = np.float32(FLOATS[rng.integers(len(FLOATS))]).tobytes()
        elif kind == 4:
            length = int(rng.integers(1, 64))
            data[at:at] = bytes(rng.integers(0, 256, length, dtype=np.uint8))
        else:
            data[at : at + int(rng.integers(1, 64))] = b""
    return bytes(data)


def break_hdf5(path: Path, rng: np.random.Generator) -> None:
    """Break members of an HDF5 file: missing, elsewhere, of another type, shape or size, with other values."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(rng.integers(1, 4)):
            name = names[rng.integers(len(names))]
            if name not in file:
                continue
            member, kind = file[name], rng.integers(10)
            shape = getattr(member, "shape", ()) or ()
            if isinstance(member, h5py.Dataset) and member.size and member.size > 10_000:
                continue  # made to promise too much: it is not read here either
            if kind == 9 and isinstance(member, h5py.Dataset) and shape and member.dtype.kind in "if":
                values = member[()].ravel()
                pool = FLOATS if member.dtype.kind == "f" else [0, -1, 1, 2, 7, 99]
                at = rng.integers(values.size, size=int(rng.integers(1, 4)))
                values[at] = np.array(pool)[rng.integers(len(pool), size=at.size)]
                member[...] = values.reshape(shape)
                continue
            del file[name]
            if kind == 1:
                file[name] = h5py.ExternalLink("elsewhere.h5", "/data")
            elif kind == 2:
                file[name] = h5py.SoftLink("/" + name if rng.integers(2) else "/" + names[rng.integers(len(names))])
            elif kind == 3:
                file.create_group(name)
            elif kind == 4:
                size = int([10**9, 2**40, 10**6, 0][rng.integers(4)])
                packed = {"chunks": (4096,), "compression": "gzip"} if size else {}
                file.create_dataset(name, (size,), "f4", **packed)
            elif kind == 5:
                file[name] = ["text", "b"] if rng.integers(2) else "text"
            elif kind == 6:
                file[name] = rng.normal(size=tuple(rng.integers(1, 7, size=int(rng.integers(0, 4)))))
            elif kind == 7:
                file[name] = h5py.Empty("f4") if rng.integers(2) else np.zeros(20, [("a", "f4"), ("b", "i4")])
            elif kind == 8:
                file[name] = np.full(shape, FLOATS[rng.integers(len(FLOATS))]) if shape else np.float64(1e300)


def cases(folder: Path, count: int, seed: int, only: str = "") -> Iterator[tuple[str, Path, str | None]]:
    """Give broken files in turn over all seeds: the seed's name, the path, the list of columns where one is needed."""
    text, binary = text_seeds(), {"points.osc": osc_bytes(4, 5), "project.crc": crc_bytes(4, 5), **hdf5_seeds(folder)}
    binary["restored.npz"] = saved(folder / "restored.npz")
    whole = text | binary
    names = [name for name in whole if only in name]
    rng = np.random.default_rng(seed)
    for i in range(count):
        name = names[i % len(names)]
        path = folder / name
        content = whole[name]
        path.with_suffix(".crc").write_bytes(binary["project.crc"])
        path.with_suffix(".cpr").write_bytes(text["project.cpr"])
        if name in text:
            path.write_bytes(break_text(content, rng))
        elif content.startswith(b"\x89HDF") and rng.integers(3):
            path.write_bytes(content)
            with contextlib.suppress(Exception):  # h5py itself may refuse to write what was asked for
                break_hdf5(path, rng)
        else:
            path.write_bytes(break_bytes(content, rng))
        yield name, path, NUMBERS if name == "columns.txt" else None


def try_one(path: Path, columns: str | None) -> str:
    """Return "read" or "refused".

    Raises
    ------
    Whatever the readers should not raise; AssertionError for a map that cannot be.
    """
    try:
        ebsd = load_ebsd(path, columns=columns, section=None)
    except InputError as error:
        assert path.stem in str(error)  # noqa: PT017 - either outcome is right
        return "refused"
    assert np.isfinite(ebsd.quaternions).all()
    assert np.abs(np.linalg.norm(ebsd.quaternions, axis=-1) - 1.0).max() < 1e-6
    assert np.isfinite(ebsd.x).all()
    assert np.isfinite(ebsd.y).all()
    assert all(np.isfinite(array).all() for array in ebsd.fields.values() if array.dtype.kind == "f")
    assert ebsd.phase_id.size < 10_000
    return "read"


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    if not hasattr(signal, "SIGALRM"):  # Windows has no alarm
        yield
        return

    def late(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path, help="folder for the files that are faults")
    arguments = parser.parse_args()
    outcomes: dict[str, Counter[str]] = {}
    warnings.simplefilter("error")
    faults, slowest = 0, (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, path, columns) in enumerate(cases(Path(folder), arguments.count, arguments.seed, arguments.only)):
            start = time.perf_counter()
            # a library that hangs in C hears no alarm: say where it stands, and end
            faulthandler.dump_traceback_later(2 * LIMIT_S, exit=True)
            try:
                with time_limit(LIMIT_S):
                    outcome = try_one(path, columns)
            except Exception as error:  # the faults that are looked for
                outcome, faults = "fault", faults + 1
                print(f"{i} {name}: {type(error).__name__}: {error}"[:300])
                if arguments.keep:
                    arguments.keep.mkdir(exist_ok=True)
                    (arguments.keep / f"{i}_{name}").write_bytes(path.read_bytes())
            slowest = max(slowest, (time.perf_counter() - start, f"{i} {name}"))
            outcomes.setdefault(name, Counter())[outcome] += 1
    faulthandler.cancel_dump_traceback_later()
    for name, counts in outcomes.items():
        print(f"{name:16} " + "  ".join(f"{key} {value}" for key, value in sorted(counts.items())))
    import resource  # of POSIX

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    cpu = time.process_time()
    print(f"{arguments.count} files, {faults} faults, peak {peak / 2**20:.0f} MB, CPU {cpu:.0f} s, slowest {slowest}")
    return int(faults > 0 or peak > LIMIT_BYTES)


if __name__ == "__main__":
    sys.exit(main())
