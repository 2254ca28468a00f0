"""What the page works on: files, cards, a place of the light, one job, one result; the same for every tab."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from grainlight.app.child import Child
from grainlight.app.choices import EbsdChoice, LightChoice, Settings, as_plain, command
from grainlight.app.refused import RefusedError
from grainlight.app.uploads import Limits, Stored, Uploads

_SECONDS, _BYTES_PER_SECOND = 90.0, 1e6
"""What reading may take: so long, and more for large files."""
_RESULT = "result"
DOWNLOADS = {
    "restored.ang": "the map as .ang",
    "restored.ctf": "the map as .ctf",
    "restored.h5oina": "the map as .h5oina",
    "restored.npz": "everything, for grainlight",
    "report.html": "the report",
    "grains.csv": "the table of grains",
    "figures.csv": "figures of the map",
    "record.json": "the record of the run",
    "command.txt": "the command line",
    "registration.json": "the place of the light",
    "points.csv": "the pairs of points",
}
"""What can be taken home, and what it is."""
_ON_REQUEST = ("restored.ctf", "restored.h5oina")
"""Written from the archive when somebody wants it: of a large map each takes a while."""


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
        self.arrays: dict[str, Path] = {}
        self.downloads: dict[str, Path] = {}
        self.version, self.opening = 1, False
        self.reader, self.runner = Child(folder, memory), Child(folder)
        self.ebsd: EbsdChoice | None = None
        self.light: LightChoice | None = None
        self.cards: dict[str, Any] = {}
        self.errors: dict[str, Any] = {}
        self.job: dict[str, Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._count = 0
        self._before: dict[str, Path] = {}

    # steps

    async def open_ebsd(self, stored: list[Stored], given: dict[str, Any]) -> dict[str, Any]:
        """Read an EBSD map and keep its card."""
        self._not_while_working()
        if not stored:
            raise RefusedError(422, "no EBSD file is chosen")
        first = next((one for one in stored if one.path.suffix.lower() == ".cpr"), stored[0])
        choice = EbsdChoice.of(str(first.path), first.shown, given)
        direction = given.get("direction") if given.get("direction") in ("X", "Y", "Z") else "Z"
        card = await self._read("ebsd", sum(one.size for one in stored), choice=as_plain(choice), direction=direction)
        if self.ebsd != choice:
            self._forget("place")
        self.ebsd, self.cards["ebsd"] = choice, {**card, "ids": self._ids([str(one.path) for one in stored])}
        self.errors.pop("ebsd", None)
        self._changed()
        return card

    async def open_light(self, stored: list[Stored], given: dict[str, Any]) -> dict[str, Any] | None:
        """Read light images and keep their card; none, if no file is chosen."""
        self._not_while_working()
        if not stored:
            self.light = None
            self._forget("light", "place")
            self._changed()
            return None
        choice = LightChoice.of([str(one.path) for one in stored], [one.shown for one in stored], given)
        card = await self._read("light", sum(one.size for one in stored), choice=as_plain(choice))
        if self.light != choice:
            self._forget("place")
        self.light, self.cards["light"] = choice, {**card, "ids": self._ids(choice.paths)}
        self._changed()
        self.errors.pop("light", None)
        return self.cards["light"]

    async def open_demo(self) -> None:
        """Make the demo section and open it."""
        self._not_while_working()
        place = self._new("demo")
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
        if "restored.npz" not in self.downloads:
            raise RefusedError(409, "there is no result yet")
        return await self.reader.ask(
            "pixel", {"file": str(self.downloads["restored.npz"]), "row": row, "column": column}, self.seconds
        )

    async def download(self, name: str) -> Path | None:
        """Return a file that can be taken home, written now if it is one of those; None where there is none."""
        found = self.downloads.get(name)
        if found is None or found.exists() or name not in _ON_REQUEST:
            return found
        archive = self.downloads["restored.npz"]
        seconds = self.seconds + archive.stat().st_size / _BYTES_PER_SECOND * 10
        await self.reader.ask("convert", {"file": str(archive), "to": str(found)}, seconds)
        return found

    # jobs

    def place(self, register: str, pairs: list[list[float]] | None) -> dict[str, Any]:
        """Begin to register."""
        arguments = {**self._inputs(), "register": register, "pairs": pairs}

        def keep(value: dict[str, Any], folder: Path) -> None:
            self._keep("place", value, folder)
            self.downloads |= {
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
        names = {Path(one).name: shown for one, shown in self.uploads.shown.items()}
        arguments = {**self._inputs(light=False), "settings": as_plain(settings), "shown": names}
        line = self.enhance_line(settings)

        def keep(value: dict[str, Any], folder: Path) -> None:
            (folder / "command.txt").write_text(line + "\n", encoding="utf-8")
            self._keep(_RESULT, {**value, "command": line}, folder)
            made = {name: folder / name for name in DOWNLOADS if (folder / name).exists()}
            self.downloads |= made | {name: folder / name for name in _ON_REQUEST}

        return self._begin("restore", arguments, keep, line)

    def enhance_line(self, settings: Settings) -> str:
        """Return the command that does what `restore` does."""
        assert self.ebsd is not None
        light = [] if self.light is None else self.light.words()
        return command("enhance", self.ebsd.words(), light, settings.words(), output="restored.ang")

    def settings(self, given: dict[str, Any], place: Any) -> Settings:
        """Return the settings that a browser sent; ``place``: "registration" or "points" take what was found."""
        files: dict[str, str | None] = {"transform": None, "points": None}
        for name, key, file in (("registration", "transform", "registration.json"), ("points", "points", "points.csv")):
            if place == name:
                if file not in self.downloads:
                    raise RefusedError(409, "the light was not placed yet", advice="place it first")
                files[key] = str(self.downloads[file])
        return Settings.of(given, **files)

    async def cancel(self) -> None:
        """End the job that runs."""
        if self._task is not None and not self._task.done() and self.job is not None:
            task, self.job["state"] = self._task, "cancelled"
            await self.runner.stop()
            await task

    async def close(self) -> None:
        """End all children and remove the folder."""
        await self.cancel()
        await self.reader.stop()
        await self.runner.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def as_record(self) -> dict[str, Any]:
        """Return what a tab needs to show everything anew."""
        job = None
        if self.job is not None:
            job = {**self.job, "passed": round((self.job["ended"] or time.time()) - self.job["began"], 1)}
        return {
            "version": self.version,
            "opening": self.opening,
            "cards": self.cards,
            "errors": self.errors,
            "choices": {"ebsd": self._shown_choice(self.ebsd), "light": self._shown_choice(self.light)},
            "commands": self._commands(),
            "job": job,
            "downloads": [[name, what] for name, what in DOWNLOADS.items() if name in self.downloads],
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
        if self._task is not None and not self._task.done():
            raise RefusedError(
                409,
                "a job is running; one map is worked on at a time",
                advice="wait until it is done, or cancel it; a second `grainlight app` works on another map meanwhile",
            )

    def _begin(
        self, kind: str, arguments: dict[str, Any], keep: Callable[[dict[str, Any], Path], None], line: str
    ) -> dict[str, Any]:
        self._not_while_working()
        job: dict[str, Any] = {
            "id": secrets.token_hex(4),
            "kind": kind,
            "state": "running",
            "stage": "starting",
            "part": 0.0,
            "left": None,
            "error": None,
            "command": line,
            "began": time.time(),
            "ended": None,
        }
        self.job = job
        self._task = asyncio.create_task(self._work(job, kind, arguments, keep))
        self._changed()
        return job

    async def _work(
        self, job: dict[str, Any], kind: str, arguments: dict[str, Any], keep: Callable[[dict[str, Any], Path], None]
    ) -> None:
        folder = self._new(kind)

        def tell(progress: dict[str, Any]) -> None:
            job.update({name: progress[name] for name in ("stage", "part", "left", "done", "total")})

        try:
            value = await self.runner.ask(
                kind, {**arguments, "to": folder.name, "names": self.uploads.shown}, None, tell
            )
            keep(value, folder)
            outcome = "done"
        except RefusedError as error:
            shutil.rmtree(folder, ignore_errors=True)
            outcome = "failed"
            if job["state"] == "running":
                job["error"] = error.as_record()
        # what it holds in memory goes with it; only then is it over, and another job may begin
        await self.runner.stop()
        job["ended"] = time.time()
        if job["state"] == "running":
            job["state"] = outcome
        self._task = None
        self._changed()

    async def _read(self, task: str, size: int, **arguments: Any) -> dict[str, Any]:
        """Ask the reader; what it wrote is kept under the task's name, in place of what was there."""
        with_files = task in ("ebsd", "light")
        folder = self._new(task) if with_files else None
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
            self._keep(task, value, folder)
        return value

    def _new(self, kind: str) -> Path:
        self._count += 1
        folder = self.folder / f"{kind}-{self._count}"
        folder.mkdir()
        return folder

    def _keep(self, kind: str, value: dict[str, Any], folder: Path) -> None:
        """Keep what a task returned as a card, and let the browser have the arrays that it wrote."""
        self._forget(kind)
        value["at"] = folder.name
        self.cards[kind] = value
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and not path.suffix:
                self.arrays[f"{folder.name}/{path.name}"] = path
        grains = folder / "grains.json"
        if grains.exists():
            self.arrays[f"{folder.name}/grains"] = grains

    def _forget(self, *kinds: str) -> None:
        for kind in kinds:
            card = self.cards.pop(kind, None)
            if card is None:
                continue
            folder = self.folder / card["at"]
            self.downloads = {key: path for key, path in self.downloads.items() if folder not in path.parents}
            if kind != _RESULT:
                # a tab may be on its way to fetch what it was told of a moment ago
                earlier, self._before[kind] = self._before.get(kind), folder
                if earlier is None:
                    continue
                folder = earlier
            self.arrays = {key: path for key, path in self.arrays.items() if folder not in path.parents}
            shutil.rmtree(folder, ignore_errors=True)

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
