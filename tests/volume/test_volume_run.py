"""A volume from its sections: what is restored, what is done again, and what a kill leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

import grainlight
from grainlight.crystal.frames import CrystalFrame, SampleFrame
from grainlight.crystal.hexagonal import disorientation_angle
from grainlight.diffusion.checkpoint import save_weights
from grainlight.diffusion.network import LabelNetwork
from grainlight.errors import InputError
from grainlight.evaluation.degrade import degrade, photograph
from grainlight.maps.io import save_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.restore.result import INFERRED, MEASURED
from grainlight.restore.settings import Settings
from grainlight.synth.draw import Draw
from grainlight.synth.section import make_stack
from grainlight.training.presets import PRESETS
from grainlight.volume import run
from grainlight.volume.inputs.manifest_file import load_manifest
from grainlight.volume.inputs.synthetic import VolumeRecipe, write_synthetic_volume
from grainlight.volume.jobs import LightOptions, work
from grainlight.volume.manifest import Manifest, SectionEntry
from grainlight.volume.run import VolumeSettings, restore_volume
from grainlight.volume.section_store import section_path
from grainlight.volume.volume import Volume

SIZE, STEP = 49, 0.5
HEIGHTS = (-0.2, -0.1, 0.0, 0.1, 0.2)


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, np.ndarray]:
    """Five sections, EBSD on the first and the last, light on all but the fourth, which is left out; and the truth."""
    folder = tmp_path_factory.mktemp("specimen")
    sections, _ = make_stack(Draw.seeded(4), torch.tensor(HEIGHTS)[:, None], (SIZE, SIZE), (10.0, 14.0), "equiaxed")
    truth = np.stack([s.orientation[0].double().numpy() for s in sections])
    entries = []
    for row, q in enumerate(truth, 1):
        ebsd = None
        if row in (1, 5):
            full = OrientationMap.from_quaternions(q, (STEP, STEP), (TITANIUM,))
            ebsd = folder / f"s{row}.ctf"
            save_ebsd(degrade(full, scale=2, level=None, seed=row).coarse, ebsd)
        stack = photograph(q, np.ones((SIZE, SIZE), bool), "clean", 3, STEP, "Ti")
        light = folder / f"s{row}.tif"
        tifffile.imwrite(light, stack.images.astype(np.uint16))
        entries.append(SectionEntry(row, float(row), ebsd, (light,), exclude="scratched" if row == 4 else ""))
    return Manifest(folder / "volume.csv", tuple(entries)), truth


SETTINGS = VolumeSettings(
    Settings(scale=2, quality="fast", seed=1),
    LightOptions(tuple(10.0 * k for k in range(18)), STEP),
)


@pytest.fixture(scope="module")
def whole(specimen: tuple[Manifest, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> tuple:
    folder = tmp_path_factory.mktemp("whole")
    return restore_volume(specimen[0], folder, SETTINGS), folder


def wrong(volume: Volume, at: int, truth: np.ndarray) -> float:
    """Share of the pixels of a section that are off by more than 5 degrees; the truth is in frame S."""
    section = OrientationMap.from_quaternions(
        volume.quaternions[at].astype(np.float64),
        (STEP, STEP),
        volume.phases,
        sample_frame=volume.sample_frame,
        crystal_frame=volume.crystal_frame,
    )
    q = section.in_frame(SampleFrame.S).in_crystal_frame(CrystalFrame.X_ALONG_A).quaternions
    angle = disorientation_angle(torch.from_numpy(q), torch.from_numpy(truth))
    return float((torch.rad2deg(angle) > 5).double().mean())


def test_weights_that_know_no_stacks_are_refused_before_anything_is_written(
    specimen: tuple[Manifest, np.ndarray], tmp_path: Path
) -> None:
    alone = replace(PRESETS["tiny"].network, stacks=False)
    save_weights(LabelNetwork(alone), tmp_path / "alone.safetensors")
    settings = replace(SETTINGS, restore=replace(SETTINGS.restore, weights=tmp_path / "alone.safetensors"))
    with pytest.raises(InputError, match=r"alone\.safetensors.*nothing of sections below and above"):
        restore_volume(specimen[0], tmp_path / "volume", settings)
    assert not (tmp_path / "volume").exists()


def test_sections_between_are_restored_by_their_light(whole: tuple, specimen: tuple[Manifest, np.ndarray]) -> None:
    volume, truth = whole[0], specimen[1]
    assert volume.shape == (5, SIZE, SIZE)
    assert volume.measured.tolist() == [True, False, False, False, True]
    for at in (1, 2):
        assert wrong(volume, at, truth[at]) < 0.6 * wrong(volume, 4 * (at > 1), truth[at])
        assert set(np.unique(volume.source[at])) == {INFERRED}
    assert (volume.source[0] == MEASURED).any()


def test_a_section_that_is_left_out_is_interpolated_and_said(whole: tuple) -> None:
    volume = whole[0]
    assert any("scratched" in text and "interpolated" in text for text in volume.record["warnings"])
    assert np.nanmean(volume.other_grain[3]) > np.nanmean(volume.other_grain[1])


def test_what_is_done_is_not_done_again_and_what_rests_on_a_change_is(
    whole: tuple, specimen: tuple[Manifest, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def counted(job):  # type: ignore[no-untyped-def]
        done.append(job.entry.row)
        return work(job)

    monkeypatch.setattr(run, "work", counted)
    manifest, folder = specimen[0], whole[1]
    before = [section_path(folder, row).read_bytes() for row in range(1, 6)]
    restore_volume(manifest, folder, SETTINGS)
    assert done == []
    # A kill left no more than a half file of the third section.
    section_path(folder, 3).write_bytes(before[2][: len(before[2]) // 2])
    restore_volume(manifest, folder, SETTINGS)
    assert done == [3]
    assert section_path(folder, 3).read_bytes() == before[2]


def test_a_changed_section_is_done_anew_with_those_beside_it(
    whole: tuple, specimen: tuple[Manifest, np.ndarray]
) -> None:
    manifest, folder = specimen[0], whole[1]
    own = run._specimen(manifest, SETTINGS)
    alignment = run.load_alignment(folder / "alignment.json")
    keys = [{j.entry.row: j.key for j in jobs} for jobs in run.plan_jobs(manifest, own, alignment, folder)]
    sections = list(manifest.sections)
    sections[1] = replace(sections[1], step=0.51)
    changed = run.plan_jobs(replace(manifest, sections=tuple(sections)), own, alignment, folder)
    assert [j.entry.row for jobs in changed for j in jobs if j.key not in {*keys[0].values(), *keys[1].values()}] == [2]
    sections[0] = replace(sections[0], angles=(0.0, 30.0, 60.0, 90.0, 120.0))
    changed = run.plan_jobs(replace(manifest, sections=tuple(sections)), own, alignment, folder)
    new = [j.entry.row for jobs in changed for j in jobs if j.key not in {*keys[0].values(), *keys[1].values()}]
    assert new == [1, 2, 3, 4]


def test_single_sections_in_turn_are_the_whole(
    whole: tuple, specimen: tuple[Manifest, np.ndarray], tmp_path: Path
) -> None:
    manifest = specimen[0]
    with pytest.raises(InputError, match="lies between sections that are not restored yet"):
        restore_volume(manifest, tmp_path, replace(SETTINGS, only=(3,)))
    for rows in ((1,), (5,), (3,)):
        assert restore_volume(manifest, tmp_path, replace(SETTINGS, only=rows)) is None
    assert section_path(tmp_path, 3).read_bytes() == section_path(whole[1], 3).read_bytes()


def test_rows_that_the_manifest_has_not_are_refused(specimen: tuple[Manifest, np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such rows"):
        restore_volume(specimen[0], tmp_path, replace(SETTINGS, only=(1, 9)))


def test_an_alignment_of_another_trend_is_not_taken_over(
    whole: tuple, specimen: tuple[Manifest, np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "alignment.json").write_bytes((whole[1] / "alignment.json").read_bytes())
    same = run._aligned(specimen[0], tmp_path, SETTINGS, run.Silent())
    other = run._aligned(specimen[0], tmp_path, replace(SETTINGS, trend="linear"), run.Silent())
    assert (same.trend, other.trend) == ("none", "linear")


@pytest.fixture
def drifting(tmp_path: Path) -> Manifest:
    """Nine sections with light that drift, EBSD on the first."""
    recipe = VolumeRecipe(9, (49, 49), grain_size=12.0, scale=2, every=9, level="clean", misalign=1.0, seed=3)
    return load_manifest(write_synthetic_volume(recipe, tmp_path))


def test_light_that_has_changed_is_aligned_anew_and_the_rest_stays_in_its_place(
    drifting: Manifest, tmp_path: Path
) -> None:
    before = run._aligned(drifting, tmp_path, SETTINGS, run.Silent())
    image = drifting.sections[4].light[0]
    stack = tifffile.imread(image)
    tifffile.imwrite(image, np.roll(stack, 3, axis=2), photometric="minisblack")
    after = run._aligned(drifting, tmp_path, SETTINGS, run.Silent())
    moved = (after.shifts - before.shifts) / STEP
    assert moved[4] == pytest.approx([-3, 0], abs=0.5)
    others = np.delete(np.arange(9), 4)
    assert np.array_equal(after.shifts[others], before.shifts[others])
    saved = run.load_alignment(tmp_path / "alignment.json")
    assert np.allclose(saved.shifts, after.shifts)


def test_a_kept_alignment_may_be_edited_and_one_of_unknown_light_is_not_kept(
    drifting: Manifest, tmp_path: Path
) -> None:
    found = run._aligned(drifting, tmp_path, SETTINGS, run.Silent())
    run.save_alignment(replace(found, shifts=found.shifts + 1), tmp_path / "alignment.json")
    edited = run._aligned(drifting, tmp_path, SETTINGS, run.Silent())
    assert np.allclose(edited.shifts, found.shifts + 1)
    run.save_alignment(replace(edited, method={}), tmp_path / "alignment.json")
    assert np.allclose(run._aligned(drifting, tmp_path, SETTINGS, run.Silent()).shifts, found.shifts)


def test_a_kill_over_the_picture_of_the_alignment_leaves_none_without(
    specimen: tuple[Manifest, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run, "draw_cuts", killed)
        with pytest.raises(KeyboardInterrupt):
            restore_volume(specimen[0], tmp_path, replace(SETTINGS, only=(1,)))
    assert not (tmp_path / "alignment.json").exists()


def test_an_output_that_cannot_be_made_is_refused(specimen: tuple[Manifest, np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="output folder cannot be made"):
        restore_volume(specimen[0], tmp_path / "file" / "OUT", SETTINGS)


def test_no_workers_are_refused(specimen: tuple[Manifest, np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no workers"):
        restore_volume(specimen[0], tmp_path, replace(SETTINGS, workers=0))


def test_no_ebsd_at_all_is_refused(specimen: tuple[Manifest, np.ndarray], tmp_path: Path) -> None:
    manifest = specimen[0]
    bare = tuple(replace(s, ebsd=None) for s in manifest.sections)
    with pytest.raises(InputError, match="no section of the volume has EBSD"):
        restore_volume(replace(manifest, sections=bare), tmp_path, SETTINGS)


@pytest.mark.slow
def test_two_workers_give_the_same_bits(whole: tuple, specimen: tuple[Manifest, np.ndarray], tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        one = tmp_path / "one"
        restore_volume(specimen[0], one, SETTINGS)
        restore_volume(specimen[0], tmp_path / "two", replace(SETTINGS, workers=2))
    finally:
        torch.set_num_threads(threads)
    for row in range(1, 6):
        assert section_path(one, row).read_bytes() == section_path(tmp_path / "two", row).read_bytes()


def test_one_call_from_python_goes_on_with_a_run_and_writes_it(
    whole: tuple, specimen: tuple[Manifest, np.ndarray]
) -> None:
    pytest.importorskip("zarr")
    folder = whole[1]
    volume = grainlight.restore_volume(
        specimen[0], folder, quality="fast", seed=1, angles=SETTINGS.light.angles, step=STEP
    )
    assert np.array_equal(volume.quaternions, whole[0].quaternions)
    read = grainlight.load_volume(folder)
    assert np.array_equal(read.quaternions, volume.quaternions)
    assert read.grain_id is not None
    assert read.grain_id.max() > 5
    assert (folder / "report.html").is_file()
