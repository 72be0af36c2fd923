"""The OpenAPI description as plain HTML: FastAPI's own pages load their scripts from another server."""

from __future__ import annotations

import html
import json
from typing import Any

from fastapi.responses import HTMLResponse

from img2mesh.web.login import page


def api_page(description: dict[str, Any]) -> HTMLResponse:
    """A page for a description (OpenAPI 3.1)."""
    parts = [
        f"<h1>{_text(description['info']['title'])} {_text(description['info']['version'])}</h1>",
        f"<p>{_text(description['info'].get('description', ''))} For programs: "
        '<a href="/openapi.json">openapi.json</a>.</p>',
    ]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(method, path, operation))
    parts.append("<h2>Schemas</h2>")
    for name, schema in description["components"]["schemas"].items():
        parts.append(f"<h3><code>{_text(name)}</code></h3>{_properties(schema)}")
    return page("img2mesh API", "".join(parts))


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    text = f"<h2><code>{method.upper()} {_text(path)}</code></h2><p>{_text(operation.get('description', ''))}</p>"
    body = operation.get("requestBody", {}).get("content", {})
    for kind, content in body.items():
        text += f"<p>Body: <code>{_text(kind)}</code></p>{_properties(content['schema'])}"
    rows = [
        f"<tr><td><code>{_text(status)}</code><td>{_text(answer['description'])}"
        f"<td>{_text(', '.join(list(answer.get('content', {}))[:3]))}"
        for status, answer in operation["responses"].items()
    ]
    return f"{text}<table><tr><th>Status<th>Meaning<th>Content{''.join(rows)}</table>"


def _properties(schema: dict[str, Any]) -> str:
    rows = []
    for name, value in schema.get("properties", {}).items():
        if value.get("properties"):
            inner = _properties(value)
            rows.append(f"<tr><td><code>{_text(name)}</code><td>object<td>{inner}")
            continue
        kind = value.get("enum") or value.get("type") or value.get("anyOf") or ""
        limits = [
            f"{word} {value[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in value
        ]
        said = ", ".join([value.get("description", ""), *limits]).strip(", ")
        shown = kind if isinstance(kind, str) else json.dumps(kind)
        rows.append(f"<tr><td><code>{_text(name)}</code><td>{_text(shown)}<td>{_text(said)}")
    return f"<table>{''.join(rows)}</table>"


def _text(value: Any) -> str:
    return html.escape(str(value))
