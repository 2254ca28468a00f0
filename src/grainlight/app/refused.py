"""What a request is refused with: a status and a sentence that the page shows."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse


class RefusedError(Exception):
    """A request that is not done.

    Parameters
    ----------
    status
        Of HTTP: 403 not allowed, 409 not now, 413 too large, 415 of another kind, 422 unusable input.
    problem
        What is wrong, as a sentence.
    parts
        Of an `errors.InputError`, where there is one: file, place, found, expected, advice.
    """

    def __init__(self, status: int, problem: str, **parts: str | None) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem
        self.parts = {name: text for name, text in parts.items() if text}

    def as_record(self) -> dict[str, Any]:
        """Return plain values for the page."""
        return {"problem": self.problem, **self.parts}

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse({"error": self.as_record()}, self.status)
