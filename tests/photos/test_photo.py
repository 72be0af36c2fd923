import pytest

from img2mesh.errors import Img2MeshError
from img2mesh.photos.photo import Photo, object_of, parse_photo


def test_sides_are_the_objects_own():
    assert Photo.of_side("left", "a.jpg").azimuth == 90, "its left hand is where a larger azimuth sees it"
    assert Photo.of_side("back", "a.jpg").azimuth == 180 and Photo.of_side("right", "a.jpg").azimuth == 270
    assert Photo.of_side("top", "a.jpg").overhead and Photo.of_side("bottom", "a.jpg").elevation == -90
    with pytest.raises(Img2MeshError, match="must be one of front, left"):
        Photo.of_side("inside", "a.jpg")


@pytest.mark.parametrize(
    ("text", "azimuth", "elevation"),
    [("30=a.jpg", 30, None), ("-30.5,15=a=b.jpg", -30.5, 15), (" 0 , -5 =x", 0, -5)],
)
def test_a_photos_direction_is_read(text, azimuth, elevation):
    photo = parse_photo(text)
    assert (photo.azimuth, photo.elevation) == (azimuth, elevation)
    assert str(photo.source) == text.partition("=")[2]


@pytest.mark.parametrize("text", ["a.jpg", "30", "=a.jpg", "30=", "x=a.jpg", "1,2,3=a.jpg"])
def test_anything_else_is_one_sentence(text):
    with pytest.raises(Img2MeshError, match="such as 30,15=photo"):
        parse_photo(text)


@pytest.mark.parametrize("bad", [{"azimuth": float("nan")}, {"elevation": 91.0}, {"azimuth": float("inf")}])
def test_impossible_angles_are_refused(bad):
    with pytest.raises(Img2MeshError):
        Photo("a.jpg", **bad)


def test_the_front_comes_first_and_is_where_azimuths_begin():
    top, side, front = Photo.of_side("top", "t"), Photo("s", 100.0), Photo("f", 10.0)
    ordered = object_of([top, side, front])
    assert [photo.source for photo in ordered] == ["f", "t", "s"]
    assert [photo.azimuth for photo in ordered] == [0, 350, 90]


def test_without_a_side_there_is_no_front():
    with pytest.raises(Img2MeshError, match="from the side"):
        object_of([Photo.of_side("top", "t")])
    with pytest.raises(Img2MeshError, match="same direction"):
        object_of([Photo("a"), Photo("b", 180), Photo("c", 180)])
