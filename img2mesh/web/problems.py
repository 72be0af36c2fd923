"""Errors as RFC 9457 problem details: the program's one sentence, and a status."""

from __future__ import annotations

import http
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from img2mesh.errors import Img2MeshError
from img2mesh.service.limits import NotAPhoto, NotFound, NotReady, QueueFull, TooLarge

MEDIA_TYPE = "application/problem+json"
_STATUS: tuple[tuple[type[Img2MeshError], int], ...] = (
    (QueueFull, 429),
    (NotFound, 404),
    (NotReady, 409),
    (TooLarge, 413),
    (NotAPhoto, 415),
    (Img2MeshError, 422),
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "one sentence"},
    },
}


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A response."""
    body = {"title": http.HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        found[status] = {"description": http.HTTPStatus(status).phrase, "content": content}
        if status == 429:
            found[status]["headers"] = {
                "Retry-After": {"description": "seconds", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
            }
    return found


def add_handlers(app: FastAPI) -> None:
    """Every error of the app becomes a problem."""

    @app.exception_handler(Img2MeshError)
    def ours(request: Request, error: Img2MeshError) -> JSONResponse:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        headers = {"Retry-After": str(int(error.retry_after))} if isinstance(error, QueueFull) else None
        return problem(status, str(error), headers)

    @app.exception_handler(HTTPException)
    def theirs(request: Request, error: HTTPException) -> JSONResponse:
        text = {404: "There is nothing at this address.", 405: "This address does not know this method."}
        detail = text.get(error.status_code, str(error.detail).rstrip(".") + ".")
        return problem(error.status_code, detail, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first.get("loc", ()))
        return problem(422, f"{place}: {first.get('msg', 'not valid')}.")

    @app.exception_handler(Exception)
    def defect(request: Request, error: Exception) -> JSONResponse:
        return problem(500, f"Unexpected {type(error).__name__}; the server's log says more.")
