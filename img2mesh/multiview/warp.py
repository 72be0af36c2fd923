"""Pictures bent by a smooth displacement, given as a sum of low cosine waves.

Both components of the displacement are a Gaussian process of correlation length `LENGTH`, by its leading waves: the
coefficients of a displacement as large as expected are independent and about 1, so that the least sum of their squares
is the likeliest explanation. Waves are shared by the whole picture, so what one corner shows tells of its
neighbourhood, and unlike linear pieces between control points they leave nothing of a smooth bend unexplained.
"""

from __future__ import annotations

import numpy as np

from img2mesh.core.camera import Camera

WAVES = 7  # along each side of the picture: of 0 to 6 half periods
COUNT = WAVES**2
LENGTH = 0.15  # of the picture's side over which displacements are alike


def _waves(at: np.ndarray) -> np.ndarray:
    """(N, WAVES) cosines at (N,) places in [0, 1], of the size that the process gives them along one side."""
    order = np.arange(WAVES)
    size = np.exp(-((np.pi * LENGTH * order) ** 2) / 4) * np.where(order > 0, 2**0.5, 1)
    norm = np.sqrt(np.sum(np.exp(-((np.pi * LENGTH * order) ** 2) / 2)))
    return np.cos(np.pi * at[:, None] * order) * (size / norm)


def basis(at: np.ndarray) -> np.ndarray:
    """(N, COUNT) share of each coefficient in the displacement at (N, 2) places, 0 to 1 right and down.

    Of independent coefficients of variance 1 it makes a displacement whose variance, on the whole, is 1.
    """
    at = np.clip(at, 0, 1)
    across, down = _waves(at[:, 0]), _waves(at[:, 1])
    return (down[:, :, None] * across[:, None, :]).reshape(len(at), -1)


def bent(rgba: np.ndarray, moves: np.ndarray, camera: Camera) -> np.ndarray:
    """The picture without the displacement: what stands at p + (basis @ moves)(p) goes to p.

    Args:
        rgba: (H, W, 4) uint8, straight alpha, colours continued beyond it.
        moves: (COUNT, 2) coefficients, pixels right and down.
        camera: the picture's, for its size.
    """
    import cv2

    v, u = np.arange(camera.height) + 0.5, np.arange(camera.width) + 0.5
    down, across = _waves(v / camera.height), _waves(u / camera.width)
    flow = np.einsum("vi,ijk,uj->vuk", down, moves.reshape(WAVES, WAVES, 2), across, optimize=True)
    at = np.stack(np.meshgrid(u, v), axis=-1) + flow - 0.5
    return cv2.remap(rgba, at.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def continued(rgba: np.ndarray) -> np.ndarray:
    """A copy of the picture whose colours beyond the silhouette are those of the nearest solid pixel."""
    from scipy.ndimage import distance_transform_edt

    out = rgba.copy()
    nearest = distance_transform_edt(rgba[..., 3] <= 127, return_distances=False, return_indices=True)
    out[..., :3] = rgba[nearest[0], nearest[1], :3]
    return out
