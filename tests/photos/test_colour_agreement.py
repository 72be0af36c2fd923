import numpy as np
import pytest

from img2mesh.photos.colour_agreement import chroma_histogram, strange


def painted(colour, gain=1.0, seed=0):
    """A disc of a colour with some texture, exposed."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:128, :128] - 63.5
    rgba = np.zeros((128, 128, 4), np.uint8)
    rgba[..., :3] = np.clip((np.array(colour) + rng.normal(0, 6, (128, 128, 1))) * gain, 0, 255)
    rgba[..., 3] = 255 * (u**2 + v**2 < 50**2)
    return rgba


def test_a_photo_of_other_colours_is_strange():
    red = [painted((200, 60, 50), gain, seed) for seed, gain in enumerate((1.0, 0.85, 1.15))]
    assert strange(red) == [], "whatever the exposure"
    assert strange([*red, painted((60, 90, 200))]) == [3]


def test_one_side_of_another_colour_is_strange_two_are_not():
    assert strange([painted((200, 60, 50)), painted((60, 90, 200)), painted((200, 60, 50), 0.9, 1)]) == [1]
    assert (
        strange(
            [painted((200, 60, 50)), painted((60, 90, 200)), painted((200, 60, 50)), painted((60, 90, 200))]
        )
        == []
    )


def test_a_histogram_is_of_the_object_alone():
    histogram = chroma_histogram(painted((200, 60, 50)))
    assert histogram.sum() == pytest.approx(1) and histogram.shape == (20, 20)
    assert chroma_histogram(np.zeros((16, 16, 4), np.uint8)).sum() == 0
