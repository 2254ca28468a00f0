"""Vendors' HDF5 files, small and synthetic, with the places' own orientations (`samples.euler_at`)."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from .samples import euler_at


def angles(rows: int, cols: int) -> np.ndarray:
    """(rows * cols, 3) radians in raster order."""
    return np.array([euler_at(r, c) for r in range(rows) for c in range(cols)])


def positions(rows: int, cols: int, step: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.meshgrid(np.arange(rows) * step, np.arange(cols) * step, indexing="ij")
    return x.ravel(), y.ravel()


def edax(path: Path, rows: int = 4, cols: int = 5, scans: tuple[str, ...] = ("Scan 1",), system: int = 1) -> Path:
    with h5py.File(path, "w") as file:
        file["Manufacturer"] = np.array([b"EDAX"])
        file["Version"] = np.array([b"OIM Analysis 7.3.0 x64"])
        for scan in scans:
            data, header = file.create_group(f"{scan}/EBSD/Data"), file.create_group(f"{scan}/EBSD/Header")
            for name, column in zip(("Phi1", "Phi", "Phi2"), angles(rows, cols).T, strict=True):
                data[name] = column.astype(np.float32)
            data["X Position"], data["Y Position"] = (axis.astype(np.float32) for axis in positions(rows, cols))
            data["CI"], data["IQ"] = np.full(rows * cols, 0.5, np.float32), np.full(rows * cols, 900, np.float32)
            data["Phase"], data["Valid"] = np.zeros(rows * cols, np.int8), np.zeros(rows * cols, np.int8)
            for name, value in (("nRows", rows), ("nColumns", cols), ("Coordinate System/ID", system)):
                header[name] = np.array([value], ">i4")
            for name in ("Step X", "Step Y"):
                header[name] = np.array([0.5], ">f4")
            header["Grid Type"] = np.array([b"SqrGrid"])
            phase = header.create_group("Phase/1")
            phase["MaterialName"], phase["Symmetry"] = np.array([b"Titanium (Alpha)"]), np.array([62], ">i4")
            lattice = zip(("a", "b", "c", "alpha", "beta", "gamma"), (2.95, 2.95, 4.686, 90, 90, 120), strict=True)
            for name, value in lattice:
                phase[f"Lattice Constant {name}"] = np.array([value], ">f4")
    return path
