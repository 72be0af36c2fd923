"""USDZ for AR on Apple's phones: a package of a mesh, a preview surface and its texture (the extra [usd])."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.mesh.axes import from_gltf
from img2mesh.mesh.glb import ROUGHNESS
from img2mesh.mesh.pictures import picture_bytes
from img2mesh.mesh.textured_mesh import TexturedMesh

ROOT = "img2mesh.usdc"  # the first file of the package, and the mark that we wrote it (`core.marks`)
LARGE = 3_000_000  # bytes of a PNG from which on JPEG takes its place
_TIME = 315532800  # 1980: equal meshes give equal bytes


def check_usd() -> None:
    """The extra is there.

    Raises:
        Img2MeshError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("pxr") is None:
        raise Img2MeshError("USDZ needs an extra: pip install 'img2mesh[usd]'.")


def usdz_bytes(mesh: TexturedMesh, positions: np.ndarray, normals: np.ndarray, name: str) -> bytes:
    """The package's bytes.

    Args:
        mesh: faces, texture coordinates and pictures count. positions, normals: (V, 3) in glTF's axes, metres.
        name: of the object.
    """
    check_usd()
    from pxr import Sdf

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files = {"base_colour": _picture(mesh.texture, False)}
        if mesh.normal_map is not None:
            files["normals"] = _picture(mesh.normal_map, True)
        names = {}
        for title, (kind, data) in files.items():
            names[title] = f"{title}.{kind}"
            (place / names[title]).write_bytes(data)
        _write_stage(place / ROOT, mesh, positions, normals, name, names)
        target = place / "package.usdz"
        with Sdf.ZipFileWriter.CreateNew(str(target)) as archive:
            for file in (ROOT, *names.values()):
                os.utime(place / file, (_TIME, _TIME))
                archive.AddFile(str(place / file), file)
        return target.read_bytes()


def _picture(texture: np.ndarray, normals: bool) -> tuple[str, bytes]:
    data = picture_bytes(texture, "png", normals)
    if len(data) <= LARGE:
        return "png", data
    return "jpg", picture_bytes(texture, "jpeg", normals)


def _write_stage(
    path: Path, mesh: TexturedMesh, positions: np.ndarray, normals: np.ndarray, name: str, pictures: dict
) -> None:
    from pxr import Gf, Kind, Sdf, Tf, Usd, UsdGeom, UsdShade, Vt

    from img2mesh import __version__

    layer = Sdf.Layer.CreateNew(str(path))
    stage = Usd.Stage.Open(layer)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    layer.documentation = f"img2mesh {__version__}"
    clean = Tf.MakeValidIdentifier(name) if name else "object"
    root = UsdGeom.Xform.Define(stage, f"/{clean}")
    Usd.ModelAPI(root.GetPrim()).SetKind(Kind.Tokens.component)
    stage.SetDefaultPrim(root.GetPrim())
    shape = UsdGeom.Mesh.Define(stage, f"/{clean}/mesh")
    points = np.ascontiguousarray(positions, np.float32)
    shape.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    shape.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(mesh.faces), 3, np.int32)))
    shape.CreateFaceVertexIndicesAttr(
        Vt.IntArray.FromNumpy(np.ascontiguousarray(mesh.faces, np.int32).ravel())
    )
    shape.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(normals, np.float32)))
    shape.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    shape.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    corners = [Gf.Vec3f(*map(float, points.min(axis=0))), Gf.Vec3f(*map(float, points.max(axis=0)))]
    shape.CreateExtentAttr(Vt.Vec3fArray(corners))
    st = UsdGeom.PrimvarsAPI(shape).CreatePrimvar(
        "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
    )
    st.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(mesh.uv, np.float32)))
    material = _material(stage, f"/{clean}/material", pictures, UsdShade, Sdf, Gf)
    UsdShade.MaterialBindingAPI.Apply(shape.GetPrim()).Bind(material)
    layer.Save()


def _material(stage: Any, path: str, pictures: dict, UsdShade: Any, Sdf: Any, Gf: Any) -> Any:
    """A UsdPreviewSurface with the textures that there are."""
    types = Sdf.ValueTypeNames
    material = UsdShade.Material.Define(stage, path)
    surface = UsdShade.Shader.Define(stage, f"{path}/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", types.Float).Set(ROUGHNESS)
    surface.CreateInput("metallic", types.Float).Set(0.0)
    reader = UsdShade.Shader.Define(stage, f"{path}/coordinates")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", types.String).Set("st")
    coordinates = reader.CreateOutput("result", types.Float2)
    for title, file in pictures.items():
        texture = UsdShade.Shader.Define(stage, f"{path}/{title}")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", types.Asset).Set(file)
        texture.CreateInput("st", types.Float2).ConnectToSource(coordinates)
        for side in ("wrapS", "wrapT"):
            texture.CreateInput(side, types.Token).Set("clamp")
        colours = title == "base_colour"
        texture.CreateInput("sourceColorSpace", types.Token).Set("sRGB" if colours else "raw")
        if not colours:
            texture.CreateInput("scale", types.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
            texture.CreateInput("bias", types.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
        output = texture.CreateOutput("rgb", types.Float3)
        kind = types.Color3f if colours else types.Normal3f
        surface.CreateInput("diffuseColor" if colours else "normal", kind).ConnectToSource(output)
    material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", types.Token))
    return material


def read_usdz(path: Path) -> TexturedMesh:
    """The triangles of every mesh in a package, grey, in world axes and metres."""
    check_usd()
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(str(path))
    scale, up = UsdGeom.GetStageMetersPerUnit(stage), UsdGeom.GetStageUpAxis(stage)
    cache = UsdGeom.XformCache()
    vertices, faces, start = [], [], 0
    for prim in stage.Traverse():
        if not prim.IsA(UsdGeom.Mesh):
            continue
        shape = UsdGeom.Mesh(prim)
        counts = np.asarray(shape.GetFaceVertexCountsAttr().Get(), np.int64)
        points = np.asarray(shape.GetPointsAttr().Get(), np.float64)
        if not len(counts) or not (counts == 3).all():
            continue
        matrix = np.array(cache.GetLocalToWorldTransform(prim))
        vertices.append((np.hstack([points, np.ones((len(points), 1))]) @ matrix)[:, :3] * scale)
        faces.append(np.asarray(shape.GetFaceVertexIndicesAttr().Get(), np.int64).reshape(-1, 3) + start)
        start += len(points)
    if not faces:
        raise Img2MeshError(f"{path.name} holds no triangles.")
    placed = np.concatenate(vertices)
    if up == UsdGeom.Tokens.z:
        placed = placed[:, [0, 2, 1]] * [1.0, 1.0, -1.0]
    texture = np.full((4, 4, 3), 186, np.uint8)
    uv = np.full((len(placed), 2), 0.5)
    return TexturedMesh(from_gltf(placed), np.concatenate(faces), uv, texture)
