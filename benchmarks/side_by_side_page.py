"""The side-by-side comparison as a page of Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.contestants import is_ablation, is_ours
from benchmarks.side_by_side_record import JUDGED, PUBLIC, Entry
from grainlight.evaluation.figures import cell
from grainlight.evaluation.run import ours

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
their files in `src/grainlight/benchmark/peers`.

- **CPU s**: of the method itself, without imports, the loading of weights and files. Other jobs on the machine hardly
  change it; the seconds of the clock stand in `answers.jsonl`.
- **calls**: forward passes of the U-Net, each as the share of the map that it sees. DPS and the like also run backward
  passes, which are in the seconds only.
- **peak MB**: of the whole process; Python and its libraries alone are some {base} MB of it.
- Total variation has no row of its own: it is the half-quadratic filter with another penalty, which between points as
  sparse as these draws ramps and ends worse than the nearest neighbour it starts from (`benchmark/half_quadratic.py`).
- **IPF PSNR, SSIM**: of the colour images for the surface normal (`benchmark/peers/ipf_image.py`).
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


def page(entries: Sequence[Entry], command: str) -> str:
    """Return the page.

    Parameters
    ----------
    entries
        In the order in which methods are to stand.
    command
        That made them.
    """
    judged = [entry for entry in entries if entry.part == JUDGED]
    public = [entry for entry in entries if entry.part == PUBLIC]
    lean = [entry.value("megabytes") for entry in judged if entry.method == "nearest" and entry.cost]
    parts = [_INTRODUCTION.format(base=f"{min(lean):.0f}" if lean else "300"), _made_with(entries, command)]
    if judged:
        parts.append(f"![Error near boundaries against seconds]({FIGURE})\n")
    for scale in sorted({entry.scale for entry in judged}):
        of_scale = [entry for entry in judged if entry.scale == scale]
        subjects = list(dict.fromkeys(entry.subject for entry in of_scale))
        parts.append(f"## Scale {scale}: {_share(scale)} of the points, corrupted light\n")
        parts.append(_verdict(of_scale))
        parts.append(f"Mean over {len(subjects)} map{'s' * (len(subjects) > 1)}:\n\n{_table(of_scale)}")
        if len(subjects) > 1:
            for subject in subjects:
                of_map = [entry for entry in of_scale if entry.subject == subject]
                parts.append(f"### {_named(of_map[0])}, scale {scale}\n\n{_table(of_map)}")
    if public:
        parts.append(_PUBLIC)
        for subject in dict.fromkeys(entry.subject for entry in public):
            of_map = [entry for entry in public if entry.subject == subject]
            parts.append(f"{_named(of_map[0])}, 4x:\n\n{_public_table(of_map)}")
    return "\n".join(parts)


def means(entries: Sequence[Entry]) -> dict[str, dict[str, float]]:
    """Return every column by method, averaged over maps, for the methods that have answered on all of them."""
    subjects = {entry.subject for entry in entries}
    found = {}
    for method in dict.fromkeys(entry.method for entry in entries):
        rows = [entry for entry in entries if entry.method == method and entry.cost is not None]
        if {row.subject for row in rows} == subjects:
            found[method] = {name: fmean(row.value(name) for row in rows) for name in COLUMNS}
    return found


def _table(entries: Sequence[Entry]) -> str:
    subjects = {entry.subject for entry in entries}
    averaged = means(entries)
    lines = [_line("method", *(title for title, _ in COLUMNS.values())), "|---" + "|---:" * len(COLUMNS) + "|"]
    reasons = []
    for method in dict.fromkeys(entry.method for entry in entries):
        if method in averaged:
            name = f"**{method}**" if is_ours(method) else method
            values = averaged[method]
            lines.append(_line(name, *(_cell(values[key], style) for key, (_, style) in COLUMNS.items())))
            continue
        failed = [entry for entry in entries if entry.method == method and entry.reason]
        where = "" if len(failed) == len(subjects) else f" ({', '.join(entry.subject for entry in failed)})"
        lines.append(_line(method, *["-"] * len(COLUMNS)))
        reasons.append(f"- {method}: {'; '.join(dict.fromkeys(e.reason or '' for e in failed)) or 'not run'}{where}.")
    text = "\n".join(lines) + "\n"
    return text + ("\nNo figures:\n" + "\n".join(reasons) + "\n" if reasons else "")


def _public_table(entries: Sequence[Entry]) -> str:
    lines = [
        _line("light", "method", "IPF PSNR, dB", "IPF SSIM", "> 5 deg", "edge F1"),
        "|---|---|---:|---:|---:|---:|",
    ]
    by_light = sorted(entries, key=lambda entry: ("none", "corrupted", "clean").index(entry.light))
    for entry in by_light:
        if entry.reason:
            lines.append(_line(entry.light, entry.method, *["-"] * 4))
            continue
        figures = (("psnr", "deg"), ("ssim", "share"), ("over_5", "%"), ("edge_f1", "share"))
        lines.append(_line(entry.light, entry.method, *(_cell(entry.value(name), style) for name, style in figures)))
    return "\n".join(lines) + "\n"


def _verdict(entries: Sequence[Entry]) -> str:
    """Say whether `balanced` is ahead of every peer, and who is ahead of it if not."""
    averaged = means(entries)
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


def _made_with(entries: Sequence[Entry], command: str) -> str:
    machines = list(dict.fromkeys(entry.machine for entry in entries))
    weights = ", ".join(dict.fromkeys(entry.weights for entry in entries))
    return f"Made with `{command}`\non {'; '.join(machines)}; weights {weights}.\n"


def _named(entry: Entry) -> str:
    return f"{entry.subject} ({entry.rows} x {entry.columns} pixels)"


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
