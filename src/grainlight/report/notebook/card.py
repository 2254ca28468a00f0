"""A card in HTML: a small picture of a map, a stack of light or a result, and what it is in a few lines."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grainlight.errors import InputError
from grainlight.maps.light_stack import LightStack
from grainlight.maps.orientation_map import OrientationMap
from grainlight.report.colours import ipf_colours
from grainlight.report.embed import embed
from grainlight.report.light_view import grey
from grainlight.report.notebook.view import view
from grainlight.report.panels import on_square_grid
from grainlight.report.plots import step_text
from grainlight.report.scales import SOURCES

if TYPE_CHECKING:
    from grainlight.restore.result import Result

Lines = list[tuple[str, str]]

_SIDE = 200  # pixels of the picture, at most
_BUDGET = 60_000  # bytes of it
_FEW_ANGLES = 12
# inherits the colours of the page: light and dark notebooks
_CARD = "display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start;max-width:60em"
_CELL = "text-align:left;vertical-align:top;padding:0 .8em .15em 0;background:none"


def card(of: Result | OrientationMap | LightStack, *, viewer: bool = False) -> str:
    """Return what a notebook shows of a result, a map or a stack of light.

    Parameters
    ----------
    of
        The object; it is not changed.
    viewer
        Whether the viewer follows, of a result: its layers, pixels and grains (`Result.view`), some megabytes.

    Returns
    -------
    HTML without scripts or anything from elsewhere, some 60 kB at most: a picture of up to 200 pixels and a table. The
    viewer is a document of its own in a frame, with its own script; it asks the network for nothing.

    Raises
    ------
    InputError
        If the viewer of something else than a result is wanted.
    """
    if viewer:
        if isinstance(of, (OrientationMap, LightStack)):
            raise InputError("the viewer shows results", found=type(of).__name__, expected="what `enhance` returned")
        return card(of) + view(of)._repr_html_()
    if isinstance(of, OrientationMap):
        return _html("EBSD map, IPF-Z", _thumbnail(of), _map_lines(of), of.notes)
    if isinstance(of, LightStack):
        return _html("polarized light, first image", _first_image(of), _light_lines(of), of.notes)
    lines = [*_map_lines(of.map)[:3], *_result_lines(of)]
    return _html("restored map, IPF-Z", _thumbnail(of.map), lines, tuple(of.record.get("warnings", ())))


def _map_lines(ebsd: OrientationMap) -> Lines:
    rows, columns = ebsd.shape
    present = int(ebsd.present.sum())
    phases = [
        f"{phase.name} ({phase.laue_group}), {_share((ebsd.phase_id == phase.id).sum(), present)}"
        for phase in ebsd.phases
        if (ebsd.phase_id == phase.id).any()
    ]
    return [
        ("size", f"{rows} x {columns}, {ebsd.grid} grid"),
        ("step", step_text(ebsd)),
        ("phases", "; ".join(phases) or "none"),
        ("indexed", _share(ebsd.indexed.sum(), present)),
        ("frames", f"sample {ebsd.sample_frame.value}, crystal X along {ebsd.crystal_frame.value}"),
        ("from", (ebsd.path.name if ebsd.path else "") or ebsd.source or "memory"),
    ]


def _light_lines(light: LightStack) -> Lines:
    rows, columns = light.shape
    count = len(light.images)
    known = light.angles[np.isfinite(light.angles)]
    angles = ", ".join(f"{angle:g}" for angle in known[:_FEW_ANGLES]) + (", ..." if len(known) > _FEW_ANGLES else "")
    return [
        ("images", f"{count} of {rows} x {columns} pixels"),
        ("step", f"{light.step:g} µm"),
        ("angles", f"{angles} degrees" if known.size else "unknown"),
        ("turned", f"the {light.rotates}" + (", mirrored" if light.mirror else "")),
        ("saturated", _share((light.images >= light.saturation).sum(), light.images.size))
        if light.saturation is not None
        else ("saturated", "limit unknown"),
        ("from", light.paths[0].name + (", ..." if len(light.paths) > 1 else "") if light.paths else "memory"),
    ]


def _result_lines(result: Result) -> Lines:
    total = result.source.size
    sources = [
        f"{_share(np.count_nonzero(result.source == one.code), total)} {one.name}"
        for one in SOURCES
        if (result.source == one.code).any()
    ]
    bound = result.uncertainty[(result.source > 0) & np.isfinite(result.uncertainty)]
    refused = result.record.get("light_refused")
    light = "none given" if result.record.get("light_input") is None else "used"
    return [
        ("pixels", ", ".join(sources)),
        ("bound (90 %)", f"median {np.median(bound):.2f} degrees" if bound.size else "not calibrated"),
        ("light", f"not used: {refused}" if refused else light),
    ]


def _share(part: int | np.integer, whole: int) -> str:
    return f"{100 * int(part) / max(whole, 1):.3g} %"


def _thumbnail(ebsd: OrientationMap) -> NDArray[np.uint8]:
    square = on_square_grid(ebsd)
    every = max(1, -(-max(square.shape) // _SIDE))
    return np.round(255 * ipf_colours(square.every(every))).astype(np.uint8)


def _first_image(light: LightStack) -> NDArray[np.uint8]:
    every = max(1, -(-max(light.shape) // _SIDE))
    return grey(np.asarray(light.images[0, ::every, ::every], dtype=np.float32))


def _html(title: str, picture: NDArray[np.uint8], lines: Lines, notes: tuple[str, ...]) -> str:
    shown = embed(picture, _BUDGET)
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL}">{escape(name)}</th>'
        f'<td style="{_CELL}">{escape(value)}</td></tr>'
        for name, value in lines
    )
    told = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        f'<div style="{_CARD}"><img src="{shown.uri}" alt="{escape(title)}" title="{escape(title)}" '
        f'width="{min(_SIDE, 2 * shown.width)}" style="image-rendering:pixelated">'
        f'<div style="flex:1;min-width:16em"><table style="border-collapse:collapse">'
        f'<caption style="text-align:left;font-weight:bold">{escape(title)}</caption><tbody>{rows}</tbody></table>'
        + (f'<ul style="margin:.4em 0 0;padding-left:1.2em">{told}</ul>' if told else "")
        + "</div></div>"
    )
