"""The MCP door: three tools for agents, in Gradio's own server. Pictures come as text: nothing is fetched."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from img2mesh.errors import Img2MeshError
from img2mesh.service.limits import NotReady
from img2mesh.web.desk import Desk
from img2mesh.web.forms import FRONT, accepted

_INSIDE = 8_000_000  # bytes of a mesh that is handed over as text


def add_tools(desk: Desk) -> None:
    """Inside of a page's blocks."""
    import gradio as gr

    from img2mesh.web.gradio_parts import explained

    for tool in tools(desk):
        gr.api(explained(tool), api_name=tool.__name__)


def tools(desk: Desk) -> tuple[Callable[..., dict[str, Any]], ...]:
    """`image_to_mesh`, `job_status` and `get_mesh`; agents read their docstrings."""
    from img2mesh.service.requests import settings_of
    from img2mesh.web.rest import as_status

    def told(number: str) -> dict[str, Any]:
        return as_status(desk.service.status(number)).model_dump(mode="json")

    def image_to_mesh(
        photo_base64: str, preset: str = "standard", height: str = "", purpose: str = "none"
    ) -> dict:
        """Begin to make a textured 3D mesh of the one object in a photo. Ask job_status with the returned id.

        Args:
            photo_base64: the photo's file (JPEG, PNG, WebP, ...) in base64; addresses are not fetched.
            preset: draft (seconds), standard or high (minutes).
            height: the object's true height such as 12cm; empty: unknown.
            purpose: none, print, game, ar or web.
        """
        text = photo_base64.partition(",")[2] if photo_base64.startswith("data:") else photo_base64
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Img2MeshError("The photo is no base64.") from None
        photos = accepted({FRONT: data}, desk.service.limits)
        settings = settings_of({"preset": preset, "height": height, "for": purpose}, desk.server)
        return told(desk.service.submit(photos, settings).id)

    def job_status(job_id: str) -> dict:
        """How far a job is: state, stage, share done, seconds left, and the addresses of its files once it is done.

        Args:
            job_id: from image_to_mesh.
        """
        return told(job_id)

    def get_mesh(job_id: str, name: str = "mesh.glb", inside: bool = False) -> dict:
        """A finished job's file: its address on this server, and with `inside` its content in base64.

        Args:
            job_id: from image_to_mesh.
            name: mesh.glb, mesh.stl, mesh.3mf, mesh.obj.zip, preview.png or another of the job's files.
            inside: also return the content, up to 8 MB.
        """
        path = desk.service.result(job_id, name)
        found: dict[str, Any] = {"address": f"/v1/jobs/{job_id}/{path.name}", "bytes": path.stat().st_size}
        if inside:
            if found["bytes"] > _INSIDE:
                raise NotReady("The file is too large to be returned as text: fetch it from its address.")
            found["base64"] = base64.b64encode(path.read_bytes()).decode()
        return found

    return image_to_mesh, job_status, get_mesh
