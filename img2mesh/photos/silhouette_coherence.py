"""Where photos of one object were taken from, so that one solid can have all of their silhouettes.

Every ray inside a silhouette meets the object, so it must run, somewhere, inside the cones of all other silhouettes.
By how far it misses them is what wrong cameras cost (Hernandez, Schmitt and Cipolla 2007, "Silhouette coherence for
camera calibration under circular motion"). Silhouettes alone leave much open: what the user told, what the occupancy
network says of each elevation, and where it sees the solid behind each photo hold the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.core.adam import Adam, Group
from img2mesh.core.camera import DISTANCE, FOV_DEG, Camera
from img2mesh.core.visual_hull import mask_distance

SIDE = 128  # pixels of the silhouettes that are compared
RIM, INNER = 160, 60  # rays of each photo through its outline, and inside of it
MANY = 7  # photos beyond which each is held against so many others only, by fewer rays
DEPTHS = 40  # along each ray
REACH = 0.62  # world units from the object's middle to the first and last depth
STEPS = 150
RATE = 0.06  # of Adam, in units of `UNITS`; falls linearly
MISS = 0.01  # world units: a ray that misses by more counts less and less
WITHIN = 0.3  # weight of the network's solids lying within the other photos' cones
SPREAD = 0.05  # world units by which such points may lie outside
SAMPLES = 600  # points of each solid
PRIOR = 0.02  # weight of what was told, per squared standard deviation
# Of each photo: elevation and azimuth (radians), logarithm of the size, shift right and down (sides), logarithm of the
# distance. Standard deviations of what people tell and do, and steps of the search.
TOLD = (0.14, 0.12, 0.15, 0.04, 0.04, 0.25)
UNITS = (0.15, 0.15, 0.1, 0.04, 0.04, 0.15)
GIVEN = 0.03  # radians: standard deviation of an elevation that the user gave
LEAST_DEVIATION = 0.1  # radians: of the network's elevation, at least
FOCAL = 0.5 / float(np.tan(np.radians(FOV_DEG) / 2))  # in sides of the picture, before the size is known


@dataclass(frozen=True, eq=False)
class Look:
    """What is known of one photo before its camera is found.

    Attributes:
        mask: (S, S) float32 alpha in [0, 1], the object in the middle.
        azimuth, elevation: radians, as told or guessed.
        deviation: standard deviation of the elevation, radians.
        occupancy: (D, H, W) chance of being inside as `models.occupancy.Guess` has it, or None.
        half: of the guess, world units.
    """

    mask: np.ndarray
    azimuth: float
    elevation: float
    deviation: float
    occupancy: np.ndarray | None = None
    half: float = 0.0


@dataclass(frozen=True, eq=False)
class Placed:
    """Where photos were taken from, in the first one's frame.

    Attributes:
        parameters: (V, 6) float64 as `TOLD` lists them.
        misses: (V,) by how far the rays of each photo miss the others' cones on average, world units.
    """

    parameters: np.ndarray
    misses: np.ndarray

    def camera(self, index: int, side: int = 256) -> Camera:
        """The camera of a photo, its picture `side` pixels wide."""
        elevation, azimuth, size, right, down, far = self.parameters[index]
        turn = _turns(torch.tensor([elevation]), torch.tensor([azimuth]))[0].double().numpy()
        c2w = np.eye(4)
        c2w[:3, :3], c2w[:3, 3] = turn, turn[:, 2] * DISTANCE * np.exp(far)
        focal = FOCAL * np.exp(size + far) * side
        return Camera(c2w, focal, focal, (0.5 + right) * side, (0.5 + down) * side, side, side)

    def unit(self, index: int) -> float:
        """World units per unit of the frame in which the network sees a photo."""
        return float(np.exp(-self.parameters[index, 2]))


def place(looks: Sequence[Look], steps: int = STEPS) -> Placed:
    """The cameras of photos of one object; the first one's azimuth, size and place in the picture are given by it.

    Photos from far above or below are tried in all four quarter turns. Deterministic.

    Args:
        looks: at least two.
    """
    start = np.array([[look.elevation, look.azimuth, 0, 0, 0, 0] for look in looks])
    overhead = [k for k, look in enumerate(looks) if abs(look.elevation) > 1.05 and k]
    problem = Problem(looks)
    for k in overhead:
        others = [j for j in range(len(looks)) if j == k or j not in overhead]
        part = Problem([looks[j] for j in others])
        tried = []
        for quarter in range(4):
            begin = start[others].copy()
            begin[others.index(k), 1] += quarter * np.pi / 2
            tried.append(part.solved(begin, steps // 3))
        best = min(range(4), key=lambda q: float(tried[q].misses.mean()))
        start[k, 1] += best * np.pi / 2
    return problem.solved(start, steps)


def without(looks: Sequence[Look], left_out: int, steps: int = STEPS) -> Placed:
    """`place` of all photos but one."""
    return place([look for k, look in enumerate(looks) if k != left_out], steps)


class Problem:
    """Rays, cones and solids of some photos."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self.looks = list(looks)
        rng = np.random.default_rng(0)
        count, share = len(looks), 1 if len(looks) <= MANY else 3
        everyone = list(range(count))
        spaced = [[(i + round(k * count / MANY)) % count for k in range(MANY)] for i in everyone]
        self.partners = [everyone] * count if count <= MANY else spaced
        self.distances: list[Tensor] = []
        self.pixels: list[Tensor] = []
        self.inside: list[Tensor | None] = []
        for look in looks:
            distance = mask_distance(_reduced(look.mask))
            self.distances.append(torch.from_numpy(distance / SIDE)[None, None])
            self.pixels.append(torch.from_numpy(_picked(_reduced(look.mask), distance, rng, share)).float())
            self.inside.append(_solid_points(look, rng))

    def solved(self, start: np.ndarray, steps: int, shared: np.ndarray | None = None) -> Placed:
        """The cameras from a first guess (V, 6) of their parameters.

        Args:
            shared: (V, 6) how much of one change, common to all photos, each parameter takes; None: each photo has
                changes of its own, the first one's frame being the world's.
        """
        begin = torch.from_numpy(start).float()
        deviation = torch.tensor(TOLD).repeat(len(begin), 1)
        deviation[:, 0] = torch.tensor([max(look.deviation, GIVEN) for look in self.looks])
        free = torch.ones_like(begin)
        if shared is None:
            free[0, 1:5] = 0
        else:
            free = torch.from_numpy(shared).float()
        moved = torch.zeros_like(begin[:1] if shared is not None else begin, requires_grad=True)
        optimiser, units = Adam([Group([moved], lr=RATE)]), torch.tensor(UNITS)
        with torch.enable_grad():
            for step in range(steps):
                optimiser.groups[0].lr = RATE * (1 - step / steps) + RATE / 15
                change = moved * units * free
                told = ((change / deviation) ** 2).sum()
                loss = self._loss(begin + change, rough=step < steps // 2) + PRIOR * told
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        with torch.no_grad():
            found = begin + moved * units * free
            misses = [float(F.relu(miss).mean()) for miss in self.misses(found)]
        return Placed(found.detach().double().numpy(), np.array(misses))

    def _loss(self, parameters: Tensor, rough: bool) -> Tensor:
        total = torch.zeros(())
        for miss in self.misses(parameters):
            ratio = F.relu(miss) / MISS
            total = total + ((ratio**2 / (1 + ratio)) if rough else torch.log1p(ratio**2)).mean()
        cameras = _cameras(parameters)
        for i, points in enumerate(self.inside):
            if points is None:
                continue
            turn, place, focal = (part[i] for part in cameras)
            away = points[:, 2:] * torch.exp(-parameters[i, 2])
            at = place + _directions(points[:, :2], parameters[i], turn, focal) * (place.norm() + away)
            others = [j for j in self.partners[i] if j != i]
            for j in others:
                outside = F.relu(self._cone(cameras, parameters, j, at)) / SPREAD
                total = total + WITHIN / len(others) * outside.mean()
        return total

    def misses(self, parameters: Tensor) -> list[Tensor]:
        """For each photo (R,) world units by which its rays miss the common cone of the others; negative: inside."""
        cameras = _cameras(parameters)
        depth = torch.linspace(-REACH, REACH, DEPTHS)
        found = []
        for i, pixels in enumerate(self.pixels):
            turn, place, focal = (part[i] for part in cameras)
            along = _directions(pixels, parameters[i], turn, focal)[:, None]
            points = place + along * (place.norm() + depth)[None, :, None]
            cones = [self._cone(cameras, parameters, j, points) for j in self.partners[i] if j != i]
            found.append(torch.stack(cones).amax(0).amin(1))
        return found

    def _cone(
        self, cameras: tuple[Tensor, Tensor, Tensor], parameters: Tensor, j: int, points: Tensor
    ) -> Tensor:
        """(...) signed distance of (..., 3) points to a photo's cone of sight, world units."""
        turn, place, focal = (part[j] for part in cameras)
        local = (points - place) @ turn
        depth = (-local[..., 2]).clamp_min(1e-3)
        u = 0.5 + parameters[j, 3] + focal * local[..., 0] / depth
        v = 0.5 + parameters[j, 4] - focal * local[..., 1] / depth
        at = torch.stack([u, v], -1).reshape(1, 1, -1, 2) * 2 - 1
        value = F.grid_sample(self.distances[j], at, padding_mode="border", align_corners=False)
        beyond = F.relu(-u) + F.relu(u - 1) + F.relu(-v) + F.relu(v - 1)  # outside of the picture
        return (value.reshape(u.shape) + beyond) * depth / focal


def _cameras(parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(V, 3, 3) axes, (V, 3) places and (V,) focal lengths in sides."""
    turns = _turns(parameters[:, 0], parameters[:, 1])
    far = parameters[:, 5].exp()
    return turns, turns[:, :, 2] * (DISTANCE * far)[:, None], FOCAL * parameters[:, 2].exp() * far


def _turns(elevation: Tensor, azimuth: Tensor) -> Tensor:
    """(V, 3, 3) whose columns are the axes right, up and back of cameras that look at the origin."""
    ce, se, ca, sa = elevation.cos(), elevation.sin(), azimuth.cos(), azimuth.sin()
    right = torch.stack([-sa, ca, torch.zeros_like(sa)], -1)
    up = torch.stack([-se * ca, -se * sa, ce], -1)
    back = torch.stack([ce * ca, ce * sa, se], -1)
    return torch.stack([right, up, back], -1)


def _directions(pixels: Tensor, parameters: Tensor, turn: Tensor, focal: Tensor) -> Tensor:
    """(N, 3) rays through (N, 2) places in sides, of depth 1 along the viewing axis."""
    x = (pixels[:, 0] - 0.5 - parameters[3]) / focal
    y = -(pixels[:, 1] - 0.5 - parameters[4]) / focal
    return torch.stack([x, y, -torch.ones_like(x)], -1) @ turn.T


def _reduced(mask: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.resize(np.asarray(mask, np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _picked(mask: np.ndarray, distance: np.ndarray, rng: np.random.Generator, share: int) -> np.ndarray:
    """(N, 2) places of the outline and inside of it, in sides."""
    from skimage.measure import find_contours

    contours = find_contours(np.pad(mask, 1), 0.5)
    rim = np.concatenate([np.zeros((0, 2)), *contours])[:, ::-1] - 0.5
    rim = rim[rng.permutation(len(rim))[: RIM // share]]
    row, column = np.nonzero(distance < -2)
    chosen = rng.permutation(len(row))[: INNER // share]
    inner = np.stack([column[chosen], row[chosen]], axis=1) + 0.5
    return np.concatenate([rim, inner]) / SIDE


def _solid_points(look: Look, rng: np.random.Generator) -> Tensor | None:
    """(SAMPLES, 3) places in the picture, in sides, and units behind the object's middle, drawn by their chances."""
    if look.occupancy is None or not look.occupancy.sum() > 0:
        return None
    chance = look.occupancy.astype(np.float64).ravel()
    cells = rng.choice(chance.size, SAMPLES, p=chance / chance.sum())
    depth, row, column = np.unravel_index(cells, look.occupancy.shape)
    count, height, width = look.occupancy.shape
    away = ((depth + 0.5) / count * 2 - 1) * look.half
    return torch.from_numpy(np.stack([(column + 0.5) / width, (row + 0.5) / height, away], axis=1)).float()
