"""How far one picture, or one shape, is from another.

Shapes by `geometry.occupancy`/`volume_iou` (volume) and `chamfer`, `fscore` here (point sets).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from img2mesh.core.images import composite
from img2mesh.errors import Img2MeshError

HIGHEST_PSNR = 100.0  # dB, of equal pictures, so that means stay finite


def psnr(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures; RGBA is laid on white first.

    Args:
        a, b: (H, W, 3 or 4) uint8. mask: (H, W) bool, the pixels that count; all by default.
    """
    error = np.square((composite(a).astype(np.float64) - composite(b)) / 255)
    error = error[mask].mean() if mask is not None else error.mean()
    return float(min(HIGHEST_PSNR, -10 * np.log10(max(error, 1e-20))))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004, 11 x 11 Gaussian of 1.5 px) of pictures laid on white."""
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            composite(a),
            composite(b),
            channel_axis=-1,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two (H, W, 4) pictures' silhouettes, alpha >= 128; 1 if both are empty."""
    first, second = a[..., 3] >= 128, b[..., 3] >= 128
    union = (first | second).sum()
    return float((first & second).sum() / union) if union else 1.0


def chamfer(a: np.ndarray, b: np.ndarray) -> float:
    """Half the sum of both mean nearest-neighbour distances, not squared, of (N, 3) and (M, 3) points.

    It is infinite if one of the sets is empty.
    """
    return point_scores(a, b, ())["Chamfer"]


def point_scores(a: np.ndarray, b: np.ndarray, thresholds: Sequence[float]) -> dict[str, float]:
    """`chamfer` as "Chamfer", and F-scores as "F@threshold", from one search.

    The F-score is the harmonic mean of the shares of both sets within the threshold of the other (Tatarchenko et al.
    2019).
    """
    if not len(a) or not len(b):
        return {"Chamfer": float("inf"), **{f"F@{t:g}": 0.0 for t in thresholds}}
    to_b, to_a = _nearest(a, b)
    return {
        "Chamfer": float((to_b.mean() + to_a.mean()) / 2),
        **{f"F@{t:g}": _harmonic((to_b < t).mean(), (to_a < t).mean()) for t in thresholds},
    }


def _harmonic(precision: float, recall: float) -> float:
    return float(2 * precision * recall / max(precision + recall, 1e-12))


def _nearest(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial import cKDTree

    return cKDTree(b).query(a)[0], cKDTree(a).query(b)[0]


class Perceptual:
    """LPIPS v0.1 on VGG16 (Zhang et al. 2018) of pictures laid on white.

    Args:
        folder: holds `lpips-vgg16.npz`.

    Raises:
        Img2MeshError: it does not.
    """

    def __init__(self, folder: str | Path, device: str = "cpu") -> None:
        from img2mesh.core.lpips import LPIPS

        path = Path(folder) / "lpips-vgg16.npz"
        if not path.is_file():
            raise Img2MeshError(f"No LPIPS weights {path}.")
        self._net, self._device = LPIPS(path).eval().to(device), device

    def features(self, pictures: Sequence[np.ndarray]) -> list:
        """What `distances` compares, for pictures that are compared more than once."""
        import torch

        found = []
        with torch.no_grad():
            for picture in pictures:  # one at a time: the first layers' maps take 17 MB each
                rgb = torch.from_numpy(composite(picture)).to(self._device).float().permute(2, 0, 1)
                found.append(self._net.features(rgb[None] / 127.5 - 1))
        return found

    def distances(self, a: Sequence, b: Sequence) -> list[float]:
        """LPIPS of pairs of what `features` gave."""
        import torch

        heads = [getattr(self._net, f"head{i}") for i in range(5)]
        with torch.no_grad():
            return [
                float(
                    sum(
                        ((p - q).square() * head).sum(1).mean()
                        for p, q, head in zip(x, y, heads, strict=True)
                    )
                )
                for x, y in zip(a, b, strict=True)
            ]


def find_perceptual(folder: str | Path | None, device: str = "cpu") -> Perceptual | None:
    """LPIPS from a folder that the user named, or from `shared/data/metrics` beside the checkout if it is there.

    `none` in place of a folder does without.

    Raises:
        Img2MeshError: the named folder has no weights.
    """
    if str(folder) == "none":
        return None
    if folder is not None:
        return Perceptual(folder, device)
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "metrics"
    return Perceptual(beside, device) if (beside / "lpips-vgg16.npz").is_file() else None
