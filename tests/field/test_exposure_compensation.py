"""Exposures explain differences between views, never a colour that all of them share."""

import torch

from img2mesh.field.exposure_compensation import ExposureCompensation


def test_a_common_tint_cannot_be_explained():
    exposure = ExposureCompensation(4)
    with torch.no_grad():
        exposure.values.normal_(generator=torch.Generator().manual_seed(0))
        exposure.values += torch.tensor([0.5, 0.0, -0.5, 0.1, 0.2, 0.3])
    colours, views = torch.full((4, 3), 0.5), torch.arange(4)
    logs = torch.log((exposure(colours, views) - exposure(torch.zeros(4, 3), views)) / colours)
    assert logs.mean(0).abs().max() < 1e-6
    assert exposure(torch.zeros(4, 3), views).mean(0).abs().max() < 1e-6


def test_differences_are_learned():
    exposure, colours = (
        ExposureCompensation(2),
        torch.rand(400, 3, generator=torch.Generator().manual_seed(1)),
    )
    views = torch.arange(400) % 2
    seen = colours * torch.where(views == 0, 1.25, 0.8)[:, None]
    optimiser = torch.optim.Adam(exposure.parameters(), lr=0.02)
    for _ in range(200):
        optimiser.zero_grad()
        ((exposure(colours, views) - seen).square().mean()).backward()
        optimiser.step()
    assert (exposure(colours, views) - seen).abs().max() < 0.02


def test_what_misses_the_object_keeps_its_background():
    exposure = ExposureCompensation(2)
    with torch.no_grad():
        exposure.values[0] = 0.3
    nothing = torch.zeros(2, 3)
    assert exposure(nothing, torch.tensor([0, 1]), torch.zeros(2, 1)).abs().max() == 0
