"""Pictures bent by a smooth displacement, given on a coarse grid of control points."""

from __future__ import annotations

import numpy as np

from img2mesh.cameras import Camera

NODES = 6  # control points along each side of the picture


def basis(points: np.ndarray, camera: Camera) -> np.ndarray:
    """(N, NODES^2) bilinear weights of the control points, in rows from the top left, at (N, 2) pixel coordinates."""
    at = np.clip(points / [camera.width, camera.height], 0, 1) * (NODES - 1)
    across, down = (np.maximum(0, 1 - np.abs(at[:, k, None] - np.arange(NODES))) for k in (0, 1))
    return (down[:, :, None] * across[:, None, :]).reshape(len(points), -1)


def bent(rgba: np.ndarray, moves: np.ndarray, camera: Camera) -> np.ndarray:
    """The picture without the displacement: what stands at p + move(p) goes to p.

    Args:
        rgba: (H, W, 4) uint8, straight alpha, colours continued beyond it.
        moves: (NODES^2, 2) pixels right and down by which the picture is displaced at the control points.
        camera: the picture's, for its size.
    """
    import cv2

    v, u = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    flow = basis(np.stack([u.ravel(), v.ravel()], axis=1), camera) @ moves
    at = (np.stack([u, v], axis=-1) + flow.reshape(*u.shape, 2) - 0.5).astype(np.float32)
    return cv2.remap(rgba, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
