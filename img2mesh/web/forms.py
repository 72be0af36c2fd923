"""The multipart form of a new job: photos by side, and the settings as JSON."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from img2mesh.errors import Img2MeshError
from img2mesh.photos.photo import POLES, SIDES
from img2mesh.service.limits import Limits, NotAPhoto, TooLarge
from img2mesh.service.requests import schema
from img2mesh.service.uploads import Upload, check_photo

FRONT = "photo"  # the field of the front; other sides go by their names
FIELDS = (FRONT, *(side for side in SIDES if side != "front"))
_SETTINGS_BYTES = 20_000


def accepted(photos: dict[str, bytes], limits: Limits) -> list[Upload]:
    """Checked photos by field, the front first.

    Raises:
        TooLarge, NotAPhoto: see `uploads.check_photo`.
        Img2MeshError: the front is missing.
    """
    if not photos.get(FRONT):
        raise Img2MeshError(f"Send a photo of the front as the field {FRONT!r}.")
    found = []
    for field in FIELDS:
        if field in photos:
            name = "The photo" if len(photos) == 1 else f"The photo of the {field.replace(FRONT, 'front')}"
            suffix = check_photo(photos[field], limits, name)
            side = "front" if field == FRONT else field
            elevation = POLES.get(side)
            found.append(Upload(photos[field], suffix, None if field == FRONT else SIDES[side], elevation))
    return found


async def read_form(request: Request, limits: Limits) -> tuple[list[Upload], str]:
    """The photos, and the settings' text.

    Raises:
        TooLarge, NotAPhoto, Img2MeshError: see `accepted`; also an unknown field, or a form that cannot be read.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise NotAPhoto("Send a form: multipart/form-data with the photo as the field 'photo'.")
    from starlette.exceptions import HTTPException
    from starlette.formparsers import MultiPartException

    try:
        form = await request.form(max_files=len(FIELDS), max_fields=2, max_part_size=_SETTINGS_BYTES)
    except (HTTPException, MultiPartException, KeyError, ValueError, AssertionError) as error:
        if getattr(error, "status_code", 400) == 413:
            raise
        text = getattr(error, "detail", getattr(error, "message", "")) or "it is damaged"
        raise Img2MeshError(f"The form cannot be read: {str(text).rstrip('.')}.") from None
    try:
        photos, text = await _parts(form, limits)
    finally:
        await form.close()
    return await run_in_threadpool(accepted, photos, limits), text


async def _parts(form: FormData, limits: Limits) -> tuple[dict[str, bytes], str]:
    photos: dict[str, bytes] = {}
    text = ""
    for name, value in form.multi_items():
        if name == "settings" and isinstance(value, str):
            text = value
        elif name not in FIELDS:
            raise Img2MeshError(f"There is no field {name[:40]!r}; there are {', '.join(FIELDS)}, settings.")
        elif not isinstance(value, UploadFile):
            raise NotAPhoto(f"The field {name} must be a file.")
        elif name in photos:
            raise Img2MeshError(f"The field {name} was sent twice.")
        elif (value.size or 0) > limits.photo_bytes:
            raise TooLarge(f"The photo has more than {limits.photo_bytes / 1e6:g} MB.")
        else:
            photos[name] = await value.read()
    return photos, text


def described() -> dict[str, Any]:
    """The request body for OpenAPI."""
    photo = {"type": "string", "contentMediaType": "image/*", "format": "binary"}
    properties: dict[str, Any] = {FRONT: {**photo, "description": "a photo of the front"}}
    for side in FIELDS[1:]:
        place = f"the object's own {side}" if side in ("left", "right") else f"the {side}"
        properties[side] = {**photo, "description": f"a photo of {place}"}
    properties["settings"] = schema()
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FRONT],
                    "properties": properties,
                    "additionalProperties": False,
                },
                "encoding": {"settings": {"contentType": "application/json"}},
            }
        },
    }
