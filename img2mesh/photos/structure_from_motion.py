"""Hand-held photos of an object that stands still, placed by COLMAP from features of the whole scene.

Schoenberger and Frahm 2016, "Structure-from-motion revisited", through pycolmap (the extra [colmap]). What COLMAP gives
has no scale and no upright: those come from the photos themselves.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.images import resize_rgba
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.views.camera_check import check_cameras
from img2mesh.views.scene_normalization import normalised
from img2mesh.views.undistort import premultiplied, straight

if TYPE_CHECKING:
    from img2mesh.segment import Cutout
    from img2mesh.segment.read import Source as PhotoSource

FEWEST = 8  # photos that must be placed
LARGEST_SIDE = 1600  # pixels in which features are looked for
VIEW_SIDE, FULL_SIDE = 512, 1024  # pixels of the views, and at most of their pictures for the texture
EXHAUSTIVE = 80  # photos up to which each is compared with each; more are taken for a walk around the object
NEIGHBOURS = 15  # in such a walk
OFF_PLANE = 0.02  # of the cameras' median distance from the points: how near the ground a point of it lies
LEAST_GROUND = 0.15  # share of the points on it, for a plane to be the ground
LEAN = math.radians(35)  # at most between the ground's normal and the cameras' mean upright
TRIES = 500
ADVICE = (
    "Take 20 or more, 10 to 15 degrees apart, sharp, of a thing that stands still on something patterned, such as a "
    "newspaper; for photos from a turntable say --turntable."
)


def scanned_views(photos: Sequence[PhotoSource], cutouts: Sequence[Cutout], progress: Progress) -> ViewSet:
    """The photos as given views, the first from azimuth 0; lens distortion is removed.

    Args:
        photos: of one object from all round, in the order in which they were taken.
        cutouts: of each of them.

    Raises:
        Img2MeshError: pycolmap is not installed, or too few photos can be placed.
    """
    check_scan(len(photos))
    with progress.stage("place photos"), tempfile.TemporaryDirectory(prefix="img2mesh-") as folder:
        sizes = _write_pictures(photos, Path(folder) / "pictures")
        scene = _solved(Path(folder), len(set(sizes)) == 1)
        placed = _cameras(scene, sizes)
        points = np.array([point.xyz for point in scene.points3D.values()])
    if len(placed) < max(FEWEST, len(photos) // 2):
        raise Img2MeshError(f"Only {len(placed)} of {len(photos)} photos could be placed. {ADVICE}")
    upright = _upright(np.stack([camera.c2w for camera, _ in placed.values()]), points)
    views = [
        _view(cutouts[k], _turned(camera, upright), lens) for k, (camera, lens) in sorted(placed.items())
    ]
    facts: dict[str, Any] = {
        "poses": {
            "by": "colmap",
            "photos": len(photos),
            "placed": len(placed),
            "points": len(points),
            "reprojection_error_px": round(float(scene.compute_mean_reprojection_error()), 3),
        },
        "warnings": [],
    }
    if len(placed) < len(photos):
        left = ", ".join(str(k + 1) for k in range(len(photos)) if k not in placed)
        facts["warnings"].append(
            f"{len(photos) - len(placed)} of {len(photos)} photos could not be placed: no. {left}."
        )
    found = check_cameras(ViewSet(tuple(views), facts), normalised)
    start = math.radians(found.views[0].camera.azimuth_deg)
    turn = np.array(
        [[math.cos(start), math.sin(start), 0], [-math.sin(start), math.cos(start), 0], [0, 0, 1]]
    )
    first, *others = (dataclasses.replace(view, camera=_turned(view.camera, turn)) for view in found.views)
    facts = {
        key: value for key, value in found.facts.items() if key != "world_to_unit"
    }  # COLMAP's world is gone
    facts["elevation_deg"] = round(first.camera.elevation_deg, 2)
    return ViewSet((dataclasses.replace(first, source=Source.PHOTO), *others), facts)


def check_scan(count: int) -> None:
    """Raises an `Img2MeshError` where pycolmap is missing, or so many photos are too few."""
    if find_spec("pycolmap") is None:
        raise Img2MeshError('--poses colmap needs the extra [colmap]: pip install "img2mesh[colmap]".')
    if count < FEWEST:
        raise Img2MeshError(f"Too few photos to find out where they were taken from: {count}. {ADVICE}")


def _write_pictures(photos: Sequence[PhotoSource], folder: Path) -> list[tuple[int, int]]:
    """Upright copies by number, and the size (width, height) of each photo as the cutouts know it."""
    import cv2

    from img2mesh.segment import read_photo

    folder.mkdir()
    sizes = []
    for k, photo in enumerate(photos):
        rgb = read_photo(photo).rgb
        height, width = rgb.shape[:2]
        sizes.append((width, height))
        scale = LARGEST_SIDE / max(width, height)
        if scale < 1:
            rgb = cv2.resize(rgb, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / _name(k)), np.ascontiguousarray(rgb[..., ::-1]))
    return sizes


def _name(number: int) -> str:
    return f"{number:04d}.png"


def _solved(folder: Path, one_size: bool) -> Any:
    """COLMAP's largest reconstruction of the pictures in a folder.

    Raises:
        Img2MeshError: there is none.
    """
    import pycolmap

    pycolmap.logging.minloglevel = 3  # what is wrong is said by us
    pycolmap.set_random_seed(0)
    database, pictures, cpu = folder / "database.db", folder / "pictures", pycolmap.Device.cpu
    pycolmap.extract_features(
        database,
        pictures,
        camera_mode=pycolmap.CameraMode.SINGLE if one_size else pycolmap.CameraMode.PER_IMAGE,
        reader_options=pycolmap.ImageReaderOptions(camera_model="SIMPLE_RADIAL"),
        device=cpu,
    )
    if len(list(pictures.iterdir())) <= EXHAUSTIVE:
        pycolmap.match_exhaustive(database, device=cpu)
    else:
        walk = pycolmap.SequentialPairingOptions(overlap=NEIGHBOURS, loop_detection=False)
        pycolmap.match_sequential(database, pairing_options=walk, device=cpu)
    (folder / "scenes").mkdir()
    scenes = pycolmap.incremental_mapping(database, pictures, folder / "scenes")
    if not scenes:
        raise Img2MeshError(f"The photos have too little in common to be placed. {ADVICE}")
    return max(scenes.values(), key=lambda scene: scene.num_reg_images())


def _cameras(scene: Any, sizes: Sequence[tuple[int, int]]) -> dict[int, tuple[Camera, float]]:
    """Each placed photo's camera, in its own pixels and COLMAP's world, and the lens's radial distortion k1."""
    placed = {}
    for image in scene.images.values():
        if not image.has_pose:
            continue
        number, lens = int(Path(image.name).stem), scene.cameras[image.camera_id]
        width, height = sizes[number]
        scale = width / lens.width
        focal, cx, cy, k1 = (float(value) for value in lens.params)
        pose = np.eye(4)
        pose[:3] = image.cam_from_world().inverse().matrix()
        pose[:, 1:3] *= -1  # OpenCV's y down and z forward to y up and z back
        placed[number] = (
            Camera(pose, focal * scale, focal * scale, cx * scale, cy * scale, width, height),
            k1,
        )
    return placed


def _upright(poses: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(3, 3) rotation by which z is up: normal to the ground, where the points (N, 3) show one, else the cameras' mean.

    Args:
        poses: (K, 4, 4) camera to world.
    """
    up = poses[:, :3, 1].mean(axis=0)
    up /= max(float(np.linalg.norm(up)), 1e-9)
    ground = _ground(
        points, up, np.median(np.linalg.norm(poses[:, None, :3, 3] - points.mean(axis=0), axis=-1))
    )
    z = up if ground is None else ground
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def _ground(points: np.ndarray, up: np.ndarray, distance: float) -> np.ndarray | None:
    """(3,) unit normal of the plane of most points (RANSAC; Fischler and Bolles 1981), None if there is none."""
    if len(points) < 50:
        return None
    rng = np.random.default_rng(0)
    a, b, c = (points[rng.integers(0, len(points), TRIES)] for _ in range(3))
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1)
    normals, a = normals[length > 1e-12] / length[length > 1e-12, None], a[length > 1e-12]
    normals *= np.sign(normals @ up)[:, None]
    level = normals @ up > math.cos(LEAN)
    if not level.any():
        return None
    normals, a = normals[level], a[level]
    near = np.abs(points @ normals.T - np.einsum("nk,nk->n", a, normals)) < OFF_PLANE * distance
    best = int(near.sum(axis=0).argmax())
    if near[:, best].mean() < LEAST_GROUND:
        return None
    there = points[near[:, best]]
    normal = np.linalg.svd(there - there.mean(axis=0), full_matrices=False)[2][-1]
    return normal * np.sign(normal @ up)


def _turned(camera: Camera, rotation: np.ndarray) -> Camera:
    c2w = camera.c2w.copy()
    c2w[:3] = rotation @ c2w[:3]
    return dataclasses.replace(camera, c2w=c2w)


def _view(cutout: Cutout, camera: Camera, k1: float) -> View:
    """The cutout's window without distortion.

    Args:
        camera: the photo's, in its own pixels. k1: of OpenCV's lens model.
    """
    import cv2

    left, top, side = cutout.window
    small = cutout.rgba.shape[0] / side  # the window is in the photo's pixels
    size = int(np.clip(cutout.rgba.shape[0], VIEW_SIDE, FULL_SIDE))
    scale = size / side
    focal, cx, cy = camera.fl_x * scale, (camera.cx - left) * scale, (camera.cy - top) * scale
    lens = np.array([[camera.fl_x, 0, camera.cx - 0.5], [0, camera.fl_y, camera.cy - 0.5], [0, 0, 1]])
    wanted = np.array([[focal, 0, cx - 0.5], [0, focal, cy - 0.5], [0, 0, 1]])
    maps = cv2.initUndistortRectifyMap(
        lens, np.array([k1, 0, 0, 0]), None, wanted, (size, size), cv2.CV_32FC1
    )
    u, v = ((grid + 0.5 - start) * small - 0.5 for grid, start in zip(maps, (left, top), strict=True))
    picture = premultiplied(cutout.rgba)
    if cutout.rgba.shape[0] > 1.5 * size:  # bilinear lookups would skip pixels
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 * cutout.rgba.shape[0] / size)
    full = straight(
        cv2.remap(picture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0,) * 4)
    )
    seen = Camera(camera.c2w, focal, focal, cx, cy, size, size).resized(VIEW_SIDE, VIEW_SIDE)
    return View(resize_rgba(full, VIEW_SIDE, VIEW_SIDE), seen, Source.GIVEN, 1.0, full)
