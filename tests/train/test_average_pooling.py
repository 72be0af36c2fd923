"""An autoencoder begun as a shrunken picture: its latents are that, its pictures are blocks of it."""

import numpy as np
import torch
import torch.nn.functional as F

from img2mesh.core.camera import orbit_camera
from img2mesh.models.preprocess import to_network
from img2mesh.train.autoencoder import build_autoencoder
from img2mesh.train.config import AutoencoderRecipe
from tests.train.conftest import ball


def test_latents_and_pictures_begin_as_the_shrunken_picture():
    torch.manual_seed(0)
    model = build_autoencoder(AutoencoderRecipe(widths=(32, 64, 96, 128), pooled=True)).eval()
    rgba = ball(orbit_camera(20, 70), np.array([[220, 40, 30], [30, 60, 200]]), 0.45)
    x = to_network(rgba[None, 64:192, 64:192])
    pooled = F.avg_pool2d(x, 8)
    with torch.no_grad():
        latent = model.encode(x).latent_dist.mode()
        picture = model.decode(latent).sample
    for k in range(4):  # a linear copy of its channel, up to offset and scale
        pair = torch.stack([latent[0, k].flatten(), pooled[0, k].flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.99
        pair = torch.stack([picture[0, k].flatten(), F.interpolate(pooled, scale_factor=8)[0, k].flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.98
    assert (picture - F.interpolate(pooled, scale_factor=8)).abs().mean() < 0.2
