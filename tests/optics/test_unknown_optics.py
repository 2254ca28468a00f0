"""Calibration without knowing metal, wavelength, uncrossing or zero: what is stated as known is right."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from light_chain import Chain, channels, run, voronoi

from grainlight.optics.forward.material import MEAN_INDEX, OS633, TIWEAK, Material, uniaxial
from grainlight.synth.camera import clean

MG = uniaxial("Mg", MEAN_INDEX["Mg", 633] ** 2, 0.5 - 0.3j)
ZR = uniaxial("Zr", MEAN_INDEX["Zr", 550] ** 2, -0.2 + 0.3j)
WEAK = uniaxial("Ti, weak", MEAN_INDEX["Ti", 550] ** 2, 0.1 + 0.05j)


def azimuth_errors(chain: Chain, group: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors in degrees of the azimuth that a group states, where it is strong and more than its noise; and the
    standard deviations that it states."""
    true, found = channels(chain.ideal, group), channels(chain.light.state, group)
    size = torch.hypot(*true)
    use = (size > 0.4) & (torch.hypot(*found) > 3 * chain.light.sigma[group])
    turn = torch.atan2(found[1], found[0]) - torch.atan2(true[1], true[0])
    error = torch.rad2deg(torch.remainder(turn[use] + torch.pi, 2 * torch.pi) - torch.pi).abs() / (2 * group)
    stated = torch.rad2deg(chain.light.sigma[group] / torch.hypot(*found)) / (2 * group)
    return error, stated[use]


@pytest.mark.parametrize("material", [TIWEAK, OS633, MG, ZR, WEAK], ids=lambda m: m.name)
@pytest.mark.parametrize(("delta", "polarizer"), [(3.0, 20.0), (-1.0, 71.0)])
def test_any_metal(material: Material, delta: float, polarizer: float) -> None:
    settings = replace(clean(1), material=material, delta=delta, polarizer=polarizer)
    chain = run(voronoi(21, 80, 40), settings)
    assert any(chain.calibration.signal)
    for group in (1, 2):
        if chain.calibration.signal[group]:
            error, stated = azimuth_errors(chain, group)
            # a normal deviate is within 0.67 of its standard deviation half of the time
            assert len(error) == 0 or float((error / stated).median()) < 1.0
            assert len(error) == 0 or float(error.median()) < 3.0
        else:
            assert bool(torch.isinf(chain.light.sigma[group]).all())
    assert not any("other way round" in warning for warning in chain.calibration.warnings)


def test_hardly_any_bireflectance_leaves_the_fourth_harmonic() -> None:
    """Osmium at 633 nm: the second harmonic is next to nothing whatever the uncrossing."""
    chain = run(voronoi(22, 80, 40), replace(clean(1), material=OS633, delta=1.0, polarizer=5.0))
    assert chain.calibration.signal[2]
    assert float(chain.light.sigma[1].median()) > 3 * float(chain.light.sigma[2].median())
    assert float(azimuth_errors(chain, 2)[0].median()) < 1.0


def test_no_anisotropy_is_no_light() -> None:
    still = uniaxial("isotropic", MEAN_INDEX["Ti", 550] ** 2, 0.0)
    with pytest.raises(ValueError, match="does not follow"):
        run(voronoi(23, 80, 40), replace(clean(1), material=still))
