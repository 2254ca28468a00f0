"""The parts of the viewer that need no browser: arrays as text, one script of modules, values within a budget."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from unpacking import look_of, unpacked

import grainlight as gl
from grainlight.errors import InputError
from grainlight.report.html import report_page
from grainlight.report.viewer.grain_table import grains_record
from grainlight.report.viewer.layers import layers_of
from grainlight.report.viewer.pack import MODULES, packed, script, static
from grainlight.report.viewer.pixels import MISSING, values_of


@pytest.mark.parametrize(("kind", "wide"), [(np.uint16, 2), (np.int32, 4)])
def test_packed_numbers_come_back(kind, wide):
    info = np.iinfo(kind)
    values = np.random.default_rng(0).integers(info.min, info.max, (13, 17), kind, endpoint=True)
    values[0, :3] = info.min, info.max, info.min
    assert np.array_equal(unpacked(packed(values), wide).reshape(values.shape), values)


def test_modules_import_only_what_is_before_them():
    for k, name in enumerate(MODULES):
        wanted = re.findall(r'from "\./(.*?)"', static(name))
        assert set(wanted) <= set(MODULES[:k]), name
    text = script()
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
    assert "</" not in re.sub(r"</\$\{name\}>|</svg>", "", text)


def test_values_stay_within_a_budget(made):
    full = values_of(made.result, 1, 10**9)
    assert full.every == 1
    assert full.units["bound"] == 0.01
    shape = made.result.map.shape
    bound = unpacked(full.arrays["bound"]).reshape(shape) * 0.01
    assert np.abs(bound - made.result.uncertainty).max() <= 0.0051
    assert (unpacked(full.arrays["correction"]).reshape(shape) == MISSING).mean() > 0.9  # only of what was measured
    for part in (0.9, 0.6, 0.3, 0.1):
        found = values_of(made.result, 1, round(part * full.size))
        assert found.size <= part * full.size
        assert found.units["bound"] > 0.01


def test_layers_of_page_and_report_are_the_same(made):
    """Both come of one function; the page's bytes are those of the report's pictures."""
    layers = layers_of(made.result, made.stack)
    shown = look_of(report_page(made.result, light=made.stack))["layers"]
    assert shown == [layer.as_record() for layer in layers]
    for layer in layers:
        for image in layer.files().values():
            assert image.dtype == np.uint8
            assert image.shape[:2] == made.result.map.shape
        if layer.palette is not None:
            assert layer.image.max() < len(layer.palette)


def test_document_tells_of_the_largest_grains(made):
    found = gl.find_grains(made.result)
    every, few = grains_record(found), grains_record(found, 5)
    assert every["all"] == few["all"] == len(every["rows"]) > 5
    size = every["titles"].index("pixels")
    largest = sorted((int(row[size]) for row in every["rows"]), reverse=True)[:5]
    assert [int(row[size]) for row in few["rows"]] == largest
    assert set(few["neighbours"]) == {row[0] for row in few["rows"]}


def test_what_a_file_says_is_no_markup_in_a_document(made):
    phases = tuple(replace(one, name="</script><script>alert(1)//") for one in made.result.map.phases)
    result = replace(made.result, map=made.result.map.replace(phases=phases))
    for text in (report_page(result), result.view().document):
        assert "<script>alert" not in text
        assert text.count("<script") == 2
    frame = result.view()._repr_html_()
    assert frame.count("<") == 2  # the frame, and its end


def test_viewer_of_a_card(made):
    text = gl.card(made.result, viewer=True)
    assert text.startswith(gl.card(made.result))
    assert '<iframe sandbox="allow-scripts" srcdoc="' in text
    with pytest.raises(InputError, match="the viewer shows results"):
        gl.card(made.result.map, viewer=True)


def test_a_bare_result_has_a_viewer(restoration):
    """Without record, light, flags, samples."""
    _, result, _ = restoration
    look = look_of(result.view().document)
    assert [layer["name"] for layer in look["layers"]][:3] == ["ipf-X", "ipf-Y", "ipf-Z"]
    assert look["rows"], look["columns"] == (25, 37)
