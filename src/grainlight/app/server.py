"""The server: routes from the page to the session, on 127.0.0.1 alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from grainlight.app.choices import SETTINGS
from grainlight.app.refused import RefusedError
from grainlight.app.security import Access, Guard
from grainlight.app.session import Session
from grainlight.app.uploads import Stored
from grainlight.errors import InputError

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MOST_JSON = 2 << 20
_MOST_PAIRS = 200
Answer = Callable[[Request], Awaitable[Response]]


def application(
    session: Session,
    access: Access,
    given: tuple[list[Stored], list[Stored]] = ([], []),
    *,
    demo: bool = False,
) -> Starlette:
    """Return the application: the page's files, what it asks, and the guard before all of it.

    Parameters
    ----------
    session
        What is worked on; it is closed when the server ends.
    access
        Who may come in.
    given
        EBSD and light files of the command line, opened at the start.
    demo
        Whether the demo section is opened in their place.
    """
    static = _static()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        opening = asyncio.create_task(session.open_given(*given, demo=demo)) if demo or any(given) else None
        yield
        if opening is not None:
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await opening
        await session.close()

    async def page(_request: Request) -> Response:
        return static["page.html"]

    async def file(request: Request) -> Response:
        found = static.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return found

    async def state(request: Request) -> Response:
        # a tab that knows this version already, with no job running, needs nothing
        return JSONResponse({**session.as_record(), "settings": _settings()})

    async def take(request: Request) -> Response:
        query = request.query_params
        told = await session.uploads.receive(request, query.get("kind", ""), query.get("name", ""), query.get("beside"))
        return JSONResponse(told)

    async def ebsd(request: Request) -> Response:
        given = await _json(request)
        return JSONResponse(await session.open_ebsd(session.uploads.chosen(given.get("files")), given))

    async def light(request: Request) -> Response:
        given = await _json(request)
        return JSONResponse(await session.open_light(session.uploads.chosen(given.get("files")), given))

    async def further(request: Request) -> Response:
        given = await _json(request)
        return JSONResponse(await session.open_further(session.uploads.chosen(given.get("files"))))

    async def calibration(request: Request) -> Response:
        given = await _json(request)
        return JSONResponse(await session.open_calibration(session.uploads.chosen(given.get("files"))))

    async def open_demo(_request: Request) -> Response:
        await session.open_demo()
        return JSONResponse({})

    async def pairs(request: Request) -> Response:
        return JSONResponse(await session.pairs(_pairs(await _json(request)) or []))

    async def place(request: Request) -> Response:
        given = await _json(request)
        register = given.get("register", "auto")
        if register not in ("auto", "rigid", "affine", "deformable"):
            raise RefusedError(422, "unknown registration")
        return JSONResponse(session.place(register, _pairs(given)))

    async def estimate(request: Request) -> Response:
        given = await _json(request)
        chosen = session.settings(_mapping(given.get("settings")), given.get("place"))
        return JSONResponse(await session.estimate(chosen))

    async def restore(request: Request) -> Response:
        given = await _json(request)
        chosen = session.settings(_mapping(given.get("settings")), given.get("place"))
        return JSONResponse(session.restore(chosen))

    async def add(request: Request) -> Response:
        given = await _json(request)
        chosen = session.settings(_mapping(given.get("settings")), given.get("place"))
        await session.estimate(chosen)  # what cannot be done is said now, not when its turn comes
        return JSONResponse(session.enqueue(chosen).as_record())

    def of_entry(do: Callable[[Any], None]) -> Answer:
        async def answer(request: Request) -> Response:
            do((await _json(request)).get("key"))
            return JSONResponse({})

        return answer

    async def run_queue(_request: Request) -> Response:
        session.run_queue()
        return JSONResponse({})

    async def from_queue(request: Request) -> Response:
        entry, name = session.queue.find(request.path_params["key"]), request.path_params["name"]
        found = await session.download(name, entry)
        if found is None or not found.exists():
            raise HTTPException(404)
        told = entry.name_of(name)
        return _LargeFile(found, media_type="application/octet-stream", filename=told)

    async def table(request: Request) -> Response:
        name = request.path_params["name"]
        text = {"jobs.csv": session.queue.jobs, "summary.csv": session.queue.summary}.get(name)
        if text is None:
            raise HTTPException(404)
        told = {"content-disposition": f"attachment; filename={name}"}
        return Response(text(), media_type="application/octet-stream", headers=told)

    async def cancel(_request: Request) -> Response:
        await session.cancel()
        return JSONResponse({})

    async def array(request: Request) -> Response:
        found = session.shelf.arrays.get(f"{request.path_params['folder']}/{request.path_params['name']}")
        if found is None or not found.exists():
            raise HTTPException(404)
        return _LargeFile(found, media_type="application/octet-stream")

    async def pixel(request: Request) -> Response:
        try:
            at = int(request.query_params["row"]), int(request.query_params["column"])
        except (KeyError, ValueError):
            raise RefusedError(422, "row and column are whole numbers") from None
        return JSONResponse(await session.pixel(*at))

    async def download(request: Request) -> Response:
        name = request.path_params["name"]
        found = await session.download(name)
        if found is None or not found.exists():
            raise HTTPException(404)
        # never shown in this page's origin, whatever is in it
        return _LargeFile(found, media_type="application/octet-stream", filename=name)

    routes = [
        Route("/", page),
        Route("/static/{name}", file),
        Route("/api/state", state),
        Route("/api/files", take, methods=["PUT"]),
        Route("/api/array/{folder}/{name}", array),
        Route("/api/pixel", pixel),
        Route("/download/{name}", download),
        Route("/queue/{name}", table),
        Route("/queue/{key}/{name}", from_queue),
    ]
    changing: dict[str, Answer] = {
        "ebsd": ebsd,
        "light": light,
        "further": further,
        "calibration": calibration,
        "demo": open_demo,
        "pairs": pairs,
        "place": place,
        "estimate": estimate,
        "restore": restore,
        "cancel": cancel,
        "queue-add": add,
        "queue-run": run_queue,
        "queue-show": of_entry(session.batch.show),
        "queue-drop": of_entry(session.batch.drop),
        "queue-again": of_entry(session.batch.again),
    }
    routes += [Route(f"/api/{name}", answer, methods=["POST"]) for name, answer in changing.items()]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={RefusedError: _refused, InputError: _unusable, HTTPException: _not_there},
        lifespan=lifespan,
    )


class _LargeFile(FileResponse):
    """A file in pieces of megabytes: a layer of millions of pixels is one that somebody waits for."""

    chunk_size = 4 << 20


def bound_socket(port: int) -> socket.socket:
    """Return a socket that listens at a port of this machine, any free one for 0; no other machine reaches it.

    Raises
    ------
    InputError
        If the port is taken, or not allowed.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(256)
    except OSError as error:
        listening.close()
        raise InputError(
            "the page cannot be served at this port",
            found=f"--port {port}: {error.strerror}",
            expected="a port that nothing else uses",
            advice="leave --port out, which takes a free one; or end the other program, which may be another "
            "grainlight app",
        ) from None
    return listening


def configured(app: Starlette, patience: float = 30.0) -> uvicorn.Config:
    """Return how uvicorn serves the application; connections without a whole request after ``patience`` seconds are
    closed, since each of them takes a place that the page may need."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Protocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.loop.call_later(patience, self.close_if_silent)

        def close_if_silent(self) -> None:
            if self.cycle is None and not self.transport.is_closing():
                self.transport.close()

    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=32768,
    )


def serve(app: Starlette, listening: socket.socket, started: Callable[[], None]) -> None:
    """Serve until the process is told to end; ``started`` is called as soon as requests are answered."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started()

    Server(configured(app)).run([listening])


def _static() -> dict[str, Response]:
    """The files of the page and of its viewer, in memory: nothing that a browser asks for becomes a path."""
    entries: dict[str, bytes] = {}
    for room in ("grainlight.report.viewer", "grainlight.app"):
        entries |= {entry.name: entry.read_bytes() for entry in files(room).joinpath("static").iterdir()}
    for name in ("look.html", "grains.html"):
        entries["page.html"] = entries["page.html"].replace(f"<!-- {name} -->\n".encode(), entries.pop(name))
    kinds = {name: _KINDS.get(name[name.rfind(".") :]) for name in entries}
    return {name: Response(data, media_type=kinds[name]) for name, data in entries.items() if kinds[name] is not None}


def _settings() -> list[dict[str, Any]]:
    return [{"name": one.name, "word": one.word, "kind": one.kind, "default": one.default} for one in SETTINGS]


async def _json(request: Request) -> dict[str, Any]:
    """Return what a browser sent, an object of a moderate size."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_JSON:
            raise RefusedError(413, "the request is too large")
    try:
        return _mapping(json.loads(body or b"{}"))
    except (ValueError, RecursionError):
        raise RefusedError(422, "the request cannot be read") from None


def _mapping(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise RefusedError(422, "the request cannot be read")
    return given


def _pairs(given: dict[str, Any]) -> list[list[float]] | None:
    """Return pairs of points, four finite numbers each; None where there are none."""
    pairs = given.get("pairs")
    if not pairs:
        return None
    plain = isinstance(pairs, list) and len(pairs) <= _MOST_PAIRS
    if not plain or not all(
        isinstance(pair, list)
        and len(pair) == 4
        and all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < 1e7 for v in pair)
        for pair in pairs
    ):
        raise RefusedError(422, "the pairs cannot be read", expected="four numbers each: column, row; column, row")
    return [[float(v) for v in pair] for pair in pairs]


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response()


async def _unusable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)
    parts = {name: getattr(error, name) for name in ("place", "found", "expected", "advice")}
    return RefusedError(422, error.problem, **parts).response()


async def _not_there(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return RefusedError(error.status_code, "there is nothing here").response()
