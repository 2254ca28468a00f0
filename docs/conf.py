"""Sphinx: the site from `docs/`, the docstrings and the parser of the command line. `make docs` builds it, offline."""

from __future__ import annotations

import inspect
import os
import posixpath
import re
import tomllib
from enum import Enum
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

import grainlight
from grainlight.cli.main import FOLDERS, parser

HERE = Path(__file__).resolve().parent
# Help is as wide as this, whatever terminal the build has.
os.environ["COLUMNS"] = "78"

project = "grainlight"
author = "The grainlight authors"
copyright = f"2026, {author}"
release = version = grainlight.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "tutorials", "auto_tutorials/*.ipynb", "auto_tutorials/*.py.md5"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}

# Markdown: links to headings as on the project's pages, formulas, tables.
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]

html_theme = "pydata_sphinx_theme"
html_title = "grainlight"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    # tutorials are short, and their code is wide; no other page begins with an a
    "secondary_sidebar_items": {"[!a]**": ["page-toc"], "auto_tutorials/*": []},
    "header_links_before_dropdown": 6,
}
# nothing from elsewhere: browsers set formulas by themselves
html_math_renderer = "mathml"

autosummary_generate = True
autodoc_typehints = "signature"
# names in docstrings lead to their pages where they have one
default_role = "py:obj"
maximum_signature_line_length = 88
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# which checks, and why not all: pyproject.toml, where tests read them too
numpydoc_validation_checks = set(
    tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["numpydoc_validation"]["checks"]
)
numpydoc_validation_exclude = {r"\.__init__$"}

sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "auto_tutorials",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "show_memory": False,
    # that page asks for scripts of other sites
    "write_computation_times": False,
    "capture_repr": ("_repr_html_",),
}

linkcheck_timeout = 20
suppress_warnings = ["config.cache"]

_OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "src/grainlight/weights/MODEL_CARD.md": "project/model_card.md",
}
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def _relink(text: str, folder: str, here: str) -> str:
    """Lead links of a Markdown file that stands in `folder` (from the checkout) to the pages of the site.

    ``here`` is the folder of the page, from `docs`. Files of the checkout that are no page become plain words.
    """

    def replaced(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[1]))
        anchor = match[2] or ""
        if path.startswith("docs/") and (HERE.parent / path).is_file():
            target = path.removeprefix("docs/")
        elif path in _OUTSIDE:
            target = _OUTSIDE[path]
            anchor = "" if path == "README.md" else anchor
        else:
            return f"] (`{path}`)"
        return f"]({posixpath.relpath(target, here or '.')}{anchor})"

    def plain(match: re.Match[str]) -> str:
        named = match[1].strip("`") == match[2].strip("`")
        return match[2] if named else f"{match[1]} ({match[2]})"

    return re.sub(r"\[([^\]]*)\] \((`[^`]*`)\)", plain, _LINK.sub(replaced, text))


def _read(app, name: str, source: list[str]) -> None:
    here = posixpath.dirname(name)
    if name.startswith("project/"):
        # such a page is a file of the checkout, named in its comment
        path = re.search(r"<!-- page: (\S+) -->", source[0])
        if path is not None:
            text = (HERE.parent / path[1]).read_text(encoding="utf-8")
            source[0] = _relink(text, posixpath.dirname(path[1]), here)
            return
    source[0] = _relink(source[0], posixpath.join("docs", here), here)
    if name == "reference/command_line":
        source[0] = source[0].replace("<!-- commands -->", _commands())


def _commands() -> str:
    """Help of every command, in the groups of the command line."""
    top = parser()
    choices = next(action.choices for action in top._actions if isinstance(action.choices, dict))
    parts = []
    for title, names in FOLDERS.values():
        parts.append(f"## {title}\n")
        for name in names:
            parts.append(f"### {name}\n\n```text\n{choices[name].format_help().rstrip()}\n```\n")
            inner = [a for a in choices[name]._actions if isinstance(a.choices, dict)]
            for action in inner:
                for word, command in action.choices.items():
                    parts.append(f"#### {name} {word}\n\n```text\n{command.format_help().rstrip()}\n```\n")
    return "\n".join(parts)


def _returns(app, what: str, name: str, thing, options, lines: list[str]) -> None:
    """Put the type before what a docstring says comes back, where numpydoc would take the words for the type."""
    heads = [i for i, line in enumerate(lines[:-1]) if line == "Returns" and set(lines[i + 1]) == {"-"}]
    if not heads or not callable(thing):
        return
    first = heads[0] + 2
    later = (i for i in range(first + 1, len(lines)) if lines[i] and set(lines[i]) == {"-"})
    last = next(later, len(lines) + 1) - 1
    body = lines[first:last]
    typed = inspect.signature(thing).return_annotation
    if isinstance(typed, str) and not any(line.startswith(" ") for line in body):
        # np.bool_ is no reference
        lines[first:last] = [typed.replace("_", "\\_"), *(f"    {line}" if line else "" for line in body)]


class _Word(str):
    """What stands in a signature without quotes."""

    __repr__ = str.__str__


def _signature(app, what: str, name: str, thing, options, shown: str | None, returned: str | None):
    """Write a signature as its source has it: evaluated, the types of arrays are a line of their own each."""
    if shown is None:
        return None
    signature = inspect.signature(thing)
    own = []
    for one in signature.parameters.values():
        default = one.default
        if isinstance(default, Enum):
            default = _Word(f"{type(default).__name__}.{default.name}")
        elif repr(default) == "<factory>":
            default = _Word("...")
        typed = _Word(one.annotation) if isinstance(one.annotation, str) else one.annotation
        own.append(one.replace(annotation=typed, default=default))
    if what == "method" and own and own[0].name == "self":
        own = own[1:]
    back = signature.return_annotation
    return str(inspect.Signature(own)), back if what != "class" and isinstance(back, str) else None


def _inline(self, node) -> None:
    self.body.append(tex2mathml(node.astext(), as_block=False))
    raise SkipNode


def _block(self, node) -> None:
    self.body.append(f'<div class="math">{tex2mathml(node.astext().strip(), as_block=True)}</div>')
    raise SkipNode


def setup(app) -> None:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", _returns, priority=100)
    app.connect("autodoc-process-signature", _signature)
