"""The restoration of a volume in one call, for Python."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from grainlight.progress import Progress
from grainlight.restore.settings import Settings
from grainlight.volume.alignment.record import Trend
from grainlight.volume.engine.dask_workers import need_distributed
from grainlight.volume.inputs.manifest_file import load_manifest
from grainlight.volume.jobs import LightOptions, MapOptions
from grainlight.volume.manifest import Manifest
from grainlight.volume.output.files import write_volume
from grainlight.volume.output.load import load_volume
from grainlight.volume.output.zarr_file import need_zarr
from grainlight.volume.run import VolumeSettings
from grainlight.volume.run import restore_volume as restore_sections
from grainlight.volume.volume import Volume


def restore_volume(
    manifest: str | Path | Manifest,
    output: str | Path,
    *,
    scale: int = 2,
    quality: str = "balanced",
    seed: int = 0,
    device: str = "auto",
    noise: float | None = None,
    angles: str | tuple[float, ...] | None = None,
    step: float | None = None,
    origin: tuple[float, float] = (0.0, 0.0),
    rotates: Literal["sample", "optics"] = "sample",
    mirror: bool = False,
    frame: str | None = None,
    crystal_frame: str | None = None,
    trend: Trend = "none",
    alignment: str | Path | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Volume:
    """Restore a specimen: light on its sections, EBSD on some, as `grainlight volume run` does.

    Parameters
    ----------
    manifest
        A manifest or its file: ``z,ebsd,light,exclude``, a row a section.
    output
        Folder; receives what the command writes. A run that was stopped goes on from what it holds.
    scale, quality, seed, device, noise
        As for `enhance`, of every section.
    angles, step, origin, rotates, mirror
        Of the images (`load_light`), where the manifest does not say otherwise; ``step`` and ``origin`` in um.
    frame, crystal_frame
        Of the EBSD (`load_ebsd`).
    trend
        What of the sections' shifts is the specimen's and stays: "none", "linear", or "ebsd".
    alignment
        Shifts of the sections as a run saved them, in place of a search.
    workers
        Processes. More than one needs a program that can be imported (``if __name__ == "__main__":``).
    scheduler
        Address of a scheduler of `dask.distributed` whose workers do the sections, or "local" for one that is started
        here with so many ``workers``; they see ``output`` and all inputs under the same paths.
    progress
        Told how far the work is; silent if None.

    Returns
    -------
    The volume as ``output/volume.zarr`` holds it, grains included: a layer gives section ``k`` as ``layer[k]``, read
    when it is asked for, and `numpy.asarray` all of it.

    Raises
    ------
    InputError
        If no section has EBSD, a file cannot be used, sections do not fit one another, or zarr is not installed.
    """
    need_zarr()
    if scheduler is not None:
        need_distributed()
    listed = manifest if isinstance(manifest, Manifest) else load_manifest(manifest)
    settings = VolumeSettings(
        Settings(scale=scale, quality=quality, seed=seed, device=device, noise=noise),
        LightOptions(angles, step, origin, rotates, mirror),
        MapOptions(frame, crystal_frame),
        None if alignment is None else Path(alignment),
        trend,
        workers,
        scheduler,
    )
    folder = Path(output)
    volume = restore_sections(listed, folder, settings, progress)
    assert volume is not None
    write_volume(volume, folder)
    return load_volume(folder, whole=False)
