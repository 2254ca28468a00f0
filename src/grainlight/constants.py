"""Constants that were fitted together with weights: a data file beside them (`weights/constants.json`).

It is read at the first use, once. Every table states its provenance: the command that fitted it, the seeds of its
sections, the date and the hashes of the weights, or the reason why nobody can derive it. Bounds and probabilities hold
for those weights only (`Constants.unfitted`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from grainlight.errors import InputError

SHIPPED = Path(__file__).resolve().parent / "weights" / "constants.json"
FORMAT = "grainlight-constants-1"
WEIGHTS = "grainlight.safetensors"
"""What the network's weights are called among `Provenance.weights`, whatever their file is called."""

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Provenance:
    """Where a table comes from.

    ``command`` that fitted it, on sections of these ``seeds``, on this ``date`` (ISO), with ``weights``: hashes (first
    16 hexadecimal digits of the SHA-256) by file name. ``reason``: why no command derives it, or what else is to
    be known of it.
    """

    command: str
    seeds: str
    date: str
    weights: Mapping[str, str]
    reason: str


@dataclass(frozen=True)
class RawUncertainty:
    """Of ``raw`` uncertainty in degrees (`Uncertainty.raw`), interpolated: the 90 % ``bound`` of the error in degrees,
    and the share of pixels that are in an ``other_grain`` (off by more than 5 degrees)."""

    raw: Numbers
    bound: Numbers
    other_grain: Numbers


@dataclass(frozen=True)
class SpreadQuantile:
    """90 % quantile of the error of the orientation of a grain over its root mean square, by the ``spacing`` of the
    points in pixels (`Surroundings.spacing`), interpolated: of the ``noise`` and of the ``turn``
    (`gradient.OrientationSpread`)."""

    spacing: Numbers
    noise: Numbers
    turn: Numbers


@dataclass(frozen=True)
class LitBoundary:
    """Weights of the terms of `lit_boundary.boundary_terms` in the logit of a boundary."""

    weights: Numbers


@dataclass(frozen=True)
class UnlitBoundary:
    """Weights of the terms of `unlit_boundary.edge_terms` in the logit of a boundary, of an edge of which one side or
    none was measured, and of one between two measured points."""

    inferred: Numbers
    measured: Numbers


@dataclass(frozen=True)
class MissedGrain:
    """Logit of a grain that nobody measured: a ``constant``, and weights of the terms of
    `Surroundings.missed_terms`."""

    constant: float
    variance: float
    crossing: float
    way: float


@dataclass(frozen=True)
class Number:
    """A table of one number."""

    value: float


@dataclass(frozen=True)
class GrainIntervals:
    """How far the truth is below and above a figure of a map or a grain, beyond what samples say, in 19 of 20 cases
    (`grains.interval.bounds`): ``margins`` by the figure's name, ``otherwise`` for others."""

    margins: Mapping[str, tuple[float, float]]
    otherwise: tuple[float, float]


@dataclass(frozen=True)
class GrainBoundaries:
    """Of the ``evidence`` of an edge (`grains.boundaries.edge_evidence`), interpolated: the ``share`` of such edges
    where the truth has a boundary."""

    evidence: Numbers
    share: Numbers


@dataclass(frozen=True)
class Descent:
    """Of `restore.labelling.descent.RelabelSettings`, where the fields are explained."""

    guide: float
    length: float
    full: float
    diagonal: float
    apart: float
    floor: float
    interior: float
    sweeps: int


@dataclass(frozen=True)
class Chain:
    """Of the chain over labels, as fields of `restore.labelling.descent.RelabelSettings`, where they are explained."""

    temperature: float
    settling: int
    ring: int
    unlit: float
    beside_unlit: float


@dataclass(frozen=True)
class Projection:
    """Of `restore.labelling.projection.ProjectionSettings`, where the fields are explained."""

    likeness: float
    noisy: float
    accept: float
    wrong: float
    far: float
    certain: float


@dataclass(frozen=True)
class Misindexed:
    """Of `restore.points.misindexed`.

    Parameters
    ----------
    neighbours, closest, fewest
        Points that are asked, those of them that are asked first, and how many there must be.
    reach
        A neighbour is no farther than this many distances of the grid (a diagonal, and a hole or two).
    agree
        Agreement within this many degrees and three standard deviations of the noise is agreement.
    floor
        Noise of the light beyond its stated level: blur into the neighbours, the grain's own offset (canonical units).
    per_neighbour, consensus
        Evidence (natural logarithm) per neighbour of a consensus, beyond this many.
    fine, consensus_fine, consensus_coarse
        Without light there is only the grid: where it is fine (this share of neighbours agree) a smaller consensus is
        enough, where it is coarse many a grain was met once.
    most_lonely, most
        More points than this share, lonely ones without light and suspects with it, are a microstructure finer than the
        grid or light of another place, not errors.
    """

    neighbours: int
    fewest: int
    closest: int
    reach: float
    agree: float
    floor: float
    per_neighbour: float
    consensus: float
    fine: float
    consensus_fine: float
    consensus_coarse: float
    most_lonely: float
    most: float


@dataclass(frozen=True)
class Constants:
    """All tables, the ``provenance`` of each by its name, and hashes of all ``weights`` that any was fitted with."""

    uncertainty_lit: RawUncertainty
    uncertainty_unlit: RawUncertainty
    spread_quantile: SpreadQuantile
    lit_boundary: LitBoundary
    unlit_boundary: UnlitBoundary
    regular_chords: Number
    edges_together: Number
    missed_grain: MissedGrain
    missed_everywhere: Number
    second_label: Number
    grain_intervals: GrainIntervals
    grain_boundaries: GrainBoundaries
    descent: Descent
    chain: Chain
    projection: Projection
    misindexed: Misindexed
    provenance: Mapping[str, Provenance]
    weights: Mapping[str, str]

    def unfitted(self, weights: Mapping[str, str]) -> frozenset[str]:
        """Names of the tables that a command fits and that were fitted for other weights than those in use.

        Numbers that were chosen by hand are not among them: nobody can choose them anew for each set of weights, and
        the tables are fitted on top of them.

        Parameters
        ----------
        weights
            Hash of all weights that have a say in an answer, by name (`WEIGHTS`, ...). Weights that the file does not
            know at all leave no table that was fitted with any.
        """
        known = all(self.weights.get(name) == number for name, number in weights.items())
        return frozenset(
            table
            for table, its in self.provenance.items()
            if its.command and not (known and all(weights.get(name) == number for name, number in its.weights.items()))
        )


def weights_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of the weights that a restoration was made with, by name, from its record; older records name one."""
    own = record.get("constants")
    if own:
        return dict(own["weights"])
    return {WEIGHTS: record["weights"]} if record.get("weights") else {}


TABLES = tuple(field.name for field in fields(Constants) if field.name not in ("provenance", "weights"))
_KIND = get_type_hints(Constants)
_CURRENT: ContextVar[Constants | None] = ContextVar("constants", default=None)


def constants() -> Constants:
    """The constants in use: those of the shipped file, unless a caller is `using` others."""
    return _CURRENT.get() or _shipped()


@contextmanager
def using(other: Constants) -> Iterator[None]:
    """Let `constants` be others for a while, in this thread."""
    before = _CURRENT.set(other)
    try:
        yield
    finally:
        _CURRENT.reset(before)


@cache
def _shipped() -> Constants:
    return load_constants(SHIPPED)


def load_constants(path: Path) -> Constants:
    """Read a file of constants.

    Raises
    ------
    InputError
        If the file is missing, cannot be read, is of another format, lacks a table or its provenance, or has others.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            "there are no constants", file=path, found=str(error), advice="reinstall grainlight"
        ) from error
    return parse_constants(text, path)


def parse_constants(text: str, path: Path) -> Constants:
    """Constants of the text of a file; ``path`` and errors as for `load_constants`."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InputError("cannot be read as constants", file=path, found=str(error), expected="JSON") from error
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        found = given.get("format") if isinstance(given, dict) else type(given).__name__
        raise InputError("constants of another kind", file=path, found=str(found), expected=FORMAT)
    tables = given.get("tables", {})
    _check_names(tables, TABLES, "tables", path)
    values, provenance = {}, {}
    for name in TABLES:
        _check_names(tables[name], ("what", "values", "provenance"), name, path)
        values[name] = _made(_KIND[name], tables[name]["values"], f"{name}, values", path)
        provenance[name] = _made(Provenance, tables[name]["provenance"], f"{name}, provenance", path)
        _check_provenance(provenance[name], name, path)
    return Constants(**values, provenance=provenance, weights=dict(given.get("weights", {})))


def _made(kind: type[Any], given: Any, place: str, path: Path) -> Any:
    """A dataclass of that kind from what stands in the file: lists become tuples."""
    _check_names(given, tuple(field.name for field in fields(kind)), place, path)
    return kind(**{name: _frozen(value) for name, value in given.items()})


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return {name: _frozen(one) for name, one in value.items()} if isinstance(value, dict) else value


def _check_names(given: Any, wanted: tuple[str, ...], place: str, path: Path) -> None:
    if not isinstance(given, dict) or set(given) != set(wanted):
        found = ", ".join(given) if isinstance(given, dict) else type(given).__name__
        raise InputError(
            "the constants are not complete", file=path, place=place, found=found, expected=", ".join(wanted)
        )


def _check_provenance(its: Provenance, place: str, path: Path) -> None:
    complete = its.command and its.seeds and its.date and its.weights
    if not complete and (its.command or not its.reason):
        raise InputError(
            "a table says nothing of where it comes from",
            file=path,
            place=place,
            expected="command, seeds, date and weights, or a reason in place of a command",
        )
