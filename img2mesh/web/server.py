"""Listens: a socket, the application behind it, and the way to stop."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.service.limits import Limits
from img2mesh.service.service import JobService
from img2mesh.settings import Settings
from img2mesh.web.guard import LOCAL, rules_for

TOKEN_LENGTH = 12  # characters at least


@dataclass(frozen=True)
class Address:
    """Where a server listens, and who may use it.

    Attributes:
        port: 0 takes any free one.
        token: that every request must bring, or None.
        share: also reachable from the internet, through a tunnel of Gradio's makers.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    token: str | None = None
    share: bool = False

    def check(self) -> None:
        """Others than this machine's users need a token.

        Raises:
            Img2MeshError: they would not, or the token is short, or the port is none.
        """
        if self.token is not None and (len(self.token) < TOKEN_LENGTH or not self.token.isascii()):
            raise Img2MeshError(f"--token must have at least {TOKEN_LENGTH} characters, all of them ASCII.")
        if self.token is None and (self.share or self.host not in LOCAL):
            what = "--share" if self.share else f"--host {self.host}"
            raise Img2MeshError(f"{what} lets others use this machine: protect it with --token.")
        if not 0 <= self.port <= 65535:
            raise Img2MeshError(f"--port must lie between 0 and 65535, not {self.port}.")

    def bind(self) -> socket.socket:
        """The socket.

        Raises:
            Img2MeshError: the port is taken, or there is no such address here.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.host, self.port))
        except OSError as error:
            listener.close()
            raise Img2MeshError(
                f"Cannot listen on {self.host}:{self.port}: {error.strerror or error}; choose another --port."
            ) from None
        return listener


def run(
    address: Address,
    results: Path,
    limits: Limits,
    server: Settings,
    *,
    page: bool,
    progress: Progress,
    show: bool,
) -> None:
    """Serve until Ctrl-C.

    Args:
        results: folder for the results.
        server: settings that requests start from.
        page: also the page and MCP.
        show: open the page in a browser.

    Raises:
        Img2MeshError: it cannot listen, the results' folder is in use, or the tunnel cannot be had.
    """
    import uvicorn

    from img2mesh.web.app import make_app

    address.check()
    listener = address.bind()
    service = JobService(results, limits, device=server.device)
    try:
        rules = rules_for(address.host, address.token, limits.request_bytes, service.store.cache)
        app = make_app(service, server, rules, page)
        port = listener.getsockname()[1]
        host = f"[{address.host}]" if ":" in address.host else address.host
        home = f"http://{host}:{port}"
        progress.note(f"{'page' if page else 'server'}: {home}{'' if page else '/docs'} (Ctrl-C stops it)")
        progress.note(f"results: {service.store.folder}, kept for {limits.days:g} days")
        if address.share:
            progress.note(f"shared: {_tunnel(port)}")
        if show:
            import webbrowser

            webbrowser.open(home)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            ws="none",
        )
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        service.close()
        listener.close()
    progress.note("stopped.")


def _tunnel(port: int) -> str:
    """An address on the internet that leads here."""
    import secrets

    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception as error:
        text = " ".join(str(error).split())[:200].rstrip(".")
        raise Img2MeshError(f"--share: the tunnel cannot be had: {text}.") from None
