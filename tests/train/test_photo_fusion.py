import numpy as np
import pytest
import torch

from img2mesh.core.camera import DISTANCE, FOV_DEG
from img2mesh.photos.evidence import CELLS
from img2mesh.train.photo_fusion import TOP, chosen_views, fit, sample, scores


@pytest.fixture(scope="module")
def record():
    """A slab, 0.8 x 0.4 x 0.3, from four sides: outlines as boxes of the right size, guesses that know nothing."""
    axis = (np.arange(64) + 0.5) / 64 - 0.5
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    solid = (np.abs(x) < 0.4) & (np.abs(y) < 0.2) & (np.abs(z) < 0.15)
    points = np.stack([x, y, z], -1)[solid]
    masks, cameras = [], []
    for azimuth in np.radians([40.0, 220.0, 130.0, -50.0]):
        right, back = (
            np.array([-np.sin(azimuth), np.cos(azimuth), 0]),
            np.array([np.cos(azimuth), np.sin(azimuth), 0]),
        )
        depth = 1.9 - points @ back
        focal = 0.5 / np.tan(np.radians(FOV_DEG) / 2)
        u, v = 0.5 + focal * (points @ right) / depth, 0.5 - focal * points[:, 2] / depth
        mask = np.zeros((128, 128), np.uint8)
        mask[np.floor(v * 128).astype(int), np.floor(u * 128).astype(int)] = 255
        masks.append(mask)
        cameras.append([0.0, azimuth, 1.9, focal, 0.5, 0.5])
    return {
        "masks": np.stack(masks),
        "cams": np.array(cameras, np.float32),
        "occ": np.full((4, 8, 8, 8), 120, np.uint8),
        "sides": np.array([0.0, 180.0, 90.0, -90.0]),
        "solid": solid.astype(np.uint8) * 255,
    }


def test_the_true_solid_lies_inside_of_what_the_photos_say(record):
    shares = []
    for seed in range(4):
        known, share = sample(record, np.random.default_rng(seed))
        assert known.shape == (CELLS**3, 24) and np.isfinite(known).all()
        inside, hull = share > 0.5, known[:, 0] < 0
        shares.append((inside & hull).sum() / inside.sum())
        assert 0.15 < inside.sum() ** (1 / 3) / CELLS < 0.8, "one photo leaves its depth open"
    assert np.mean(shares) > 0.9


def test_views_of_sides_are_chosen():
    azimuths = np.array([10.0, 100.0, 195.0, 290.0, 60.0, 10.0])
    elevations = np.array([10.0, 0.0, 20.0, 30.0, 70.0, 80.0])
    found = dict(chosen_views(elevations, azimuths, np.random.default_rng(0)))
    assert len(found) >= 4 and next(iter(found.values())) == 0 and TOP in found.values()
    front = next(iter(found))
    for view, side in found.items():
        if side not in (0.0, TOP):
            assert abs((azimuths[view] - azimuths[front] - side + 180) % 360 - 180) < 22
    assert chosen_views(np.full(6, 70.0), azimuths, np.random.default_rng(0)) == []


def test_a_fit_learns_more_than_the_hull_says():
    rng = np.random.default_rng(0)
    known = torch.from_numpy(rng.normal(size=(6000, 24)).astype(np.float32))
    shares = ((known[:, 0] < 0) & (known[:, 3] > 0)).float()
    net = fit(known, shares, torch.ones(6000), steps=600)
    found = scores(net, known, shares)
    assert found["network"] > 0.8 > 0.6 > found["hull"]
    assert DISTANCE == 1.6, "guesses are made for cameras there"
