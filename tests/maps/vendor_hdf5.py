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


def h5oina(path: Path, rows: int = 4, cols: int = 5, slices: tuple[str, ...] = ("1",)) -> Path:
    with h5py.File(path, "w") as file:
        file["Manufacturer"], file["Format Version"], file["Index"] = "Oxford Instruments", "2.0", list(slices)
        for name in slices:
            data, header = file.create_group(f"{name}/EBSD/Data"), file.create_group(f"{name}/EBSD/Header")
            data["Euler"] = angles(rows, cols).astype(np.float32)
            data["Phase"] = np.ones((rows * cols, 1), np.uint8)
            data["Mean Angular Deviation"] = np.full((rows * cols, 1), np.radians(0.5), np.float32)
            data["Band Contrast"] = np.full((rows * cols, 1), 99, np.uint8)
            header["X Cells"], header["Y Cells"] = np.int32(cols), np.int32(rows)
            header["X Step"], header["Y Step"] = np.float32(0.5), np.float32(0.5)
            phase = header.create_group("Phases/1")
            phase["Phase Name"], phase["Laue Group"] = "Ti-Hex", np.int32(9)
            phase["Lattice Dimensions"] = np.array([[2.954, 2.954, 4.729]], np.float32)
            phase["Lattice Angles"] = np.radians(np.array([[90, 90, 120]], np.float32))
    return path


def h5ebsd(path: Path, maker: str, rows: int = 4, cols: int = 5) -> Path:
    oxford = maker == "HKL"
    with h5py.File(path, "w") as file:
        file["Manufacturer"], file["Index"] = maker, np.array([3, 4], np.int32)
        file["ZStartIndex"] = np.array([3], np.int64)
        for name in ("3", "4"):
            data, header = file.create_group(f"{name}/Data"), file.create_group(f"{name}/Header")
            columns = np.degrees(angles(rows, cols)) if oxford else angles(rows, cols)
            for title, column in zip(
                ("Euler1", "Euler2", "Euler3") if oxford else ("Phi1", "Phi", "Phi2"), columns.T, strict=True
            ):
                data[title] = column.astype(np.float32)
            for title, axis in zip(("X", "Y"), positions(rows, cols), strict=True):
                data[title if oxford else f"{title} Position"] = axis.astype(np.float32)
            data["Phase" if oxford else "PhaseData"] = np.full(rows * cols, int(oxford), np.int32)
            phase = header.create_group("Phases/1")
            if oxford:
                phase["Name"], phase["LaueGroup"] = "Ti-Hex", np.array([9], np.int32)
            else:
                phase["MaterialName"], phase["Symmetry"] = "Titanium", np.array([62], np.int32)
                for title, count in (("NROWS", rows), ("NCOLS_ODD", cols), ("NCOLS_EVEN", cols)):
                    header[title] = np.array([count], np.int32)
    return path


def dream3d(path: Path, rows: int = 4, cols: int = 5, depth: int = 1) -> Path:
    """Section k holds the places' orientations with every row moved on by k."""
    with h5py.File(path, "w") as file:
        container = file.create_group("DataContainers/Volume")
        geometry = container.create_group("_SIMPL_GEOMETRY")
        geometry["DIMENSIONS"], geometry["SPACING"] = np.array([cols, rows, depth]), np.array([0.5, 0.5, 1.0])
        geometry["ORIGIN"] = np.zeros(3)
        plane = angles(rows, cols).reshape(rows, cols, 3)
        layers = np.stack([np.roll(plane, -k, axis=0) for k in range(depth)])
        container["CellData/EulerAngles"] = layers.astype(np.float32)
        container["CellData/Phases"] = np.ones((depth, rows, cols, 1), np.int32)
        container["Ensemble/CrystalStructures"] = np.array([[999], [0]], np.uint32)
        container["Ensemble/LatticeConstants"] = np.array([[0] * 6, [2.95, 2.95, 4.68, 90, 90, 120]], np.float32)
        container["Ensemble/MaterialName"] = ["Invalid Phase", "Titanium"]
    return path


def layout_8(older: Path, path: Path) -> Path:
    """The cells of a file of layout 7 as DREAM3D-NX lays them, its geometry in a group of others."""
    with h5py.File(older) as file, h5py.File(path, "w") as newer:
        newer.attrs["FileVersion"] = np.bytes_(b"8.0")
        image = newer.create_group("DataStructure/Scans/Volume")
        container = file["DataContainers/Volume"]
        for name in ("DIMENSIONS", "SPACING", "ORIGIN"):
            kind = np.uint64 if name == "DIMENSIONS" else np.float32
            image.attrs[f"_{name}"] = container["_SIMPL_GEOMETRY"][name][()].astype(kind)
        container.copy("CellData", image, "Cell Data")
        container.copy("Ensemble", image, "Cell Ensemble Data")
    return path


def orix(path: Path, rows: int = 4, cols: int = 5) -> Path:
    with h5py.File(path, "w") as file:
        file["manufacturer"], file["version"] = np.array([b"orix"]), np.array([b"0.15.0"])
        data, header = file.create_group("crystal_map/data"), file.create_group("crystal_map/header")
        for name, column in zip(("phi1", "Phi", "phi2"), angles(rows, cols).T, strict=True):
            data[name] = column
        data["x"], data["y"] = positions(rows, cols)
        data["id"], data["phase_id"] = np.arange(rows * cols), np.zeros(rows * cols, np.int32)
        data["is_in_data"] = np.ones(rows * cols, bool)
        header["scan_unit"], header["x_step"] = np.array([b"um"]), np.array([0.5])
        header["y_step"], header["rotations_per_point"] = np.array([0.5]), np.array([1])
        phase = header.create_group("phases/0")
        phase["name"], phase["point_group"] = np.array([b"Ti"]), np.array([b"6/mmm"])
        phase["structure/lattice/abcABG"] = np.array([2.95, 2.95, 4.68, 90, 90, 120])
    return path
