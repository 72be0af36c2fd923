"""What one view says about points of the surface: colours, and how far to trust each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from img2mesh.core.camera import Camera
from img2mesh.core.images import bounding_box
from img2mesh.core.rasterise import rasterise_view, sample_bilinear

MAX_DEPTH_SIDE = 768  # pixels of the visibility buffer
# Lengths below are in thousandths of the image's side, so that they do not depend on resolution.
ERODE = 4.0  # colours this close to the silhouette are mixtures with the background
ERODE_CLEAN = 1.0  # the same where the segment room took the background out of them already
BEYOND = (6.0, 14.0)  # outside the silhouette: trusted up to, not at all from
# Beyond the silhouette colours are continued so far: further than they or their blur are asked for.
AROUND = 40.0
NEAR_EDGE, FAR_EDGE = (1.0, 4.0), (3.0, 9.0)  # fade beside an occlusion: on the occluder, behind it
FACING = (0.04, 0.24)  # cosine between normal and viewing direction: not trusted, fully trusted
STEP = 0.02  # world units: a jump in depth that counts as occlusion


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 up to `low`, 1 from `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@dataclass(frozen=True, eq=False)
class Projector:
    """A view prepared for colouring a mesh: colours continued past the silhouette, visibility, distances.

    Attributes:
        camera: of the size of `colours`.
        colours: (H, W, 3) float32 in [0, 1].
        blurred: the same, smoothed over about 1 % of the side.
        outside: (H, W) float32, thousandths of the side to the silhouette, negative inside.
        depth_camera: the camera of the buffers below, (h, w).
        deepest: largest depth on the surface around each pixel, -infinite on the background.
        near_edge: (h, w) distance in thousandths of the side to the nearest occlusion inside the silhouette.
        behind: (h, w) depth from which a point lies behind an occluder close by.
    """

    camera: Camera
    colours: np.ndarray
    blurred: np.ndarray
    outside: np.ndarray
    depth_camera: Camera
    deepest: np.ndarray
    near_edge: np.ndarray
    behind: np.ndarray

    @classmethod
    def of(
        cls,
        rgba: np.ndarray,
        camera: Camera,
        vertices: np.ndarray,
        faces: np.ndarray,
        erode: float = ERODE,
    ) -> Projector:
        """Prepare.

        Args:
            rgba: (H, W, 4) uint8 straight alpha; may be larger than the camera's own size.
            camera: the view's camera.
            vertices, faces: the surface that will be coloured.
            erode: how wide a rim of the silhouette is not believed, thousandths of the side.
        """
        import cv2
        from scipy.ndimage import maximum_filter

        height, width = rgba.shape[:2]
        depth_side = min(MAX_DEPTH_SIDE, max(height, width))
        depth_camera = camera.resized(
            round(width * depth_side / max(height, width)), round(height * depth_side / max(height, width))
        )
        depth = rasterise_view(vertices, faces, depth_camera).depth
        colours, outside = _continued(rgba, erode)
        near_edge, behind = _occlusions(depth)
        # The largest depth of a neighbourhood: a surface seen at a slant is not taken for hidden.
        deepest = maximum_filter(np.where(np.isfinite(depth), depth, -np.inf), size=3)
        blurred = cv2.GaussianBlur(colours, (0, 0), 0.01 * max(height, width), borderType=cv2.BORDER_REFLECT)
        return cls(
            camera.resized(width, height), colours, blurred, outside, depth_camera, deepest, near_edge, behind
        )

    def visibility(
        self, points: np.ndarray, normals: np.ndarray, facing: tuple[float, float] = FACING
    ) -> np.ndarray:
        """How well the view sees points.

        Args:
            points: (N, 3) on the surface. normals: (N, 3) unit.
            facing: cosines between which trust grows from none to full.

        Returns:
            (N,) float32 in [0, 1], a smooth function: 0 where the view does not see the point.
        """
        result = np.zeros(len(points), np.float32)
        chosen, trust, row, column, at, depth = self._seen(points, normals, facing)
        height, width = self.deepest.shape
        edge = self.near_edge[row, column]
        fade = np.where(
            depth > self.behind[row, column], smoothstep(*FAR_EDGE, edge), smoothstep(*NEAR_EDGE, edge)
        )
        pixels = at * [self.camera.width / width, self.camera.height / height]
        result[chosen] = trust * fade * (1 - smoothstep(*BEYOND, sample_bilinear(self.outside, pixels)))
        return result

    def shown(
        self, points: np.ndarray, normals: np.ndarray, facing: tuple[float, float] = FACING
    ) -> np.ndarray:
        """`visibility` to the very edges of what hides things, where colours may be the other side's."""
        result = np.zeros(len(points), np.float32)
        chosen, trust, *_ = self._seen(points, normals, facing)
        result[chosen] = trust
        return result

    def _seen(
        self, points: np.ndarray, normals: np.ndarray, facing: tuple[float, float]
    ) -> tuple[np.ndarray, ...]:
        """Numbers of the points that are seen, trust by how they face the camera, row, column, pixel and depth."""
        towards = self.camera.position - points
        cosine = np.einsum("ij,ij->i", normals, towards) / np.linalg.norm(towards, axis=1)
        front = np.nonzero(cosine > facing[0])[0]
        at, depth = self.depth_camera.project(points[front])
        height, width = self.deepest.shape
        column = np.clip(at[:, 0].astype(np.int64), 0, width - 1)
        row = np.clip(at[:, 1].astype(np.int64), 0, height - 1)
        seen = (depth > 0) & (at >= 0).all(axis=1) & (at < [width, height]).all(axis=1)
        seen &= depth <= self.deepest[row, column] + 0.25 * STEP
        trust = smoothstep(*facing, cosine[front[seen]])
        return front[seen], trust, row[seen], column[seen], at[seen], depth[seen]

    def sample(self, points: np.ndarray, blurred: bool = False) -> np.ndarray:
        """(N, 3) float32 in [0, 1]: colours on the rays of (N, 3) points, seen or not; smooth ones if `blurred`."""
        return sample_bilinear(self.blurred if blurred else self.colours, self.camera.project(points)[0])


def _continued(rgba: np.ndarray, erode: float) -> tuple[np.ndarray, np.ndarray]:
    """Colours of the object's solid pixels continued over the rim and what is around it; distance to the rim."""
    unit = max(rgba.shape[:2]) / 1000
    colours = rgba[..., :3].astype(np.float32) / 255
    outside = np.full(colours.shape[:2], 1000.0, np.float32)  # the whole side
    if (rgba[..., 3] >= 128).any():
        there = _around(rgba[..., 3] >= 128, int(AROUND * unit) + 2)
        colours[there], outside[there] = _continued_in(rgba[there], colours[there], erode, unit)
    return colours, outside


def _around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the mask's box, so many pixels wider."""
    left, top, right, bottom = bounding_box(mask) or (0, 0, *mask.shape[::-1])
    return slice(max(0, top - margin), bottom + margin), slice(max(0, left - margin), right + margin)


def _continued_in(
    rgba: np.ndarray, colours: np.ndarray, erode: float, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    from scipy.ndimage import distance_transform_edt

    mask = rgba[..., 3] >= 128
    padded = np.pad(mask, 1)  # the frame's border is a silhouette too
    within = distance_transform_edt(padded)[1:-1, 1:-1]
    outside = distance_transform_edt(~mask) - within
    solid = (within > max(1.0, erode * unit)) & (rgba[..., 3] > 250)
    # Parts thinner than the eroded rim, and glassy ones, keep the colours they have.
    reach = distance_transform_edt(~solid) if solid.any() else np.full(mask.shape, np.inf)
    solid |= mask & (reach > 3 * max(1.0, erode * unit))
    nearest = distance_transform_edt(~solid, return_distances=False, return_indices=True)
    return colours[nearest[0], nearest[1]], (outside / unit).astype(np.float32)


def _occlusions(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest occlusion edge, and the depth beyond which a point lies behind the occluder."""
    from scipy.ndimage import distance_transform_edt, minimum_filter

    unit = max(depth.shape) / 1000
    near = np.where(np.isfinite(depth), 1 / depth, 0)  # linear on planes, so slants are no edges
    edge = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        one, two, three = (
            tuple(slice(k, n - 2 + k) if a == axis else slice(None) for a, n in enumerate(depth.shape))
            for k in range(3)
        )
        on = (near[one] > 0) & (near[two] > 0) & (near[three] > 0)
        edge[two] |= on & (np.abs(near[one] - 2 * near[two] + near[three]) > STEP * near[two] ** 2)
    if not edge.any():
        return np.full(depth.shape, np.inf, np.float32), np.full(depth.shape, np.inf, np.float32)
    distance = distance_transform_edt(~edge) / unit
    reach = 2 * int(np.ceil(FAR_EDGE[1] * unit)) + 1
    return distance.astype(np.float32), minimum_filter(depth, size=reach) + STEP
