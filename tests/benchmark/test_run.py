"""Tables: a row per method, readable as Markdown."""

from __future__ import annotations

import pytest

from grainlight.benchmark.run import BASELINES, BLIND, compare, evaluate, markdown
from grainlight.errors import InputError


def test_compare_gives_a_row_per_method(section):
    rows = compare(section, 4, "clean", 2, {name: BASELINES[name] for name in ("nearest", "guided copy")})
    assert [row.method for row in rows] == ["nearest", "guided copy"]
    assert rows[1].scores.edge_f1 > rows[0].scores.edge_f1
    table = markdown(rows).splitlines()
    assert len(table) == 4
    assert len({line.count("|") for line in table}) == 1
    assert "edge F1" in table[0]
    assert table[2].startswith("| 4 | clean | nearest |")


def test_without_light_only_blind_methods_run(section):
    rows = compare(section, 4, None)
    assert [row.method for row in rows] == list(BLIND)
    assert "| none |" in markdown(rows)


def test_guided_copy_without_light_is_an_input_error(section):
    with pytest.raises(InputError, match="needs light"):
        compare(section, 4, None, methods=BASELINES)


def test_evaluate_reads_a_file_and_reports_progress(section, tmp_path):
    from grainlight.maps.io import save_ebsd

    class Count:
        total = done = 0

        def begin(self, stage, total):
            self.total = total

        def advance(self, units=1):
            self.done += units

    file, count = tmp_path / "full.ang", Count()
    save_ebsd(section, file)
    rows = evaluate(file, scales=(4,), levels=("clean",), quality=None, progress=count)
    assert [row.method for row in rows] == list(BASELINES)
    assert count.done == count.total == len(rows)


def test_evaluate_without_weights_says_so(section, tmp_path):
    from grainlight.maps.io import save_ebsd

    file = tmp_path / "full.ang"
    save_ebsd(section, file)
    with pytest.raises(InputError, match="no weights"):
        evaluate(file, weights=tmp_path / "none.safetensors")


def test_empty_table():
    assert markdown([]) == ""
