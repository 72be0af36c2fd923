"""Who may speak to the server, how much they may say, and what browsers are told to forbid."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from img2mesh.web.login import COOKIE, LOGIN, login_page
from img2mesh.web.problems import problem

OPEN = ("/health", LOGIN)  # without a token
LOCAL = ("127.0.0.1", "localhost", "::1")
_PLAIN = ("/v1/", "/docs", "/openapi.json", *OPEN)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=()",
}
_COMMON = "base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
_STRICT = f"default-src 'none'; style-src 'unsafe-inline'; {_COMMON}"
# The page's framework writes scripts into its HTML and compiles shaders' glue; nothing may come from elsewhere.
_PAGE = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    f"connect-src 'self' data: blob:; worker-src 'self' blob:; {_COMMON}"
)


class TooMuch(HTTPException):
    """A request's body is longer than it may be, whatever was announced."""


@dataclass(frozen=True)
class Rules:
    """Of a server.

    Attributes:
        token: that every request must bring; None: none, and only requests for `hosts` are answered.
        hosts: names under which the server may be addressed without a token: a page elsewhere whose name was made
            to lead here (DNS rebinding) has another one.
        most: bytes of a request's body.
        files: folder of what the page shows; requests that name files elsewhere end here.
    """

    token: str | None
    hosts: tuple[str, ...]
    most: int
    files: str = "/nowhere/"

    def session(self) -> str:
        """What a browser that has shown the token keeps in a cookie instead of it."""
        return hmac.new((self.token or "").encode(), b"img2mesh session", hashlib.sha256).hexdigest()

    def knows(self, given: str) -> bool:
        """Whether it is the token; takes as long for every wrong one."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def admits(self, request: Request) -> bool:
        """Whether a request brings the token, or the cookie of a browser that did."""
        if self.token is None or request.url.path in OPEN:
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.knows(given.strip()):
            return True
        return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self.session().encode())


class Guard:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "websocket":  # nothing here speaks it
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        refused = self._refusal(Request(scope))
        if refused is not None:
            return await refused(scope, receive, self._with_headers(scope, send))
        await self.app(scope, self._limited(receive), self._with_headers(scope, send))

    def _refusal(self, request: Request) -> Response | None:
        if self.rules.token is None and _host(request.headers.get("host", "")) not in self.rules.hosts:
            return problem(421, "This server is not meant to be called by that name.")
        if not self.rules.admits(request):
            if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
                return login_page("", 401)
            headers = {"WWW-Authenticate": "Bearer"}
            return problem(401, "Send the server's token as a bearer token.", headers)
        if not self._harmless(request.url.path):
            return problem(
                403, "Files elsewhere are not given out, and nothing is fetched from other servers."
            )
        origin = request.headers.get("origin")
        if origin and request.method not in ("GET", "HEAD") and not _same(origin, request.headers):
            return problem(403, "Pages of other servers may not use this one.")
        length = request.headers.get("content-length", "0")
        if not length.isdecimal():
            return problem(400, "The content length is no number.")
        return self._too_much() if int(length) > self.rules.most else None

    def _harmless(self, path: str) -> bool:
        """Gradio takes paths and addresses in its own; only those of its cache are let through."""
        file = path.partition("/file=")[2]
        return "/proxy=" not in path and (
            not file or (file.startswith(self.rules.files) and ".." not in file)
        )

    def _too_much(self) -> Response:
        return problem(413, self._long(), {"Connection": "close"})

    def _long(self) -> str:
        return f"The request has more than {self.rules.most / 1e6:g} MB."

    def _limited(self, receive: Receive) -> Receive:
        """Counts what really comes, whatever was announced."""
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.rules.most:
                raise TooMuch(413, self._long(), {"Connection": "close"})
            return message

        return counted

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        plain = scope["path"].startswith(_PLAIN)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers["Content-Security-Policy"] = _STRICT if plain else _PAGE
                if plain:
                    headers["Cache-Control"] = "no-store"
                for name in [name for name in headers if name.lower().startswith("access-control-")]:
                    del headers[name]
                message["headers"] = headers.raw
            await send(message)

        return told


def _host(text: str) -> str:
    """The name without the port."""
    try:
        return urlsplit(f"//{text}").hostname or ""
    except ValueError:
        return ""


def _same(origin: str, headers: Headers) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    except ValueError:
        return False


def rules_for(host: str, token: str | None, most: int, files: Path, names: tuple[str, ...] = ()) -> Rules:
    """For a server that listens on an address."""
    return Rules(token, (*LOCAL, host, *names), most, f"{files}/")
