import json

import pytest

from img2mesh.errors import Img2MeshError
from img2mesh.service.requests import ALLOWED, schema, settings_of
from img2mesh.settings import Settings

SERVER = Settings.load("draft", offline=True, device="cpu")


def test_wishes_become_settings_and_the_server_keeps_its_own():
    wishes = {"preset": "standard", "height": "12cm", "for": "print", "seed": 3}
    made = settings_of(json.dumps(wishes), SERVER)
    assert (made.preset, made.height, made.purpose, made.seed) == ("standard", "12cm", "print", 3)
    assert made.offline and made.device == "cpu"
    assert made.base == "flat"  # what the purpose brings
    assert settings_of(None, SERVER) == settings_of({}, SERVER) == settings_of("", SERVER)
    assert settings_of("", SERVER).preset == "draft"


@pytest.mark.parametrize(
    "wishes",
    [
        "{",
        "[]",
        "3",
        "[" * 100_000,
        '{"model": "/etc/passwd"}',
        '{"device": "cuda"}',
        '{"offline": false}',
        '{"config": "x"}',
        '{"preset": "best"}',
        '{"preset": ["draft"]}',
        '{"views": 100000}',
        '{"views": 65}',
        '{"views": "many"}',
        '{"texture_size": 8192}',
        '{"texture_size": true}',
        '{"height": "12 parsecs"}',
        '{"height": {"a": 1}}',
        '{"segmenter": "../../model"}',
        '{"segmenter": "birefnet-general"}',
        '{"box": "1,2"}',
        '{"box": "' + "1" * 100 + '"}',
        '{"faces": NaN}',
        '{"faces": 1e400}',
        '{"seed": null}',
        '{"\\u0000": 1}',
    ],
)
def test_other_wishes_are_refused_with_a_sentence(wishes):
    with pytest.raises(Img2MeshError) as refused:
        settings_of(wishes, SERVER)
    assert str(refused.value).endswith(".") and len(str(refused.value)) < 500


def test_the_schema_says_what_is_allowed():
    properties = schema()["properties"]
    assert set(properties) == {"preset", *ALLOWED}
    assert properties["views"] == {
        "type": "integer", "description": "number of views to synthesize", "minimum": 4, "maximum": 64,
    }  # fmt: skip
    assert "model" not in properties and properties["for"]["enum"][0] == "none"
    json.dumps(schema())
