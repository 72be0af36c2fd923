"""Views on disk: nerfstudio's `transforms.json` beside RGBA pictures, ours and other people's.

Ours holds the pinhole intrinsics at the top level, where all views share them, and one frame per view, with extra keys
(`azimuth_deg`, `elevation_deg`, `weight`, `certainty` where known); the photo is the first frame, of `kind` photo.
nerfstudio loads it unchanged with `orientation_method=none center_method=none auto_scale_poses=False`. Cameras are
OpenGL camera-to-world (docs/conventions.md).
"""

from __future__ import annotations

import json
import math
import textwrap
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from img2mesh.core.camera import Camera, turned
from img2mesh.core.files import atomic_folder
from img2mesh.core.frustum import Body
from img2mesh.core.marks import PLY_COMMENT, png_mark
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.views.frame_camera import INTRINSICS, PARALLEL, finite_number, frame_camera

NAME = "transforms.json"
POINTS = "points3D.ply"
BODY = "body.npz"
_PINHOLE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE")


def save_views(viewset: ViewSet, folder: str | Path) -> Path:
    """Write `transforms.json` and `images/NNN.png` (RGBA); the folder appears whole or not at all.

    Points of the surface, where there are any, go into `points3D.ply`, which trainers of Gaussian splats start from.

    Returns:
        The path of the written transforms.json.
    """
    from PIL import Image

    folder = Path(folder)
    with atomic_folder(folder) as target:
        (target / "images").mkdir()
        frames: list[dict[str, Any]] = []
        for view in viewset.views:
            drawn = sum(frame["kind"] != Source.PHOTO.value for frame in frames)
            other = (
                f"-{len(frames) - drawn}" if len(frames) > drawn else ""
            )  # the second photo and further ones
            name = f"photo{other}.png" if view.source is Source.PHOTO else f"images/{drawn:03d}.png"
            Image.fromarray(view.rgba, "RGBA").save(target / name, pnginfo=png_mark("view"))
            frame = {"file_path": name, "transform_matrix": view.camera.c2w.tolist(), **_extras(view)}
            if view.full is not None:
                full = f"{name.removesuffix('.png')}-full.png"
                Image.fromarray(view.full, "RGBA").save(target / full, pnginfo=png_mark("view"))
                frame["full_path"] = full
            frames.append(frame | _intrinsics(view.camera))
        document: dict[str, Any] = {"camera_model": "OPENCV"}
        shared = {k: frames[0][k] for k in INTRINSICS} if frames else {}
        if frames and all(frame[k] == shared[k] for frame in frames for k in INTRINSICS):
            document |= shared
            frames = [{k: v for k, v in frame.items() if k not in INTRINSICS} for frame in frames]
        if viewset.points is not None:
            (target / POINTS).write_bytes(_points_ply(viewset.points))
            document["ply_file_path"] = POINTS
        document["frames"] = frames
        document["img2mesh"] = {"facts": viewset.facts}
        if viewset.body is not None:
            body, mirror = viewset.body, viewset.body.mirror
            plane: dict[str, Any] = {} if mirror is None else {"mirror": [mirror.azimuth, mirror.offset]}
            place: dict[str, Any] = {
                "img2mesh": 1,
                "half": body.half,
                "elevation_deg": body.camera.elevation_deg,
                **plane,
            }
            np.savez_compressed(target / BODY, occupancy=body.occupancy.astype(np.float16), **place)
            document["img2mesh"]["body"] = BODY
        text = json.dumps(document, indent=1, allow_nan=False)
        (target / NAME).write_text(text + "\n", encoding="utf-8")
    return folder / NAME


def _points_ply(points: np.ndarray) -> bytes:
    """Binary PLY of (N, 6) positions and colours in [0, 1], marked as our own."""
    from trimesh import PointCloud

    colours = np.round(255 * np.clip(points[:, 3:], 0, 1)).astype(np.uint8)
    data = PointCloud(points[:, :3].astype(np.float32), colours).export(file_type="ply")
    return data.replace(b"\n", b"\n" + PLY_COMMENT + b"\n", 1)


def _extras(view: View) -> dict[str, Any]:
    return {
        "azimuth_deg": round(view.camera.azimuth_deg, 6),
        "elevation_deg": round(view.camera.elevation_deg, 6),
        "distance": round(view.camera.distance, 6),
        "kind": view.source.value,
        "weight": round(view.weight, 6),
        **({} if view.certainty is None else {"certainty": round(view.certainty, 6)}),
    }


def _intrinsics(camera: Camera) -> dict[str, float | int]:
    return {
        "fl_x": camera.fl_x,
        "fl_y": camera.fl_y,
        "cx": camera.cx,
        "cy": camera.cy,
        "w": camera.width,
        "h": camera.height,
    }


def load_views(source: str | Path) -> ViewSet:
    """Read a folder with a transforms.json, or that file: ours, nerfstudio's, instant-ngp's or Blender's.

    Intrinsics may stand at the top or in each frame, as focal lengths or as `camera_angle_x`; masks may be
    the pictures' alpha, `mask_path` files, or be derived from a plain white background (with a warning). Lens
    distortion (k1 k2 k3 p1 p2) is removed. A scene that is not centred and scaled to the unit object is moved
    there; `facts["world_to_unit"]` (4x4) records how. Pictures larger than 512 pixels are reduced. Orthographic
    cameras (`camera_model` ORTHOGRAPHIC with `ortho_scale`, the world units that a picture is wide) become pinholes far
    away. Pictures that are missing are left out with a warning.

    Raises:
        Img2MeshError: nothing there, not JSON, a camera broken, all pictures missing, or cameras that do not fit the
            pictures for a reason that can be named; the sentence says what.
    """
    from img2mesh.segment.matting import clean_colours
    from img2mesh.views.camera_check import check_cameras, warnings_of
    from img2mesh.views.mask_holes import without_false_holes
    from img2mesh.views.scene_normalization import normalised
    from img2mesh.views.undistort import has_picture, read_frame_picture

    path = _find(Path(source))
    document = _read_json(path)
    model = str(document.get("camera_model", "OPENCV")).upper()
    if model not in (*_PINHOLE, *PARALLEL):
        model = textwrap.shorten(model, 60, placeholder="...")
        raise Img2MeshError(
            f"{path} uses the camera model {model}; only pinhole and orthographic cameras are understood."
        )
    frames = document.get("frames")
    if not isinstance(frames, list) or not frames:
        raise Img2MeshError(f"{path} lists no frames.")
    ours = document.get("img2mesh") if isinstance(document.get("img2mesh"), dict) else None
    if ours and isinstance(ours.get("photo"), dict):  # sets of version 0.1.0 held it beside the frames
        frames = [ours["photo"], *frames]
    views, sources, missing, holes = [], set(), [], 0
    for index, frame in enumerate(frames):
        if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
            raise Img2MeshError(f"Frame {index} of {path} has no file_path.")
        if not has_picture(path.parent, frame):
            missing.append(frame["file_path"])
            continue
        values = {**document, **frame, "camera_model": model}
        rgba, size, how = read_frame_picture(path.parent, frame, values)
        camera = frame_camera(path, index, values, size)
        camera = camera.resized(rgba.shape[1], rgba.shape[0])
        sources.add(how)
        if not ours:  # the shipped model's own outlines are soft all over
            rgba, filled = without_false_holes(rgba)
            holes += filled
            rgba = np.dstack([clean_colours(rgba[..., :3], rgba[..., 3]), rgba[..., 3]])
        views.append(_view(path, index, frame, rgba, camera, bool(ours)))
    if not views:
        raise Img2MeshError(
            f"None of the {len(missing)} pictures that {path} names is there, such as {missing[0]}."
        )
    facts: dict[str, Any] = {"source": str(path.parent.name), "masks": sorted(sources), "warnings": []}
    if missing:
        facts["warnings"].append(
            f"{len(missing)} of {len(frames)} pictures are missing and were left out, such as {missing[0]}."
        )
    if "white" in sources:
        facts["warnings"].append(
            "Pictures without alpha or mask: masks were derived from the white background."
        )
    if holes:
        facts["warnings"].append(
            f"Half-transparent holes in masks ({holes}) were taken for the object: something pale, or glass."
        )
    if ours:
        facts = {**(ours["facts"] if isinstance(ours.get("facts"), dict) else {}), **facts}
        return ViewSet(tuple(views), facts, _body(path, ours, views[0]))
    found = check_cameras(ViewSet(tuple(views), facts), normalised)
    found.facts["warnings"] += warnings_of(found)
    return found


def _view(path: Path, index: int, frame: dict, rgba: np.ndarray, camera: Camera, ours: bool) -> View:
    if not ours:
        return View(rgba, camera, Source.GIVEN, 1.0)
    full = None
    if isinstance(frame.get("full_path"), str):
        from img2mesh.views.undistort import open_rgba

        full = open_rgba(path.parent / frame["full_path"])
    known = frame.get("kind") in [source.value for source in Source]
    source = Source(frame["kind"]) if known else Source.GIVEN
    weight, certainty = (finite_number(path, index, frame, key) for key in ("weight", "certainty"))
    weight = 1.0 if weight is None else weight
    if weight < 0 or not 0 <= (certainty or 0) <= 1:
        raise Img2MeshError(f"Frame {index} of {path}: weights are 0 or more, certainties from 0 to 1.")
    return View(rgba, camera, source, weight, full, certainty)


def _body(path: Path, ours: dict, photo: View) -> Body | None:
    """The shape that the photo alone suggested when these views were made."""
    if ours.get("body") != BODY or photo.source is not Source.PHOTO:
        return None
    try:
        with np.load(path.parent / BODY, allow_pickle=False) as stored:
            occupancy, half = stored["occupancy"].astype(np.float32), float(stored["half"])
            mirror = Mirror(*map(float, stored["mirror"])) if "mirror" in stored else None
            tilt = (
                float(stored["elevation_deg"]) - photo.camera.elevation_deg
                if "elevation_deg" in stored
                else 0
            )
    except (OSError, KeyError, ValueError, TypeError, EOFError, BadZipFile):
        raise Img2MeshError(f"{path.parent / BODY} is missing or broken.") from None
    if occupancy.ndim != 3 or not occupancy.size or not half > 0 or not math.isfinite(tilt):
        raise Img2MeshError(f"{path.parent / BODY} holds no occupancy of depths, rows and columns.")
    return Body(occupancy, turned(photo.camera, tilt, 0.0), half, mirror)


def _find(source: Path) -> Path:
    if source.is_dir():
        for name in (NAME, "transforms_train.json"):
            if (source / name).is_file():
                return source / name
        raise Img2MeshError(f"No {NAME} in {source}.")
    if source.is_file():
        return source
    raise Img2MeshError(f"No such file or folder: {source}.")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Img2MeshError(f"Cannot read {path}: {error}.") from None
    except ValueError as error:  # also numbers with too many digits, nesting is RecursionError
        raise Img2MeshError(f"{path} is not valid JSON: {error}.") from None
    except RecursionError:
        raise Img2MeshError(f"{path} is not valid JSON: nested too deeply.") from None
    if not isinstance(document, dict):
        raise Img2MeshError(f"{path} is not a transforms file: it holds no object at the top.")
    return document
