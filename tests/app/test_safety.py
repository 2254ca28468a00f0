"""Nobody but the page itself is answered, nothing that is sent harms, and the server answers the next request."""

from __future__ import annotations

import json
import socket
import struct
import time
import zlib

import pytest
from page_client import Client

from grainlight.app.uploads import Limits, shown_name


def code(page: Client, method: str, path: str, body: object = None, **headers: str | None) -> int:
    return page.ask(method, path, body, **headers)[0]


# who is answered


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "0.0.0.0", "", None, "127.0.0.1.evil:80"])
def test_foreign_host(page, host):
    """A name of somebody else's that points here (DNS rebinding) is refused, with cookie and all."""
    for path in ("/", "/static/app.js", "/api/state", f"/?token={page.access.token}"):
        assert code(page, "GET", path, Host=host) in (400, 403)
    assert not page.access.used
    assert page.works()


def test_both_names_of_this_machine(page):
    assert code(page, "GET", "/api/state", Host=f"localhost:{page.port}") == 200


def test_two_hosts_in_one_request(page):
    with socket.create_connection(("127.0.0.1", page.port)) as line:
        hosts = f"Host: 127.0.0.1:{page.port}\r\nHost: evil.example"
        line.sendall(f"GET /api/state HTTP/1.1\r\n{hosts}\r\nCookie: {page.cookie}\r\n\r\n".encode())
        assert line.recv(100).split()[1] in (b"400", b"403")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", None, "https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://localhost:{port}"],
)
def test_foreign_origin_changes_nothing(page, origin):
    told = None if origin is None else origin.format(port=page.port)
    for method, path in (("PUT", "/api/files?kind=ebsd&name=a.ang"), ("POST", "/api/demo"), ("POST", "/api/cancel")):
        assert code(page, method, path, b"{}", Origin=told) == 403
    assert page.session.version == 1
    assert page.works()


def test_other_sites_read_nothing(page):
    assert code(page, "GET", "/api/state", Sec_Fetch_Site="cross-site") == 403
    assert code(page, "GET", "/api/state", Sec_Fetch_Site="same-site") == 403
    assert code(page, "GET", "/api/state", Sec_Fetch_Site="same-origin") == 200


@pytest.mark.parametrize("cookie", [None, "x=y", "{name}=wrong", "{name}=", "other-{name}={session}"])
def test_no_token_no_page(page, cookie):
    name, session = page.access.cookie, page.access.session
    told = None if cookie is None else cookie.format(name=name, session=session)
    for path in ("/", "/static/page.html", "/api/state", "/api/array/a/b", "/download/restored.ang"):
        assert code(page, "GET", path, Cookie=told) == 403
    assert code(page, "POST", "/api/demo", b"{}", Cookie=told) == 403


def test_icon_that_browsers_ask_for_by_themselves_is_no_fault(page):
    """Before the page is there, and where it is closed; other hosts are told nothing all the same."""
    status, headers, body = page.ask("GET", "/favicon.ico", Cookie=None, Origin=None)
    assert (status, body) == (204, b"")
    assert "default-src 'self'" in headers["content-security-policy"]
    assert page.ask("GET", "/favicon.ico", Host="evil.example")[0] == 403
    assert page.ask("POST", "/favicon.ico", Cookie=None)[0] == 403


def test_token_becomes_a_cookie_once(page):
    status, headers, _ = page.ask("GET", f"/?token={page.access.token}", Cookie=None)
    assert status == 200
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "domain" not in cookie.lower()
    assert code(page, "GET", "/", Cookie=cookie.split(";")[0]) == 200
    # whoever finds the address later, in a log or over a shoulder, stays outside
    status, headers, text = page.ask("GET", f"/?token={page.access.token}", Cookie=None)
    assert status == 403
    assert "Set-Cookie" not in headers
    assert b"start <code>grainlight app</code> again" in text
    assert code(page, "GET", "/?token=wrong", Cookie=None) == 403


def test_policy_stands_on_every_answer(page):
    for path, cookie in (("/", page.cookie), ("/", None), ("/nothing", page.cookie), ("/api/state", page.cookie)):
        _, headers, _ = page.ask("GET", path, Cookie=cookie)
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_no_socket(page):
    status = code(
        page,
        "GET",
        "/",
        Upgrade="websocket",
        Connection="Upgrade",
        Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
        Sec_WebSocket_Version="13",
        Host="evil.example",
    )
    assert status == 403
    assert page.works()


def test_loopback_only(page):
    from grainlight.app.server import bound_socket

    with bound_socket(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
    mine = socket.gethostbyname(socket.gethostname())
    if not mine.startswith("127."):
        with pytest.raises(ConnectionRefusedError), socket.create_connection((mine, page.port), timeout=3):
            pass


def test_port_in_use():
    from grainlight.app.server import bound_socket
    from grainlight.cli.main import main

    with bound_socket(0) as listening:
        assert main(["app", "--no-browser", "--port", str(listening.getsockname()[1])]) == 2


# paths and names


@pytest.mark.parametrize(
    "path",
    ["/static/../security.py", "/static/..%2f..%2f..%2fetc%2fpasswd", "/api/array/../x", "/api/array/..%2f/passwd",
     "/download/..%2f..%2fetc%2fpasswd", "/download//etc/passwd", "//etc/passwd", "/api/array/%2fetc/passwd"],
)  # fmt: skip
def test_no_path_leads_out(page, path):
    assert code(page, "GET", path) in (404, 405)
    assert page.works()


def test_names_are_only_shown(page):
    for name in ("../../evil.ang", "..\\..\\evil.ang", "/etc/evil.ang", "a/../../evil.ang", "\x00/evil.ang"):
        told = page.send("ebsd", name, b"# nothing\n")
        assert told["name"] == "evil.ang"
        status, error = page.error("POST", "/api/ebsd", {"files": [told["id"]]})
        assert status == 422
        # what the user is told names the user's file, not the server's
        assert error["file"] == "evil.ang"
        assert "upload-" not in json.dumps(error)
    files = [path.name for path in page.session.folder.iterdir() if path.is_file()]
    assert len(files) == 5
    assert all(name.startswith("upload-") for name in files)


def test_fields_are_no_paths(page):
    told = page.send("ebsd", "a.ang", b"# nothing\n")
    for field in ("frame", "crystal_frame", "scan", "columns", "section"):
        for value in ("../../etc/passwd", "<img src=x>", ["a"], {"a": 1}, True):
            assert page.error("POST", "/api/ebsd", {"files": [told["id"]], field: value})[0] == 422
    assert page.works()


@pytest.mark.parametrize("text", ["/etc/passwd", "/etc/hosts.csv", "passwd", "../x", "~", "0,10;/etc/passwd"])
def test_a_file_of_angles_is_no_way_in(page, text):
    """On the command line --angles may name a file."""
    told = page.send("light", "a.png", png(8, 8))
    status, error = page.error("POST", "/api/light", {"files": [told["id"]], "angles": text, "step": 1})
    assert status == 422
    assert error["problem"] == "the angles cannot be read"


def test_ids_are_not_guessed(page):
    for keys in (["x"], ["../a"], [1], "x", None, [["a"]]):
        assert page.error("POST", "/api/ebsd", {"files": keys})[0] in (409, 422)


def test_shown_names():
    assert shown_name("a/b\\c<b>.ang") == "c<b>.ang"
    assert shown_name("\x1b[31mred.ang") == "?[31mred.ang"
    assert len(shown_name("x" * 10_000 + ".ang")) == 120


# sizes and times


def test_too_large_promised(serving):
    page = serving(limits=Limits(size=1000))
    # refused before a byte of it has come
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as line:
        head = "\r\n".join(f"{k}: {v}" for k, v in page.headers(**{"Content-Length": str(10**10)}).items())
        line.sendall(f"PUT /api/files?kind=ebsd&name=a.ang HTTP/1.1\r\n{head}\r\n\r\n".encode())
        assert line.recv(100).split()[1] == b"413"
    assert page.works()
    assert not any(page.session.folder.iterdir())


def test_too_large_without_a_promise(serving):
    page = serving(limits=Limits(size=1000))
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as line:
        head = "\r\n".join(f"{k}: {v}" for k, v in page.headers(**{"Transfer-Encoding": "chunked"}).items())
        line.sendall(f"PUT /api/files?kind=ebsd&name=a.ang HTTP/1.1\r\n{head}\r\n\r\n".encode())
        for _ in range(3):
            line.sendall(b"200\r\n" + b"x" * 512 + b"\r\n")
        assert line.recv(100).split()[1] == b"413"
    assert page.works()
    assert not any(page.session.folder.iterdir())


def test_total_is_counted(serving):
    page = serving(limits=Limits(size=1000, total=1500))
    page.send("ebsd", "a.ang", b"x" * 1000)
    assert page.error("PUT", "/api/files?kind=ebsd&name=b.ang", b"x" * 1000)[0] == 413
    page.send("ebsd", "c.ang", b"x" * 500)


@pytest.mark.parametrize("limits", [Limits(pause=0.3), Limits(grace=0.3, rate=1e6)], ids=["stops", "crawls"])
def test_slow_upload(serving, limits):
    """A body that stops, and one that comes byte by byte, cost neither a file nor the server."""
    page = serving(limits=limits)
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as line:
        head = "\r\n".join(f"{k}: {v}" for k, v in page.headers(**{"Content-Length": "100000"}).items())
        line.sendall(f"PUT /api/files?kind=ebsd&name=a.ang HTTP/1.1\r\n{head}\r\n\r\nabc".encode())
        line.settimeout(0.05)
        answer, end = b"", time.monotonic() + 8
        while not answer and time.monotonic() < end:
            try:
                if limits.pause > 1:
                    line.sendall(b"x")
                answer = line.recv(100)
            except TimeoutError:
                continue
        assert answer.split()[1] == b"408"
    assert page.works()
    assert not any(page.session.folder.iterdir())


def test_upload_that_breaks_off(page):
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as line:
        head = "\r\n".join(f"{k}: {v}" for k, v in page.headers(**{"Content-Length": "100000"}).items())
        line.sendall(f"PUT /api/files?kind=ebsd&name=a.ang HTTP/1.1\r\n{head}\r\n\r\nabc".encode())
        time.sleep(0.2)
        # half of it is on the disk, under a name of the server's
        assert page.session.uploads.busy == 1
    end = time.monotonic() + 5
    while any(page.session.folder.iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(page.session.folder.iterdir())
    assert page.works()


def test_many_connections(page):
    """Two hundred that say nothing, and two hundred that ask, do not shut the page out."""
    idle = [socket.create_connection(("127.0.0.1", page.port), timeout=10) for _ in range(200)]
    try:
        assert page.works()
        for line in idle:
            line.sendall(f"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n\r\n".encode())
        assert all(line.recv(12).split()[1] in (b"403", b"503") for line in idle)
        assert page.works()
    finally:
        for line in idle:
            line.close()


def test_silent_connections_are_closed(serving):
    """One that says nothing, and one whose request never ends; a request that takes long is not cut off."""
    page = serving(patience=0.5)
    ask = f"POST /api/cancel HTTP/1.1\r\nContent-Length: 2\r\nHost: 127.0.0.1:{page.port}\r\nCookie: {page.cookie}\r\n"
    ask += f"Origin: http://127.0.0.1:{page.port}\r\n"
    with (
        socket.create_connection(("127.0.0.1", page.port), timeout=10) as silent,
        socket.create_connection(("127.0.0.1", page.port), timeout=10) as endless,
        socket.create_connection(("127.0.0.1", page.port), timeout=10) as slow,
    ):
        endless.sendall(b"GET / HTTP/1.1\r\nHost")
        slow.sendall(ask.encode() + b"\r\n{")
        assert silent.recv(10) == b""
        assert endless.recv(10) == b""
        time.sleep(0.3)
        slow.sendall(b"}")
        assert slow.recv(12).split()[1] == b"200"


def test_requests_that_are_no_requests(page):
    for text in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
        b"\0" * 100_000,
    ):
        with socket.create_connection(("127.0.0.1", page.port), timeout=5) as line:
            line.sendall(text)
            line.recv(100)
    for body in (b"{", b"[]", b"null" * 10, b"[" * 100_000, b"\xff"):
        assert code(page, "POST", "/api/ebsd", body) == 422
    assert code(page, "POST", "/api/ebsd", b" " * (3 << 20)) == 413
    assert page.works()


# what is in the files


@pytest.mark.parametrize(
    "start",
    [b"PK\3\4", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a", b"x" * 257 + b"ustar"],
)
def test_archives_are_refused(page, start):
    for kind, name in (("ebsd", "a.ang"), ("ebsd", "a.h5"), ("light", "a.tif")):
        status, error = page.error("PUT", f"/api/files?kind={kind}&name={name}", start + b"x" * 2000)
        assert status == 415
        assert "archive" in error["problem"]
    assert not any(page.session.folder.iterdir())


@pytest.mark.parametrize("name", ["a.exe", "a.npz", "a", "a.html", "a.ang.zip", "a.tif"])
def test_other_kinds_are_refused(page, name):
    assert page.error("PUT", f"/api/files?kind=ebsd&name={name}", b"x")[0] == 415
    assert page.error("PUT", f"/api/files?kind=../ebsd&name={name}", b"x")[0] == 415


def png(wide: int, high: int) -> bytes:
    """A grey PNG of zeros, however large, in some kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, rows = zlib.compressobj(9), []
    row = bytes(1 + wide)
    for _ in range(high):
        rows.append(packer.compress(row))
    data = b"".join(rows) + packer.flush()
    header = struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_png_bomb(serving):
    """170 megapixels in 170 kilobytes: the child is refused the memory, the page goes on."""
    page = serving(memory=300 << 20)
    told = page.send("light", "bomb.png", png(13_000, 13_000))
    status, error = page.error("POST", "/api/light", {"files": [told["id"]], "angles": "unknown", "step": 1})
    assert status == 422
    assert "bomb.png" in error.get("file", "bomb.png")
    assert page.works()
    small = page.send("light", "small.png", png(16, 16))
    assert page.json("POST", "/api/light", {"files": [small["id"]], "angles": "unknown", "step": 1})["count"] == 1


def test_reading_that_takes_too_long(serving):
    """The child that reads is ended, and the next one reads."""
    page = serving(seconds=0.001)
    told = page.send("ebsd", "a.ang", b"# nothing\n")
    status, error = page.error("POST", "/api/ebsd", {"files": [told["id"]]})
    assert status == 422
    assert "too long" in error["problem"]
    page.session.seconds = 60.0
    assert "too long" not in page.error("POST", "/api/ebsd", {"files": [told["id"]]})[1]["problem"]


def test_child_that_dies(page):
    """As a reader does that a file has overwritten the memory of."""
    import asyncio

    from grainlight.app.child import Child
    from grainlight.app.refused import RefusedError

    async def die() -> str:
        child = Child(page.session.folder)
        asked = asyncio.create_task(child.ask("pixel", {"file": "nowhere.npz", "row": 0, "column": 0}, 60))
        while child._process is None:
            await asyncio.sleep(0.01)
        child._process.kill()
        with pytest.raises(RefusedError) as error:
            await asked
        with pytest.raises(RefusedError):  # by a new one, which says that there is no such file
            await child.ask("pixel", {"file": "nowhere.npz", "row": 0, "column": 0}, 60)
        await child.stop()
        return str(error.value.parts)

    assert "SIGKILL" in asyncio.run(die())
