import numpy as np
import pytest

from img2mesh.core.progress import Progress
from img2mesh.core.visual_hull import hull_of_views
from img2mesh.errors import Img2MeshError
from img2mesh.photos.turntable import turntable_views
from tests.photos.scene import camera, cutout


@pytest.mark.parametrize("clockwise", [True, False])
def test_a_turn_finds_its_elevation_and_direction(clockwise):
    step = 30.0 if clockwise else -30.0
    cutouts = [cutout(camera(24.0, step * k, off=7.0)) for k in range(12)]
    views = turntable_views(cutouts, None, Progress())
    found = views.facts["turntable"]
    assert found["clockwise"] is clockwise and found["photos"] == 12
    assert found["elevation_deg"] == pytest.approx(24, abs=4)
    hull = hull_of_views(views, 48)
    extent = np.ptp(np.argwhere(hull.sdf < 0), axis=0) * hull.spacing
    assert np.allclose(extent / extent.max(), [1, 0.62, 1], atol=0.1), "the box and its knob"
    assert extent.max() == pytest.approx(1, abs=0.1), "its longest side is the unit"


@pytest.mark.parametrize("count", [2, 5, 121])
def test_too_few_or_too_many_photos_are_refused(count):
    with pytest.raises(Img2MeshError, match="6 to 120 photos"):
        turntable_views([None] * count, None, Progress())
