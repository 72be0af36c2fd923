"""3MF files: one object with a texture or colours at its corners, in millimetres (3MF core and materials extension)."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MATERIALS = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
MODEL, TEXTURES = "3D/3dmodel.model", "3D/Textures/"
LEVELS = 32  # of each colour channel: slicers show lists of colours, and thousands help nobody
_DATE = (1980, 1, 1, 0, 0, 0)
MODEL_RELATION = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
TEXTURE_RELATION = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dtexture"


@dataclass(frozen=True, eq=False)
class Paint:
    """What colours a mesh.

    Attributes:
        corners: (F, 3) numbers of `colours` or `uv`, for each corner of each face.
        colours: (N, 3) uint8 sRGB, or None where there is a texture.
        uv: (N, 2) coordinates of a texture, (0, 0) its lower left corner. picture: the texture's bytes, PNG or JPEG.
    """

    corners: np.ndarray
    colours: np.ndarray | None = None
    uv: np.ndarray | None = None
    picture: bytes = b""

    @property
    def suffix(self) -> str:
        """Of the texture's file: png or jpeg."""
        return "png" if self.picture.startswith(b"\x89PNG") else "jpeg"


def threemf_bytes(positions: np.ndarray, faces: np.ndarray, paint: Paint, name: str) -> bytes:
    """The file's bytes; the same input gives the same bytes.

    Args:
        positions: (V, 3) in millimetres, +z up, one vertex for each position.
        faces: (F, 3). paint: colours, of which a list of few is made, or a texture. name: of the object.
    """
    from img2mesh import __version__

    # Half the object's extent below zero would lie outside of the bed: 3MF wants positive coordinates.
    placed = positions - np.floor(positions.min(axis=0))  # whole millimetres, which round nothing
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<model unit="millimeter" xml:lang="en-US" xmlns="{CORE}" xmlns:m="{MATERIALS}">'
        f'<metadata name="Title">{escape(_clean(name))}</metadata>'
        f'<metadata name="Application">img2mesh {__version__}</metadata>\n<resources>\n'
    ]
    textured = paint.uv is not None
    picture = f"{TEXTURES}texture.{paint.suffix}"
    text, corners = _texture_group(paint, picture) if textured else _colour_group(paint)
    parts.append(
        f'{text}<object id="3" type="model" name={quoteattr(_clean(name))} pid="2" pindex="0">\n'
        "<mesh>\n<vertices>\n"
    )
    parts += [f'<vertex x="{x:.9g}" y="{y:.9g}" z="{z:.9g}"/>\n' for x, y, z in placed.tolist()]
    parts.append("</vertices>\n<triangles>\n")
    parts += [
        f'<triangle v1="{a}" v2="{b}" v3="{c}" pid="2" p1="{p}" p2="{q}" p3="{r}"/>\n'
        for (a, b, c), (p, q, r) in zip(faces.tolist(), corners.tolist(), strict=True)
    ]
    parts.append("</triangles>\n</mesh>\n</object>\n</resources>\n")
    parts.append('<build><item objectid="3"/></build>\n</model>\n')
    files: list[tuple[str, str | bytes, int]] = [
        ("[Content_Types].xml", _types(paint.suffix if textured else ""), zipfile.ZIP_DEFLATED),
        ("_rels/.rels", _relation(MODEL, MODEL_RELATION), zipfile.ZIP_DEFLATED),
        (MODEL, "".join(parts), zipfile.ZIP_DEFLATED),
    ]
    if textured:
        relations = "3D/_rels/3dmodel.model.rels"
        files.append((relations, _relation(picture, TEXTURE_RELATION), zipfile.ZIP_DEFLATED))
        files.append((picture, paint.picture, zipfile.ZIP_STORED))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content, how in files:
            archive.writestr(zipfile.ZipInfo(path, _DATE), content, how, 6)
    return buffer.getvalue()


def _colour_group(paint: Paint) -> tuple[str, np.ndarray]:
    """Its XML and the (F, 3) numbers of the colours in it."""
    assert paint.colours is not None
    step = 255 / (LEVELS - 1)
    coarse = np.round(np.round(paint.colours / step) * step).astype(np.uint8)
    palette, number = np.unique(coarse, axis=0, return_inverse=True)
    lines = [f'<m:color color="#{r:02X}{g:02X}{b:02X}"/>\n' for r, g, b in palette.tolist()]
    return f'<m:colorgroup id="2">\n{"".join(lines)}</m:colorgroup>\n', number.ravel()[paint.corners]


def _texture_group(paint: Paint, path: str) -> tuple[str, np.ndarray]:
    """Its XML and the (F, 3) numbers of the coordinates in it."""
    assert paint.uv is not None
    lines = [f'<m:tex2coord u="{u:.7g}" v="{v:.7g}"/>\n' for u, v in paint.uv.tolist()]
    text = (
        f'<m:texture2d id="1" path="/{path}" contenttype="image/{paint.suffix}" tilestyleu="clamp" '
        f'tilestylev="clamp"/>\n<m:texture2dgroup id="2" texid="1">\n{"".join(lines)}</m:texture2dgroup>\n'
    )
    return text, paint.corners


def _types(picture: str) -> str:
    """[Content_Types].xml. `picture`: the suffix of the texture, if there is one."""
    more = f'<Default Extension="{picture}" ContentType="image/{picture}"/>' if picture else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>'
        f"{more}</Types>"
    )


def _relation(target: str, kind: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Target="/{target}" Id="rel0" Type="{kind}"/></Relationships>'
    )


def _clean(name: str) -> str:
    """Without what XML cannot hold."""
    return "".join(c if c.isprintable() and not 0xD800 <= ord(c) < 0xE000 else "_" for c in name)
