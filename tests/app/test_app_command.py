"""`grainlight app` as a process: what it prints, how it ends, what it leaves."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest


@contextmanager
def _started(words: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that hears signals though its parent ignores some, as background jobs and those of nohup do."""

    def hear() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, text=True, env=environment, preexec_fn=hear, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="children are looked for in /proc")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_nothing_is_left(name, tmp_path):
    """However it is ended, the folder of the run and the child that reads go with it."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-m", "grainlight", "app", "--no-browser", "--demo"]
    with _started(words, environment) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        address = urlsplit(server.stdout.readline().strip())
        assert (address.hostname, address.path) == ("127.0.0.1", "/")
        connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=30)
        connection.request("GET", f"/?{address.query}")
        assert connection.getresponse().status == 200
        connection.close()
        end = time.monotonic() + 30
        while not (folders := list(tmp_path.glob("grainlight-app-*/demo-1"))) and time.monotonic() < end:
            time.sleep(0.05)
        assert folders
        children = _children(server.pid)
        assert children
        server.send_signal(getattr(signal, name))
        assert server.wait(20) in (128 + getattr(signal, name), 128 + signal.SIGTERM)
        told = server.stderr.read()
        assert "removed" in told
        assert "Traceback" not in told
    assert not list(tmp_path.iterdir())
    end = time.monotonic() + 5
    while any(os.path.exists(f"/proc/{child}") for child in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [child for child in children if os.path.exists(f"/proc/{child}")]


def _children(pid: int) -> list[int]:
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            found += [int(child) for child in file.read().split()]
    return found


def test_without_the_extra(monkeypatch, capsys):
    from grainlight.cli.main import main

    monkeypatch.setitem(sys.modules, "starlette", None)
    assert main(["app", "--no-browser"]) == 2
    assert 'pip install "grainlight[app]"' in capsys.readouterr().err
