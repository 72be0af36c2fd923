"""A frame's camera from the keys of a transforms.json: intrinsics, field of view, pose, pinhole or orthographic."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.errors import Img2MeshError

INTRINSICS = ("fl_x", "fl_y", "cx", "cy", "w", "h")
PARALLEL = ("ORTHOGRAPHIC", "ORTHO", "ORTHOGRAPHY")
LARGEST = 1e9  # of a camera's numbers; larger ones overflow when they are multiplied
FAR = 40.0  # times the width of what an orthographic camera shows: from there a pinhole sees nearly the same


def frame_camera(path: Path, index: int, values: dict, size: tuple[int, int]) -> Camera:
    """The camera of one frame, for its picture as it is on disk.

    Args:
        path, index: of the file and the frame, for sentences.
        values: the frame's keys over the file's. size: (width, height) of the picture.

    Raises:
        Img2MeshError: a number or the pose is missing, not finite, or impossible.
    """
    model = str(values.get("camera_model", "OPENCV")).upper()
    return (_parallel if model in PARALLEL else _pinhole)(path, index, values, size)


def finite_number(path: Path, index: int, values: dict, key: str) -> float | None:
    value = values.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= LARGEST:
        shown = f"{value!r:.60}"  # the whole of what stands there may be pages
        raise Img2MeshError(f"Frame {index} of {path}: {key} must be a finite number, not {shown}.")
    return float(value)


def _pinhole(path: Path, index: int, values: dict, size: tuple[int, int]) -> Camera:
    """Camera for a picture of `size` (width, height), from a frame's keys over the file's."""
    number = {
        k: finite_number(path, index, values, k) for k in (*INTRINSICS, "camera_angle_x", "camera_angle_y")
    }
    width, height = number["w"] or size[0], number["h"] or size[1]
    fl_x, fl_y = number["fl_x"], number["fl_y"]
    fl_x = _focal(number["camera_angle_x"], width) if fl_x is None else fl_x
    fl_y = _focal(number["camera_angle_y"], height) if fl_y is None else fl_y
    fl_x, fl_y = fl_x or fl_y, fl_y or fl_x
    if fl_x is None or fl_y is None or not 0 < min(fl_x, fl_y, round(width), round(height)):
        raise Img2MeshError(f"Frame {index} of {path} has no usable focal length (fl_x or camera_angle_x).")
    cx = width / 2 if number["cx"] is None else number["cx"]
    cy = height / 2 if number["cy"] is None else number["cy"]
    camera = Camera(_pose(path, index, values), fl_x, fl_y, cx, cy, round(width), round(height))
    return camera.resized(*size)


def _focal(angle: float | None, side: float) -> float | None:
    """Pixels, of a field of view in radians; None where it is none."""
    return 0.5 * side / math.tan(angle / 2) if angle is not None and 1e-6 < angle < math.pi else None


def _parallel(path: Path, index: int, values: dict, size: tuple[int, int]) -> Camera:
    """A pinhole so far away that it sees what an orthographic camera does."""
    width = finite_number(path, index, values, "ortho_scale")
    if width is None or width <= 0:
        raise Img2MeshError(
            f"Frame {index} of {path} has no ortho_scale, the world units that the picture is wide."
        )
    pose = _pose(path, index, values)
    pose[:3, 3] += FAR * width * pose[:3, 2]
    towards = pose[:3, 2] @ pose[:3, 3]  # distance to the plane through the world's origin
    focal = size[0] / width * max(towards, FAR * width)
    return Camera(pose, focal, focal, size[0] / 2, size[1] / 2, *size)


def _pose(path: Path, index: int, values: dict) -> np.ndarray:
    try:
        matrix = np.array(values.get("transform_matrix"), dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.shape == (3, 4):
        matrix = np.concatenate([matrix, [[0.0, 0.0, 0.0, 1.0]]])
    if matrix.shape != (4, 4) or not (np.abs(matrix) <= LARGEST).all():
        raise Img2MeshError(f"Frame {index} of {path} needs a transform_matrix of 4 by 4 finite numbers.")
    # Some exporters scale the axes; a camera is a rotation, so take the nearest one.
    u, s, vt = np.linalg.svd(matrix[:3, :3])
    if s[-1] < 1e-6 or np.linalg.det(u @ vt) < 0:
        raise Img2MeshError(f"Frame {index} of {path}: the transform_matrix is not a rotation and a place.")
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = u @ vt, matrix[:3, 3]
    return rigid
