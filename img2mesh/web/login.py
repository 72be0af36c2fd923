"""A page that asks browsers for the token, which they cannot send by themselves."""

from __future__ import annotations

import html

from fastapi.responses import HTMLResponse

LOGIN, COOKIE = "/login", "img2mesh_session"
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; }
pre { overflow-x: auto; padding: .6rem; background: #8882; border-radius: .4rem; }
h2 { margin-top: 2rem; border-top: 1px solid #8886; padding-top: 1rem; font-size: 1.1rem; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
input, button { font: inherit; padding: .4rem .6rem; }
.wrong { color: #c00; }
"""


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """Plain HTML without any script."""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>{body}</html>',
        status,
    )


def login_page(wrong: str, status: int) -> HTMLResponse:
    """The form; `wrong` is a sentence or empty."""
    return page(
        "img2mesh",
        f'<h1>img2mesh</h1><p class="wrong">{html.escape(wrong)}</p><form method="post" action="{LOGIN}">'
        '<label>The token that the server was started with:<br><input type="password" name="token" required '
        'autofocus autocomplete="current-password"></label> <button>Open</button></form>',
        status,
    )
