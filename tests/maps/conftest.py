"""Files and maps that the tests of this room share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grainlight.crystal.euler import quaternion_from_bunge
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.maps.orientation_map import OrientationMap

from .samples import BETA, TITANIUM


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    """Write text or bytes to a file and give its path."""

    def write_file(name: str, content: str | bytes | list[str]) -> Path:
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(part if part.endswith("\n") else part + "\n" for part in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def random_map() -> OrientationMap:
    """Two phases, a tenth of the points not indexed, 12 x 17 points, EDAX setting 1."""
    rng = np.random.default_rng(3)
    phase_id = rng.choice([0, 1, 2], size=(12, 17), p=[0.1, 0.6, 0.3]).astype(np.int16)
    quaternions = quaternion_from_bunge(rng.uniform([0, 0, 0], [2 * np.pi, np.pi, 2 * np.pi], (12, 17, 3)))
    quaternions[phase_id == 0] = [1, 0, 0, 0]
    return OrientationMap.from_quaternions(
        quaternions,
        step=(0.25, 0.5),
        phases=(TITANIUM, BETA),
        phase_id=phase_id,
        sample_frame=SampleFrame.EDAX1,
        crystal_frame=CrystalFrame.X_ALONG_A,
        fields={"iq": rng.uniform(0, 3000, (12, 17)).round(1), "ci": rng.uniform(0, 1, (12, 17)).round(3)},
    )
