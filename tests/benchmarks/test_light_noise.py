"""What is left in the light: white noise has nothing in common, noise of regions has."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from benchmarks.light_noise import left_in, main


@pytest.mark.parametrize(("smooth", "near", "far"), [(0.0, 0.0, 0.0), (2.0, 0.94, 0.37)])
def test_noise_of_a_known_make_is_found(smooth: float, near: float, far: float) -> None:
    rng = np.random.default_rng(0)
    axes = np.repeat(np.repeat(rng.normal(size=(12, 12, 3)), 10, 0), 10, 1)
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    x, y = axes[..., 0], axes[..., 1]
    s, u, v = x * x + y * y, x * x - y * y, 2 * x * y
    light = np.stack((0.5 * s + 0.5 * s * s, u, v, u * u - v * v, 2 * u * v))
    noise = rng.normal(size=light.shape)
    if smooth:
        noise = gaussian_filter(noise, (0, smooth, smooth))
        noise /= noise.std()
    found = left_in(light + 0.05 * noise, np.full((3, 120, 120), 0.1), axes, np.ones((120, 120), bool))
    assert set(found) == {"A0", "A2", "A4"}
    for its in found.values():
        assert its.stated == pytest.approx(0.1)
        assert its.deviation == pytest.approx(0.5, rel=0.1)
        assert its.common == pytest.approx((near, far), abs=0.1)


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--each", "1", "--size", "65"])
    lines = capsys.readouterr().out.splitlines()
    assert {line.split("|")[1].strip() for line in lines[2:]} <= {"clean", "mild", "corrupted", "severe"}
    assert len(lines) > 6
