"""A server of its own for each test, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_client import Client

from browser import Page, opened_browser

pytest.importorskip("starlette", reason="the page needs the extra `app`")
pytest.importorskip("uvicorn", reason="the page needs the extra `app`")


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Start a server: arguments are those of `Session`, but for the folder."""
    import uvicorn

    from grainlight.app.security import Access
    from grainlight.app.server import application, bound_socket, configured
    from grainlight.app.session import Session

    running = []

    def start(given: Any = ([], []), patience: float = 30.0, **arguments: Any) -> Client:
        listening = bound_socket(0)
        access = Access(listening.getsockname()[1])
        folder = tmp_path / f"run-{len(running)}"
        folder.mkdir()
        session = Session(folder, **arguments)
        server = uvicorn.Server(configured(application(session, access, given), patience))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        running.append((server, thread, folder))
        return Client(session, access)

    yield start
    for server, thread, folder in running:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
        assert not folder.exists(), "the folder of the run is removed at the end"


@pytest.fixture
def page(serving: Callable[..., Client]) -> Client:
    """A server as it is by default."""
    return serving()


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """Chromium, which reaches this machine alone."""
    with opened_browser(loopback=True) as page:
        yield page


@pytest.fixture
def tab(browser: Page, page: Client) -> Iterator[Page]:
    """A page of the server, opened by the address that it prints; quiet at the end, and on loopback all along."""
    for told in (browser.requests, browser.messages, browser.errors):
        told.clear()
    browser.resize(1280, 900)
    browser.open(page.access.address)
    browser.wait("!!document.querySelector('#steps a[data-done]')")
    yield browser
    found = browser.errors + browser.messages
    browser.open("about:blank")  # a page whose server has gone goes on asking for it
    assert found == []
    own = (f"http://127.0.0.1:{page.port}/", f"blob:http://127.0.0.1:{page.port}/")
    assert [url for url in browser.requests if not url.startswith(own) and url != "about:blank"] == []
