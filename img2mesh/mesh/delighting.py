"""Delighting: light and shadow that depend on the surface's direction, taken out of the colours of photos.

A photo's texture is lit already; an engine lights it again, and the far side, which is filled with materials, is not
lit at all. Diffuse light from afar is a smooth function of the normal, nine spherical harmonics of it (Ramamoorthi and
Hanrahan 2001, "An Efficient Representation for Irradiance Environment Maps"), and each material has one albedo; so the
logarithm of a pixel's light is the sum of the two, found by robust least squares. Cast shadows and highlights are none
of its business.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from img2mesh.core.rasterise import rasterise_view
from img2mesh.core.srgb import to_linear, to_srgb
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh.material_fill import material_centres, material_of
from img2mesh.mesh.textured_mesh import unit_vectors, vertex_normals

SIDE = 192  # pixels of the picture on which light is looked for
STRAIGHT = 0.35  # least cosine between normal and line of sight of pixels that tell of the light
SOFT = 0.02  # of the side: deviation of the blur of normals, for the mesh's are rough
RIDGE = 0.02  # of the harmonics' weights, per pixel
ROUNDS, OUTLIER = 5, 0.15  # of reweighting; logarithm of light off by which a pixel counts half
MOST = 0.7  # logarithm of a gain, at most
LUMA = np.array([0.2126, 0.7152, 0.0722])
DARKEST = 0.004  # of linear light, below which its logarithm is noise


def delit(views: ViewSet, vertices: np.ndarray, faces: np.ndarray, share: float) -> ViewSet:
    """The views with `share`, in [0, 1], of the shading of the photo and of given views removed, each by itself.

    Args:
        vertices, faces: the surface, (V, 3) and (F, 3), at which they look.
    """
    if share <= 0:
        return views
    found = []
    for view in views.views:
        if view.source is not Source.DRAWN:  # a sampler's are not under one light
            gain = share * shading(view, vertices, faces)
            full = None if view.full is None else _lit(view.full, gain)
            view = dataclasses.replace(view, rgba=_lit(view.rgba, gain), full=full)
        found.append(view)
    return dataclasses.replace(views, views=tuple(found))


def shading(view: View, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) float32, natural logarithm of the factor that makes each pixel's light that of the mean pixel.

    0 where the surface is not seen, or where it shows too little to tell the light from the paint.
    """
    from scipy.ndimage import gaussian_filter

    small = view.resized(SIDE)
    fragments = rasterise_view(vertices, faces, small.camera)
    shown = fragments.hit & (small.mask > 0.9)
    normals = np.zeros((SIDE, SIDE, 3))
    normals[fragments.hit] = fragments.interpolate(vertex_normals(vertices, faces), faces)
    blur = SOFT * SIDE
    normals = unit_vectors(gaussian_filter(normals, (blur, blur, 0)).reshape(-1, 3)).reshape(normals.shape)
    ahead = (normals[shown] @ small.camera.c2w[:3, 2]) > STRAIGHT
    if ahead.sum() < SIDE:
        return np.zeros((SIDE, SIDE), np.float32)
    basis = _harmonics(normals[shown] @ small.camera.c2w[:3, :3])  # as the camera sees them
    colours = small.rgba[shown][:, :3] / 255.0
    light = np.log(np.maximum(to_linear(colours) @ LUMA, DARKEST))
    paint = material_of(colours, material_centres(colours, ahead.astype(float)))
    weights = _fitted(basis[ahead], light[ahead], paint[ahead])
    found = basis @ weights
    gain = np.zeros((SIDE, SIDE), np.float32)
    gain[shown] = MOST * np.tanh((found[ahead].mean() - found) / MOST)
    known = gaussian_filter(shown.astype(np.float32), blur)
    return np.where(known > 1e-3, gaussian_filter(gain, blur) / np.maximum(known, 1e-3), 0).astype(np.float32)


def _fitted(basis: np.ndarray, light: np.ndarray, paint: np.ndarray) -> np.ndarray:
    """(8,) weights of the harmonics in the light of (N,) pixels, beside one level for each paint (N,)."""
    levels = np.eye(paint.max() + 1)[paint]
    unknown = np.column_stack([basis, levels])
    ridge = np.diag([RIDGE * len(light)] * basis.shape[1] + [1e-6] * levels.shape[1])
    weight = np.ones(len(light))
    for _ in range(ROUNDS):
        system = unknown.T @ (weight[:, None] * unknown) + ridge
        found = np.linalg.solve(system, unknown.T @ (weight * light))
        weight = 1 / (1 + ((light - unknown @ found) / OUTLIER) ** 2)
    return found[: basis.shape[1]]


def _harmonics(normals: np.ndarray) -> np.ndarray:
    """(N, 8) real spherical harmonics of degrees 1 and 2, unscaled, of unit vectors (N, 3)."""
    x, y, z = normals.T
    return np.stack([x, y, z, x * y, y * z, z * x, x * x - y * y, 3 * z * z - 1], axis=1)


def _lit(rgba: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 under another light: `gain` is the logarithm of its change, over the whole picture."""
    import cv2

    factor = np.exp(cv2.resize(gain, rgba.shape[1::-1], interpolation=cv2.INTER_CUBIC))[..., None]
    srgb = to_srgb(to_linear(rgba[..., :3] / 255.0) * factor)
    return np.dstack([(srgb * 255 + 0.5).astype(np.uint8), rgba[..., 3]])
