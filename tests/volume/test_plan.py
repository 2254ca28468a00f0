"""Manifests of the folders that people have."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from grainlight.errors import InputError
from grainlight.volume.inputs.manifest_file import load_manifest, save_manifest
from grainlight.volume.inputs.plan import plan_manifest
from grainlight.volume.manifest import Manifest
from tests.maps.vendor_hdf5 import dream3d, h5ebsd
from tests.real_files import RealFiles

PRECON = range(0, 181, 15)


def fill(root: Path, names: Iterable[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def planned(root: Path, spacing: float = 1.5) -> Manifest:
    """The plan, after it has gone through the file that it becomes."""
    plan = plan_manifest(root, spacing)
    read = load_manifest(save_manifest(plan))
    assert read.sections == plan.sections
    return plan


def sections(manifest: Manifest) -> list[tuple[float, str, int]]:
    """z, name of the EBSD file and number of images of each section."""
    return [(s.z, s.ebsd.name if s.ebsd else "", len(s.light)) for s in manifest.sections]


LAYOUTS = {
    "angles in the names": (
        *(f"s{k:03d}_{a:03d}deg.tif" for k in (9, 10, 11) for a in (0, 45, 90)),
        "s009.ang",
        "s011.ang",
    ),
    "angles alone, not filled up": (
        *(f"Ti64_{k}_{a}.png" for k in (9, 10, 11) for a in (0, 45, 90)),
        *("Ti64_9_ebsd.ctf", "Ti64_11_ebsd.ctf"),
    ),
    "kinds in folders": (
        *(f"light/Ti64 slice {k} rot {a}.tif" for k in (9, 10, 11) for a in (0, 45, 90)),
        *("ebsd/slice_9 map1.ang", "ebsd/slice_11 map1.ang"),
    ),
    "a folder for each section": (
        *(f"section_{k}/pl_{a}deg.tif" for k in (9, 10, 11) for a in (0, 45, 90)),
        *("section_9/map.ang", "section_11/map.ang"),
    ),
    "bare folders, counted images": (
        *(f"{k:04d}/img_{n}.tif" for k in (9, 10, 11) for n in (1, 2, 3)),
        *("0009/ebsd.cpr", "0009/ebsd.crc", "0011/ebsd.cpr", "0011/ebsd.crc"),
    ),
    "a folder for each angle": (
        *(f"{a:03d}deg/slice_{k}.tif" for k in (9, 10, 11) for a in (0, 45, 90)),
        *("slice_9.ang", "slice_11.ang"),
    ),
    "the number twice": (
        *(f"s{k:02d}/s{k:02d}_{a}deg.tif" for k in (9, 10, 11) for a in (0, 45, 90)),
        *("s09/s09.ang", "s11/s11.ang"),
    ),
    "a folder below the section's": (
        *(f"volume/{k}/light/{a}.0deg.tif" for k in (9, 10, 11) for a in (0, 45, 90)),
        *("volume/9/ebsd/Map 1.ang", "volume/11/ebsd/Map 1.ang"),
    ),
    "days in folders": (
        *(f"2024-05-01/{k:03d}_{a:03d}deg.tif" for k in (9, 10) for a in (0, 45, 90)),
        *(f"2024-05-02/{k:03d}_{a:03d}deg.tif" for k in (11,) for a in (0, 45, 90)),
        *("2024-05-01/009.ang", "2024-05-02/011.ang"),
    ),
    "days in the names": (
        *(f"Ti_2024-05-01_{k:03d}_{a:03d}.tif" for k in (9, 10) for a in (0, 45, 90)),
        *(f"Ti_2024-05-02_{k:03d}_{a:03d}.tif" for k in (11,) for a in (0, 45, 90)),
        *("Ti_2024-05-01_009.ang", "Ti_2024-05-02_011.ang"),
    ),
    "the word before the angle": (
        *(f"sec{k}_deg{a}.tif" for k in (9, 10, 11) for a in (0, 45, 90)),
        *("sec9.ang", "sec11.ang"),
    ),
    "a magnification and a date": (
        *(f"2024-05-01/color_slice_{k}_500pix_{a}deg.tif" for k in (9, 10) for a in (0, 45, 90)),
        *(f"2024-05-02/color_slice_11_500pix_{a}deg.tif" for a in (0, 45, 90)),
        *("slice_9.ang", "slice_11.ang"),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, layout: str) -> None:
    manifest = planned(fill(tmp_path, LAYOUTS[layout]))
    assert [(s.z, s.ebsd is not None, len(s.light)) for s in manifest.sections] == [
        (13.5, True, 3),
        (15.0, False, 3),
        (16.5, True, 3),
    ]
    for section, number in zip(manifest.sections, ("9", "10", "11"), strict=True):
        for file in (*section.light, *([section.ebsd] if section.ebsd else [])):
            assert number in str(file.relative_to(tmp_path))
    expected = None if "counted" in layout else (0.0, 45.0, 90.0)
    assert {s.angles for s in manifest.sections} == {expected}
    assert any("--angles must tell" in note for note in manifest.notes) == (expected is None)


def test_a_stack_for_each_section(tmp_path: Path) -> None:
    manifest = planned(fill(tmp_path, [*(f"Ti-{k:02d}.tif" for k in range(7, 13)), "Ti-07.ang", "Ti-10.ang"]), 0.8)
    assert sections(manifest) == [
        (5.6, "Ti-07.ang", 1),
        (6.4, "", 1),
        (7.2, "", 1),
        (8.0, "Ti-10.ang", 1),
        (8.8, "", 1),
        (9.6, "", 1),
    ]
    assert manifest.notes == ()


def test_one_map_is_told_by_the_sections_of_the_light(tmp_path: Path) -> None:
    manifest = planned(fill(tmp_path, [*(f"pl_{k}.tif" for k in (10, 11, 12)), "Ti64_10.ang"]))
    assert [bool(s.ebsd) for s in manifest.sections] == [True, False, False]


@pytest.mark.parametrize("form", ["slice_{k:03d}/Slice_{k:03d}_{a:03d}deg.tif", "{k}/Ti_S{k}_{a}deg_stitched.tif"])
def test_precon3d_has_0_and_180_and_both_are_used(tmp_path: Path, form: str) -> None:
    names = [form.format(k=k, a=a) for k in (1, 2) for a in PRECON]
    manifest = planned(fill(tmp_path, [*names, "s1.ang"]))
    for section in manifest.sections:
        assert section.angles == tuple(float(a) for a in PRECON)
        assert len(section.light) == 13
    assert "0:195:15" in (tmp_path / "volume.csv").read_text()


def test_the_images_with_0_and_180_are_read(tmp_path: Path) -> None:
    import imageio.v3
    import numpy as np

    from grainlight.maps.io import load_light

    fill(tmp_path, ["s1.ang"])
    for a in PRECON:
        imageio.v3.imwrite(tmp_path / f"s1_{a}deg.png", np.full((6, 7), a % 180, np.uint8))
    (section,) = planned(tmp_path).sections
    light = load_light(section.light, section.angles, 0.1)
    assert light.images[:, 0, 0].tolist() == [a % 180 for a in PRECON]
    assert light.determined


def test_slices_of_a_volume_file(tmp_path: Path) -> None:
    h5ebsd(tmp_path / "Ti64.h5ebsd", "TSL")
    manifest = planned(fill(tmp_path, [f"s{k}_{a}deg.tif" for k in (2, 3, 4, 5) for a in (0, 45, 90)]))
    assert [(s.ebsd.name if s.ebsd else "", s.ebsd_slice) for s in manifest.sections] == [
        ("", None),
        ("Ti64.h5ebsd", 3),
        ("Ti64.h5ebsd", 4),
        ("", None),
    ]
    assert any("slices of Ti64.h5ebsd are taken as sections 3 to 4" in note for note in manifest.notes)


def test_slices_that_no_light_belongs_to_are_said(tmp_path: Path) -> None:
    dream3d(tmp_path / "a.dream3d", depth=3)
    manifest = planned(fill(tmp_path, [f"s{k}_{a}deg.tif" for k in (1, 2, 3) for a in (0, 45, 90)]))
    assert [s.ebsd_slice for s in manifest.sections] == [0, 1, 2, None]
    assert any("1 section has EBSD and no light (0;" in note for note in manifest.notes)


def test_one_slice_in_a_file_goes_by_its_name(tmp_path: Path) -> None:
    for k in (1, 2):
        dream3d(tmp_path / f"s{k}.dream3d")
    manifest = planned(fill(tmp_path, ["s1.tif", "s2.tif"]))
    assert [(s.ebsd.name if s.ebsd else "", s.ebsd_slice) for s in manifest.sections] == [
        ("s1.dream3d", None),
        ("s2.dream3d", None),
    ]


def test_gaps_and_pictures_beside_the_angles_are_said(tmp_path: Path) -> None:
    names = [f"s{k}_{a}deg.tif" for k in (1, 2, 3, 6) for a in (0, 45, 90)]
    manifest = planned(fill(tmp_path, [*names, "s1.ang", "s1_overview.png", ".hidden_s7.tif", "notes.txt"]), 1)
    assert any("s1_overview.png" in note and "1 image left out" in note for note in manifest.notes)
    assert any("Between z 3 and 6 um" in note for note in manifest.notes)
    assert len(manifest.sections) == 4


def test_signs_and_decimals_belong_to_the_angles(tmp_path: Path) -> None:
    manifest = planned(fill(tmp_path, [*(f"s{k}_{a}deg.tif" for k in (1, 2) for a in ("-45", "0", "22.5")), "s1.ang"]))
    assert {s.angles for s in manifest.sections} == {(-45.0, 0.0, 22.5)}
    assert [s.z for s in planned(fill(tmp_path / "dash", ["Ti -1.tif", "Ti -2.tif", "Ti -1.ang"])).sections] == [1.5, 3]


def test_results_thumbnails_and_pictures_of_no_section_are_left_out(tmp_path: Path) -> None:
    names = [f"s{k}_{a}deg.tif" for k in (1, 2, 3) for a in (0, 45, 90)]
    ours = ["OUT/alignment.json", "OUT/alignment.png", "OUT/volume.dream3d", "OUT/volume.zarr/quaternions/c/0.tif"]
    others = [*(f"thumbs/{name}" for name in names), "s1_0deg_thumb.png", "mount.jpg"]
    manifest = planned(fill(tmp_path, [*names, "s1.ang", *ours, *others]))
    assert [len(s.light) for s in manifest.sections] == [3, 3, 3]
    for said in (
        "results of a run: OUT/alignment.png, OUT/volume.dream3d",
        "10 thumbnails",
        "number in their names: mou",
    ):
        assert any(said in note for note in manifest.notes)


def test_a_section_without_one_of_the_angles_is_said(tmp_path: Path) -> None:
    names = [f"s{k}_{a}deg.tif" for k in (1, 2, 3) for a in (0, 45, 90) if (k, a) != (2, 45)]
    assert any("section 2 (45 degrees)" in note for note in planned(fill(tmp_path, [*names, "s1.ang"])).notes)


def test_ebsd_that_is_counted_by_itself_is_said(tmp_path: Path) -> None:
    light = [f"s{k}_{a}deg.tif" for k in range(9) for a in (0, 45, 90)]
    assert any("not by themselves" in note for note in planned(fill(tmp_path, [*light, "e0.ang", "e1.ang"])).notes)
    assert not planned(fill(tmp_path / "other", [*light, "e0.ang", "e4.ang", "e8.ang"])).notes


def test_a_plan_for_another_folder(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    fill(tmp_path / "data", ["s1.tif", "s2.tif", "s1.ang"])
    path = save_manifest(plan_manifest(tmp_path / "data", 1.0, tmp_path / "other" / "v.csv"))
    assert path == tmp_path / "other" / "v.csv"
    assert "../data/s1.ang" in path.read_text()
    assert len(load_manifest(path).used) == 2


REFUSED = {
    "nothing": ((), "no EBSD file and no image"),
    "other things": (("a.txt",), "no EBSD file and no image"),
    "no number": (("left.tif", "right.tif"), "no number"),
    "two numbers that count": (("1_1.tif", "1_2.tif", "2_1.tif", "2_2.tif"), "cannot be told"),
    "a run before the section": (
        (*(f"Ti_{k}_{a}deg.tif" for k in (1, 2, 12) for a in (0, 45, 90)), "Ti_1_12.ang"),
        "cannot be told",
    ),
    "two kinds of images": (("s1_pl.tif", "s1_bse.tif"), "images of two kinds"),
    "two maps": (("s1_a.ang", "s1_b.ang", "s1.tif"), "two EBSD files"),
    "half a section": (("s1.5.tif", "s2.0.tif"), "not whole"),
    "tiles": (
        tuple(f"s{k}_r{r}_{a}deg.tif" for k in (1, 2) for r in (1, 2) for a in (0, 45, 90)),
        "two images of one angle",
    ),
    "repeats": (
        tuple(f"s{k}_{a}deg_{r}.tif" for k in (1, 2) for r in (1, 2) for a in (0, 45, 90)),
        "two images of one angle",
    ),
    "two specimens": (
        tuple(f"A{n}/s{k}_{a}deg.tif" for n in (1, 2) for k in (1, 2) for a in (0, 45)),
        "two images of one angle",
    ),
    "bare folders of angles": (tuple(f"{a}/{k}.tif" for a in (0, 45, 90) for k in (1, 2)), "cannot be told"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_told_is_refused(tmp_path: Path, case: str) -> None:
    names, problem = REFUSED[case]
    with pytest.raises(InputError, match=problem) as caught:
        plan_manifest(fill(tmp_path, names), 1.0)
    assert caught.value.file
    assert caught.value.expected or caught.value.advice


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan"), float("inf")])
def test_the_spacing_is_a_length(tmp_path: Path, spacing: float) -> None:
    with pytest.raises(InputError, match="spacing is no length"):
        plan_manifest(fill(tmp_path, ["s1.tif"]), spacing)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        plan_manifest(tmp_path / "none", 1.0)
    with pytest.raises(InputError, match="no folder"):
        plan_manifest(fill(tmp_path, ["s1.tif"]) / "s1.tif", 1.0)


def test_light_alone_is_planned_and_said(tmp_path: Path) -> None:
    plan = plan_manifest(fill(tmp_path, ["s1.tif", "s2.tif"]), 1.0)
    assert any("No section has EBSD" in note for note in plan.notes)


def test_a_real_volume(shared_data: RealFiles, tmp_path: Path) -> None:
    shutil.copy(next(shared_data.rglob("*.h5ebsd")), tmp_path / "a.h5ebsd")
    manifest = planned(tmp_path)
    assert len(manifest.sections) > 1
    assert all(s.ebsd_slice is not None for s in manifest.sections)
