"""The fitted constants are one file of the package that says of every table where it comes from."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from grainlight.constants import (
    SHIPPED,
    TABLES,
    WEIGHTS,
    Constants,
    constants,
    load_constants,
    parse_constants,
    using,
    weights_of,
)
from grainlight.errors import InputError

ROOT = Path(__file__).resolve().parents[1]


def content() -> dict:
    return json.loads(SHIPPED.read_text(encoding="utf-8"))


def test_the_file_is_in_the_package() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = ROOT / "src" / "grainlight"
    shipped = {path for one in data["tool"]["setuptools"]["package-data"]["grainlight"] for path in package.glob(one)}
    assert SHIPPED in shipped


def test_every_table_is_there_and_says_where_it_comes_from() -> None:
    found = load_constants(SHIPPED)
    assert set(found.provenance) == set(TABLES)
    assert set(TABLES) == {field.name for field in fields(Constants)} - {"provenance", "weights"}
    for name, its in found.provenance.items():
        assert its.reason or (its.command and its.seeds and its.date and its.weights), name
        assert its.reason or its.command == f"python -m benchmarks.constants {name}"
        if its.command:
            assert its.weights
            assert set(its.weights.items()) <= set(found.weights.items()), name


def test_the_file_knows_all_weights_that_are_shipped() -> None:
    from grainlight.diffusion.checkpoint import weights_hash

    files = sorted(SHIPPED.parent.glob("*.safetensors"))
    assert {path.name: weights_hash(path) for path in files} == dict(constants().weights)


@pytest.mark.parametrize("table", TABLES)
def test_a_file_that_lacks_something_is_refused(table: str) -> None:
    given = content()
    values = given["tables"][table]["values"]
    values.pop(next(iter(values)))
    with pytest.raises(InputError, match=f"{table}, values: the constants are not complete"):
        parse_constants(json.dumps(given), SHIPPED)
    given["tables"].pop(table)
    with pytest.raises(InputError, match="tables: the constants are not complete"):
        parse_constants(json.dumps(given), SHIPPED)
    given = content()
    given["tables"][table]["provenance"] |= {"reason": "", "date": ""}
    with pytest.raises(InputError, match=f"{table}: a table says nothing of where it comes from"):
        parse_constants(json.dumps(given), SHIPPED)


@pytest.mark.parametrize("text", ["", "[1]", '{"format": "another"}'])
def test_what_are_no_constants_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "constants.json").write_text(text)
    with pytest.raises(InputError, match="constants"):
        load_constants(tmp_path / "constants.json")
    with pytest.raises(InputError, match="there are no constants"):
        load_constants(tmp_path / "nothing.json")


def test_tables_belong_to_the_weights_that_they_were_fitted_with() -> None:
    own = constants()
    number = own.weights[WEIGHTS]
    fitted = {name for name, its in own.provenance.items() if its.command}
    assert {"uncertainty_lit", "uncertainty_unlit", "unlit_boundary", "missed_grain", "grain_intervals"} <= fitted
    assert not own.unfitted({WEIGHTS: number})
    assert own.unfitted({WEIGHTS: "0" * 16}) == fitted
    # weights that the file has never heard of have a say too
    assert own.unfitted({WEIGHTS: number, "more.safetensors": "1" * 16}) == fitted
    # one table was fitted with those as well
    its = replace(own.provenance["uncertainty_unlit"], weights={WEIGHTS: number, "more.safetensors": "1" * 16})
    both = replace(
        own,
        provenance={**own.provenance, "uncertainty_unlit": its},
        weights={**own.weights, "more.safetensors": "1" * 16},
    )
    assert not both.unfitted({WEIGHTS: number, "more.safetensors": "1" * 16})
    assert both.unfitted({WEIGHTS: number}) == {"uncertainty_unlit"}
    # the file was written for the next weights, and only some of its tables were fitted again
    new = replace(both, weights={WEIGHTS: "2" * 16})
    assert new.unfitted({WEIGHTS: "2" * 16}) == fitted
    # all that a command fits was: what was chosen by hand for the last ones calls nothing into question
    again = {name: replace(own.provenance[name], weights={WEIGHTS: "2" * 16}) for name in fitted}
    assert not replace(new, provenance={**own.provenance, **again}).unfitted({WEIGHTS: "2" * 16})


def test_other_constants_are_used_for_a_while_only() -> None:
    own = constants()
    other = replace(own, second_label=replace(own.second_label, value=1.0))
    with using(other):
        assert constants() is other
    assert constants() is own


def test_weights_of_a_record() -> None:
    assert weights_of({"weights": "ab"}) == {WEIGHTS: "ab"}
    assert weights_of({"weights": "ab", "constants": {"weights": {WEIGHTS: "cd", "x": "e"}}}) == {
        WEIGHTS: "cd",
        "x": "e",
    }
    assert weights_of({}) == {}


def test_constants_need_no_torch_and_are_read_when_asked_for() -> None:
    code = (
        "import builtins, sys, grainlight.constants as c; print(c._shipped.cache_info().currsize);"
        "c.constants(); c.constants(); print(c._shipped.cache_info().currsize, c._shipped.cache_info().misses);"
        "print([m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["0", "1 1", "[]"]
