"""What the page works on: files, cards, a place of the light, one job, a queue, one result; the same for every tab."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from grainlight.app.batch import Batch
from grainlight.app.child import Child
from grainlight.app.choices import EbsdChoice, FurtherChoice, LightChoice, Settings, as_plain, command
from grainlight.app.jobs import Jobs
from grainlight.app.queue import Entry, Queue
from grainlight.app.refused import RefusedError
from grainlight.app.shelf import DOWNLOADS, ON_REQUEST, Shelf
from grainlight.app.uploads import Limits, Stored, Uploads

_SECONDS, _BYTES_PER_SECOND = 90.0, 1e6
"""What reading may take: so long, and more for large files."""


class Session:
    """All that the page knows.

    Parameters
    ----------
    folder
        For files of this run; removed by `close`.
    limits
        Of uploads.
    memory
        Bytes that a child which reads files may take; no limit if None.
    seconds
        That reading a small file may take.
    """

    def __init__(
        self, folder: Path, limits: Limits | None = None, memory: int | None = None, seconds: float = _SECONDS
    ) -> None:
        self.folder, self.seconds = folder, seconds
        self.uploads = Uploads(folder, limits or Limits())
        self.shelf = Shelf(folder)
        self.cards = self.shelf.cards
        self.version, self.opening = 1, False
        self.reader = Child(folder, memory)
        self.jobs = Jobs(Child(folder), self.shelf, self._changed)
        self.queue = Queue()
        self.batch = Batch(self.queue, self.jobs, self.shelf, self._changed)
        self.ebsd: EbsdChoice | None = None
        self.further: FurtherChoice | None = None
        self.light: LightChoice | None = None
        self.calibration: Stored | None = None
        self.errors: dict[str, Any] = {}

    # steps

    async def open_ebsd(self, stored: list[Stored], given: dict[str, Any]) -> dict[str, Any]:
        """Read an EBSD map and keep its card."""
        self._not_while_working()
        if not stored:
            raise RefusedError(422, "no EBSD file is chosen")
        first = next((one for one in stored if one.path.suffix.lower() == ".cpr"), stored[0])
        others = [one.shown for one in stored if one.path.with_suffix("") != first.path.with_suffix("")]
        if others:
            raise RefusedError(
                422,
                "several EBSD maps are chosen, and one is worked on at a time",
                found=", ".join([first.shown, *others][:10]),
                advice="choose one; further scans of the same field have their own place below it, and maps of other "
                "fields go into the queue one after the other",
            )
        choice = EbsdChoice.of(str(first.path), first.shown, given)
        direction = given.get("direction") if given.get("direction") in ("X", "Y", "Z") else "Z"
        card = await self._read("ebsd", sum(one.size for one in stored), choice=as_plain(choice), direction=direction)
        before = self.ebsd
        if before != choice:
            self.shelf.forget("place")
        self.ebsd, self.cards["ebsd"] = choice, {**card, "ids": self._ids([str(one.path) for one in stored])}
        self.errors.pop("ebsd", None)
        if self.further is not None and before is not None and before != choice:
            # further scans are of one field, and are read in the frames of its map
            again, self.further = self.further, None
            self.shelf.forget("further")
            if before.path == choice.path:
                try:
                    await self._open_further(again)
                except RefusedError as error:
                    self.errors["further"] = error.as_record()
        self._changed()
        return card

    async def open_further(self, stored: list[Stored]) -> dict[str, Any] | None:
        """Read further maps of the same field, oldest first, and keep their card; none, if no file is chosen."""
        self._not_while_working()
        self.errors.pop("further", None)
        if not stored:
            self.further = None
            self.shelf.forget("further")
            self._changed()
            return None
        if self.ebsd is None:
            raise RefusedError(409, "there is no EBSD map yet", advice="choose the map first, then further scans of it")
        # the other half of a .cpr is read with it
        maps = [one for one in stored if one.path.suffix.lower() != ".crc"]
        choice = FurtherChoice(tuple(str(one.path) for one in maps), tuple(one.shown for one in maps))
        await self._open_further(choice, [str(one.path) for one in stored])
        self._changed()
        return self.cards["further"]

    async def _open_further(self, choice: FurtherChoice, paths: Sequence[str] = ()) -> None:
        sizes = sum(Path(path).stat().st_size for path in choice.paths)
        card = await self._read("further", sizes, ebsd=as_plain(self.ebsd), choice=as_plain(choice))
        self.further = choice
        self.cards["further"] = {**card, "ids": self._ids(paths or choice.paths)}

    async def open_calibration(self, stored: list[Stored]) -> dict[str, Any] | None:
        """Read what `grainlight validate --json` found, and keep its card; none, if no file is chosen."""
        self._not_while_working()
        if not stored:
            self.calibration = None
            self.shelf.forget("calibration")
            self._changed()
            return None
        card = await self._read("calibration", 0, file=str(stored[0].path))
        self.calibration = stored[0]
        self.cards["calibration"] = {**card, "name": stored[0].shown}
        self._changed()
        return self.cards["calibration"]

    async def open_light(self, stored: list[Stored], given: dict[str, Any]) -> dict[str, Any] | None:
        """Read light images and keep their card; none, if no file is chosen."""
        self._not_while_working()
        if not stored:
            self.light = None
            self.shelf.forget("light", "place")
            self._changed()
            return None
        choice = LightChoice.of([str(one.path) for one in stored], [one.shown for one in stored], given)
        card = await self._read("light", sum(one.size for one in stored), choice=as_plain(choice))
        if self.light != choice:
            self.shelf.forget("place")
        self.light, self.cards["light"] = choice, {**card, "ids": self._ids(choice.paths)}
        self._changed()
        self.errors.pop("light", None)
        return self.cards["light"]

    async def open_demo(self) -> None:
        """Make the demo section and open it."""
        self._not_while_working()
        place = self.shelf.new("demo")
        told = await self.reader.ask("demo", {"to": place.name}, 120)
        map_file, light_file = (Stored.of(place / name, name) for name in ("coarse.ang", "light.tif"))
        for stored in (map_file, light_file):
            self.uploads.add(stored)
        await self.open_ebsd([map_file], {})
        await self.open_light([light_file], {"angles": told["angles"], "step": told["step"]})
        self.cards["advice"] = {"scale": told["scale"]}
        self._changed()

    async def pairs(self, pairs: list[list[float]]) -> dict[str, Any]:
        """Return what pairs of points come to."""
        return await self._read("pairs", 0, **self._inputs(), pairs=pairs)

    async def estimate(self, settings: Settings) -> dict[str, Any]:
        """Return what a restoration will cost, and the command that does it."""
        told = await self._read("estimate", 0, **self._inputs(light=False), settings=as_plain(settings))
        return {**told, "command": self.enhance_line(settings)}

    async def pixel(self, row: int, column: int) -> dict[str, Any]:
        """Return what is known of a pixel of the result."""
        if "restored.npz" not in self.shelf.downloads:
            raise RefusedError(409, "there is no result yet")
        return await self.reader.ask(
            "pixel", {"file": str(self.shelf.downloads["restored.npz"]), "row": row, "column": column}, self.seconds
        )

    async def download(self, name: str, entry: Entry | None = None) -> Path | None:
        """Return a file that can be taken home, of a map of the queue or of the result that is shown, written now if it
        is written on request; None where there is none."""
        files = self.shelf.downloads if entry is None else entry.files
        found = files.get(name)
        if found is None or found.exists() or name not in ON_REQUEST:
            return found
        archive = files["restored.npz"]
        seconds = self.seconds + archive.stat().st_size / _BYTES_PER_SECOND * 10
        await self.reader.ask("convert", {"file": str(archive), "to": str(found)}, seconds)
        return found

    # jobs

    def place(self, register: str, pairs: list[list[float]] | None) -> dict[str, Any]:
        """Begin to register."""
        arguments = {**self._inputs(), "register": register, "pairs": pairs}

        def keep(value: dict[str, Any], folder: Path) -> None:
            self.shelf.keep("place", value, folder)
            self.shelf.downloads |= {
                name: folder / name for name in ("registration.json", "points.csv") if (folder / name).exists()
            }

        words = [] if register == "auto" else ["--register", register]
        words += ["--points", "points.csv"] if pairs else []
        assert self.ebsd is not None  # _inputs looked
        assert self.light is not None
        line = command("register", self.ebsd.words(), self.light.words(), words, output="registration.json")
        return self._begin("place", arguments, keep, line)

    def restore(self, settings: Settings) -> dict[str, Any]:
        """Begin to restore."""
        line = self.enhance_line(settings)

        def keep(value: dict[str, Any], folder: Path) -> None:
            self.shelf.keep_result(value, folder, line)

        return self._begin("restore", self._restore_arguments(settings), keep, line)

    def enqueue(self, settings: Settings) -> Entry:
        """Put the map, its images and settings at the end of the queue."""
        arguments = self._restore_arguments(settings)
        assert self.ebsd is not None  # they looked
        folder = self.shelf.new("entry")
        output = self.queue.name_for(self.ebsd.shown)
        settings = settings.kept_in(folder, Path(output).stem.replace("_restored", ""))
        words = self._enhance_words(settings)
        line = command("enhance", words, output=output)
        entry = Entry(words, line, {**arguments, "settings": as_plain(settings)}, folder, output)
        self.queue.add(entry)
        self._changed()
        return entry

    def run_queue(self) -> None:
        """Begin to restore the maps that wait, one after the other."""
        self._not_while_working()
        self.batch.run()

    def _restore_arguments(self, settings: Settings) -> dict[str, Any]:
        names = {Path(one).name: shown for one, shown in self.uploads.shown.items()}
        return {
            **self._inputs(light=False),
            "settings": as_plain(settings),
            "further": as_plain(self.further),
            "shown": names,
            "names": dict(self.uploads.shown),
        }

    def enhance_line(self, settings: Settings) -> str:
        """Return the command that does what `restore` does."""
        return command("enhance", self._enhance_words(settings), output="restored.ang")

    def _enhance_words(self, settings: Settings) -> list[str]:
        assert self.ebsd is not None
        further = [] if self.further is None else self.further.words()
        light = [] if self.light is None else self.light.words()
        return [*self.ebsd.words(), *further, *light, *settings.words()]

    def settings(self, given: dict[str, Any], place: Any) -> Settings:
        """Return the settings that a browser sent; ``place``: "registration" or "points" take what was found."""
        files: dict[str, str | None] = {"transform": None, "points": None}
        for name, key, file in (("registration", "transform", "registration.json"), ("points", "points", "points.csv")):
            if place == name:
                if file not in self.shelf.downloads:
                    raise RefusedError(409, "the light was not placed yet", advice="place it first")
                files[key] = str(self.shelf.downloads[file])
        if self.calibration is not None:
            files |= {"calibration": str(self.calibration.path), "calibration_shown": self.calibration.shown}
        return Settings.of(given, **files)

    async def cancel(self) -> None:
        """End the job that runs; the maps of the queue that wait go on waiting."""
        await self.batch.stop()

    async def close(self) -> None:
        """End all children and remove the folder."""
        await self.cancel()
        await self.reader.stop()
        await self.jobs.runner.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def as_record(self) -> dict[str, Any]:
        """Return what a tab needs to show everything anew."""
        return {
            "version": self.version,
            "opening": self.opening,
            "cards": self.cards,
            "errors": self.errors,
            "choices": {"ebsd": self._shown_choice(self.ebsd), "light": self._shown_choice(self.light)},
            "commands": self._commands(),
            "job": self.jobs.as_record(),
            "queue": self.queue.as_record(),
            "downloads": [[name, what] for name, what in DOWNLOADS.items() if name in self.shelf.downloads],
        }

    # behind the curtain

    def _ids(self, paths: Sequence[str]) -> list[str]:
        keys = {str(one.path): key for key, one in self.uploads.files.items()}
        return [keys[path] for path in paths]

    def _shown_choice(self, choice: EbsdChoice | LightChoice | None) -> dict[str, Any] | None:
        plain = as_plain(choice)
        return None if plain is None else {name: v for name, v in plain.items() if name not in ("path", "paths")}

    def _commands(self) -> dict[str, str]:
        if self.ebsd is None:
            return {}
        lines = {"info": command("info", self.ebsd.words())}
        if self.light is not None:
            lines["register"] = command("register", self.ebsd.words(), self.light.words(), output="registration.json")
        return lines

    def _inputs(self, light: bool = True) -> dict[str, Any]:
        if self.ebsd is None:
            raise RefusedError(409, "there is no EBSD map yet", advice="choose one first")
        if light and (self.light is None or (self.cards.get("light") or {}).get("missing")):
            raise RefusedError(409, "there are no usable light images yet", advice="choose them, with angles and step")
        missing = (self.cards.get("light") or {}).get("missing")
        if missing:
            raise RefusedError(
                422,
                f"the light images cannot be used yet: {missing['problem']}",
                **{name: text for name, text in missing.items() if name != "problem"},
            )
        return {"ebsd": as_plain(self.ebsd), "light": as_plain(self.light)}

    def _not_while_working(self) -> None:
        if self.jobs.working or self.queue.running:
            raise RefusedError(
                409,
                "a job is running; one map is worked on at a time",
                advice="wait until it is done, or cancel it; a second `grainlight app` works on another map meanwhile",
            )

    def _begin(
        self, kind: str, arguments: dict[str, Any], keep: Callable[[dict[str, Any], Path], None], line: str
    ) -> dict[str, Any]:
        self._not_while_working()
        self.jobs.begin(kind, {"names": dict(self.uploads.shown), **arguments}, keep, line)
        assert self.jobs.job is not None
        return self.jobs.job

    async def _read(self, task: str, size: int, **arguments: Any) -> dict[str, Any]:
        """Ask the reader; what it wrote is kept under the task's name, in place of what was there."""
        with_files = task in ("ebsd", "light")
        folder = self.shelf.new(task) if with_files else None
        if folder is not None:
            arguments["to"] = folder.name
        try:
            seconds = self.seconds + size / _BYTES_PER_SECOND
            value = await self.reader.ask(task, {**arguments, "names": self.uploads.shown}, seconds)
        except BaseException:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        if folder is not None:
            self.shelf.keep(task, value, folder)
        return value

    def _changed(self) -> None:
        self.version += 1

    async def open_given(self, ebsd: list[Stored], light: list[Stored], *, demo: bool = False) -> None:
        """Open the files of the command line; what is wrong with them stands on the page."""
        steps: list[tuple[str, Callable[[], Awaitable[Any]]]] = []
        for stored in (*ebsd, *light):
            self.uploads.add(stored)
        if demo:
            steps.append(("ebsd", self.open_demo))
        if ebsd:
            steps.append(("ebsd", lambda: self.open_ebsd(ebsd, {})))
        if light:
            steps.append(("light", lambda: self.open_light(light, {})))
        self.opening = True
        try:
            for name, step in steps:
                try:
                    await step()
                except RefusedError as error:
                    self.errors[name] = error.as_record()
        finally:
            self.opening = False
            self._changed()
