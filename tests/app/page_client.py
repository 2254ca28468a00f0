"""A client that is as rude as a test needs."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any


class Client:
    """Requests to a server, with the headers that a page of its own would send unless told otherwise."""

    def __init__(self, session: Any, access: Any) -> None:
        self.session, self.access, self.port = session, access, access.port
        self.cookie = f"{access.cookie}={access.session}"

    def headers(self, **changes: str | None) -> dict[str, str]:
        """Those of the page; None takes one away."""
        here = f"127.0.0.1:{self.port}"
        own: dict[str, str | None] = {"Host": here, "Origin": f"http://{here}", "Cookie": self.cookie}
        return {name: value for name, value in {**own, **changes}.items() if value is not None}

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str | None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
            sent = self.headers(**{name.replace("_", "-"): value for name, value in headers.items()})
            if body is not None and "Content-Length" not in sent:
                sent["Content-Length"] = str(len(body))
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, which must be a good one."""
        status, _, text = self.ask(method, path, body)
        assert status == 200, text
        return json.loads(text)

    def error(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str]]:
        """Status and error of an answer that must not be a good one."""
        status, _, text = self.ask(method, path, body)
        assert status >= 400, text
        return status, json.loads(text)["error"]

    def send(self, kind: str, name: str, data: bytes) -> Any:
        """Upload a file; its id and name."""
        from urllib.parse import quote

        return self.json("PUT", f"/api/files?kind={kind}&name={quote(name)}", data)

    def works(self) -> bool:
        """Whether the server answers the next request."""
        return self.ask("GET", "/api/state")[0] == 200

    def wait(self, seconds: float = 120.0) -> Any:
        """The job, once it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.json("GET", "/api/state")["job"]
            if job["state"] != "running":
                return job
            time.sleep(0.1)
        raise TimeoutError("the job did not end")
