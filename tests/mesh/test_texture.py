import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from img2mesh.core.camera import orbit_camera
from img2mesh.core.frustum import Body
from img2mesh.core.rasterise import rasterise_atlas
from img2mesh.core.symmetry_plane import Mirror
from img2mesh.core.view import Source, View, ViewSet
from img2mesh.mesh.extract import extract_surface
from img2mesh.mesh.laplacian import spread
from img2mesh.mesh.seam_levelling import seam_offsets, vertex_shares
from img2mesh.mesh.texture import PALETTE
from img2mesh.mesh.texture_sources import least_overlap, mirrored_view, without_highlights
from img2mesh.mesh.view_selection import label_faces
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


def test_given_values_hold_where_trusted_and_fade_away():
    vertices, faces = extract_surface(Sphere(), 48)
    weight = (vertices[:, 0] > 0).astype(np.float32)
    smooth = spread(vertices, faces, np.full_like(vertices, 0.1), weight, 0.12)
    assert np.abs(smooth[vertices[:, 0] > 0.15] - 0.1).max() < 0.01
    assert np.abs(smooth[vertices[:, 0] < -0.4]).max() < 0.02
    edge = smooth[np.abs(vertices[:, 0]) < 0.02]
    assert (edge > 0.04).all() and (edge < 0.1).all()


def halves(points):
    """Red on the object's right, blue on its left, darker below."""
    sides = np.where(points[:, 1:2] < 0, [0.8, 0.1, 0.1], [0.1, 0.1, 0.8])
    return sides * (1 + 0.4 * points[:, 2:])


def mirrored_set(shape, azimuth_deg=0.0, plane=None):
    """A photo, views that show nothing but grey, and the plane that a network named."""
    photo = photo_of(shape, elevation_deg=15)
    blur = np.full((256, 256, 4), 128, np.uint8)
    blurred = [View(blur, orbit_camera(15, azimuth), Source.DRAWN, 0.5) for azimuth in (90, 180, 270)]
    body = None if plane is None else Body(np.zeros((2, 2, 2), np.float32), photo.camera, 0.7, plane)
    return ViewSet((photo, *blurred), body=body)


def seen_from(mesh, azimuth):
    return render_mesh(mesh, orbit_camera(15, azimuth))[..., :3].astype(int)


def test_the_mirrored_photo_colours_the_far_side_of_a_symmetric_thing(settings):
    """The plane swaps front and back: from behind, red is on the right, and the same texels say so."""
    shape = Sphere(paint=halves)
    mesh = mesh_of(shape, mirrored_set(shape, plane=Mirror(0.0, 0.0)), settings)
    render = seen_from(mesh, 180)
    assert np.abs(render[128, 90] - [26, 26, 204]).max() < 25
    assert np.abs(render[128, 166] - [204, 26, 26]).max() < 25
    shares = mesh.facts["sources"]
    assert shares["mirrored photo"] > 0.2 and shares["photo"] > 0.25
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    colours, counts = np.unique(mesh.sources.reshape(-1, 3), axis=0, return_counts=True)
    known = {tuple(PALETTE[name]) for name in shares}
    assert {tuple(c) for c in colours[counts > 20]} <= known


def test_a_plane_that_the_outline_contradicts_is_no_mirror(settings):
    """Half a ball has no mirror image across that plane."""
    shape = Combined(Sphere(0.3), Sphere(0.2, (0.0, 0.3, 0.2)), paint=halves)
    wrong = Mirror(np.radians(90), 0.0)
    mesh = mesh_of(shape, mirrored_set(shape, plane=wrong), settings)
    assert "mirrored photo" not in mesh.facts["sources"] and mesh.facts["mirror_overlap"] < 0.9


def test_what_nothing_shows_is_filled_with_the_colours_beside_it(settings):
    """Views without an outline say nothing: the fill goes on from the photo along level lines, and is never grey."""
    shape = Sphere(paint=lambda p: np.where(p[:, 2:] > 0, [0.8, 0.2, 0.1], [0.1, 0.3, 0.7]))
    mesh = mesh_of(shape, mirrored_set(shape), settings)
    assert set(mesh.facts["sources"]) == {"photo", "fill"}
    render = seen_from(mesh, 180)
    assert render[80, 128, 0] > 2 * render[80, 128, 2]
    assert render[190, 128, 2] > render[190, 128, 0] + 20
    inside = render.min(axis=-1) < 250
    assert (np.ptp(render[inside], axis=-1) > 20).mean() > 0.9


def test_the_photos_texels_are_the_photos(settings):
    """Whatever lies beside them, pixels that the photo sees squarely come back unchanged."""
    shape = Sphere(paint=halves)
    views = mirrored_set(shape, plane=Mirror(0.0, 0.0))
    mesh = mesh_of(shape, views, settings.replace(texture_size=1024))
    photo = views.photo
    render = render_mesh(mesh, photo.camera, supersample=4)
    middle = binary_erosion(photo.rgba[..., 3] > 0, iterations=20)
    assert psnr(render, _on_white(photo.rgba), middle) > 34


def test_the_front_is_the_photo_up_to_what_hides_a_part(settings):
    """A red ball before a striped one: the stripes go on to the red ball's outline where nothing else is known."""
    near, far = Sphere(0.14, (0.4, 0, 0)), Sphere(0.3, (-0.2, 0, 0))

    def paint(points):
        stripes = np.where(np.sin(60 * points[:, 1:2]) > 0, [0.1, 0.1, 0.8], [0.8, 0.8, 0.1])
        red = (near.distance(points) < far.distance(points))[:, None]
        return np.where(red, [0.8, 0.1, 0.1], stripes).astype(np.float32)

    shape = Combined(near, far, paint=paint)
    views = mirrored_set(shape)
    mesh = mesh_of(shape, views, settings.replace(texture_size=1024))
    photo = views.photo
    render = render_mesh(mesh, photo.camera, supersample=4)
    red = (photo.rgba[..., 0] > 150) & (photo.rgba[..., 1] < 80) & (photo.rgba[..., 3] > 250)
    beside = binary_dilation(red, iterations=6) & ~binary_dilation(red, iterations=2)
    assert beside.sum() > 200
    assert psnr(render, _on_white(photo.rgba), beside) > 30


def test_labels_are_even_where_seams_cost_more_than_they_gain():
    """A row of faces, of which one likes the other label a little better."""
    cost = np.tile([0.2, 0.5], (9, 1))
    cost[4] = [0.5, 0.2]
    pairs = np.stack([np.arange(8), np.arange(1, 9)], axis=1)
    assert (label_faces(cost, pairs, np.full(8, 0.3)) == 0).all()
    assert (label_faces(cost, pairs, np.full(8, 0.05)) == (np.arange(9) == 4)).all()
    cost[4] = [np.inf, 0.2]
    assert (label_faces(cost, pairs, np.full(8, 9.0)) == 1).all()


def test_offsets_take_the_step_out_of_a_seam_and_leave_the_photo_alone():
    vertices, faces = extract_surface(Sphere(), 32)
    labels = (vertices[faces].mean(axis=1)[:, 0] < 0).astype(int)
    shares = vertex_shares(faces, labels, len(vertices), 2)
    colours = np.zeros((len(vertices), 2, 3))
    colours[:, 1] = [0.1, -0.05, 0.0]
    offsets = seam_offsets(faces, shares, colours, np.ones((len(vertices), 2)), 0)
    assert np.abs(offsets[:, 0]).max() < 1e-4
    seam = (shares > 0).all(axis=1)
    assert np.abs(offsets[seam, 1] + [0.1, -0.05, 0.0]).max() < 0.01


def test_between_photos_an_exposure_is_levelled_and_content_is_not():
    """What is black in one photo is not to be brightened by the white that lies beside it in the other."""
    vertices, faces = extract_surface(Sphere(), 24)
    labels = (vertices[faces].mean(axis=1)[:, 0] > 0).astype(np.int64)
    shares = vertex_shares(faces, labels, len(vertices), 2)
    seam, seen = (shares > 0).all(axis=1), np.ones((len(vertices), 2))
    found = {}
    for step in (0.05, 0.7):
        colours = np.zeros((len(vertices), 2, 3))
        colours[:, 1] = step
        photos = np.array([True, True])
        found[step] = seam_offsets(faces, shares, colours, seen, 0, photos)[seam, 1].mean()
    assert found[0.05] == pytest.approx(-0.05, abs=0.01)
    assert abs(found[0.7]) < 0.06


@pytest.mark.parametrize(
    ("off", "across", "least"),
    [(0, 0.4, 0.7), (30, 0.4, 0.7), (-30, 0.4, 0.7), (45, 0.4, 0.9), (90, 0.4, 0.9), (0, 0.55, 0.9)],
)
def test_backs_of_things_seen_from_the_side_need_less_of_an_outline(off, across, least):
    photo = View(np.zeros((8, 8, 4), np.uint8), orbit_camera(25.0, 40.0, size=8), Source.PHOTO)
    expected = np.full(24, across, np.float32)
    expected[round(off / 7.5) % 24] = 0.56
    mirror = Mirror(float(np.radians(40.0 + off)), 0.0)
    body = Body(np.zeros((4, 4, 4), np.float32), photo.camera, 0.7, mirror, expected)
    assert least_overlap(photo, body) == least


def test_highlights_are_not_mirrored():
    picture = np.full((256, 256, 4), 255, np.uint8)
    picture[..., :3] = [120, 40, 40]
    picture[100:104, 60:64, :3] = 255
    clean = without_highlights(picture)
    assert np.abs(clean[..., :3].astype(int) - [120, 40, 40]).max() < 10
    white = np.full((64, 64, 4), 255, np.uint8)
    assert np.array_equal(without_highlights(white), white)


def test_a_mirrored_view_sees_mirror_images(settings):
    """Any point and its image fall on the same colours."""
    shape = Sphere(paint=halves)
    photo, plane = photo_of(shape, elevation_deg=15), Mirror(0.6, 0.1)
    image = mirrored_view(photo, plane)
    points = np.random.default_rng(0).uniform(-0.3, 0.3, (50, 3))
    own, depth = photo.camera.project(points)
    other, image_depth = image.camera.project(plane.reflected(points))
    assert np.allclose(other, [photo.camera.width, 0] + own * [-1, 1]) and np.allclose(depth, image_depth)
    assert np.linalg.det(image.camera.c2w[:3, :3]) == pytest.approx(1)


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
