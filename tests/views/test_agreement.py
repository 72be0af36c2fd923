"""Views that are made to agree while they are drawn: smooth errors go, the run's other parts stay."""

import numpy as np
import pytest
import torch

from img2mesh.core.camera import orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.models.preprocess import to_network
from img2mesh.settings import Settings
from img2mesh.views.agreement import ViewAgreement, displaced, meeting_steps, smooth_shift, smooth_tint
from img2mesh.views.synthesize import generate_views
from tests.fakes import DISTANCE, FOV_DEG, FakeCutout, FakeModel, ellipsoid

DIRECTIONS = np.array([(e, a) for e in (0.0, 40.0, -50.0) for a in (50.0, 130.0, 210.0, 290.0)])
SIZE = 64


def pictures():
    """(12, 4, 64, 64): true views of the ellipsoid around a photo from 20 degrees."""
    cameras = [orbit_camera(20.0 + e, a, size=SIZE) for e, a in DIRECTIONS]
    return torch.stack([to_network(ellipsoid(camera)) for camera in cameras])


def spoilt(true):
    """Each view bent by a smooth field and tinted, in a way of its own."""
    axis = (torch.arange(SIZE) + 0.5) / SIZE * torch.pi
    wave = torch.cos(axis)[:, None] * torch.cos(axis)
    turn = torch.arange(len(true)) * 2.4
    shift = 2.0 * torch.stack([turn.cos(), turn.sin()], -1)[:, None, None] * (1 + 0.5 * wave[..., None])
    wrong = displaced(true, shift)
    tint = 0.12 * torch.stack([turn.sin(), turn.cos(), -turn.sin()], -1)[..., None, None]
    return torch.cat([wrong[:, :3] + tint * (wrong[:, 3:] + 1) / 2, wrong[:, 3:]], 1)


def agreement(strength=1.0, elevation=20.0):
    photo = ellipsoid(orbit_camera(20.0, 0.0, size=SIZE))
    return ViewAgreement(photo, DIRECTIONS, elevation, DISTANCE, FOV_DEG, strength, 0.3)


@pytest.mark.parametrize("channels", [4, 3])
def test_bent_and_tinted_views_come_nearer_to_the_truth(channels):
    true, meeting = pictures(), agreement()
    wrong, photo = spoilt(true), meeting.photo.copy()
    change = meeting(wrong[:, :channels], 0.0)
    assert change.shape == (12, channels, SIZE, SIZE)
    before, after = (
        (x - true[:, :channels]).square().mean() for x in (wrong[:, :channels], wrong[:, :channels] + change)
    )
    assert after < 0.6 * before
    np.testing.assert_array_equal(meeting.photo, photo)
    (fact,) = meeting.facts
    assert fact["colour_difference"] > 1 and 0.002 < fact["displacement"] < 0.05


def test_true_views_hardly_change_and_the_weight_falls_to_nothing():
    true = pictures()
    assert agreement()(true, 0.0).abs().mean() < 0.3 * (spoilt(true) - true).abs().mean()
    changes = [float(agreement()(spoilt(true), done).abs().mean()) for done in (0.0, 0.5, 0.8, 1.0)]
    assert changes == sorted(changes, reverse=True) and changes[-1] < 1e-6
    assert agreement(0.0)(spoilt(true), 0.0).abs().max() < 1e-5


def test_the_same_again_to_the_bit():
    wrong = spoilt(pictures())
    assert torch.equal(agreement()(wrong, 0.2), agreement()(wrong, 0.2))


def test_an_unknown_elevation_is_found_once():
    asked = []

    def find(photo, rgba):
        asked.append((photo.shape, rgba.shape, rgba.dtype))
        return 20.0

    meeting = agreement(elevation=find)
    for done in (0.3, 0.5):
        meeting(pictures(), done)
    assert asked == [((96, 96, 4), (12, 96, 96, 4), np.uint8)] and meeting.elevation_deg == 20.0


@pytest.mark.parametrize("count", range(1, 60))
def test_meetings_begin_at_the_start_and_never_follow_the_last_step(count):
    chosen = meeting_steps(count, 0.3)
    assert all(0.3 * count <= i < count - 1 for i in chosen) and len(chosen) <= 4
    assert (len(chosen) > 0) == (count >= 3)


@pytest.mark.parametrize("count", range(3, 60))
def test_where_steps_are_cheap_there_are_fewer_meetings(count):
    dear, free = meeting_steps(count, 0.3, 5.0), meeting_steps(count, 0.3)
    assert 1 <= len(dear) <= max(1, 0.3 * count / 5.0) and len(dear) <= len(free)
    assert meeting_steps(count, 0.3, 0.1) == free


def test_shifts_and_tints_are_those_that_were_made():
    true = pictures()
    shift = torch.tensor([1.5, -1.0]).expand(12, SIZE, SIZE, 2)
    moved = displaced(true, -shift)
    inside = true[:, 3] > 0
    found = smooth_shift(moved, true, 4.0)[inside]
    assert (found.mean(0) - shift[0, 0, 0]).abs().max() < 0.6
    tinted = torch.cat([true[:, :3] - 0.2 * (true[:, 3:] + 1) / 2, true[:, 3:]], 1)
    assert abs(float(smooth_tint(tinted, true, 4.0).movedim(1, -1)[inside].mean()) - 0.2) < 0.02


class Meeting(FakeModel):
    """Shows the agreement its true views, bent, once in a run of at least three steps."""

    def sample(self, image_rgba, poses, *, agreement=None, **options):
        found = super().sample(image_rgba, poses, **options)
        self.asked = agreement
        if agreement is not None:
            for i in agreement.steps(options["steps"], 0.0):
                agreement(to_network(found), i / options["steps"])
        return found


@pytest.mark.parametrize("elevation", ["25", "auto"])
def test_the_setting_reaches_the_sampler_and_the_report(elevation):
    settings = Settings(views=6, elevations=(0.0, 30.0), elevation=elevation, steps=6, consistency=0.5)
    model = Meeting(25.0)
    views = generate_views(FakeCutout(25.0), model, settings, Progress())
    assert model.asked.strength == 0.5 and model.asked.start == settings.consistency_start
    assert abs(model.asked.elevation_deg - 25.0) < 8
    assert [fact["done"] for fact in views.facts["agreement"]] == [round(2 / 6, 3)]
    generate_views(FakeCutout(25.0), model, settings.replace(consistency=0.0), Progress())
    assert model.asked is None


def test_a_run_of_one_step_says_that_nothing_agrees():
    said, progress = [], Progress()
    progress.warn = said.append
    settings = Settings(views=6, elevation="25", steps=1, consistency=0.5)
    views = generate_views(FakeCutout(25.0), Meeting(25.0), settings, progress)
    assert views.facts["agreement"] == []
    assert (
        said == views.facts["warnings"]
        and "no effect: it needs 3 denoising steps and views or more, not 1 and 6" in said[0]
    )
