"""`grainlight convert`: an EBSD file in the format of another program."""

from __future__ import annotations

import argparse

from grainlight.cli import values
from grainlight.cli.output import check_file
from grainlight.cli.restoring.enhance import FORMATS
from grainlight.cli.terminal import note


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "convert",
        help="write an EBSD map in another format",
        description="Write an EBSD map, or what `enhance` left, in the format of another program, in that program's "
        "frames. What the format cannot hold is named.",
        allow_abbrev=False,
    )
    command.add_argument("input", metavar="IN", help="the EBSD map, in any format that `grainlight info` reads")
    command.add_argument(
        "output",
        metavar="OUT",
        help="the file to write: .ang, .ctf, .h5oina, .h5 (orix), .dream3d, .vti (DAMASK), .tif (OME) or .png (IPF-Z)",
    )
    command.add_argument("--force", action="store_true", help="replace existing output")
    values.add_map(command)
    values.add_part(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    output = check_file(arguments.output, FORMATS, arguments.force, inputs=(arguments.input,))

    from grainlight.maps.io.save import carried_over, losses, output_format, own_layers, save_ebsd, with_bound
    from grainlight.restore.record import input_record

    for ending in output_format(output).companions:
        check_file(output.with_suffix(ending), (output.with_suffix(ending).suffix,), arguments.force)
    ebsd = values.load_map(arguments.input, arguments)
    note(f"read {ebsd.source}: frames sample {ebsd.sample_frame.value}, crystal X along {ebsd.crystal_frame.value}")
    for suspicion in ebsd.notes:
        note(f"note: {suspicion}")
    own = own_layers(ebsd, output)
    ebsd = with_bound(ebsd, output)
    for loss in losses(ebsd, output):
        note(f"not in {output.name}: {loss}")
    for remark in carried_over(ebsd, output):
        note(f"note: {remark}")
    if own and output_format(output).layers == "none":
        note(f"note: {', '.join(own)} stand after the columns of {output.suffix}; DREAM3D takes no file with more")
    record = {
        "converted_from": ebsd.source,
        "frames": {"sample": ebsd.sample_frame.value, "crystal": ebsd.crystal_frame.value},
        "inputs": input_record((ebsd.path,)),
    }
    for file in save_ebsd(ebsd, output, own, record):
        print(f"wrote {file}")
    return 0
