"""Special boundaries are those that the metal of the phase has, with its own c/a."""

from __future__ import annotations

import numpy as np
import pytest
from painted import BETA, painted

from grainlight.cli.main import main
from grainlight.crystal.euler import multiply
from grainlight.errors import InputError
from grainlight.grains.grain_map import GrainMap, find_grains
from grainlight.grains.special import twins, variants
from grainlight.grains.summary import of_phases
from grainlight.maps.io import save_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import Phase
from grainlight.report.grain_figures import lines_of

TI = Phase(1, "Titanium", "6/mmm", 2.95, 2.95, 4.686, 90.0, 90.0, 120.0)
ZR = Phase(2, "Zirconium", "6/mmm", 3.232, 3.232, 5.147, 90.0, 90.0, 120.0)
MG = Phase(2, "Magnesium", "6/mmm", 3.209, 3.209, 5.211, 90.0, 90.0, 120.0)
ZN = Phase(3, "Zinc", "6/mmm", 2.665, 2.665, 4.947, 90.0, 90.0, 120.0)


def lamellae(phase: Phase, *relations: np.ndarray, others: tuple[Phase, ...] = ()) -> OrientationMap:
    """Stripes of 6 points: a parent, then one lamella for each relation to it, parent between them."""
    parent = np.array([[0.8, 0.3, 0.4, np.sqrt(1 - 0.89)]])
    orientations = [parent[0]]
    for relation in relations:
        orientations += [multiply(relation[None], parent)[0], parent[0]]
    labels = np.repeat(np.arange(len(orientations)), 6)[None].repeat(20, axis=0)
    ebsd = painted(labels, np.array(orientations))
    return ebsd.replace(phases=(phase, *others), phase_id=np.full(labels.shape, phase.id, np.int16))


def shares(found: GrainMap) -> dict[str, float]:
    start = "fraction of "
    return {
        name.removeprefix(start): one.value
        for name, one in found.figures.items()
        if name.startswith(start) and one.value > 0
    }


def test_twins_have_the_ratio_of_the_phase_that_they_lie_in() -> None:
    """A {10-12} twin of zinc, one of magnesium and one of titanium side by side, within a degree."""
    parts = [lamellae(p, twins(p.c / p.a)[0].rotation) for p in (TI, MG, ZN)]
    ebsd = parts[0].replace(phases=(TI, MG, ZN))
    stacked = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in ("quaternions", "phase_id", "x")
    }
    ebsd = ebsd.replace(**stacked, y=np.arange(60)[:, None] * np.full((60, 18), 0.5))
    found = find_grains(ebsd, tolerance=1.0)
    assert sorted(shares(found)) == [
        "twin {10-12} 85.0 deg <11-20> of Titanium",
        "twin {10-12} 86.0 deg <11-20> of Zinc",
        "twin {10-12} 86.3 deg <11-20> of Magnesium",
    ]
    zinc = twins(ZN.c / ZN.a)[0].rotation
    assert shares(find_grains(lamellae(TI, zinc), tolerance=0.5)) == {}
    assert list(shares(find_grains(lamellae(ZN, zinc), tolerance=0.5))) == ["twin {10-12} 86.0 deg <11-20>"]


def test_magnesium_has_its_own_twins_and_no_variants() -> None:
    systems = twins(MG.c / MG.a, ("{10-12}", "{10-11}", "{10-13}", "{10-11}-{10-12}", "{10-13}-{10-12}"))
    # Nave & Barnett, Scripta Mater. 51 (2004): 86, 56, 64, 38 and 22 degrees about <11-20>
    assert [one.axis for one in systems] == ["<11-20>"] * 5
    np.testing.assert_allclose([one.angle for one in systems], [86.3, 56.2, 64.0, 37.5, 22.2], atol=0.1)
    found = find_grains(lamellae(MG, *(one.rotation for one in systems)))
    assert len(shares(found)) == 5
    assert found.figures["twin_fraction"].value == pytest.approx(1.0)
    titanium = twins(MG.c / MG.a, ("{11-21}", "{11-22}"))
    strange = find_grains(lamellae(MG, *(one.rotation for one in (*titanium, *variants()[1:]))))
    # 60 degrees about <11-20> are four from a {10-11} and from a {10-13} twin of magnesium
    assert not any("11-21" in name or "variant" in name for name in (one.name for one in strange.systems))
    assert np.isnan(strange.figures["variant_fraction"].value)
    assert "Burgers" not in " ".join(str(line.name) for line in lines_of(strange))
    with pytest.raises(InputError, match="no phase of the map comes from beta"):
        find_grains(lamellae(MG), burgers="yes")


def one_variant_of_many() -> OrientationMap:
    turns = np.radians([0.0, 17.0, 23.0, 19.0, 21.0])
    general = [np.array([np.cos(t), np.sin(t) * 0.6, 0.0, np.sin(t) * 0.8]) for t in turns[1:]]
    return lamellae(TI, variants()[4].rotation, *general, *general)


def test_commercially_pure_titanium_has_no_variants() -> None:
    cp = one_variant_of_many()
    found = find_grains(cp)
    assert np.isnan(found.figures["variant_fraction"].value)
    assert "Burgers variants not: no beta phase is in the map, and they are 11.1 % of its boundaries" in found.rules[0]
    assert shares(find_grains(cp, burgers="yes"))["variant 90.0 deg [0.82 0.58 0.00]"] == pytest.approx(1 / 9)


def test_where_variants_are_looked_for() -> None:
    cp = one_variant_of_many()
    rich = cp.phase_id.copy()
    rich[:2, :6] = 2
    beta = cp.replace(phases=(TI, BETA), phase_id=rich)
    assert find_grains(beta).figures["variant_fraction"].value > 0.1
    assert "the map has Beta" in find_grains(beta).rules[0]
    # listed, but not found
    assert np.isnan(find_grains(cp.replace(phases=(TI, BETA))).figures["variant_fraction"].value)
    alloy = cp.replace(phases=(Phase(1, "Ti-6Al-4V", "6/mmm", *TI.lattice),))
    assert find_grains(alloy).figures["variant_fraction"].value > 0.1
    shown = find_grains(lamellae(TI, *(one.rotation for one in variants())))
    assert shown.figures["variant_fraction"].value == pytest.approx(1.0)
    assert "100 % of its boundaries" in shown.rules[0]
    none = find_grains(lamellae(TI, *(one.rotation for one in variants())), burgers="no")
    assert np.isnan(none.figures["variant_fraction"].value)
    # a cubic phase of another lattice is no beta, nor does magnesium come from one
    nitride = Phase(2, "TiN", "m-3m", 4.24, 4.24, 4.24)
    assert np.isnan(find_grains(beta.replace(phases=(TI, nitride))).figures["variant_fraction"].value)
    lithium = beta.replace(phases=(Phase(1, "Magnesium", "6/mmm", *MG.lattice), BETA))
    assert np.isnan(find_grains(lithium).figures["variant_fraction"].value)


def test_carbides_do_not_twin() -> None:
    carbide = Phase(1, "WC", "6/mmm", 2.906, 2.906, 2.837, 90.0, 90.0, 120.0)
    found = find_grains(lamellae(carbide, twins()[0].rotation))
    assert found.systems == ()
    assert np.isnan(found.figures["twin_fraction"].value)
    assert "no twins are looked for" in found.rules[0]


def test_a_phase_listed_twice_is_one() -> None:
    ebsd = lamellae(TI, twins(TI.c / TI.a)[0].rotation)
    number = ebsd.phase_id.copy()
    number[:, 6:12] = 3
    number[5:15, 15] = 3
    double = ebsd.replace(phases=(TI, Phase(3, "Titanium", "6/mmm", *TI.lattice)), phase_id=number)
    one, two = find_grains(ebsd), find_grains(double)
    np.testing.assert_array_equal(one.labels, two.labels)
    assert {name: figure.value for name, figure in one.figures.items()} == pytest.approx(
        {name: figure.value for name, figure in two.figures.items()}, nan_ok=True
    )
    assert of_phases(two.grains, two.ebsd.phases) == {}


def test_the_command_says_the_rule(tmp_path, capsys) -> None:
    save_ebsd(one_variant_of_many(), tmp_path / "cp.ang")
    assert main(["grains", str(tmp_path / "cp.ang")]) == 0
    out = capsys.readouterr().out
    assert "looked for in Titanium: twins {10-12}, {11-21}, {11-22}, {10-11} of titanium, c/a 1.588" in out
    assert "variant fraction" not in out
    assert main(["grains", str(tmp_path / "cp.ang"), "--force", "--variants", "yes"]) == 0
    assert "variant fraction: 0.1111" in capsys.readouterr().out
    save_ebsd(lamellae(MG), tmp_path / "mg.ang")
    assert main(["grains", str(tmp_path / "mg.ang"), "--variants", "yes"]) == 2
    assert "comes from beta" in capsys.readouterr().err
