"""Headless Chromium for tests, driven by its own protocol over two pipes: no package, no port.

https://chromedevtools.github.io/devtools-protocol/ describes the commands.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")


def find_browser() -> str | None:
    """The browser's program: that of the environment's CHROMIUM, or the first found on the path; none on Windows, where
    descriptors are not handed on."""
    if os.name == "nt":
        return None
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def opened_browser(width: int = 1280, height: int = 900, *, loopback: bool = False) -> Iterator[Page]:
    """A browser of its own (`Page`); where there is none the test is skipped and says so."""
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium here: install it, or name it in the environment as CHROMIUM")
    with Page(found, width, height, loopback=loopback) as page:
        yield page


class Page:
    """A page in a browser of its own; ``requests``, ``messages`` and ``errors`` collect what it does."""

    def __init__(self, browser: str, width: int, height: int, *, loopback: bool = False) -> None:
        """Start a browser that reaches no network; with ``loopback`` this machine alone."""
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.errors: list[str] = []
        self._events: list[dict[str, Any]] = []
        self._last = 0
        self._rest = b""
        self._profile = tempfile.mkdtemp(prefix="grainlight-browser-")
        there, self._write = os.pipe()
        self._read, back = os.pipe()
        options = (
            "--headless --remote-debugging-pipe --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run "
            "--disable-extensions --disable-background-networking --disable-component-update --hide-scrollbars "
            "--force-color-profile=srgb"
        )
        if loopback:
            options += " --host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'"
        # the protocol's pipes are descriptors 3 and 4
        line = f'exec "$0" {options} --user-data-dir="$1" about:blank 3<&{there} 4>&{back}'
        self._process = subprocess.Popen(
            ["bash", "-c", line, browser, self._profile],
            pass_fds=(there, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there)
        os.close(back)
        self._session: str | None = None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        if not loopback:
            self.call(
                "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
            )
        self.resize(width, height)

    def __enter__(self) -> Page:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._write)
        self._process.terminate()
        self._process.wait(20)
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def resize(self, width: int, height: int) -> None:
        """Give the window a size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def open(self, file: Path | str) -> None:
        """Open a file or an address and wait until it is loaded."""
        self._events.clear()
        self.call("Page.navigate", url=file if isinstance(file, str) else file.resolve().as_uri())
        end = time.monotonic() + 60
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            if time.monotonic() > end:
                raise TimeoutError(f"{file} did not load")
            self._receive(end)
        self.wait("document.fonts.ready.then(() => 1)")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"])
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 60.0) -> Any:
        """The value of an expression, once it is none of JavaScript's false ones."""
        end = time.monotonic() + seconds
        while True:
            try:
                if value := self.evaluate(expression):
                    return value
            except RuntimeError as error:
                if "navigated" not in str(error):  # the page is on its way to the next one
                    raise
            if time.monotonic() > end:
                raise TimeoutError(f"{expression} did not come true")
            time.sleep(0.05)

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in a field of the page."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def press(self, key: str, times: int = 1) -> None:
        """Press a key, by its name in the protocol, on what has the focus."""
        codes = {
            "ArrowLeft": 37,
            "ArrowRight": 39,
            "ArrowDown": 40,
            "Tab": 9,
            "Home": 36,
            "End": 35,
            "Enter": 13,
            "+": 187,
        }
        text = {"text": "\r"} if key == "Enter" else {}
        for _ in range(times):
            for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
                self.call(
                    "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **text
                )

    def click(self, x: float, y: float, to: tuple[float, float] | None = None) -> None:
        """Press the mouse at a place in the window and let it go there or, dragged, elsewhere."""
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)
        if to is not None:
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=to[0], y=to[1], button="left", buttons=1)
        x, y = to or (x, y)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)

    def picture(self, part: dict[str, float] | None = None) -> bytes:
        """The page, or a part of it (x, y, width, height in CSS pixels), as PNG."""
        if part is None:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            part = {"x": 0, "y": 0, "width": size["width"], "height": size["height"]}
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=part | {"scale": 1})
        return b64decode(found["data"])

    def paper(self) -> bytes:
        """The page as PDF, A4."""
        found = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)
        return b64decode(found["data"])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60
        while True:
            answer = self._receive(end)
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _receive(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            got = os.read(self._read, 1 << 20)
            if not got:
                raise RuntimeError("the browser has ended")
            self._rest += got
        text, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message:
            self._events.append(message)
            self._note(message["method"], message["params"])
        return message

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.messages.append(" ".join(str(one.get("value")) for one in told["args"]))
        elif method == "Log.entryAdded":
            self.messages.append(told["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(told["exceptionDetails"])[:500])
