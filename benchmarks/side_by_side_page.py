"""The side-by-side comparison as a page of Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.registry import is_ablation, is_ours
from benchmarks.side_by_side_record import JUDGED, PUBLIC, RecordedAnswer
from grainlight.evaluation.figures import cell
from grainlight.evaluation.methods import ours

FIGURE = "error_against_seconds.png"
COLUMNS = {
    "over_5": ("> 5 deg", "%"),
    "near_over_5": ("near boundaries > 5 deg", "%"),
    "mean": ("mean, deg", "deg"),
    "median": ("median, deg", "deg"),
    "edge_f1": ("edge F1", "share"),
    "pixel_f1": ("pixel F1", "share"),
    "psnr": ("IPF PSNR, dB", "deg"),
    "ssim": ("IPF SSIM", "share"),
    "cpu_seconds": ("CPU s", "seconds"),
    "calls": ("calls", "count"),
    "megabytes": ("peak MB", "count"),
}
"""Title and style of the columns, by the name of the figure or cost."""

_BALANCED = ours("balanced")

_INTRODUCTION = """\
# Side by side

The same coarse EBSD files with 0.5 degrees of noise, the same stacks of corrupted light and the same seeds for every
method; no method is given the truth. Each answer comes from a fresh process. Angles are at unmeasured pixels;
"near boundaries" is within 2 pixels of a true one. What the methods are, and what was adapted, stands at the head of
their files in `benchmarks/peers`.

- **CPU s**: of the method itself, without imports, the loading of weights and files. Other jobs on the machine hardly
  change it; the seconds of the clock stand in `answers.jsonl`.
- **calls**: forward passes of the U-Net, each as the share of the map that it sees. DPS and the like also run backward
  passes, which are in the seconds only.
- **peak MB**: of the whole process; Python and its libraries alone are some {base} MB of it.
- Total variation has no row of its own: it is the half-quadratic filter with another penalty, which between points as
  sparse as these draws ramps and ends worse than the nearest neighbour it starts from (`evaluation/baselines`).
- **IPF PSNR, SSIM**: of the colour images for the surface normal (`benchmarks/peers/ipf_image.py`).
"""

_PUBLIC = """\
## On the peers' own ground

The super-resolution project of UC Santa Barbara has published figures of 4x super-resolution of Ti-6Al-4V maps from
EBSD alone: PSNR / SSIM of the inverse pole figure image 13.25 / .373 for the nearest neighbour, 11.30 / .237 for
bilinear interpolation, and 15.35 / .526 for the best learned method. **The map here is another one**: theirs is not
public. Grain size against step decides such figures, so only the distance from the nearest neighbour of the same map
can be compared, and that with care. Every fourth point of the whole map is given, without added noise, as in their
work; the metric follows their public code (colours of DREAM.3D, 8 bits, Gaussian windows of 11 pixels).
"""


def page(answers: Sequence[RecordedAnswer], command: str) -> str:
    """Return the page.

    Parameters
    ----------
    answers
        In the order in which methods are to stand.
    command
        That made them.
    """
    judged = [answer for answer in answers if answer.part == JUDGED]
    public = [answer for answer in answers if answer.part == PUBLIC]
    lean = [answer.value("megabytes") for answer in judged if answer.method == "nearest" and answer.cost]
    parts = [_INTRODUCTION.format(base=f"{min(lean):.0f}" if lean else "300"), _made_with(answers, command)]
    if judged:
        parts.append(f"![Error near boundaries against seconds]({FIGURE})\n")
    for scale in sorted({answer.scale for answer in judged}):
        of_scale = [answer for answer in judged if answer.scale == scale]
        maps = list(dict.fromkeys(answer.map for answer in of_scale))
        parts.append(f"## Scale {scale}: {_share(scale)} of the points, corrupted light\n")
        parts.append(_verdict(of_scale))
        parts.append(f"Mean over {len(maps)} map{'s' * (len(maps) > 1)}:\n\n{_table(of_scale)}")
        if len(maps) > 1:
            for name in maps:
                of_map = [answer for answer in of_scale if answer.map == name]
                parts.append(f"### {_named(of_map[0])}, scale {scale}\n\n{_table(of_map)}")
    if public:
        parts.append(_PUBLIC)
        for name in dict.fromkeys(answer.map for answer in public):
            of_map = [answer for answer in public if answer.map == name]
            parts.append(f"{_named(of_map[0])}, 4x:\n\n{_public_table(of_map)}")
    return "\n".join(parts)


def means(answers: Sequence[RecordedAnswer]) -> dict[str, dict[str, float]]:
    """Return every column by method, averaged over maps, for the methods that have answered on all of them."""
    maps = {answer.map for answer in answers}
    found = {}
    for method in dict.fromkeys(answer.method for answer in answers):
        rows = [answer for answer in answers if answer.method == method and answer.cost is not None]
        if {row.map for row in rows} == maps:
            found[method] = {name: fmean(row.value(name) for row in rows) for name in COLUMNS}
    return found


def _table(answers: Sequence[RecordedAnswer]) -> str:
    maps = {answer.map for answer in answers}
    averaged = means(answers)
    lines = [_line("method", *(title for title, _ in COLUMNS.values())), "|---" + "|---:" * len(COLUMNS) + "|"]
    reasons = []
    for method in dict.fromkeys(answer.method for answer in answers):
        if method in averaged:
            name = f"**{method}**" if is_ours(method) else method
            values = averaged[method]
            lines.append(_line(name, *(_cell(values[key], style) for key, (_, style) in COLUMNS.items())))
            continue
        failed = [answer for answer in answers if answer.method == method and answer.reason]
        where = "" if len(failed) == len(maps) else f" ({', '.join(answer.map for answer in failed)})"
        lines.append(_line(method, *["-"] * len(COLUMNS)))
        reasons.append(f"- {method}: {'; '.join(dict.fromkeys(e.reason or '' for e in failed)) or 'not run'}{where}.")
    text = "\n".join(lines) + "\n"
    return text + ("\nNo figures:\n" + "\n".join(reasons) + "\n" if reasons else "")


def _public_table(answers: Sequence[RecordedAnswer]) -> str:
    lines = [
        _line("light", "method", "IPF PSNR, dB", "IPF SSIM", "> 5 deg", "edge F1"),
        "|---|---|---:|---:|---:|---:|",
    ]
    by_light = sorted(answers, key=lambda answer: ("none", "corrupted", "clean").index(answer.light))
    for answer in by_light:
        if answer.reason:
            lines.append(_line(answer.light, answer.method, *["-"] * 4))
            continue
        figures = (("psnr", "deg"), ("ssim", "share"), ("over_5", "%"), ("edge_f1", "share"))
        lines.append(_line(answer.light, answer.method, *(_cell(answer.value(name), style) for name, style in figures)))
    return "\n".join(lines) + "\n"


def _verdict(answers: Sequence[RecordedAnswer]) -> str:
    """Say whether `balanced` is ahead of every peer, and who is ahead of it if not."""
    averaged = means(answers)
    mine = averaged.get(_BALANCED)
    peers = {name: values for name, values in averaged.items() if not is_ours(name) and not is_ablation(name)}
    if mine is None or not peers:
        return ""
    said = []
    for name, better, title, style in (
        ("edge_f1", 1, "F1 of boundary edges", "share"),
        ("near_over_5", -1, "error near boundaries", "%"),
    ):
        best = max(peers, key=lambda peer: better * peers[peer][name])
        ahead = [peer for peer in peers if better * peers[peer][name] > better * mine[name]]
        values = f"{cell(mine[name], style)} against {cell(peers[best][name], style)} ({best})"
        if ahead:
            said.append(f"`balanced` is **behind** {', '.join(ahead)} in {title}: {values}.")
        else:
            said.append(f"`balanced` is ahead of every peer in {title}: {values}.")
    for name in peers:
        if name.startswith("DPS"):
            ratio = peers[name]["cpu_seconds"] / mine["cpu_seconds"]
            said.append(f"It takes 1/{ratio:.0f} of the CPU time of {name}.")
    return "\n".join(said) + "\n"


def _made_with(answers: Sequence[RecordedAnswer], command: str) -> str:
    machines = list(dict.fromkeys(answer.machine for answer in answers))
    weights = ", ".join(dict.fromkeys(answer.weights for answer in answers))
    return f"Made with `{command}`\non {'; '.join(machines)}; weights {weights}.\n"


def _named(answer: RecordedAnswer) -> str:
    return f"{answer.map} ({answer.rows} x {answer.columns} pixels)"


def _share(scale: int) -> str:
    return f"{100 / scale**2:g} %"


def _cell(value: float, style: str) -> str:
    if value != value:
        return "-"
    if style == "seconds":
        return f"{value:.2f}" if value < 10 else f"{value:.0f}"
    if style == "count":
        return f"{value:.0f}" if value == round(value) or value >= 10 else f"{value:.1f}"
    return cell(value, style)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
