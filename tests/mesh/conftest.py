import numpy as np
import pytest

from img2mesh.settings import Settings

from .analytic import Box, Combined, Sphere, mesh_of, photo_set


def octant_paint(points: np.ndarray) -> np.ndarray:
    """Red towards the photo, green to the object's left, blue upwards: a colour tells its place."""
    return np.clip(0.5 + 0.6 * points, 0, 1).astype(np.float32)


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(mesh_resolution=64, faces=2000, texture_size=256)


@pytest.fixture(scope="session")
def statue(settings):
    """A figure without symmetry: a body, a nose towards the photo (+x), an ear on its left (+y), a tall hat."""
    shape = Combined(
        Sphere(0.25),
        Sphere(0.12, (0.25, 0.0, 0.0)),
        Sphere(0.09, (0.0, 0.26, 0.05)),
        Box((0.1, 0.1, 0.45)),
        paint=octant_paint,
    )
    return mesh_of(shape, photo_set(shape), settings)
