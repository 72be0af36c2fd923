import numpy as np
import pytest
from trimesh.triangles import cross

from img2mesh.core.rasterise import rasterise_view
from img2mesh.mesh.extract import extract_surface
from img2mesh.mesh.silhouette import fit_silhouette, missed

from .analytic import Sphere, Torus, photo_of


def _iou(vertices, faces, photo):
    wanted = photo.full[..., 3] > 127
    own = rasterise_view(vertices, faces, photo.camera.resized(*wanted.shape[::-1])).hit
    return (wanted & own).sum() / (wanted | own).sum()


@pytest.mark.parametrize("radius", [0.435, 0.465])
def test_outline_meets_the_photos(radius):
    photo = photo_of(Sphere(0.45))
    vertices, faces = extract_surface(Sphere(radius), 64)
    moved = fit_silhouette(vertices, faces, photo)
    assert _iou(vertices, faces, photo) < 0.95
    assert _iou(moved, faces, photo) > 0.99
    assert (np.einsum("ij,ij->i", cross(vertices[faces]), cross(moved[faces])) > 0).all()  # no folds


def test_inner_outlines_move_too():
    photo = photo_of(Torus(0.34, 0.14), elevation_deg=60)
    vertices, faces = extract_surface(Torus(0.34, 0.13), 64)
    assert _iou(fit_silhouette(vertices, faces, photo), faces, photo) > 0.985


def test_a_perfect_outline_stays():
    photo = photo_of(Sphere(0.45))
    vertices, faces = extract_surface(Sphere(0.45), 96)
    assert np.abs(fit_silhouette(vertices, faces, photo) - vertices).max() < 0.003


def test_a_different_opinion_is_left_alone():
    photo = photo_of(Sphere(0.45))
    vertices, faces = extract_surface(Sphere(0.3), 48)
    assert np.abs(fit_silhouette(vertices, faces, photo) - vertices).max() < 1e-6


def test_what_the_surface_misses_of_the_photo():
    photo = photo_of(Sphere(0.45))
    whole = extract_surface(Sphere(0.447), 64)
    assert missed(*whole, photo) == 0, "a rim of a pixel is no part"
    vertices, faces = whole
    upper = faces[(vertices[faces][..., 2] > 0).all(axis=1)]
    assert 0.2 < missed(vertices, upper, photo) < 0.5
