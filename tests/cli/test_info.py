"""`grainlight info`: choices of scan, section and columns; the picture; suspicions."""

from __future__ import annotations

import numpy as np
import pytest

from grainlight.maps.io import save_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.maps.suspect import suspicions

TITANIUM = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90, 90, 120)


def random_map(shape=(12, 14), step=(0.5, 0.5), phase=TITANIUM, **fields) -> OrientationMap:
    q = np.random.default_rng(0).normal(size=(*shape, 4))
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return OrientationMap.from_quaternions(np.where(q[..., :1] < 0, -q, q), step, (phase,), fields=fields)


def test_picture(run, tmp_path):
    import imageio.v3

    save_ebsd(random_map(), tmp_path / "a.ang")
    code, out, _ = run("info", tmp_path / "a.ang", "--picture", tmp_path / "a.png")
    assert code == 0
    assert "frames: sample edax2, crystal X along a" in out
    picture = imageio.v3.imread(tmp_path / "a.png")
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 100
    assert run("info", tmp_path / "a.ang", "--picture", tmp_path / "a.png")[0] == 2
    assert run("info", tmp_path / "a.ang", "--picture", tmp_path / "a.png", "--force")[0] == 0
    assert run("info", tmp_path / "a.png", "--picture", tmp_path / "b.png")[0] == 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (3, 200)])
def test_picture_of_a_strange_shape(run, tmp_path, shape):
    save_ebsd(random_map(shape), tmp_path / "a.ang")
    assert run("info", tmp_path / "a.ang", "--picture", tmp_path / "a.png")[0] == 0


def test_columns_and_section(run, tmp_path):
    rows = "\n".join(f"{c} {r} {10 + c} {20 + r} 30" for r in range(3) for c in range(4))
    (tmp_path / "a.txt").write_text(rows)
    columns = "x=1,y=2,phi1=3,Phi=4,phi2=5,angles=degrees,symmetry=6/mmm"
    code, out, _ = run("info", tmp_path / "a.txt", "--columns", columns)
    assert code == 0
    assert "3 rows x 4 columns" in out
    save_ebsd(random_map(), tmp_path / "a.ang")
    code, _, err = run("info", tmp_path / "a.ang", "--section", "2")
    assert code == 2
    assert "no sections to choose from" in err


def test_suspicions():
    good = random_map(ci=np.linspace(0, 1, 168).reshape(12, 14))
    assert suspicions(good) == []
    copied = good.replace(quaternions=np.repeat(good.quaternions[:, ::2], 2, axis=1))
    few = good.replace(phase_id=np.where(np.arange(14) < 10, 0, good.phase_id).astype(np.int16))
    constant = random_map(ci=np.ones((12, 14)))
    uneven = random_map(step=(0.5, 0.6))
    cubic = random_map(phase=Phase(1, "Ni", "m-3m"))
    for ebsd, word in (
        (copied, "copied"),
        (few, "Only 29 %"),
        (constant, "one value"),
        (uneven, "steps"),
        (cubic, "6/mmm"),
    ):
        assert len(suspicions(ebsd)) == 1
        assert word in suspicions(ebsd)[0]
