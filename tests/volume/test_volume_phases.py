"""Phases of a volume are told by what they are: every file numbers them in its own way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grainlight.errors import InputError
from grainlight.maps.io import load_ebsd, save_ebsd
from grainlight.maps.phase import TITANIUM, Phase
from grainlight.maps.same_phase import joined_phases
from grainlight.restore.settings import Settings
from grainlight.volume.inputs.manifest_file import load_manifest
from grainlight.volume.inputs.synthetic import VolumeRecipe, write_synthetic_volume
from grainlight.volume.jobs import LightOptions
from grainlight.volume.manifest import Manifest
from grainlight.volume.run import VolumeSettings, restore_volume

BETA = Phase(2, "Titanium (beta)", "m-3m", 3.31, 3.31, 3.31)
SETTINGS = VolumeSettings(Settings(scale=2, quality="fast"), LightOptions(tuple(10.0 * k for k in range(18)), 0.5))


def test_phases_that_only_another_map_has_come_behind() -> None:
    alpha, beta = replace(TITANIUM, id=2, name="titanium"), replace(BETA, id=1)
    assert joined_phases((TITANIUM,), (beta, alpha)) == ((TITANIUM, replace(BETA, id=2)), {1: 2, 2: 1})
    assert joined_phases((TITANIUM, BETA), (beta, alpha)) == ((TITANIUM, BETA), {1: 2, 2: 1})


@pytest.fixture
def specimen(tmp_path: Path) -> Manifest:
    """Three sections with EBSD on the outer ones, rows 3 to 6 of which are beta; the second numbers it 1, alpha 2."""
    recipe = VolumeRecipe(3, (49, 49), 12.0, family="equiaxed", scale=2, every=2, level="clean", seed=3)
    manifest = load_manifest(write_synthetic_volume(recipe, tmp_path))
    for k, (alpha, beta) in {0: (1, 2), 2: (2, 1)}.items():
        file = tmp_path / f"s{k:03d}_ebsd.ang"
        ebsd = load_ebsd(file)
        phase_id = np.full(ebsd.shape, alpha, np.int16)
        phase_id[3:7] = beta
        phases = sorted((replace(TITANIUM, id=alpha), replace(BETA, id=beta)), key=lambda phase: phase.id)
        save_ebsd(ebsd.replace(phases=tuple(phases), phase_id=phase_id), file)
    return manifest


def test_numbers_that_differ_between_sections_are_those_of_the_first(specimen: Manifest, tmp_path: Path) -> None:
    volume = restore_volume(specimen, tmp_path / "OUT", SETTINGS)
    assert volume is not None
    assert [(phase.id, phase.laue_group) for phase in volume.phases] == [(1, "6/mmm"), (2, "m-3m")]
    for k in (0, 2):
        beta, file = volume.phase_id[k] == 2, tmp_path / f"s{k:03d}_ebsd.ang"
        assert 0.1 < beta.mean() < 0.2
        assert (volume.phase_id[k] == 1).mean() > 0.7
        # beta is kept as it was measured, in the frames of the volume
        measured = load_ebsd(file).quaternions[3:7].reshape(-1, 4)
        kept = volume.quaternions[k][beta][::7].astype(np.float64)
        assert np.abs(kept @ measured.T).max(1) == pytest.approx(1, abs=1e-5)


def test_another_step_is_refused_before_the_section_is_restored(specimen: Manifest, tmp_path: Path) -> None:
    file = tmp_path / "s002_ebsd.ang"
    ebsd = load_ebsd(file)
    save_ebsd(replace_step(ebsd), file)
    with pytest.raises(InputError, match="steps of the sections differ"):
        restore_volume(specimen, tmp_path / "OUT", SETTINGS)


def test_a_section_beside_the_volume_is_refused(specimen: Manifest, tmp_path: Path) -> None:
    restore_volume(specimen, tmp_path / "OUT", replace(SETTINGS, only=(1,)))
    record = json.loads((tmp_path / "OUT" / "alignment.json").read_text())
    record["sections"][2]["shift_um"] = [300.0, 0.0]
    given = tmp_path / "given.json"
    given.write_text(json.dumps(record))
    with pytest.raises(InputError, match="lies beside the volume") as caught:
        restore_volume(specimen, tmp_path / "OUT", replace(SETTINGS, only=(3,), alignment=given))
    assert "300" in str(caught.value)


def replace_step(ebsd):
    from grainlight.maps.orientation_map import OrientationMap

    return OrientationMap.from_quaternions(
        ebsd.quaternions,
        (1.5, 1.5),
        ebsd.phases,
        phase_id=ebsd.phase_id,
        sample_frame=ebsd.sample_frame,
        crystal_frame=ebsd.crystal_frame,
    )
