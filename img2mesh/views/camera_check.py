"""Whether given cameras fit their silhouettes, and which usual mistake would explain it where they do not.

Silhouettes of one object from right cameras have a common solid that covers them (Laurentini 1994). From wrong ones it
covers little of them, and once the mistake is undone much more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.view import View, ViewSet
from img2mesh.errors import Img2MeshError
from img2mesh.views.photo_frame import common_solid, silhouette

PIXELS = 96  # side of the small masks that are compared
FITTING = 0.97  # agreement from which cameras are taken as they are
REFUSED = 0.8  # agreement below which a set is refused where a mistake explains it; above, that is a warning
CLEARER = 0.4  # of the silhouettes left uncovered: what may be left once the mistake is undone
LOOKED_AT = 16  # views that are compared, spread over the set
FEW, ONE_SIDE_DEG = 4, 60.0
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def agreement(views: list[View]) -> float:
    """Mean share of the silhouettes that the solid covers which they have in common, in [0, 1]."""
    import cv2

    solid = common_solid(views)
    shares = []
    for view in views:
        small = cv2.resize(view.mask, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA) > 0.5
        seen = silhouette(solid, view.camera)
        shares.append((small & seen).sum() / max(small.sum(), 1))
    return float(np.mean(shares))


def warnings_of(views: ViewSet) -> list[str]:
    """A sentence for too few views, and for views that all come from one side."""
    seeing = [view for view in views.views if (view.mask > 0.5).any()]
    if len(seeing) < FEW:
        return [
            f"Only {len(seeing)} views show the object: four or more are needed for a shape that can be trusted."
        ]
    towards = np.stack([view.camera.position / max(view.camera.distance, 1e-9) for view in seeing])
    widest = np.degrees(np.arccos(np.clip((towards @ towards.T).min(), -1, 1)))
    if widest < ONE_SIDE_DEG:
        return [f"All views are from one side ({widest:.0f} degrees apart at most): the far side is a guess."]
    return []


def check_cameras(views: ViewSet, normalise: Callable[[ViewSet], ViewSet]) -> ViewSet:
    """The normalised set; a warning where undoing a usual mistake would make its silhouettes fit better.

    Args:
        views: as they were given.
        normalise: brings such a set to the unit object; may refuse it.

    Raises:
        Img2MeshError: the cameras do not fit, and undoing a usual mistake makes them; the sentence names it. Or what
            `normalise` refuses.
    """
    found, fault = None, None
    try:
        found = normalise(views)
        fit = agreement(_some(found))
    except Img2MeshError as error:
        fit, fault = 0.0, error
    if found is not None and (fit >= FITTING or len(found.views) < 3):
        return found
    best, likely = 1 - CLEARER * (1 - fit), None
    for sentence, undo in _MISTAKES.items():
        try:
            other = agreement(_some(normalise(_changed(views, undo))))
        except (Img2MeshError, np.linalg.LinAlgError):
            continue
        if other > best:
            best, likely = other, sentence
    if likely is not None:
        said = f"The cameras do not fit the pictures (they agree to {fit:.0%}, otherwise to {best:.0%}): {likely}"
        if fit < REFUSED or found is None:
            raise Img2MeshError(said)
        found.facts.setdefault("warnings", []).append(said)
    if fault is not None or found is None:
        raise fault or Img2MeshError("The cameras do not fit the pictures.")
    return found


def _some(views: ViewSet) -> list[View]:
    """Views that show something, evenly chosen."""
    seeing = [view for view in views.views if (view.mask > 0.5).any()]
    places = np.unique(np.linspace(0, len(seeing) - 1, LOOKED_AT).round().astype(int))
    return [seeing[place] for place in places.tolist()]


def _changed(views: ViewSet, undo: Callable[[Camera, Camera], Camera]) -> ViewSet:
    first = views.views[0].camera
    moved = [dataclasses.replace(view, camera=undo(view.camera, first)) for view in views.views]
    return dataclasses.replace(views, views=tuple(moved))


def _inverted(camera: Camera, first: Camera) -> Camera:
    return dataclasses.replace(camera, c2w=np.linalg.inv(camera.c2w))


def _flipped(camera: Camera, first: Camera) -> Camera:
    return dataclasses.replace(camera, c2w=camera.c2w @ FLIP)


def _inverted_and_flipped(camera: Camera, first: Camera) -> Camera:
    return dataclasses.replace(camera, c2w=np.linalg.inv(camera.c2w) @ FLIP)


def _turned_back(camera: Camera, first: Camera) -> Camera:
    """The camera on the other side of the upright plane through the first one, its picture as it is."""
    side = first.c2w[:3, 0] - np.array([0.0, 0.0, first.c2w[2, 0]])
    side = side / max(float(np.linalg.norm(side)), 1e-9)
    reflection = np.eye(4)
    reflection[:3, :3] -= 2 * np.outer(side, side)
    return dataclasses.replace(camera, c2w=reflection @ camera.c2w @ np.diag([-1.0, 1.0, 1.0, 1.0]))


def _wider(camera: Camera, first: Camera) -> Camera:
    return dataclasses.replace(camera, fl_x=camera.fl_x / 2, fl_y=camera.fl_y / 2)


def _narrower(camera: Camera, first: Camera) -> Camera:
    return dataclasses.replace(camera, fl_x=camera.fl_x * 2, fl_y=camera.fl_y * 2)


_OTHER_SIZE = (
    "the focal length seems to be that of another picture size; w and h say which size it belongs to."
)
_MISTAKES: dict[str, Callable[[Camera, Camera], Camera]] = {
    "the matrices seem to be world-to-camera; transform_matrix is camera-to-world.": _inverted,
    "the axes seem to be OpenCV's (y down, looking along +z); transform_matrix has OpenGL's.": _flipped,
    "the matrices seem to be COLMAP's (world-to-camera, y down); OpenGL's camera-to-world is meant.": (
        _inverted_and_flipped
    ),
    "the cameras seem to turn the other way round the object.": _turned_back,
    f"twice too long, {_OTHER_SIZE}": _wider,
    f"twice too short, {_OTHER_SIZE}": _narrower,
}
