"""The alignment file, and the picture of the cuts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from drifting_specimen import STEP, drifting

from grainlight.errors import InputError
from grainlight.volume.align import align_sections
from grainlight.volume.alignment.cuts import draw_cuts
from grainlight.volume.alignment.record import load_alignment, save_alignment


@pytest.fixture(scope="module")
def found():
    readers, z, _ = drifting(61, 6, 64, 8.0, "clean")
    readers[3] = lambda: None
    return align_sections(readers, z)


@pytest.fixture
def record(found, tmp_path):
    path = save_alignment(found, tmp_path / "alignment.json")
    return json.loads(path.read_text(encoding="utf-8"))


def test_round_trip(found, tmp_path):
    again = load_alignment(save_alignment(found, tmp_path / "alignment.json"))
    for name in ("z", "shifts", "residuals", "errors", "aligned"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    for name in ("pairs", "trend", "said", "method"):
        assert getattr(again, name) == getattr(found, name)


def test_edited_by_hand(found, record, tmp_path):
    """Height and shift of each section are enough, and what an editor changes is what is read."""
    record["sections"] = [{"z_um": s["z_um"], "shift_um": s["shift_um"]} for s in record["sections"]]
    record["sections"][2]["shift_um"] = [1, -2.5]
    path = tmp_path / "edited.json"
    path.write_text(json.dumps({"kind": record["kind"], "sections": record["sections"]}), encoding="utf-8")
    edited = load_alignment(path)
    assert edited.shifts[2].tolist() == [1.0, -2.5]
    np.testing.assert_array_equal(edited.shifts[[0, 1, 3]], found.shifts[[0, 1, 3]])
    assert np.isnan(edited.residuals).all()
    assert edited.pairs == ()


def test_shifts_by_height(found):
    np.testing.assert_array_equal(found.at(found.z[[4, 1]]), found.shifts[[4, 1]])
    with pytest.raises(InputError, match="no section at a height"):
        found.at(np.array([found.z[0], found.z[1] + 0.3 * STEP]))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"kind": "grainlight transform"}, "holds no alignment"),
        ({"trend": "cubic"}, "unknown trend"),
        ({"sections": []}, "names no sections"),
        ({"sections": 3}, "names no sections"),
        ({"sections": [7]}, "section 1"),
        ({"sections": [{"z_um": 0.0}]}, "shift_um"),
        ({"sections": [{"z_um": "0", "shift_um": [0, 0]}]}, "z_um"),
        ({"sections": [{"z_um": True, "shift_um": [0, 0]}]}, "z_um"),
        ({"sections": [{"z_um": 0.0, "shift_um": [0, 0, 1]}]}, "shift_um"),
        ({"sections": [{"z_um": 0.0, "shift_um": [0, None]}]}, "shift_um"),
        ({"sections": [{"z_um": 0.0, "shift_um": [0, 0], "aligned": 1}]}, "aligned"),
        ({"sections": [{"z_um": z, "shift_um": [0, 0]} for z in (0.0, 2.0, 1.0)]}, "section 3"),
        ({"pairs": [{"sections": [1, 0]}]}, "pair 1"),
        ({"pairs": [{"sections": [0, 99]}]}, "pair 1"),
        ({"pairs": ["a"]}, "pair 1"),
    ],
)
def test_what_is_no_alignment_is_refused(record, tmp_path, change, part):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**record, **change}), encoding="utf-8")
    with pytest.raises(InputError, match=part) as error:
        load_alignment(path)
    assert "bad.json" in str(error.value)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "\x00", '{"kind": "grainlight alignment", "sections": [NaN]}'])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        load_alignment(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_alignment(tmp_path / "missing.json")


def test_cuts_are_straight_after_alignment(found):
    """Neighbours differ less across the cuts once they are shifted; before and after are the same for shift 0."""
    cuts = found.cuts
    lit = [k for k in range(6) if k != 3]
    assert not cuts.xz[:, 3].any()
    rough = []
    for planes in (cuts.xz, cuts.yz):
        inner = planes[:, lit, 12:-12].astype(float)
        rough.append(np.abs(np.diff(inner, axis=1)).mean((1, 2, 3)))
    before, after = np.sum(rough, 0)
    assert after < 0.75 * before


def test_picture(found, tmp_path):
    from PIL import Image

    path = draw_cuts(found.cuts, tmp_path / "cuts.png")
    with Image.open(path) as picture:
        assert min(picture.size) > 300
    with pytest.raises(InputError, match="no PNG"):
        draw_cuts(found.cuts, tmp_path / "cuts.txt")
