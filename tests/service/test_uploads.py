import pytest

from img2mesh.service import Limits
from img2mesh.service.limits import NotAPhoto, TooLarge
from img2mesh.service.uploads import check_bytes, check_photo
from tests.service.hostile import JPEG, PNG, UPLOADS, picture, png

LIMITS = Limits()


@pytest.mark.parametrize("name", UPLOADS)
def test_hostile_uploads_are_refused_with_a_sentence(name):
    with pytest.raises((NotAPhoto, TooLarge)) as refused:
        check_photo(UPLOADS[name][2], LIMITS)
    text = str(refused.value)
    assert text[0].isupper() and text.endswith(".") and "\n" not in text and len(text) < 300
    assert "Traceback" not in text and "/" not in text.replace("40000 x 40000", "")


def test_there_are_fifty():
    assert len(UPLOADS) >= 50


@pytest.mark.parametrize(
    "kind,suffix", [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp"), ("TIFF", ".tif"), ("BMP", ".bmp")]
)
def test_photos_are_known_by_their_content(kind, suffix):
    assert check_photo(picture(kind), LIMITS) == suffix


def test_nothing_is_decoded_before_its_size_is_known(monkeypatch):
    monkeypatch.setattr("img2mesh.segment.read.read_photo", lambda *a: pytest.fail("decoded"))
    with pytest.raises(TooLarge, match="too many pixels"):
        check_photo(png(40_000, 40_000), LIMITS)
    with pytest.raises(TooLarge, match="9000 x 9000 pixels"):
        check_photo(png(9000, 9000), LIMITS)
    with pytest.raises(TooLarge, match=r"more than 0\.001 MB"):
        check_photo(PNG + bytes(2000), Limits(photo_bytes=1000))


def test_what_cameras_add_to_photos_is_no_other_format():
    xmp = b'http://ns.adobe.com/xap/1.0/\x00<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
    told = JPEG[:2] + b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp + JPEG[2:]
    assert check_bytes(told, LIMITS) == ".jpg"
    assert (
        check_bytes(JPEG + b"\x00\x00\x00\x18ftypmp42" + bytes(900), LIMITS) == ".jpg"
    )  # a motion photo's film
