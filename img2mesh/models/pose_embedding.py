"""Pose vectors: the four numbers that tell a Zero-1-to-3 network where the new camera stands."""

from __future__ import annotations

import math

import numpy as np

from img2mesh.errors import Img2MeshError

# The published demo's buttons: (polar, azimuth) in degrees, polar positive downwards, azimuth to the right.
PRESETS = {"left": (0, -90), "above": (-90, 0), "right": (0, 90), "below": (90, 0), "behind": (0, 180)}
VARIANTS = ("original", "stable")


def demo_pose(polar_deg: float, azimuth_deg: float, radius: float = 0.0) -> np.ndarray:
    """(4,) float32 [polar, sin azimuth, cos azimuth, radius] from the published demo's sliders.

    Positive polar moves the camera down, positive azimuth to its right, positive radius away.
    """
    polar, azimuth = math.radians(polar_deg), math.radians(azimuth_deg)
    return np.array([polar, math.sin(azimuth), math.cos(azimuth), radius], dtype=np.float32)


def check_variant(variant: str, where: object) -> None:
    """Refuse a variant that no Zero-1-to-3 model has, before its weights are read.

    Raises:
        Img2MeshError: neither `auto` nor one of `VARIANTS`; `where` names the model.
    """
    if variant not in ("auto", *VARIANTS):
        raise Img2MeshError(
            f"{where} is a Zero-1-to-3 model: its variant is {' or '.join(VARIANTS)}, not {variant}."
        )


def variant_poses(poses: np.ndarray, variant: str, input_elevation_deg: float | None) -> np.ndarray:
    """(n, 4) relative poses as the checkpoint's variant wants them.

    Args:
        poses: (n, 4) as `img2mesh.core.camera.relative_pose` makes them.
        variant: `original` keeps the fourth element (radius difference); `stable` (Stable Zero123) replaces
            it by the input camera's polar angle, radians(90 - elevation).
        input_elevation_deg: of the photo's camera; needed by `stable`.

    Raises:
        Img2MeshError: poses of another shape or not finite, an unknown variant, or no elevation for `stable`.
    """
    poses = np.array(poses, dtype=np.float32)
    if poses.ndim != 2 or poses.shape[1] != 4 or not np.isfinite(poses).all():
        raise Img2MeshError(f"Poses must be finite numbers of shape (n, 4), not {poses.shape}.")
    if variant not in VARIANTS:
        raise Img2MeshError(f"The variant must be original or stable, not {variant!r}.")
    if variant == "stable":
        if input_elevation_deg is None:
            raise Img2MeshError("A Stable Zero123 model needs the input photo's elevation.")
        poses[:, 3] = math.radians(90 - input_elevation_deg)
    return poses
