"""`grainlight plan`: where to scan next, by the doubt of a restored map."""

from __future__ import annotations

import argparse

from grainlight.cli import values
from grainlight.cli.output import check_apart, check_file
from grainlight.cli.terminal import note
from grainlight.errors import InputError


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "plan",
        help="where to scan next: the points or boxes that lift most of a restored map's doubt",
        description="Rank further points, or boxes that a stage can be sent to, by how much doubt of a restored map "
        "they lift, in the coordinates of its EBSD file. `enhance FIRST --also FILE` takes what was scanned there "
        "together with the first map.",
        allow_abbrev=False,
    )
    command.add_argument("result", metavar="RESULT.npz", help="the .npz that `enhance` writes beside its map")
    command.add_argument(
        "--points", type=values.whole(1, 10_000_000), required=True, metavar="N", help="further points, at most"
    )
    command.add_argument(
        "--output",
        required=True,
        metavar="CSV",
        help="the plan, best first: columns x,y in um; of boxes x0,y0,x1,y1,step,points",
    )
    command.add_argument(
        "--boxes", action="store_true", help="boxes, each with the step to scan it at, in place of points"
    )
    command.add_argument(
        "--rate", type=values.positive("points per second"), metavar="R", help="points per second of the microscope"
    )
    command.add_argument(
        "--overhead",
        type=values.positive("seconds", zero=True),
        default=10.0,
        metavar="S",
        help="seconds to go to a box and set it up (default: 10)",
    )
    command.add_argument(
        "--grid",
        metavar="CTF",
        help="also write the grid of the output as .ctf, with what is planned in its column BC (255 first, 1 last, 0 "
        "nothing) and in Bands (1, or the number of the box)",
    )
    command.add_argument("--force", action="store_true", help="replace existing output")
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    output = check_file(arguments.output, (".csv",), arguments.force, inputs=(arguments.result,))
    grid = None
    if arguments.grid is not None:
        grid = check_file(arguments.grid, (".ctf",), arguments.force, inputs=(arguments.result,))
    check_apart((output, grid))
    if arguments.boxes and arguments.rate is None:
        raise InputError("boxes are ranked by the time that they take", expected="--rate", advice="--rate 100")

    from grainlight.planning.plan import plan_boxes, plan_points
    from grainlight.restore.saved import load_result

    result = load_result(arguments.result)
    for remark in result.map.notes:
        note(f"note: {remark}")
    if arguments.boxes:
        plan = plan_boxes(result, arguments.points, arguments.rate, arguments.overhead)
        made = f"{len(plan.boxes)} boxes with {sum(box.points for box in plan.boxes)} points"
    else:
        plan = plan_points(result, arguments.points, arguments.rate)
        made = f"{len(plan.x)} points"
        if len(plan.x) < arguments.points:
            note(f"note: {len(plan.x)} points lift all doubt that there is, or fill the map")
    plan.save(output)
    if grid is not None:
        from grainlight.maps.io import save_ebsd
        from grainlight.planning.grid import planned_map

        save_ebsd(planned_map(result, plan), grid)
    for sentence in plan.sentences:
        print(sentence)
    print(f"wrote {output}: {made}")
    if grid is not None:
        print(f"wrote {grid}")
    return 0
