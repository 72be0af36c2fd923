"""Views that are drawn independently, made to agree while they are drawn.

At a few steps of a sampling run the clean pictures that it predicts are explained by one coarse, coloured solid
(`views.coarse_solid`). Each is then moved towards what that solid looks like from its camera: its low frequencies,
which are what independent views disagree in, by a smooth displacement and a smooth tint, all else by a little. The run
goes on from there, so that the sampler itself makes sharp pictures of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.core.camera import orbit_camera
from img2mesh.core.images import resize_rgba
from img2mesh.models.preprocess import from_network, to_network
from img2mesh.views.chroma_key import cut_from_colour
from img2mesh.views.coarse_solid import coarse_solid, rendered

if TYPE_CHECKING:
    from img2mesh.core.camera import Camera

SIDE = 96  # pixels of the pictures that are compared
STEPS_APART = 6  # one meeting for so many steps of a run
MOST = 4  # meetings
DEAREST = 0.3  # share of a run's time that meetings may take, but for the first
LAST = 0.9  # share of a run after which views are left alone
SMOOTH = (
    0.1  # standard deviation, share of the picture, of the blur that makes displacements and tints smooth
)
FINE = 0.15  # how far all else follows, against these
PHOTO = 3.0  # the photo's say among the views


class ViewAgreement:
    """`models.sampler.Agreement` of the views that a sampler draws around a photo, which is one of them.

    Args:
        photo: (S, S, 4) uint8, straight alpha; it is never changed.
        directions: (n, 2) degrees: elevation minus the photo's, azimuth.
        elevation_deg: the photo's, or what finds it in the first predictions: called with the photo and with them,
            (S, S, 4) and (n, S, S, 4) uint8.
        distance, fov_deg: of all cameras.
        strength: in [0, 1], how far predictions move towards the solid at first; it falls to 0 over the run.
        start: share of the steps before the first meeting.

    Attributes:
        facts: for the report, one entry per meeting: the share of the steps done, the mean colour difference of
            predictions and solid in steps of 255, the root mean square displacement in shares of the picture.
    """

    def __init__(
        self,
        photo: np.ndarray,
        directions: np.ndarray,
        elevation_deg: float | Callable[[np.ndarray, np.ndarray], float],
        distance: float,
        fov_deg: float,
        strength: float,
        start: float,
    ) -> None:
        self.photo = resize_rgba(photo, SIDE, SIDE)
        self.directions = np.concatenate([[[0.0, 0.0]], directions])
        self.elevation_deg, self.distance, self.fov_deg = elevation_deg, distance, fov_deg
        self.strength, self.start = strength, start
        self.facts: list[dict[str, Any]] = []

    def steps(self, count: int, cost: float = 0.0) -> frozenset[int]:
        """`meeting_steps` from `start` on."""
        return meeting_steps(count, self.start, cost)

    def cameras(self, elevation_deg: float) -> list[Camera]:
        """Of the photo and the views, `SIDE` pixels square."""
        return [
            orbit_camera(elevation_deg + e, a, self.distance, self.fov_deg, SIDE) for e, a in self.directions
        ]

    def __call__(self, pictures: Tensor, done: float) -> Tensor:
        """What to add to the pictures (n, 3 or 4, S, S) in [-1, 1], on white, when a share of the steps is done."""
        small = F.interpolate(pictures, (SIDE, SIDE), mode="area").clamp(-1, 1)
        views = torch.cat([to_network(self.photo)[None].to(small), self._masked(small)])
        if callable(self.elevation_deg):
            self.elevation_deg = self.elevation_deg(self.photo, from_network(views[1:]))
        cameras = self.cameras(self.elevation_deg)
        say = np.ones(len(cameras))
        say[0] = PHOTO
        explained = rendered(coarse_solid(views[:, 3], cameras, say), views, cameras, say)[1:]
        views = views[1:]
        difference = float((explained - views)[:, : pictures.shape[1]].abs().mean()) * 127.5
        weight = self.strength * max(0.0, 1 - done**2)
        shift = weight * smooth_shift(views, explained, SMOOTH * SIDE)
        self.facts.append(
            {
                "done": round(done, 3),
                "colour_difference": round(difference, 2),
                "displacement": round(float(shift.square().mean().sqrt()) / SIDE, 5),
            }
        )
        moved = displaced(views, shift)
        moved[:, :3] += weight * smooth_tint(moved, explained, SMOOTH * SIDE)
        moved += weight * FINE * (explained - moved)
        change = (moved - views)[:, : pictures.shape[1]]
        return F.interpolate(change, pictures.shape[-2:], mode="bilinear", align_corners=False)

    def _masked(self, pictures: Tensor) -> Tensor:
        """(n, 4, h, w): with alpha from the distance to white where the model draws none."""
        if pictures.shape[1] == 4:
            return pictures
        cut = [cut_from_colour(picture[..., :3]) for picture in from_network(pictures)]
        alpha = torch.from_numpy(np.stack(cut)[..., 3]).to(pictures) / 127.5 - 1
        return torch.cat([pictures, alpha[:, None]], dim=1)


def meeting_steps(count: int, start: float, cost: float = 0.0) -> frozenset[int]:
    """After which of `count` denoising steps views are made to agree: evenly from `start` to `LAST`, shares of the run.

    Never after the last one, whose pictures are final; a run of one step has none. `cost` is how many steps take the
    time of one meeting: where steps are cheap there are fewer meetings.
    """
    first = math.ceil(start * count)
    affordable = MOST if cost <= 0 else max(1, int(DEAREST * count / cost))
    meetings = min(max(1, round(count / STEPS_APART)), affordable, MOST)
    chosen = np.round(np.linspace(first, max(first, math.floor(LAST * count)), meetings + 1)[:-1])
    return frozenset(int(i) for i in chosen if i < count - 1)


def smooth_shift(pictures: Tensor, like: Tensor, sigma: float) -> Tensor:
    """(n, h, w, 2) pixels by which what a picture shows lies beside its place in another: optical flow, blurred.

    Dense inverse search (Kroeger et al. 2016) on grey and alpha together, so that outlines show on any colour.

    Args:
        pictures, like: (n, 4, h, w) in [-1, 1], colour on white and alpha.
        sigma: of the blur, in pixels.
    """
    import cv2

    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    both = [(p[:, :3].mean(1) + 1 - p[:, 3]).clamp(-1, 3) * (255 / 4) + 255 / 4 for p in (like, pictures)]
    guides = [guide.round().to(torch.uint8).cpu().numpy() for guide in both]
    flows = np.stack([search.calc(a, b, None) for a, b in zip(*guides, strict=True)])
    return blurred(torch.from_numpy(flows).to(pictures).movedim(-1, 1), sigma).movedim(1, -1)


def displaced(pictures: Tensor, shift: Tensor) -> Tensor:
    """Pictures (n, C, h, w) read at places that are off by (n, h, w, 2) pixels."""
    height, width = pictures.shape[-2:]
    y, x = torch.meshgrid(*(torch.arange(side) + 0.5 for side in (height, width)), indexing="ij")
    at = torch.stack([x, y], -1).to(pictures) + shift
    at = at * 2 / torch.tensor([width, height], device=at.device) - 1
    return F.grid_sample(pictures, at, padding_mode="border", align_corners=False)


def smooth_tint(pictures: Tensor, like: Tensor, sigma: float) -> Tensor:
    """(n, 3, h, w) blurred difference of colours where both of two pictures (n, 4, h, w) show the object."""
    both = (pictures[:, 3:] + 1) * (like[:, 3:] + 1) / 4
    total = blurred((like - pictures)[:, :3] * both, sigma)
    return total / blurred(both, sigma).clamp(min=0.05) * both


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """(n, C, h, w) convolved with a Gaussian of `sigma` pixels; the border continues."""
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, device=pictures.device, dtype=pictures.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(pictures.shape[1], 1, -1)
    padded = F.pad(pictures, (reach,) * 4, mode="replicate")
    along = F.conv2d(padded, kernel[:, :, None], groups=pictures.shape[1])
    return F.conv2d(along, kernel[..., None], groups=pictures.shape[1])
