"""Trim the surface's outline, as the photo's camera sees it, to the photo's own."""

from __future__ import annotations

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.rasterise import rasterise_view, sample_bilinear
from img2mesh.core.view import View
from img2mesh.core.visual_hull import mask_distance

SIDE = 512  # pixels of the masks that are compared
REACH = 0.03  # of the image's side: outlines further apart are a difference of opinion, not of precision
SPREAD = 0.03  # of the image's side: how far inside the outline the correction is felt
ROUNDS = 4


def fit_silhouette(vertices: np.ndarray, faces: np.ndarray, photo: View) -> np.ndarray:
    """Move vertices parallel to the image plane so that the outline coincides with the photo's.

    The move is a smooth warp of the image plane, the same for everything along a ray, so that front and back
    move together and the surface stays closed and free of folds. It carries each point of the mesh's outline
    to the nearest point of the photo's and fades out inside the object. Where the two lie further apart than
    3 % of the image, the outline stays.

    Args:
        vertices (V, 3), faces (F, 3): a closed surface.
        photo: the view whose alpha is matched.

    Returns:
        (V, 3) moved vertices.
    """
    rgba = photo.rgba if photo.full is None else photo.full
    height, width = rgba.shape[:2]
    scale = SIDE / max(height, width)
    camera = photo.camera.resized(max(1, round(width * scale)), max(1, round(height * scale)))
    wanted = _signed_distance(_resize(rgba[..., 3], camera.width, camera.height) / 255)
    if wanted is None:
        return vertices
    right, up = camera.c2w[:3, 0], camera.c2w[:3, 1]
    for _ in range(ROUNDS):
        flow = _outline_flow(vertices, faces, camera, wanted)
        if flow is None:
            return vertices
        pixels, depth = camera.project(vertices)
        shift = sample_bilinear(flow, pixels) * depth[:, None] / [camera.fl_x, -camera.fl_y]
        vertices = vertices + shift[:, :1] * right + shift[:, 1:] * up
    return vertices


def _resize(alpha: np.ndarray, width: int, height: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(alpha).resize((width, height), Image.Resampling.BOX), dtype=np.float32)


def _signed_distance(alpha: np.ndarray) -> np.ndarray | None:
    """Pixels to the level 0.5, negative inside, a little smoothed; None where there is no outline."""
    from scipy.ndimage import gaussian_filter

    mask = alpha >= 0.5
    return gaussian_filter(mask_distance(alpha), 0.7) if mask.any() and not mask.all() else None


def _outline_flow(
    vertices: np.ndarray, faces: np.ndarray, camera: Camera, wanted: np.ndarray
) -> np.ndarray | None:
    """(H, W, 2) shift in pixels, smooth, that takes the mesh's outline towards the wanted one."""
    from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter

    hit = rasterise_view(vertices, faces, camera, outline=True).hit
    own = _signed_distance(hit.astype(np.float32))
    if own is None:
        return None
    rim = hit & ~binary_erosion(hit)
    # On the rim: along the wanted outline's normal by the difference of the two distances.
    slope = np.stack(np.gradient(wanted)[::-1], axis=-1)
    slope /= np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-3)
    gap = wanted - own
    near = rim & (np.abs(gap) < REACH * max(hit.shape))
    if not near.any():
        return None
    target = np.where(near[..., None], -gap[..., None] * slope, 0)
    # Each place takes the weighted mean of the rim's shifts around it, and fades with distance from the rim.
    sigma = 0.004 * max(hit.shape)
    weight = gaussian_filter(near.astype(np.float32), sigma)
    blurred = np.stack([gaussian_filter(target[..., k], sigma) for k in range(2)], axis=-1)
    mean = blurred / np.maximum(weight, 1e-6)[..., None]
    distance, at = distance_transform_edt(~near, return_indices=True)
    carried = mean[at[0], at[1]]
    fade = np.exp(-0.5 * (distance / (SPREAD * max(hit.shape))) ** 2)
    flow = carried * fade[..., None]
    return np.stack([gaussian_filter(flow[..., k], 2 * sigma) for k in range(2)], axis=-1)


def missed(vertices: np.ndarray, faces: np.ndarray, photo: View) -> float:
    """Share of the photo's object where the surface is missing, its rim of about a pixel aside."""
    from scipy.ndimage import binary_opening

    mask = photo.mask > 0.5
    hit = rasterise_view(vertices, faces, photo.camera).hit
    return float(binary_opening(mask & ~hit, np.ones((3, 3))).sum() / max(int(mask.sum()), 1))
