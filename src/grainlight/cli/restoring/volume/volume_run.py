"""`grainlight volume run`: a manifest to a restored specimen."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from grainlight.cli import device, values
from grainlight.cli.terminal import bars, note
from grainlight.errors import InputError
from grainlight.restore.settings import LARGEST_SCALE, QUALITIES, Settings

if TYPE_CHECKING:
    from grainlight.volume.run import VolumeSettings


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser of `grainlight volume`."""
    command = commands.add_parser(
        "run",
        help="restore the sections of a manifest",
        description="Restore a specimen: sections with EBSD first, then those between them from their own light and "
        "the grains of the sections below and above. A run that was stopped goes on where it was; a changed input "
        "restores again what rests on it.",
        allow_abbrev=False,
    )
    command.add_argument("manifest", metavar="CSV", help="the manifest: z,ebsd,light,exclude (grainlight volume plan)")
    command.add_argument("--output", required=True, metavar="FOLDER", help="receives the volume; may hold a run so far")
    command.add_argument(
        "--scale",
        type=values.whole(1, LARGEST_SCALE),
        default=2,
        metavar="N",
        help="output step = EBSD step / N (default: 2)",
    )
    command.add_argument("--quality", choices=tuple(QUALITIES), default="balanced", help="(default: balanced)")
    command.add_argument("--workers", type=values.whole(1, 256), default=1, metavar="N", help="processes (default: 1)")
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="do the sections on the workers of a dask.distributed scheduler (tcp://node1:8786), or with the word "
        "local on one that is started here with --workers",
    )
    command.add_argument(
        "--only",
        type=values.whole(1),
        nargs="+",
        metavar="ROW",
        help="restore only these rows of the manifest, counted from 1: for array jobs; once all are done, run without",
    )
    command.add_argument(
        "--trend",
        choices=("none", "linear", "ebsd"),
        default="none",
        help="what of the sections' shifts is the specimen's and stays: none (default), a linear trend, or what the "
        "sections with EBSD say",
    )
    command.add_argument("--alignment", metavar="JSON", help="shifts of the sections as a run saved them; no search")
    command.add_argument("--vti", action="store_true", help="also write volume.vti for DAMASK and ParaView")
    command.add_argument("--dream3d", choices=("7", "8"), help="also write volume.dream3d, of this layout, and .xdmf")
    _add_light(command)
    values.add_frame(command)
    values.add_seed(command)
    values.add_device(command)
    command.add_argument(
        "--noise", type=values.positive("degrees", zero=True), metavar="DEG", help="rms error of the EBSD"
    )
    command.add_argument("--weights", metavar="FILE", help="weights to use in place of the shipped ones")
    return command


def _add_light(command: argparse.ArgumentParser) -> None:
    light = command.add_argument_group("light, where the manifest does not say otherwise")
    light.add_argument("--angles", metavar="A", help="degrees: start:stop:step (stop excluded) or a list 0,10,20")
    light.add_argument("--pl-step", type=values.length, metavar="UM", help="um per pixel of the images")
    light.add_argument(
        "--pl-origin",
        type=values.pair("X,Y", "um", "12.5,-3"),
        default=(0.0, 0.0),
        metavar="X,Y",
        help="upper left pixel of the images from the first EBSD point in um (default: 0,0)",
    )
    light.add_argument(
        "--rotates", choices=("sample", "optics"), default="sample", help="what turned (default: sample)"
    )
    light.add_argument("--mirror", action="store_true", help="the optical path mirrors the image left to right")


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    output = Path(arguments.output)
    if output.exists() and not output.is_dir():
        raise InputError("the output is a file", file=output, expected="the name of a folder")
    from grainlight.volume.engine.dask_workers import need_distributed
    from grainlight.volume.inputs.manifest_file import load_manifest
    from grainlight.volume.output.zarr_file import need_zarr
    from grainlight.volume.run import restore_volume

    # now, and not when all is done
    need_zarr()
    if arguments.scheduler is not None:
        need_distributed()
    manifest = load_manifest(arguments.manifest)
    for remark in manifest.notes:
        note(f"note: {remark}")
    known = sum(s.ebsd is not None and not s.exclude for s in manifest.sections)
    note(f"{manifest.path.name}: {len(manifest.sections)} sections, {known} with EBSD")
    settings = _settings(arguments)
    note(device.describe(settings.restore.device))
    with bars() as progress:
        volume = restore_volume(manifest, output, settings, progress)
    if volume is None:
        print(f"restored: {', '.join(str(row) for row in arguments.only)}")
        return 0
    from grainlight.volume.output import write_volume
    from grainlight.volume.report.said import in_short

    for warning in in_short(volume.record["warnings"]):
        note(f"note: {warning}")
    files = write_volume(
        volume, output, vti=arguments.vti, dream3d=arguments.dream3d, say=lambda text: note(f"note: {text}")
    )
    for file in files:
        print(f"wrote {file}")
    return 0


def _settings(arguments: argparse.Namespace) -> VolumeSettings:
    from grainlight.volume.jobs import LightOptions, MapOptions
    from grainlight.volume.run import VolumeSettings

    restore = Settings(
        scale=arguments.scale,
        quality=arguments.quality,
        seed=arguments.seed,
        device=device.choose(arguments.device),
        noise=arguments.noise,
        weights=None if arguments.weights is None else Path(arguments.weights),
    )
    light = LightOptions(arguments.angles, arguments.pl_step, arguments.pl_origin, arguments.rotates, arguments.mirror)
    maps = MapOptions(arguments.frame, values.crystal_frame(arguments.crystal_frame))
    alignment = None if arguments.alignment is None else Path(arguments.alignment)
    only = None if arguments.only is None else tuple(arguments.only)
    return VolumeSettings(
        restore, light, maps, alignment, arguments.trend, arguments.workers, arguments.scheduler, only
    )
