"""Colours where no source sees the surface: each place takes one material of those that are seen, with clean edges.

Colours are grouped into materials; a random walker on the mesh (Grady 2006, "Random walks for image segmentation")
says how likely each vertex is of each; every texel takes the likeliest. A mean of colours would draw a brown between
a red band and a green one; this draws a band that ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from img2mesh.core.rasterise import interpolated
from img2mesh.mesh.laplacian import edges_of, solve_screened

GROUPS = 12  # of colours, before near ones are joined
LIGHTNESS = 0.5  # weight of differences in lightness, which are light and shadow as well as paint
DARKEST = 10.0  # CIELAB lightness, below which hues are noise
APART = 12.0  # CIELAB distance, so weighted, below which two groups of colours are one material
LEAST_SHARE = 0.02  # of what is seen, for a material of its own
BANDS = 96  # heights at which the fill looks for materials: stripes are narrow
REACH = 0.3  # world units over which the fill takes up what is beside it
SOFTNESS = 0.02  # difference in chance over which one material gives way to the next
SEED = 0


@dataclass(frozen=True, eq=False)
class MaterialFill:
    """Materials over a surface.

    Attributes:
        chances: (V, K) float32, of each material at each vertex; they sum to 1.
        tones: (V, K, 3) float32, the colour that each material has there.
        centres: (K, 3) colours of the materials, as `material_of` compares them.
    """

    chances: np.ndarray
    tones: np.ndarray
    centres: np.ndarray

    @classmethod
    def over(
        cls, vertices: np.ndarray, faces: np.ndarray, colours: np.ndarray, known: np.ndarray
    ) -> MaterialFill:
        """From (V, 3) sRGB colours in [0, 1] that are known as far as `known` (V,) in [0, 1]."""
        if not known.any():
            grey = np.full((len(vertices), 1, 3), 0.5, np.float32)
            return cls(np.ones((len(vertices), 1), np.float32), grey, np.zeros((1, 3)))
        centres = material_centres(colours, known)
        member = np.eye(len(centres))[material_of(colours, centres)]
        edges = edges_of(faces)
        chances = solve_screened(vertices, edges, member, known, REACH, _far(vertices, member, known))
        chances = np.clip(chances, 1e-6, None)
        tones = np.empty((len(vertices), member.shape[1], 3), np.float32)
        for k in range(member.shape[1]):
            own = known * member[:, k]
            tones[:, k] = solve_screened(vertices, edges, colours, own, REACH, _far(vertices, colours, own))
        return cls((chances / chances.sum(axis=1, keepdims=True)).astype(np.float32), tones, centres)

    def chance_at(self, corners: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """(N, K) of each material, nearly 1 for one, at points with weights (N, 3) of the vertices `corners` (N, 3)."""
        chance = interpolated(self.chances, corners, bary)
        chance = np.exp((chance - chance.max(axis=1, keepdims=True)) / SOFTNESS)
        return chance / chance.sum(axis=1, keepdims=True)

    def at(self, corners: np.ndarray, bary: np.ndarray, chance: np.ndarray | None = None) -> np.ndarray:
        """(N, 3) float32 colours of such points, whose `chance_at` is `chance`, if that is known already."""
        chance = self.chance_at(corners, bary) if chance is None else chance
        result = np.zeros((len(corners), 3), np.float32)
        for k in range(chance.shape[1]):
            used = np.flatnonzero(chance[:, k] > 1e-3)
            tone = interpolated(self.tones[:, k], corners[used], bary[used])
            result[used] += chance[used, k : k + 1] * tone
        return result


def material_centres(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(K, 3) of the materials: k-means of `_shadeless` colours; near groups are joined, small ones left out."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.cluster.vq import kmeans2

    seen = np.flatnonzero(known > known.max() / 2)
    lab = _shadeless(colours[seen])
    count = min(GROUPS, len(np.unique(lab.round(), axis=0)))
    centres, group = kmeans2(lab, count, iter=30, minit="++", seed=SEED)
    joined = np.zeros(1, int)
    if count > 1:
        joined = fcluster(linkage(centres, "average"), APART, "distance") - 1
    member = np.eye(joined.max() + 1)[joined[group]] * known[seen, None]
    share = member.sum(axis=0)
    return (member.T @ lab / np.maximum(share, 1e-9)[:, None])[share >= LEAST_SHARE * share.sum()]


def material_of(colours: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(N,) the number of the material to which each of (N, 3) sRGB colours in [0, 1] belongs."""
    lab = _shadeless(colours)
    return np.stack([((lab - centre) ** 2).sum(axis=1) for centre in centres]).argmin(axis=0)


def _shadeless(colours: np.ndarray) -> np.ndarray:
    """(V, 3) float64 CIELAB of (V, 3) sRGB colours, whose chroma is as at a lightness of 50.

    a and b grow with L + 16 as the light does; so light and shadow change the lightness alone, which counts less.
    """
    from skimage.color import rgb2lab

    lab = rgb2lab(np.clip(colours, 0, 1)).astype(np.float64)
    lab[:, 1:] *= 66 / (np.maximum(lab[:, :1], DARKEST) + 16)
    return lab * (LIGHTNESS, 1, 1)


def _far(vertices: np.ndarray, values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(V, C) what (V, C) values, known as far as (V,) says, are likely to be far away from there.

    Half their mean at the same height, for things are painted in bands and lit from above, and half that of all.
    """
    height = vertices[:, 2]
    levels = np.linspace(height.min(), height.max(), BANDS)
    width = max((levels[1] - levels[0]) * 1.5, 1e-9)
    weight = known[:, None] * np.exp(-(((height[:, None] - levels) / width) ** 2))  # (V, bands)
    mean = known @ values / max(float(known.sum()), 1e-9)
    bands = (weight.T @ values + 1e-3 * mean) / (weight.sum(axis=0)[:, None] + 1e-3)
    at_height = np.stack([np.interp(height, levels, band) for band in bands.T], axis=1)
    return (at_height + mean) / 2
