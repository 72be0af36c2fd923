"""`img2mesh web` and `img2mesh serve`: the page with its REST interface, or the latter alone."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from img2mesh.cli import checks
from img2mesh.cli.options import Verbose, with_settings
from img2mesh.errors import Img2MeshError
from img2mesh.settings import Settings

SERVER = ("model", "variant", "device", "precision", "low_vram", "segmenter")
_NEEDED = ("gradio", "fastapi", "uvicorn", "mcp")

Host = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Listen here; others than 127.0.0.1 need --token.")
]
Port = Annotated[int, typer.Option("--port", metavar="N", help="Listen on this port; 0: any free one.")]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TEXT",
        envvar="IMG2MESH_TOKEN",
        help="Serve only who sends this as a bearer token, or enters it on the page.",
    ),
]
Results = Annotated[
    Path | None,
    typer.Option("--results", metavar="DIR", help="Where results are kept; default: the user's data folder."),
]
Days = Annotated[float, typer.Option("--days", metavar="X", help="Remove results after so long.")]
Queue = Annotated[int, typer.Option("--queue", metavar="N", help="Jobs that may wait.")]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="TIME", help="Longest time for a job, such as 90s or 30m.")
]
Megabytes = Annotated[float, typer.Option("--max-upload", metavar="MB", help="Largest photo.")]
Online = Annotated[
    bool,
    typer.Option("--online", help="Fetch models that are missing here; otherwise nothing is ever fetched."),
]
Share = Annotated[
    bool,
    typer.Option("--share", help="Also reachable from the internet, through Gradio's tunnel; needs --token."),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in a browser.")]


@with_settings(*SERVER)
def web(
    settings: Settings,
    host: Host = "127.0.0.1",
    port: Port = 7860,
    token: Token = None,
    share: Share = False,
    open: Open = False,
    results: Results = None,
    days: Days = 7.0,
    queue: Queue = 32,
    timeout: Timeout = "30m",
    max_upload: Megabytes = 32.0,
    online: Online = False,
    verbose: Verbose = False,
) -> None:
    """Open a page in the browser: drop a photo, see what is cut out, make the mesh, turn it, download it.

    The same server speaks REST (/docs) and MCP (/gradio_api/mcp). It listens on this machine only and works without
    network.
    """
    _run(
        settings,
        host,
        port,
        token,
        share,
        open,
        results,
        days,
        queue,
        timeout,
        max_upload,
        online,
        verbose,
        True,
    )


@with_settings(*SERVER)
def serve(
    settings: Settings,
    host: Host = "127.0.0.1",
    port: Port = 7860,
    token: Token = None,
    results: Results = None,
    days: Days = 7.0,
    queue: Queue = 32,
    timeout: Timeout = "30m",
    max_upload: Megabytes = 32.0,
    online: Online = False,
    verbose: Verbose = False,
) -> None:
    """Serve meshes to programs by REST (/docs describes it); `img2mesh web` is the same with a page."""
    _run(
        settings,
        host,
        port,
        token,
        False,
        False,
        results,
        days,
        queue,
        timeout,
        max_upload,
        online,
        verbose,
        False,
    )


def _run(
    settings: Settings,
    host: str,
    port: int,
    token: str | None,
    share: bool,
    show: bool,
    results: Path | None,
    days: float,
    queue: int,
    timeout: str,
    max_upload: float,
    online: bool,
    verbose: bool,
    page: bool,
) -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise Img2MeshError("The page and the REST interface need an extra: pip install 'img2mesh[web]'.")
    checks.check_model(settings.model)
    if results is not None:
        checks.check_folder(results, "--results")
    if not 0 < days <= 3650:
        raise Img2MeshError(f"--days must lie between 0 and 3650, not {days:g}.")
    if not 1 <= queue <= 10_000:
        raise Img2MeshError(f"--queue must lie between 1 and 10000, not {queue}.")
    if not 0.1 <= max_upload <= 1000:
        raise Img2MeshError(f"--max-upload must lie between 0.1 and 1000, not {max_upload:g}.")

    from img2mesh.cli.many import seconds_of
    from img2mesh.service.limits import Limits
    from img2mesh.service.store import default_folder
    from img2mesh.web.server import Address, run

    address = Address(host, port, token, share)
    address.check()
    limits = Limits(queue=queue, seconds=seconds_of(timeout), days=days, photo_bytes=int(max_upload * 1e6))
    from img2mesh.core.progress import ConsoleProgress

    server = settings.replace(offline=not online)
    where = results or default_folder()
    run(address, where, limits, server, page=page, progress=ConsoleProgress(verbose), show=show)


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command("web")(web)
    app.command("serve")(serve)
