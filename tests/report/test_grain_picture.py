"""The picture of grains: a key, boundaries on any grid, and special ones by the colour of their system."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from grainlight.cli.main import main
from grainlight.crystal.euler import multiply
from grainlight.grains.grain_map import GrainMap, find_grains
from grainlight.grains.special import twins, variants
from grainlight.maps.io import save_ebsd
from grainlight.maps.orientation_map import OrientationMap
from grainlight.maps.phase import TITANIUM
from grainlight.report.grain_picture import FADED, TWINS, VARIANTS, grain_figure, shown_systems


def striped(grid: str = "square") -> GrainMap:
    """Three stripes of 8 points: a parent, its {10-12} twin, the 90 degrees variant of that."""
    parent = np.array([0.8, 0.3, 0.4, np.sqrt(0.11)])
    twin = multiply(twins(TITANIUM.c / TITANIUM.a)[0].rotation, parent)
    q = np.stack([parent, twin, multiply(variants()[4].rotation, twin)])[np.arange(24) // 8][None].repeat(16, axis=0)
    ebsd = OrientationMap.from_quaternions(q, (1.0, 1.0), (TITANIUM,))
    if grid == "hexagonal":
        step = (1.0, np.sqrt(3) / 2)
        x = ebsd.x + 0.5 * (np.arange(16) % 2)[:, None]
        ebsd = ebsd.replace(grid="hexagonal", step=step, x=x, y=ebsd.y * step[1])
    return find_grains(ebsd, burgers="yes")


@pytest.mark.parametrize("grid", ["square", "hexagonal"])
def test_every_system_has_its_colour(grid: str) -> None:
    found = striped(grid)
    assert [colour for _, colour, _ in shown_systems(found)] == [TWINS["{10-12}"], VARIANTS[4]]
    assert sum(share for _, _, share in shown_systems(found)) == pytest.approx(1.0)
    figure = grain_figure(found, "X")
    axes, key = figure.axes[:2]
    drawn = [one for one in axes.collections if isinstance(one, LineCollection)]
    colours = {to_hex(one.get_color()[0]): len(one.get_segments()) for one in drawn if len(one.get_segments())}
    assert {TWINS["{10-12}"], VARIANTS[4]} <= set(colours)
    # a side for each edge of the boundary, at its place
    assert colours[VARIANTS[4]] == (found.boundary & (found.special == shown_systems(found)[1][0])).sum()
    at = np.concatenate([one.get_segments() for one in drawn if len(one.get_segments())])[..., 0]
    assert {round(x) for x in at.ravel().tolist()} <= {7, 8, 15, 16}
    assert "IPF-X" in axes.get_title()
    assert axes.images[0].get_alpha() == key.images[0].get_alpha() == FADED
    names = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
    assert names[0] == "general boundary"
    assert names[1].startswith("twin {10-12} 85.0° <11-20>: ")
    assert names[2].startswith("variant 90.0° ")


def test_every_twin_that_a_metal_can_have_has_a_colour() -> None:
    from grainlight.maps.metal import METALS

    assert {system for metal in METALS for system in metal.twins} == set(TWINS)
    assert len({*TWINS.values(), *VARIANTS}) == len(TWINS) + len(VARIANTS)


@pytest.mark.parametrize("command", ["grains", "info"])
def test_colours_along_another_direction(tmp_path, command) -> None:
    save_ebsd(striped().ebsd, tmp_path / "map.ang")
    pictures = []
    for direction in ("X", "Z"):
        argv = [command, str(tmp_path / "map.ang"), "--ipf", direction, "--force"]
        picture = tmp_path / f"{direction}.png"
        argv += ["--output", str(picture.with_suffix(".csv"))] if command == "grains" else ["--picture", str(picture)]
        assert main(argv) == 0
        pictures.append(picture.read_bytes())
    assert pictures[0] != pictures[1]
