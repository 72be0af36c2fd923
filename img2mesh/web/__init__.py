"""Doors to `img2mesh.service` on the web: REST (`rest`), the page (`page`) and MCP, on one server (`server`).

Everything here needs the extra [web]. Nothing it serves loads anything from another machine.
"""
