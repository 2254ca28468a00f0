"""Every public docstring says what numpydoc asks of it: parameters by their names, what comes back."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import grainlight

validate = pytest.importorskip("numpydoc.validate", reason="numpydoc is not installed").validate

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "python.rst"
CHECKS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]["checks"]


def referenced() -> list[str]:
    """Names that the reference has a page of, from the package."""
    return re.findall(r"^   ([A-Za-z_][\w.]*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def public() -> Iterator[str]:
    """Full names of what is documented, and of the public members of its classes."""
    for name in sorted({*referenced(), *grainlight.__all__} - {"__version__"}):
        module, _, last = f"grainlight.{name}".rpartition(".")
        thing = getattr(importlib.import_module(module), last)
        full = f"{thing.__module__}.{thing.__qualname__}"
        yield full
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            written = inspect.isroutine(value) or isinstance(value, property)
            if written and not member.startswith("_"):
                yield f"{full}.{member}"


def test_the_reference_has_every_public_name() -> None:
    assert set(grainlight.__all__) - {"__version__"} <= set(referenced())


@pytest.mark.parametrize("name", list(public()))
def test_docstring(name: str) -> None:
    assert CHECKS[0] == "all"
    assert [wrong for wrong in validate(name)["errors"] if wrong[0] not in CHECKS[1:]] == []
