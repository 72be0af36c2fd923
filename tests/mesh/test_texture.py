import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from img2mesh.core.camera import orbit_camera
from img2mesh.core.rasterise import rasterise_atlas
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh.exposure import colour_correction, spread_residual
from img2mesh.mesh.extract import extract_surface
from img2mesh.preview.raster import render_mesh

from .analytic import Combined, Sphere, Torus, checker, mesh_of, photo_of, photo_set, picture, psnr

SIZE = 256  # of the tests' textures


@pytest.mark.parametrize("shape", [Sphere(), Torus()], ids=["sphere", "torus"])
def test_front_matches_the_photo(shape, settings):
    views = photo_set(shape, elevation_deg=35)
    mesh = mesh_of(shape, views, settings.replace(texture_size=512))
    photo = views.photo
    for reference in (photo.rgba, photo.full):
        size = len(reference)
        render = render_mesh(mesh, photo.camera.resized(size, size))
        assert psnr(render, _on_white(reference), reference[..., 3] >= 128) > 30


def _on_white(rgba):
    alpha = rgba[..., 3:] / 255
    return (rgba[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)


def test_unseen_sides_have_the_fields_colours(settings):
    shape = Sphere()
    mesh = mesh_of(shape, photo_set(shape, elevation_deg=0), settings)
    positions = np.zeros((SIZE, SIZE, 3))
    atlas = rasterise_atlas(mesh.uv, mesh.faces, SIZE, SIZE)
    points = atlas.interpolate(mesh.vertices, mesh.faces)
    positions[atlas.hit] = points
    back = atlas.hit & (positions[..., 0] < -0.1)
    wanted = checker(0.45 * positions[back] / np.linalg.norm(positions[back], axis=1, keepdims=True))
    assert np.abs(mesh.texture[back] / 255 - wanted).mean() < 0.02


def test_whole_atlas_is_filled(settings, statue):
    atlas = rasterise_atlas(statue.uv, statue.faces, SIZE, SIZE)
    assert not atlas.hit.all()
    # The paint lies between 0.2 and 0.8 everywhere, so black and white could only be empty texels.
    shape = Sphere()
    texture = mesh_of(shape, photo_set(shape), settings).texture
    assert texture.min() > 40 and texture.max() < 215


def test_no_background_bleeds_in(settings):
    """A photo whose transparent pixels are glaring, and whose rim is mixed with them."""
    shape = Sphere(paint=lambda p: np.full((len(p), 3), [0.2, 0.3, 0.4]))
    photo = photo_of(shape)
    rgba = photo.full.copy()
    rgba[rgba[..., 3] == 0, :3] = [255, 0, 255]
    rim = (rgba[..., 3] > 0) & ~binary_erosion(rgba[..., 3] > 0, iterations=2)
    rgba[rim, :3] = [150, 40, 180]
    camera = photo.camera.resized(rgba.shape[1], rgba.shape[0])
    views = ViewSet((View(rgba, camera, Source.PHOTO, 4.0),))
    texture = mesh_of(shape, views, settings).texture.astype(int)
    assert np.abs(texture - [51, 77, 102]).max() < 12


def test_a_hidden_surface_does_not_get_the_occluders_colour(settings):
    """A red ball before a blue one: no red on the blue, also close to the red ball's outline."""
    near, far = Sphere(0.14, (0.4, 0, 0)), Sphere(0.3, (-0.2, 0, 0))

    def paint(points):
        red = (near.distance(points) < far.distance(points))[:, None]
        return np.where(red, [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]).astype(np.float32)

    shape = Combined(near, far, paint=paint)
    mesh = mesh_of(shape, photo_set(shape, elevation_deg=0), settings)
    atlas = rasterise_atlas(mesh.uv, mesh.faces, SIZE, SIZE)
    points = np.zeros((SIZE, SIZE, 3))
    points[atlas.hit] = atlas.interpolate(mesh.vertices, mesh.faces)
    on_far = atlas.hit & (np.abs(far.distance(points.reshape(-1, 3)).reshape(SIZE, SIZE)) < 0.01)
    reddish = mesh.texture[on_far][:, 0] > 80
    assert reddish.mean() < 0.002


def test_exposure_continues_from_the_photo(settings):
    """The field is darker than the photo; the back takes over the photo's exposure."""
    bright = Sphere(paint=lambda p: np.clip(1.2 * checker(p), 0, 1))
    views = photo_set(bright, elevation_deg=0)
    mesh = mesh_of(Sphere(), views, settings)
    camera = views.photo.camera
    for azimuth in (60, 90, 120, 180):
        side = orbit_camera(0, azimuth, size=camera.width)
        wanted = picture(bright, side)
        inside = wanted[..., 3] > 0
        render = render_mesh(mesh, side)
        assert abs(render[inside][:, :3].mean() / wanted[inside][:, :3].mean() - 1) < 0.03


def test_generated_views_sharpen_the_field(settings):
    """A field that lacks the fine pattern of the views: the texture has it on all sides."""
    blurred = Torus()
    shape = Torus(paint=lambda p: checker(p) + 0.12 * np.sin(70 * p[:, 1:2]))
    cameras = [orbit_camera(20, azimuth) for azimuth in (90, 180, 270)]
    given = [View(picture(shape, camera), camera, Source.DRAWN, 1.0) for camera in cameras]
    views = ViewSet((photo_of(shape), *given))
    target, camera = given[1].rgba, cameras[1]
    inside = target[..., 3] > 0
    scores = []
    for given in (views, photo_set(shape)):
        render = render_mesh(mesh_of(blurred, given, settings), camera, None)
        scores.append(psnr(render, target, inside & (render[..., 3] > 250)))
    assert scores[0] > 27 and scores[0] > scores[1] + 3


def test_correction_is_robust_and_identity_without_evidence():
    rng = np.random.default_rng(0)
    source = rng.uniform(0.2, 0.8, (500, 3))
    target = source * [1.1, 0.95, 1.0] + [0.02, 0.0, -0.03]
    target[:60] = 1.0  # a highlight that the source lacks
    matrix = colour_correction(source, target, np.ones(500))
    assert np.allclose(np.diag(matrix[:3]), [1.1, 0.95, 1.0], atol=0.04)
    few = colour_correction(source, target, np.zeros(500))
    assert np.array_equal(few, np.concatenate([np.eye(3), np.zeros((1, 3))]))


def test_residual_holds_where_trusted_and_fades_away():
    vertices, faces = extract_surface(Sphere(), 48)
    weight = (vertices[:, 0] > 0).astype(np.float32)
    spread = spread_residual(vertices, faces, np.full_like(vertices, 0.1), weight)
    assert np.abs(spread[vertices[:, 0] > 0.15] - 0.1).max() < 0.01
    assert np.abs(spread[vertices[:, 0] < -0.4]).max() < 0.02
    edge = spread[np.abs(vertices[:, 0]) < 0.02]
    assert (edge > 0.04).all() and (edge < 0.1).all()


def test_the_back_is_the_front_where_generated_views_are_a_blur(settings):
    """The field learned grey from views without an outline; the photo is red on the left and blue on the right."""

    def halves(points):
        return np.where(points[:, 1:2] < 0, [0.8, 0.1, 0.1], [0.1, 0.1, 0.8])

    shape = Sphere(paint=halves)
    photo = photo_of(shape)
    blur = np.full((256, 256, 4), 128, np.uint8)
    blurred = [View(blur, orbit_camera(15, azimuth), Source.DRAWN, 0.5) for azimuth in (90, 180, 270)]
    grey = Sphere(paint=lambda points: np.full((len(points), 3), 0.5))
    mesh = mesh_of(grey, ViewSet((photo, *blurred)), settings)
    back = orbit_camera(15, 180)
    render = render_mesh(mesh, back)[..., :3].astype(int)
    left, right = render[128, 90], render[128, 166]  # from behind, red is on the right
    assert np.abs(left - [26, 26, 204]).max() < 12
    assert np.abs(right - [204, 26, 26]).max() < 12


def test_texels_are_asked_for_on_the_fields_surface(settings):
    """A field that is magenta a hundredth off its surface, a mesh so coarse that its faces lie further inside."""
    sphere = Sphere()

    def skin(points):
        on = np.abs(sphere.distance(points))[:, None] < 0.004
        return np.where(on, [0.3, 0.6, 0.4], [1.0, 0.0, 1.0]).astype(np.float32)

    shape = Sphere(paint=skin)
    mesh = mesh_of(shape, ViewSet(()), settings.replace(faces=300))
    centres = mesh.vertices[mesh.faces].mean(axis=1)
    assert sphere.distance(centres).min() < -0.008
    assert (np.abs(mesh.texture.astype(int) - [77, 153, 102]).max(axis=-1) > 2).mean() < 1e-3
