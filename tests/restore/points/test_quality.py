"""Quality fields set the noise of a point exactly as far as neighbours confirm them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import grainlight as gl
from grainlight.crystal.quaternion import from_rotation_vector, multiply
from grainlight.evaluation.metrics import disorientation
from grainlight.maps.orientation_map import OrientationMap
from grainlight.restore.points.noise import MOST_OF_A_POINT, estimate_noise

from ..conftest import section_map

BEST, WORST = 0.4, 2.0


def planted(
    seed: int, field: str, wrong: float = 0.0, size: int = 97
) -> tuple[OrientationMap, OrientationMap, np.ndarray]:
    """A true section, the same as measured, and the noise of each point in degrees.

    The noise is 0.4 to 2 degrees, by a hidden quality; `field` says what CI and IQ show of it.
    """
    full = section_map(seed, size, 22.0)
    rng = np.random.default_rng(seed + 100)
    hidden = np.argsort(np.argsort(rng.normal(size=full.shape).ravel())).reshape(full.shape) / full.phase_id.size
    level = WORST + (BEST - WORST) * hidden if field != "even" else np.full(full.shape, 0.7)
    vector = rng.normal(size=(*full.shape, 3)) * (np.radians(level) / np.sqrt(3))[..., None]
    q = multiply(from_rotation_vector(torch.from_numpy(vector)), torch.from_numpy(full.quaternions)).numpy()
    if wrong:
        spoiled = rng.random(full.shape) < 3 * wrong * (1 - hidden) ** 2
        any_q = rng.normal(size=(*full.shape, 4))
        q = np.where(spoiled[..., None], any_q / np.linalg.norm(any_q, axis=-1, keepdims=True), q)
    shown = {"informative": hidden, "even": hidden, "inverted": 1 - hidden, "random": rng.random(full.shape)}[field]
    fields = {"ci": np.round(shown**2, 3), "iq": 1000 * shown + 100 * rng.random(full.shape)}
    return full, full.replace(quaternions=np.where(q[..., :1] < 0, -q, q), fields=fields), level


def far_off(found: np.ndarray, level: np.ndarray) -> float:
    """Root mean square error of the logarithm."""
    return float(np.sqrt((np.log(found / level) ** 2).mean()))


@pytest.mark.parametrize("field", ["informative", "inverted"])
def test_levels_follow_a_field_that_neighbours_confirm(field: str) -> None:
    """Whether high is good or bad is for the map to say."""
    _, ebsd, level = planted(1, field)
    found = estimate_noise(ebsd)
    assert found.report["used"] == ["ci", "iq"]
    assert far_off(found.level, level) < 0.15
    assert far_off(found.level, level) < 0.4 * far_off(np.full(ebsd.shape, found.noise), level)


def test_points_that_are_often_wrong_count_for_less() -> None:
    _, clean, level = planted(2, "informative")
    _, ebsd, _ = planted(2, "informative", wrong=0.05)
    worst = level > np.quantile(level, 0.9)
    assert estimate_noise(ebsd).level[worst].mean() > 1.3 * estimate_noise(clean).level[worst].mean()
    assert estimate_noise(ebsd).level.max() <= MOST_OF_A_POINT


@pytest.mark.parametrize(("field", "wrong"), [("random", 0.0), ("random", 0.05), ("even", 0.0), ("even", 0.03)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_field_that_says_nothing_changes_nothing(seed: int, field: str, wrong: float) -> None:
    _, ebsd, _ = planted(seed, field, wrong if field == "random" else 0.0)
    found = estimate_noise(ebsd)
    assert found.report["used"] == []
    assert np.unique(found.level).tolist() == [found.noise]
    assert found.noise == estimate_noise(ebsd.replace(fields={})).noise


def test_only_ranks_count() -> None:
    _, ebsd, _ = planted(4, "informative")
    stretched = ebsd.replace(fields={name: -7.0 + np.exp(3 * v / v.max()) for name, v in ebsd.fields.items()})
    np.testing.assert_allclose(estimate_noise(stretched).level, estimate_noise(ebsd).level, rtol=1e-6)


def test_one_good_field_among_useless_ones() -> None:
    _, ebsd, level = planted(5, "informative")
    rng = np.random.default_rng(0)
    fields = {"ci": rng.random(ebsd.shape), "iq": ebsd.fields["iq"], "fit": np.ones(ebsd.shape)}
    found = estimate_noise(ebsd.replace(fields=fields))
    assert found.report["used"] == ["iq"]
    assert far_off(found.level, level) < 0.15


def test_noise_that_the_user_states_is_the_same_everywhere() -> None:
    _, ebsd, _ = planted(1, "informative")
    assert np.unique(estimate_noise(ebsd, 0.8).level).tolist() == [0.8]


def test_fields_of_nothing_but_nan_and_tiny_maps_are_no_trouble() -> None:
    _, ebsd, _ = planted(1, "informative")
    nothing = ebsd.replace(fields={"ci": np.full(ebsd.shape, np.nan), "iq": np.zeros(ebsd.shape)})
    assert estimate_noise(nothing).report["used"] == []
    assert estimate_noise(ebsd.every(8)).level.shape == ebsd.every(8).shape


@pytest.mark.parametrize("wrong", [0.0, 0.05])
def test_the_restored_map_is_better_for_it(wrong: float) -> None:
    full, ebsd, _ = planted(11, "informative", wrong)
    error = []
    for given in (ebsd.replace(fields={}), ebsd):
        result = gl.enhance(given, scale=1, quality="fast")
        error.append(disorientation(result.map.quaternions, full.quaternions))
    assert np.median(error[1]) < 0.9 * np.median(error[0])
    if wrong:
        # Wrong points are found before quality speaks (restore.points.misindexed): nine in ten are mended, with it or
        # without.
        assert max((e > 5).mean() for e in error) < 0.1 * wrong
    else:
        assert (error[1] > 5).mean() <= (error[0] > 5).mean()
    assert result.record["quality_fields"]["used"] == ["ci", "iq"]


def test_fields_of_a_real_map_are_ranked_as_its_vendor_means_them(shared_data) -> None:
    """High MAD is bad, high contrast is good: nobody says so but the neighbours."""
    ebsd = gl.load_ebsd(shared_data / "lightform/Sample.cpr")
    report = estimate_noise(ebsd).report
    assert report["used"] == ["mad", "bc", "bs"]
    assert report["trust"] > 0.9
    for name, sign in (("mad", 1), ("bc", -1), ("bs", -1)):
        levels = report["fields"][name]["levels_deg"]
        assert sign * (levels[-1] - levels[0]) > 0.2


def test_confidence_that_is_no_confidence_is_not_used(shared_data) -> None:
    """The CI of this file is a share of bands with few values."""
    report = estimate_noise(gl.load_ebsd(shared_data / "pymicro/Ti64-200x200.ang")).report
    assert report["used"] == []
