"""Batches for the occupancy network: pictures, and what lies behind their pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2mesh.core.files import atomic_file
from img2mesh.models.occupancy import CELLS, COLOURS, PLANES, SIZE, covered
from img2mesh.models.preprocess import to_network
from img2mesh.train.augment_appearance import other_surfaces
from img2mesh.train.augment_shape import draw_strains, no_strains
from img2mesh.train.dataset import RenderSet
from img2mesh.train.distributed import Workers
from img2mesh.train.frustum import pixel_rays, reach, spans
from img2mesh.train.image_cache import Variation
from img2mesh.train.latent_cache import is_mirrored
from img2mesh.train.mask_edges import jitter_outlines
from img2mesh.train.pairs import INPUT_ELEVATIONS, between
from img2mesh.train.solids import Solid
from img2mesh.train.surface_colours import surface_colours
from img2mesh.train.symmetry_labels import mirror_overlaps, seen_overlaps

VARIANTS = 2**31  # 2 s + 1 is 2 s mirrored; every s > 0 is another recolouring
PRINTED = 0.5  # share of strained batches' pictures that may get other surfaces; they teach no colours
FILLED = 0.25  # share of a cell from which it belongs to the solid whose surface is coloured


@dataclass(frozen=True, eq=False)
class Batch:
    """B samples.

    Attributes:
        pictures: (B, 4, SIZE, SIZE) in [-1, 1], colour on white and alpha.
        angles: (B, 3) elevation, azimuth (radians) and distance of their cameras.
        inside: (B, CELLS, CELLS, CELLS) share of the cells inside, depth first.
        colours: (B, 3, COLOURS, CELLS, CELLS) of surfaces, in [0, 1]; coloured: (B, COLOURS, CELLS, CELLS) 1 where
            they are known, else 0.
        overlaps: (B, PLANES) with mirror images, in [0, 1].
        strained: (B,) bool, so that the angles and overlaps are no longer the object's own.
        shaped: (B,) bool, whether the solid is known.
    """

    pictures: Tensor
    angles: Tensor
    inside: Tensor
    colours: Tensor
    coloured: Tensor
    overlaps: Tensor
    strained: Tensor
    shaped: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(*(part.to(device) for part in self.parts()))

    def split(self, size: int) -> list[Batch]:
        """Batches of at most `size` samples."""
        return [Batch(*group) for group in zip(*(part.split(size) for part in self.parts()), strict=True)]

    def parts(self) -> list[Tensor]:
        """All tensors, in order."""
        return [getattr(self, name) for name in self.__dataclass_fields__]


class FrustumSampler:
    """Draws objects, views and variations; the batch of a step depends on the seed and the step only.

    Args:
        data: the objects.
        count: samples per batch.
        folder: parent of the cache of colours on disk.
        evenly: draw all objects equally often, whatever their weights.
        varied: share of pictures whose objects are strained (`train.augment_shape`); above 0, surfaces and outlines
            vary too.
        agreement: solids whose silhouettes agree less with the renders count as unknown.
        shaped_only: never draw objects of unknown solids.
    """

    def __init__(
        self,
        data: RenderSet,
        count: int,
        seed: int,
        folder: Path,
        evenly: bool = False,
        varied: float = 0.0,
        agreement: float = 0.75,
        shaped_only: bool = False,
    ) -> None:
        self.data, self.count, self.seed = data, count, seed
        self.varied, self.agreement = varied, agreement
        self.folder = Path(folder) / "colours"
        self.folder.mkdir(parents=True, exist_ok=True)
        odds = np.ones(len(data)) if evenly else data.probabilities()
        if shaped_only:
            known = np.array([self._solid(k)[1] for k in range(len(data))])
            odds = odds * known if known.any() else odds
        self.probabilities = odds / odds.sum()
        self._overlaps: dict[int, np.ndarray] = {}

    def batch(self, step: int, workers: Workers) -> Batch:
        """The batch of a step."""
        rng = np.random.default_rng(workers.seed(self.seed, 9, step))
        items = rng.choice(len(self.data), size=self.count, p=self.probabilities)
        views = np.array([self._view(rng, item) for item in items])
        variants = rng.integers(VARIANTS, size=self.count)
        mirrored = torch.tensor([is_mirrored(int(v)) for v in variants])
        seen_from = [self.data.objects[i].angles[v] for i, v in zip(items, views, strict=True)]
        angles = torch.from_numpy(np.stack(seen_from))
        variation = Variation(variants)
        pictures = variation(self._pictures(items, views).numpy())
        read = [self._solid(int(item)) for item in items]
        solids = [torch.from_numpy(solid.share) for solid, _ in read]
        shaped = torch.tensor([known for _, known in read])
        strains, printed = no_strains(self.count), np.zeros(self.count, bool)
        if self.varied:
            sides = np.concatenate([spans(solid[None], angles[k : k + 1]) for k, solid in enumerate(solids)])
            strains = draw_strains(rng, self.varied, sides, reach(pictures))
            pictures = strains.pictures(pictures)
            printed = rng.random(self.count) < PRINTED
            pictures[printed] = other_surfaces(rng, pictures[printed])
            pictures = jitter_outlines(rng, pictures)
        places, rays, depths = pixel_rays(angles, mirrored, strains=strains)
        inside = torch.zeros(self.count, CELLS, CELLS, CELLS)
        colours = torch.zeros(self.count, 3, COLOURS, CELLS, CELLS)
        coloured = torch.zeros(self.count, COLOURS, CELLS, CELLS)
        for k, (solid, window) in enumerate(zip(solids, _windows(pictures), strict=True)):
            points = places[k] + rays[k][window] * depths[k][:, None, None, None]
            # grid_sample takes the last axis first
            grid = points.flip(-1)[None] * 2
            rows, columns = window
            inside[k, :, rows, columns] = F.grid_sample(solid[None, None], grid, align_corners=False)[0, 0]
            if not printed[k]:
                colour, known = self._colours(int(items[k]), points, solid.shape[0])
                colours[k, :, :, rows, columns] = torch.einsum("ij,jdhw->idhw", variation.changes[k], colour)
                coloured[k, :, rows, columns] = known
        overlaps = np.stack([self._symmetry(int(i), s) for i, s in zip(items, solids, strict=True)])
        seen = seen_overlaps(overlaps, angles[:, 1].numpy(), mirrored.numpy())
        return Batch(
            pictures,
            angles,
            inside,
            colours,
            coloured,
            torch.from_numpy(seen),
            ~strains.none,
            shaped,
        )

    def _pictures(self, items: np.ndarray, views: np.ndarray) -> Tensor:
        """(B, 4, SIZE, SIZE) in [-1, 1], colour on white and alpha."""
        found = [to_network(self.data.read(int(i), int(v))) for i, v in zip(items, views, strict=True)]
        same = [
            x
            if x.shape[-1] == SIZE
            else F.interpolate(x[None], (SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True)[0]
            for x in found
        ]
        return torch.stack(same)

    def _view(self, rng: np.random.Generator, item: int) -> int:
        elevations = self.data.objects[item].angles[:, 0]
        usual = np.flatnonzero(between(elevations, INPUT_ELEVATIONS))
        return int(rng.choice(usual if len(usual) else len(elevations)))

    def _solid(self, item: int) -> tuple[Solid, bool]:
        """An object's solid, and whether it is to be believed."""
        solid = self.data.solid(item)
        if solid is None:
            return Solid(np.zeros((CELLS,) * 3, np.float32)), False
        return solid, solid.agreement >= self.agreement

    def _symmetry(self, item: int, solid: Tensor) -> np.ndarray:
        if item not in self._overlaps:
            finer = F.avg_pool3d(solid[None, None], 2)[0, 0]
            self._overlaps[item] = mirror_overlaps(finer, np.arange(PLANES) * np.pi / PLANES)
        return self._overlaps[item]

    def coloured_cells(self, item: int) -> tuple[np.ndarray, np.ndarray]:
        """`surface_colours` of an object, made when first asked for."""
        thing = self.data.objects[item]
        solid = self._solid(item)[0].share > FILLED
        path = self.folder / f"{thing.id}-{len(solid)}.npz"
        if path.is_file():
            held = np.load(path)
            return held["cells"], held["colours"]
        pictures = [self.data.read(item, view) for view in range(len(thing.places))]
        cells, colours = surface_colours(solid, pictures, thing.angles)
        stream = io.BytesIO()
        np.savez(stream, cells=cells, colours=colours)
        with atomic_file(path) as temporary:
            temporary.write_bytes(stream.getvalue())
        return cells, colours

    def _colours(self, item: int, points: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Of surface cells at points (D, H, W, 3): (3, COLOURS, H, W) mean colour in [0, 1], and where it is known."""
        cells, colours = self.coloured_cells(item)
        table = np.zeros((side**3, 4), np.uint8)
        table[cells, :3], table[cells, 3] = colours, 1
        place = ((points + 0.5) * side).floor().int()
        within = ((place >= 0) & (place < side)).all(-1)
        flat = (place[..., 0] * side + place[..., 1]) * side + place[..., 2]
        flat = torch.where(within, flat, 0).long()
        found = torch.from_numpy(table).view(torch.int32)[:, 0][flat]
        found = torch.where(within, found, 0).contiguous().view(torch.uint8)
        depth, height, width = points.shape[:3]
        found = found.view(COLOURS, depth // COLOURS, height, width, 4).sum(1, dtype=torch.int32).float()
        count = found[..., 3]
        mean = found[..., :3] / (255 * count.clamp_min(1)[..., None])
        return mean.permute(3, 0, 1, 2), (count > 0).float()


def _windows(pictures: Tensor) -> list[tuple[slice, slice]]:
    """For each picture the rows and columns of cells that hold all that it shows."""
    windows = []
    for shown in covered(pictures)[:, 0] > 0:
        ends = [torch.nonzero(shown.any(axis))[:, 0] for axis in (1, 0)]
        rows, columns = (slice(int(e[0]), int(e[-1]) + 1) if len(e) else slice(0, 1) for e in ends)
        windows.append((rows, columns))
    return windows


class MixedSampler:
    """Batches of several samplers, one after the other in every batch."""

    def __init__(self, samplers: list[FrustumSampler]) -> None:
        self.samplers = samplers

    def batch(self, step: int, workers: Workers) -> Batch:
        """As `FrustumSampler.batch`."""
        batches = [sampler.batch(step, workers).parts() for sampler in self.samplers]
        return Batch(*(torch.cat(same) for same in zip(*batches, strict=True)))
