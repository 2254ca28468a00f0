"""What a user chose on the page, as the arguments of the public API and as the words of the command that does the same.

Both come from one table, so that they cannot drift apart; what browsers send is checked here for its type, and by the
API for its range.
"""

from __future__ import annotations

import math
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import grainlight
from grainlight.errors import InputError
from grainlight.maps.light_stack import UNKNOWN

if TYPE_CHECKING:
    from grainlight.maps.light_stack import LightStack
    from grainlight.maps.orientation_map import OrientationMap

FRAMES = ("oxford", "edax1", "edax2", "edax3", "edax4", "none")
CRYSTAL_FRAMES = {"a": "a", "a*": "a-star"}
"""By the name of the API, that of the command line."""


@dataclass(frozen=True)
class Option:
    """A setting: its name in the API and on the command line, what it is ("number", "whole", "text", "on", "off") and
    its default; "on" and "off" are flags that set it to true and to false."""

    name: str
    word: str
    kind: str
    default: Any = None

    def value(self, given: Any) -> Any:
        """Return what a browser sent as a value of the API.

        Raises
        ------
        InputError
            If it is of another type.
        """
        if given is None or given == "":
            return self.default
        if self.kind in ("on", "off"):
            if isinstance(given, bool):
                return given
        elif self.kind == "text":
            if isinstance(given, str) and len(given) < 100:
                return given
        else:
            return _number(given, self.word, whole=self.kind == "whole")
        raise InputError(f"{self.word} cannot be read", found=repr(given)[:60], expected=f"a {self.kind}")

    def words(self, value: Any) -> list[str]:
        """Return the words of a command that set it; none for the default."""
        if value == self.default:
            return []
        if self.kind in ("on", "off"):
            return [self.word]
        if self.name == "light_required":
            return [self.word, "required" if value else "optional"]
        if self.name == "fill_holes" and value == 0:
            return [self.word, "none"]
        return [self.word, f"{value:.15g}" if isinstance(value, float) else str(value)]


SETTINGS = (
    Option("scale", "--scale", "whole", 2),
    Option("quality", "--quality", "text", "balanced"),
    Option("seed", "--seed", "whole", 0),
    Option("register", "--register", "text", "auto"),
    Option("steps", "--steps", "whole"),
    Option("samples", "--samples", "whole"),
    Option("visits", "--visits", "whole"),
    Option("device", "--device", "text", "auto"),
    Option("noise", "--noise", "number"),
    Option("fill_holes", "--fill-holes", "number"),
    Option("projection", "--no-projection", "off", True),
    Option("keep_noise", "--keep-noise", "on", False),
)
"""What `grainlight.enhance` takes; weights, transform and points are files, which no browser names."""


@dataclass(frozen=True)
class EbsdChoice:
    """An EBSD file, what the page calls it, and how it is read: `grainlight.load_ebsd`."""

    path: str
    shown: str
    frame: str | None = None
    crystal_frame: str | None = None
    scan: str | None = None
    section: int | None = None
    columns: str | None = None

    @classmethod
    def of(cls, path: str, shown: str, given: Mapping[str, Any]) -> EbsdChoice:
        """Return the choice that a browser sent."""
        texts = {name: _text(given.get(name), name) for name in ("frame", "crystal_frame", "scan", "columns")}
        section = given.get("section")
        return cls(
            path, shown, section=None if section in (None, "") else _number(section, "--section", whole=True), **texts
        )

    def load(self) -> OrientationMap:
        """Read the map."""
        choice = {"scan": self.scan, "section": self.section, "columns": self.columns}
        return grainlight.load_ebsd(self.path, self.frame, self.crystal_frame, **choice)  # type: ignore[arg-type]

    def further(self, path: str) -> OrientationMap:
        """Read another file of the same field, as ``enhance --also`` reads it."""
        return grainlight.load_ebsd(path, self.frame, self.crystal_frame, columns=self.columns)  # type: ignore[arg-type]

    def words(self) -> list[str]:
        """Return the words of a command."""
        found = [self.shown]
        for word, value in (("--frame", self.frame), ("--scan", self.scan), ("--section", self.section)):
            found += [] if value is None else [word, str(value)]
        if self.crystal_frame is not None:
            found += ["--crystal-frame", CRYSTAL_FRAMES.get(self.crystal_frame, self.crystal_frame)]
        return [*found, *([] if self.columns is None else ["--columns", self.columns])]


@dataclass(frozen=True)
class FurtherChoice:
    """Further EBSD files of the same field, oldest first, and what the page calls them: ``also`` of
    `grainlight.enhance`. They are read in the frames of the map."""

    paths: tuple[str, ...]
    shown: tuple[str, ...]

    @classmethod
    def from_record(cls, given: Mapping[str, Any]) -> FurtherChoice:
        """Return the choice that `dataclasses.asdict` and JSON took apart."""
        return cls(**{name: tuple(values) for name, values in given.items()})

    def load(self, ebsd: EbsdChoice) -> list[OrientationMap]:
        """Read the maps."""
        return [ebsd.further(path) for path in self.paths]

    def words(self) -> list[str]:
        """Return the words of a command."""
        return [word for shown in self.shown for word in ("--also", shown)]


@dataclass(frozen=True)
class LightChoice:
    """Light images in their order, what the page calls them, and how they are read: `grainlight.load_light`.

    ``angles`` is the text of ``--angles``; empty for the angles in the names of the files.
    """

    paths: tuple[str, ...]
    shown: tuple[str, ...]
    angles: str | None = None
    step: float | None = None
    origin: tuple[float, float] = (0.0, 0.0)
    rotates: Literal["sample", "optics"] = "sample"
    mirror: bool = False

    @classmethod
    def of(cls, paths: list[str], shown: list[str], given: Mapping[str, Any]) -> LightChoice:
        """Return the choice that a browser sent."""
        angles = _angles(_text(given.get("angles"), "--angles", 100_000))
        if angles is None and len(shown) > 1:
            paths, shown = _in_order(paths, shown)
        step, origin = given.get("step"), given.get("origin") or (0.0, 0.0)
        if not isinstance(origin, (list, tuple)) or len(origin) != 2:
            raise InputError("--pl-origin cannot be read", found=repr(origin)[:60], expected="two numbers in um")
        return cls(
            tuple(paths),
            tuple(shown),
            angles,
            None if step in (None, "") else _number(step, "--pl-step"),
            (_number(origin[0] or 0, "--pl-origin"), _number(origin[1] or 0, "--pl-origin")),
            "optics" if given.get("rotates") == "optics" else "sample",
            bool(given.get("mirror")),
        )

    @classmethod
    def from_record(cls, given: Mapping[str, Any]) -> LightChoice:
        """Return the choice that `dataclasses.asdict` and JSON took apart."""
        lists = {name: tuple(given[name]) for name in ("paths", "shown", "origin")}
        return cls(**{**given, **lists})

    @property
    def known_angles(self) -> str | list[float] | None:
        """The angles as `load_light` takes them: those in the names that the files came with are told as numbers,
        since the server's own names hold none."""
        from grainlight.maps.images.order import arrange

        if self.angles is not None or len(self.paths) == 1:
            return self.angles
        found = arrange(tuple(map(Path, self.shown)), None)
        return None if found.angles is None else [float(angle) for angle in found.angles]

    def load(self) -> LightStack:
        """Read the images."""
        paths: str | list[str] = self.paths[0] if len(self.paths) == 1 else list(self.paths)
        return grainlight.load_light(paths, self.known_angles, self.step, self.origin, self.rotates, self.mirror)

    def words(self) -> list[str]:
        """Return the words of a command."""
        found = ["--pl", *self.shown]
        if self.angles is not None:
            found += [f"--angles={self.angles}"] if self.angles.startswith("-") else ["--angles", self.angles]
        if self.step is not None:
            found += ["--pl-step", f"{self.step:.15g}"]
        if self.origin != (0.0, 0.0):
            found += [f"--pl-origin={self.origin[0]:.15g},{self.origin[1]:.15g}"]
        found += ["--rotates", "optics"] if self.rotates == "optics" else []
        return [*found, *(["--mirror"] if self.mirror else [])]


@dataclass(frozen=True)
class Settings:
    """Settings of `grainlight.enhance` by their names, the files of a registration that the page made, and a
    calibration with what the page calls it."""

    values: dict[str, Any] = field(default_factory=dict)
    transform: str | None = None
    points: str | None = None
    calibration: str | None = None
    calibration_shown: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], **files: str | None) -> Settings:
        """Return the settings that a browser sent, with ``files``: transform, points, calibration.

        Raises
        ------
        InputError
            For a setting that there is none of, or a value of another type.
        """
        known = {option.name: option for option in SETTINGS}
        for name in given:
            if name not in known:
                raise InputError("there is no such setting", found=repr(name)[:60], expected=", ".join(known))
        values = {name: option.value(given.get(name)) for name, option in known.items()}
        return cls(values, **files)

    def kept_in(self, folder: Path, stem: str) -> Settings:
        """Return the same settings with copies of the registration's files: those of a page go with its map."""
        found = self
        for name in ("transform", "points"):
            file = getattr(self, name)
            if file is not None:
                copy = folder / f"{stem}_{Path(file).name}"
                shutil.copyfile(file, copy)
                changed: dict[str, Any] = {name: str(copy)}
                found = replace(found, **changed)
        return found

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `grainlight.enhance`."""
        return {**self.values, "transform": self.transform, "points": self.points, "calibration": self.calibration}

    def words(self) -> list[str]:
        """Return the words of a command."""
        found = [word for option in SETTINGS for word in option.words(self.values.get(option.name, option.default))]
        for word, file in (("--transform", self.transform), ("--points", self.points)):
            found += [] if file is None else [word, Path(file).name]
        return [*found, *([] if self.calibration is None else ["--calibration", self.calibration_shown or ""])]


def command(name: str, *parts: list[str], output: str | None = None) -> str:
    """Return the line that does the same in a shell."""
    words = ["grainlight", name, *(word for part in parts for word in part)]
    return shlex.join([*words, *([] if output is None else ["--output", output])])


def as_plain(choice: EbsdChoice | FurtherChoice | LightChoice | Settings | None) -> dict[str, Any] | None:
    """Return a choice as JSON can hold it."""
    return None if choice is None else asdict(choice)


def _number(given: Any, word: str, *, whole: bool = False) -> Any:
    kind = "a whole number" if whole else "a number"
    try:
        if isinstance(given, bool) or not isinstance(given, (int, float, str)):
            raise ValueError
        value = float(str(given).strip().replace(",", "."))
        if not math.isfinite(value) or (whole and (value != int(value) or abs(value) > 2**53)):
            raise ValueError
    except ValueError:
        raise InputError(f"{word} cannot be read", found=repr(given)[:60], expected=kind) from None
    return int(value) if whole else value


def _in_order(paths: list[str], shown: list[str]) -> tuple[list[str], list[str]]:
    """Return files in the order of the numbers in the names that they came with, as the command line takes them."""
    from grainlight.maps.images.order import arrange

    named = dict(zip(map(Path, shown), paths, strict=True))
    try:
        files = arrange(tuple(map(Path, shown)), None).files
    except InputError:  # no angles in the names; the card says so
        return paths, shown
    if len(named) < len(paths):
        return paths, shown
    return [named[file] for file in files], [str(file) for file in files]


def _angles(text: str | None) -> str | None:
    """Return the text of ``--angles`` that came from a browser. On the command line it may name a file; here not."""
    if text is None or text.lower() == UNKNOWN or re.fullmatch(r"[-+0-9.,:; \t]+", text):
        return text
    raise InputError(
        "the angles cannot be read",
        found=text[:60],
        expected=f"start:stop:step in degrees (stop excluded), a list 0,10,20, or {UNKNOWN}",
    )


def _text(given: Any, word: str, longest: int = 500) -> str | None:
    if given is None or given == "":
        return None
    if not isinstance(given, str) or len(given) > longest:
        raise InputError(f"{word} cannot be read", found=repr(given)[:60], expected="text")
    return given.strip() or None
