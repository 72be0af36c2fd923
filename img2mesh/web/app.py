"""The application: guard, problems, REST, and the page where it is wanted."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from img2mesh.service.service import JobService
from img2mesh.settings import Settings
from img2mesh.web.guard import Guard, Rules
from img2mesh.web.login import COOKIE, LOGIN, login_page
from img2mesh.web.problems import add_handlers
from img2mesh.web.rest import add_routes


def make_app(service: JobService, server: Settings, rules: Rules, page: bool = False) -> Any:
    """An ASGI application.

    Args:
        server: settings that requests start from.
        page: also mount the page and MCP.
    """
    app = FastAPI(title="img2mesh", docs_url=None, redoc_url=None, redirect_slashes=False)
    add_handlers(app)
    add_routes(app, service, server)

    @app.post(LOGIN, include_in_schema=False)
    async def login(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=1, max_part_size=1000)
        given = str(form.get("token", ""))
        if not rules.knows(given):
            return login_page("That is not the token.", 401)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, rules.session(), httponly=True, samesite="strict", secure=secure)
        return answer

    if page:
        from img2mesh.web.page import mount

        mount(app, service, server)
    return Guard(app, rules)
