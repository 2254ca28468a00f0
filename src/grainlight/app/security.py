"""Who may talk to the server: the person who started it, in the browser that opened the printed address first.

Other pages in the same browser are the danger: they can send requests to 127.0.0.1, and with a name of their own that
points there (DNS rebinding) even read the answers. Against it stand the list of hosts, a cookie that is not sent from
other sites, and the origin of everything that changes something.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_AT_ONCE = 64
"""Requests that are worked on at the same time; what comes on top is told to come again."""
_POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'; "
    "img-src 'self' blob:"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_READING = ("GET", "HEAD")
# The cookie is not sent along where another site's link was followed to get here; from this answer on the page is its
# own site, and the token is out of the address.
_ENTER = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>grainlight</title>'
    '<meta http-equiv="refresh" content="0;url=/"><p><a href="/">To the page</a></p></html>'
)
_CLOSED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>grainlight</title><h1>This page is closed</h1>'
    "<p>The address that <code>grainlight app</code> printed opens it, once, in one browser. If it was opened "
    "elsewhere, or the program was started anew since, start <code>grainlight app</code> again and take the address "
    "that it prints.</p></html>"
)


@dataclass
class Access:
    """What lets a browser in: the one-time ``token`` of the address, and the ``session`` of the cookie it becomes."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    used: bool = False

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request may call this server."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    @property
    def address(self) -> str:
        """What opens the page, once."""
        return f"http://{self.hosts[0]}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie; cookies know no ports, so that two servers need two names."""
        return f"grainlight-{self.port}"


class Guard:
    """Middleware that answers whatever may not pass, and puts the headers of safety on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access, self.busy = app, access, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            # there is no socket to talk to, whoever asks
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in _HEADERS}
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in own]
                message["headers"] = [*kept, *_HEADERS]
            await send(message)

        answer = self._answer(scope)
        if answer is None and self.busy >= MOST_AT_ONCE:
            answer = PlainTextResponse("Too many requests at once; try again.", 503, {"retry-after": "1"})
        if answer is not None:
            await answer(scope, receive, with_headers)
            return
        self.busy += 1
        try:
            await self.app(scope, receive, with_headers)
        finally:
            self.busy -= 1

    def _answer(self, scope: Scope) -> Response | None:
        """Return the answer to a request that does not reach the page; None for one that does."""
        headers = scope["headers"]
        hosts = _all(headers, b"host")
        if len(hosts) != 1 or hosts[0] not in self.access.hosts:
            return PlainTextResponse(f"This server is called {' or '.join(self.access.hosts)}.", 403)
        if scope["path"] == "/favicon.ico" and scope["method"] in _READING:
            # browsers ask for it by themselves before the page has told its icon; there is nothing to know in it
            return Response(status_code=204)
        entering = scope["path"] == "/" and scope["method"] in _READING
        known = self._known(headers)
        if entering and b"token=" in scope["query_string"]:
            return self._enter(scope, known)
        if not known:
            return HTMLResponse(_CLOSED, 403) if entering else PlainTextResponse("No valid cookie.", 403)
        if scope["method"] not in _READING and _all(headers, b"origin") != [f"http://{hosts[0]}"]:
            return PlainTextResponse("Only the page itself may change something.", 403)
        if not entering and any(site not in ("same-origin", "none") for site in _all(headers, b"sec-fetch-site")):
            return PlainTextResponse("Other sites are not answered.", 403)
        return None

    def _enter(self, scope: Scope, known: bool) -> Response:
        from urllib.parse import parse_qs

        given = parse_qs(scope["query_string"].decode("latin1")).get("token", [""])[0]
        right = secrets.compare_digest(given.encode(), self.access.token.encode())
        if not right or (self.access.used and not known):
            return HTMLResponse(_CLOSED, 403)
        answer = HTMLResponse(_ENTER)
        if scope["method"] == "GET":
            self.access.used = True
            answer.set_cookie(self.access.cookie, self.access.session, path="/", httponly=True, samesite="strict")
        return answer

    def _known(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether the cookie of the session came along."""
        name = self.access.cookie
        for header in _all(headers, b"cookie"):
            for pair in header.split(";"):
                key, _, value = pair.strip().partition("=")
                if key == name and secrets.compare_digest(value.encode(), self.access.session.encode()):
                    return True
        return False


def _all(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin1") for key, value in headers if key.lower() == name]
