"""`grainlight enhance`: a coarse EBSD file and light images to the full-resolution map."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grainlight.cli import device, values
from grainlight.cli.output import check_apart, check_file
from grainlight.cli.restoring.again import command_record, differences, not_known
from grainlight.cli.restoring.outcome import tell_result
from grainlight.cli.terminal import bars, note
from grainlight.errors import InputError
from grainlight.restore.settings import LARGEST_SCALE, QUALITIES, Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grainlight.maps.light_stack import LightStack
    from grainlight.maps.orientation_map import OrientationMap

FORMATS = (".ang", ".ctf", ".h5oina", ".h5", ".hdf5", ".dream3d", ".vti", ".tif", ".tiff", ".png")
"""Those of `maps.io.save`, which is not imported before it is needed."""


def add(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to the parser."""
    command = commands.add_parser(
        "enhance",
        help="restore the full-resolution map of a coarse EBSD map",
        description="Restore the full-resolution orientation map of a coarse, noisy or incomplete EBSD map, guided by "
        "polarized-light (PL) images where there are some.",
        allow_abbrev=False,
    )
    command.add_argument("ebsd", nargs="?", metavar="EBSD", help="the EBSD map: .ang, .ctf, HDF5 and more")
    command.add_argument(
        "--again",
        metavar="NPZ",
        help="the EBSD map and all options of an earlier restoration, from the .npz that it left; what is given beside "
        "it counts more",
    )
    command.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="FILE",
        help="a further EBSD map of the same field (a rescan, planned points, a finer box), in the same coordinates; "
        "several times for several, oldest first: in each output pixel the newest point counts",
    )
    command.add_argument(
        "--output",
        required=True,
        metavar="OUT",
        help="the restored map: .ang, .ctf, .h5oina, .h5 (orix), .dream3d, .vti (DAMASK), .tif or .png; an .npz goes "
        "beside it",
    )
    command.add_argument("--picture", metavar="PNG", help="also draw before, after, boundaries and uncertainty")
    values.add_ipf(command)
    command.add_argument("--report", metavar="HTML", help="also write a page about the result that opens offline")
    command.add_argument("--force", action="store_true", help="replace existing output")
    command.add_argument(
        "--dry-run", action="store_true", help="read and check everything, say what it would cost, and write nothing"
    )
    command.add_argument(
        "--light",
        choices=("required", "optional"),
        default="optional",
        help="whether light that cannot be used stops the command (exit code 3) or is left out (default)",
    )
    add_grid(command)
    add_light(command)
    add_registration(command)
    values.add_map(command)
    values.add_part(command, output=True)
    values.add_noise(command)
    add_computing(command)
    command.add_argument(
        "--calibration",
        metavar="JSON",
        help="what `grainlight validate --json` found on this specimen: the stated bounds are multiplied by its factor",
    )
    return command


def add_grid(command: argparse.ArgumentParser) -> None:
    """Add the options of the output grid and of what is filled."""
    command.add_argument(
        "--scale",
        type=values.whole(1, LARGEST_SCALE),
        default=2,
        metavar="N",
        help="output step = EBSD step / N, 1 (denoise and fill) to 8 (default: 2)",
    )
    command.add_argument(
        "--fill-holes",
        type=lambda text: 0.0 if text == "none" else values.positive("EBSD steps; or none", zero=True)(text),
        metavar="N",
        help="restore up to N EBSD steps from the nearest indexed point, with light too; none: leave missing points "
        "out (default: 6, nothing in holes that a circle of 3 steps fits into, and with light as far as it is seen)",
    )


def add_computing(command: argparse.ArgumentParser) -> None:
    """Add the options of how much is computed, where, and with what."""
    dials = command.add_argument_group("computing")
    dials.add_argument(
        "--quality",
        choices=tuple(QUALITIES),
        default="balanced",
        help="how much computing (default: balanced)",
    )
    dials.add_argument(
        "--steps",
        type=values.whole(1, 1000),
        metavar="N",
        help="steps that a sample of the map is drawn in, in place of the quality's",
    )
    dials.add_argument(
        "--samples", type=values.whole(1, 1024), metavar="N", help="samples of the map, likewise; 1 for none"
    )
    dials.add_argument(
        "--visits", type=values.whole(0, 10_000), metavar="N", help="visits to each pixel near a boundary, likewise"
    )
    values.add_seed(command)
    values.add_device(command)
    dials.add_argument(
        "--no-projection",
        action="store_true",
        help="keep the network's orientations; do not re-estimate from measured ones",
    )
    dials.add_argument(
        "--noise",
        type=values.positive("degrees", zero=True),
        metavar="DEG",
        help="rms error of the EBSD (default: estimated)",
    )
    dials.add_argument("--weights", metavar="FILE", help="weights to use in place of the shipped ones")


def add_light(command: argparse.ArgumentParser) -> None:
    """Add the options of polarized-light images."""
    light = command.add_argument_group("polarized light")
    light.add_argument(
        "--pl",
        nargs="+",
        metavar="F",
        help="a TIFF stack, one image file per angle, or a folder of them; one image is better than none. Names in "
        "alphabetical order are taken in that of their numbers",
    )
    light.add_argument(
        "--angles",
        metavar="A",
        help="degrees: start:stop:step (stop excluded), a list 0,10,20 or a CSV file; 'unknown' for images of unknown "
        "settings, down to a single colour image (default: the angles in the names, as in pl_045deg.tif)",
    )
    light.add_argument(
        "--pl-step",
        type=values.length,
        metavar="UM",
        help="um per PL pixel (default: the scale that a TIFF file states in its resolution, ImageJ or OME)",
    )
    light.add_argument(
        "--pl-origin",
        type=values.pair("X,Y", "um", "12.5,-3"),
        default=(0.0, 0.0),
        metavar="X,Y",
        help="upper left PL pixel (with --mirror, after the image is flipped back) from the first EBSD point in um, "
        "x right, y down (default: 0,0)",
    )
    light.add_argument(
        "--rotates",
        choices=("sample", "optics"),
        default="sample",
        help="what turned: the sample, counter-clockwise, images turned back (default), or the optics",
    )
    light.add_argument("--mirror", action="store_true", help="the optical path mirrors the image left to right")
    light.add_argument(
        "--polars",
        type=values.pair("P,D", "degrees", "10,2.5"),
        metavar="P,D",
        help="azimuth of the polarizer at angle 0 and uncrossing of the analyzer in degrees, counter-clockwise on the "
        "map, where known: lets the light check the frame for turns as well",
    )
    light.add_argument(
        "--bireflectance",
        choices=("positive", "negative"),
        help="whether the metal reflects more along its c-axis than across it, where known; goes with --polars",
    )


def add_registration(command: argparse.ArgumentParser) -> None:
    """Add the options of registration."""
    where = command.add_argument_group("registration of the light to the map")
    where.add_argument(
        "--register",
        choices=("auto", "rigid", "affine", "deformable", "none"),
        default="auto",
        help="auto (default): keep the stated place unless another is clearly better, with as much freedom as pays; "
        "none: believe --pl-origin, --pl-step and --mirror",
    )
    where.add_argument("--transform", metavar="JSON", help="a transform saved by `grainlight register`; no search")
    where.add_argument(
        "--points",
        metavar="CSV",
        help="pairs of points to start from: ebsd_column,ebsd_row,image_column,image_row, from 0; no search. One pair "
        "shifts, two turn and scale too, three and more are fitted by an affine map",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.ebsd is None:
        raise InputError("no EBSD map is named", expected="grainlight enhance EBSD --output OUT, or --again RESULT.npz")
    check_light_options(arguments)
    inputs = (arguments.ebsd, *arguments.also, *(arguments.pl or ()))
    output = check_file(
        arguments.output,
        FORMATS,
        arguments.force,
        companions=(".npz",),
        inputs=inputs,
    )
    picture = (
        None if arguments.picture is None else check_file(arguments.picture, (".png",), arguments.force, inputs=inputs)
    )
    page = None
    if arguments.report is not None:
        page = check_file(arguments.report, (".html",), arguments.force, inputs=inputs)
    check_apart((output, picture, page))
    from grainlight.maps.io.save import carried_over, origin_loss, output_format

    for ending in output_format(output).companions:
        check_file(output.with_suffix(ending), (Path(ending).suffix,), arguments.force)
    for remark in () if arguments.again is None else not_known(arguments.again):
        note(f"note: {remark}")
    command = command_record(arguments, _alone(), output.parent)
    ebsd, metal = load_map(arguments, arguments.scale)
    also = [values.load_further(file, arguments) for file in arguments.also]
    light = load_stack(arguments)

    from grainlight.restore.cost import estimate
    from grainlight.restore.enhance import enhance

    settings = settings_of(arguments)
    note(device.describe(settings.device))
    expected = estimate(ebsd, light, settings)
    for line in expected.lines:
        note(line)
    if arguments.dry_run:
        for option in ("weights", "transform", "points"):
            _check_there(f"--{option}", getattr(arguments, option))
        print(f"would write {output} and {output.with_suffix('.npz').name}; nothing was computed or written")
        return 0
    with bars(expected.stages) as progress:
        result = enhance(ebsd, light, settings, progress, mask=metal, also=also, reuse_memory=True)
    result.record["command"] = command
    if arguments.again is not None:
        for difference in differences(arguments.again, result.record):
            note(f"note: {difference}")
    files = result.save(output, overwrite=arguments.force)
    for remark in (*origin_loss(result.map, output), *carried_over(result.map, output)):
        note(f"note: {remark}")
    if picture is not None:
        from grainlight.report.pictures import before_after_picture

        files.append(before_after_picture(ebsd, result, picture, light=light, direction=arguments.ipf))
    if page is not None:
        from grainlight.report.html import write_report

        files.append(write_report(result, page, light=light))
    tell_result(result, told=(*ebsd.notes, *(() if light is None else light.notes)))
    for file in files:
        print(f"wrote {file}")
    refused = result.record["light_refused"]
    if refused is not None:
        print(f"no light was used: {refused.split('. ')[0]}; --light required makes this an error (exit code 3)")
    return 0


def _alone() -> argparse.ArgumentParser:
    return add(argparse.ArgumentParser(allow_abbrev=False).add_subparsers())


def _check_there(option: str, file: str | None) -> None:
    if file is not None and not Path(file).is_file():
        raise InputError(f"the file of {option} does not exist", file=file)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings of a restoration that the options say."""
    calibration = getattr(arguments, "calibration", None)
    return Settings(
        scale=arguments.scale,
        quality=arguments.quality,
        steps=arguments.steps,
        samples=arguments.samples,
        visits=arguments.visits,
        seed=arguments.seed,
        device=device.choose(arguments.device),
        projection=not arguments.no_projection,
        noise=arguments.noise,
        fill_holes=arguments.fill_holes,
        light_required=getattr(arguments, "light", "optional") == "required",
        keep_noise=arguments.keep_noise,
        register=arguments.register,
        transform=None if arguments.transform is None else Path(arguments.transform),
        points=None if arguments.points is None else Path(arguments.points),
        weights=None if arguments.weights is None else Path(arguments.weights),
        calibration=None if calibration is None else Path(calibration),
    )


def load_map(
    arguments: argparse.Namespace, scale: int | None = None
) -> tuple[OrientationMap, NDArray[np.bool_] | None]:
    """Read the EBSD file and say which frames its angles were taken to refer to; with it comes its mask."""
    ebsd, metal = values.load_map_and_mask(arguments.ebsd, arguments, scale)
    rows, columns = ebsd.shape
    how = "as asked" if arguments.frame else "the file's or its format's; --frame changes it"
    note(
        f"EBSD: {ebsd.source}, {rows} x {columns} points, {ebsd.grid} grid, step {ebsd.step[0]:g} x {ebsd.step[1]:g} um"
    )
    note(f"frames: sample {ebsd.sample_frame.value} ({how}), crystal X along {ebsd.crystal_frame.value}")
    for suspicion in ebsd.notes:
        note(f"note: {suspicion}")
    return ebsd, metal


def load_stack(arguments: argparse.Namespace) -> LightStack | None:
    """Read the light images, if there are any."""
    if arguments.pl is None:
        note("polarized light: none; the EBSD map alone is restored")
        return None
    from grainlight.maps.io import load_light

    light = load_light(
        arguments.pl[0] if len(arguments.pl) == 1 else arguments.pl,
        arguments.angles,
        arguments.pl_step,
        arguments.pl_origin,
        arguments.rotates,
        arguments.mirror,
    )
    if arguments.polars is not None:
        from dataclasses import replace

        sign: dict[str | None, Literal[-1, 1]] = {"positive": 1, "negative": -1}
        light = replace(light, polars=arguments.polars, bireflectance=sign.get(arguments.bireflectance))
    rows, columns = light.shape
    count = len(light.images)
    what = f"{count} angles" if light.determined else f"{count} image{'s' * (count > 1)} (no full set of angles)"
    note(f"polarized light: {what}, {rows} x {columns} pixels, step {light.step:g} um")
    if len(light.paths) == count > 1 and light.determined:
        note("images: " + ", ".join(f"{p.name} {a:g} deg" for p, a in zip(light.paths, light.angles, strict=True)))
    for remark in light.notes:
        note(f"note: {remark}")
    return light


def check_light_options(arguments: argparse.Namespace) -> None:
    """Check that the options of light are there that must be, and none without images."""
    if arguments.pl is not None:
        several = len(arguments.pl) > 1 or Path(arguments.pl[0]).is_dir() or "*" in arguments.pl[0]
        if arguments.angles is None and not several:
            raise InputError("--pl needs --angles", advice="--angles, see `grainlight enhance --help`")
        if arguments.bireflectance is not None and arguments.polars is None:
            raise InputError("--bireflectance says nothing without --polars", advice="--polars P,D")
        return
    default = (None, None, (0.0, 0.0), "sample", False)
    given = (arguments.angles, arguments.pl_step, arguments.pl_origin, arguments.rotates, arguments.mirror)
    others = (arguments.polars, arguments.bireflectance, arguments.transform, arguments.points)
    if given != default or any(other is not None for other in others):
        raise InputError("options of polarized light are given, but no images", advice="--pl STACK.tif")
