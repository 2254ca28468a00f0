"""Fit tables of constants anew: `python -m benchmarks.constants [TABLE...] --output FILE`.

The file that `grainlight.constants` reads holds each table with its provenance. Tables are fitted one after the other,
those that others rest on first, each with the constants in use as they are by then; tables that are not asked for stay
as they are in the file, with the hashes of the weights that they were fitted for.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import doubt, grains, missed, unlit
from benchmarks.sections import Sections
from grainlight.constants import SHIPPED, TABLES, Constants, load_constants, parse_constants, using
from grainlight.errors import InputError
from grainlight.maps.io.shared.atomic import atomic_path
from grainlight.restore.record import weights_in_use
from grainlight.restore.settings import QUALITIES, Settings


@dataclass(frozen=True)
class Calibrator:
    """What fits ``tables`` at once: their values by name, and the seeds of its sections as text."""

    tables: tuple[str, ...]
    fit: Callable[[Sections], Mapping[str, dict[str, Any]]]
    seeds: Callable[[Sections], str]


CALIBRATORS = (
    Calibrator(("unlit_boundary",), unlit.fit, unlit.seeds),
    Calibrator(("missed_grain",), missed.fit, missed.seeds),
    # On top of those before.
    Calibrator(("spread_quantile", "lit_boundary", "uncertainty_lit", "uncertainty_unlit"), doubt.fit, doubt.seeds),
    Calibrator(("grain_intervals", "grain_boundaries"), grains.fit, grains.seeds),
)
FITTED = tuple(table for one in CALIBRATORS for table in one.tables)
"""Tables that a command fits; the others have a reason."""
_TABLES_OF_DOUBT = ("uncertainty_lit", "uncertainty_unlit")
_ON_TOP = {"missed_grain": _TABLES_OF_DOUBT, "spread_quantile": _TABLES_OF_DOUBT}
"""Tables that should be fitted again when another one is."""
_REMARKS = {
    "spread_quantile": "That of the noise is 1.7 at least, which was chosen by hand (benchmarks.doubt).",
    "grain_intervals": "The margins of other figures (otherwise) were chosen by hand.",
}


def refitted(given: dict[str, Any], tables: Iterable[str], on: Sections, options: str = "") -> dict[str, Any]:
    """Return the content of a file of constants with some tables fitted anew.

    Parameters
    ----------
    given
        Content of the file before.
    tables
        Names, of `FITTED`.
    on
        The sections to fit them on.
    options
        Of the command, as its provenance states them.
    """
    wanted, weights = set(tables), weights_in_use(Settings(weights=on.weights))
    content = {**given, "weights": {**given["weights"], **weights}, "tables": dict(given["tables"])}
    for calibrator in CALIBRATORS:
        if not wanted.intersection(calibrator.tables):
            continue
        with using(as_constants(content)):
            found = calibrator.fit(on)
        for table in wanted.intersection(calibrator.tables):
            provenance = {
                "command": f"python -m benchmarks.constants {table}{options}",
                "seeds": calibrator.seeds(on),
                "date": date.today().isoformat(),
                "weights": weights,
                "reason": _REMARKS.get(table, ""),
            }
            content["tables"][table] = {**given["tables"][table], "values": found[table], "provenance": provenance}
    return content


def as_constants(content: Mapping[str, Any]) -> Constants:
    """Constants of the content of a file, checked."""
    return parse_constants(json.dumps(content), SHIPPED)


def constants_text(content: Any, indent: int = 0) -> str:
    """Return the content of a file of constants as JSON, a line for each name, lists in one."""
    if not isinstance(content, dict) or not content:
        return json.dumps(content, ensure_ascii=False, allow_nan=False)
    inside = "  " * (indent + 1)
    lines = (f"{inside}{json.dumps(name)}: {constants_text(value, indent + 1)}" for name, value in content.items())
    return "{\n" + ",\n".join(lines) + "\n" + "  " * indent + "}"


def write_constants(content: dict[str, Any], path: Path) -> None:
    """Write a file of constants, whole or not at all."""
    as_constants(content)
    with atomic_path(path) as temporary:
        temporary.write_text(constants_text(content) + "\n", encoding="utf-8")


def _tables(names: list[str], given: dict[str, Any]) -> tuple[str, ...]:
    for name in names:
        if name not in TABLES:
            raise InputError("there is no such table", found=name, expected=", ".join(FITTED))
        if name not in FITTED:
            reason = given["tables"][name]["provenance"]["reason"]
            raise InputError(f"no command fits the table {name}", found=reason, expected=", ".join(FITTED))
    return tuple(names) or FITTED


def main() -> None:
    """Fit tables and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"all of these where none is named: {', '.join(FITTED)}"
    )
    parser.add_argument(
        "--output", type=Path, help="the file; tables that are not fitted stay as it has them, or as shipped"
    )
    parser.add_argument("--sections", type=int, metavar="N", help="sections of each family (default: as shipped)")
    parser.add_argument(
        "--size",
        type=int,
        help="rows and columns of a section, 65 or more for one per cent of the points (default: as shipped)",
    )
    parser.add_argument("--quality", choices=tuple(QUALITIES), default="balanced")
    parser.add_argument("--weights", type=Path, help="in place of the shipped ones; needs --output")
    asked = parser.parse_args()
    if asked.weights is not None and asked.output is None:
        parser.error("--weights needs --output: the shipped file belongs to the shipped weights")
    output = asked.output or SHIPPED
    try:
        before = output if output.is_file() else SHIPPED
        load_constants(before)
        given = json.loads(before.read_text(encoding="utf-8"))
        tables = _tables(asked.tables, given)
        on = Sections(asked.sections, asked.size, asked.quality, asked.weights)
        content = refitted(given, tables, on, _options(asked))
        write_constants(content, output)
    except InputError as error:
        parser.error(str(error))
    for table in tables:
        sys.stdout.write(f"{table}: {constants_text(content['tables'][table]['values'], 1)}\n")
        left = [name for name in _ON_TOP.get(table, ()) if name not in tables]
        if left:
            sys.stdout.write(f"fit next, because they rest on {table}: {', '.join(left)}\n")
    sys.stdout.write(f"wrote {output}\n")


def _options(asked: argparse.Namespace) -> str:
    """The options that were given and that a fit depends on, as they were given."""
    words = []
    for name, usual in (("sections", None), ("size", None), ("quality", "balanced"), ("weights", None)):
        value = getattr(asked, name)
        if value != usual:
            words += [f"--{name}", value.name if isinstance(value, Path) else str(value)]
    return "".join(f" {word}" for word in map(shlex.quote, words))


if __name__ == "__main__":
    main()
