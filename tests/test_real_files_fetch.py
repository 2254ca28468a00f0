"""Fetching the real files that tests read, over HTTP from a server of this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.real_files import HOMES, Home, RealFiles, fetch, how_to_get


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    """Address of a file, and what stands in it."""
    folder, content = tmp_path / "served", b"# HEADER: Start\n"
    folder.mkdir()
    (folder / "map.ang").write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/map.ang", content
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched_and_found(served, tmp_path: Path) -> None:
    url, content = served
    home = Home(url, hashlib.sha256(content).hexdigest(), "MIT")
    assert fetch(tmp_path / "cache", {"group/other.ang": home}) == {}
    files = RealFiles(tmp_path / "cache", whole=False)
    assert (files / "group/other.ang").read_bytes() == content
    assert [path.name for path in files.rglob("*.ang")] == ["other.ang"]


def test_other_bytes_are_not_kept(served, tmp_path: Path) -> None:
    url, _ = served
    failed = fetch(tmp_path / "cache", {"group/other.ang": Home(url, "0" * 64, "MIT")})
    assert "does not match the known hash" in failed["group/other.ang"]
    assert not (tmp_path / "cache" / "group" / "other.ang").exists()


def test_one_that_cannot_be_fetched_leaves_the_others(served, tmp_path: Path) -> None:
    url, content = served
    digest = hashlib.sha256(content).hexdigest()
    homes = {"a.ang": Home(url.replace("map", "none"), digest, "MIT"), "b.ang": Home(url, digest, "MIT")}
    assert list(fetch(tmp_path / "cache", homes)) == ["a.ang"]
    assert (tmp_path / "cache" / "b.ang").is_file()


def test_a_missing_file_skips_and_says_how_to_get_it(tmp_path: Path) -> None:
    name = next(iter(HOMES))
    with pytest.raises(pytest.skip.Exception, match=r"python -m tests\.real_files fetches it"):
        RealFiles(tmp_path) / name
    assert "no public address" in how_to_get("simplnx/a.h5ebsd")


def test_hashes_are_those_of_the_files(shared_data: RealFiles) -> None:
    for name, home in HOMES.items():
        if (shared_data.folder / name).is_file():
            assert hashlib.sha256((shared_data / name).read_bytes()).hexdigest() == home.sha256, name
