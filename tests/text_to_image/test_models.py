"""Which text-to-image model: what is fetched of it, what is whole, under which licence."""

from __future__ import annotations

import shutil

import pytest

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models import hub
from img2mesh.text_to_image import models

MODEL = {
    "README.md": 2000,
    "model_index.json": 500,
    "sd.ckpt": 4_000_000_000,
    "unet/config.json": 700,
    "unet/diffusion_pytorch_model.safetensors": 3_400_000_000,
    "unet/diffusion_pytorch_model.fp16.safetensors": 1_700_000_000,
    "unet/diffusion_pytorch_model.non_ema.safetensors": 3_400_000_000,
    "unet/diffusion_pytorch_model.bin": 3_400_000_000,
    "vae/config.json": 500,
    "vae/diffusion_pytorch_model.safetensors": 330_000_000,
    "text_encoder/config.json": 500,
    "text_encoder/model.safetensors.index.json": 9000,
    "text_encoder/model-00001-of-00002.safetensors": 300_000_000,
    "text_encoder/model-00002-of-00002.safetensors": 200_000_000,
    "tokenizer/merges.txt": 500_000,
    "tokenizer/vocab.json": 1_000_000,
    "scheduler/scheduler_config.json": 300,
}


def put(cache, repo, folder):
    """A model in the cache, as the Hub's client leaves it."""
    return shutil.copytree(folder, cache / f"models--{repo.replace('/', '--')}" / "snapshots" / "abc")


def test_of_each_part_one_kind_of_weights_is_fetched():
    chosen = models.choose_files(MODEL)
    left = {path for path in MODEL if path not in chosen}
    assert left == {
        "sd.ckpt",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/diffusion_pytorch_model.bin",
    }
    for wrong in ({"README.md": 1}, {"model_index.json": 1, "unet/diffusion_pytorch_model.bin": 2}):
        with pytest.raises(Img2MeshError, match="The repository holds no"):
            models.choose_files(wrong)


def test_size_and_licence_come_before_the_bytes(cache, tiny_text, monkeypatch):
    events = []

    def fetch(repo, allow_patterns):
        events.append("fetch")
        return put(cache, repo, tiny_text)

    monkeypatch.setattr(hub, "_sizes", lambda repo: MODEL)
    monkeypatch.setattr(hub, "licence", lambda repo: "apache-2.0")
    monkeypatch.setattr(hub, "_check_space", lambda *_: None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    progress = Progress()
    progress.note = events.append
    folder, entry = models.find(models.DEFAULT, False, progress)
    assert events[1:] == ["fetch"] and entry.licence == "CreativeML OpenRAIL-M" and entry.commercial
    assert "2.5 GB" in events[0] and "CreativeML OpenRAIL-M" in events[0] and "sell" in events[0]
    assert models.find(models.DEFAULT, True, progress) == (folder, entry) and len(events) == 2
    _, other = models.find("someone/draws", False, progress)
    assert "apache-2.0" in events[2] and events[3:] == ["fetch"]
    assert other.licence == "mit"  # its README is the nearer witness


def test_offline_is_honoured(cache, monkeypatch):
    monkeypatch.setattr(hub, "_sizes", lambda repo: pytest.fail("asked the network"))
    monkeypatch.setattr(hub, "licence", lambda repo: pytest.fail("asked the network"))
    for name in (models.DEFAULT, "someone/draws"):
        with pytest.raises(
            Img2MeshError, match=r"switched off: run once without --offline, or give --text-model"
        ):
            models.find(name, True, Progress())


def test_no_network_is_one_sentence(cache, monkeypatch):
    def fail(repo):
        raise ConnectionError("name resolution failed\nsecond line")

    monkeypatch.setattr(hub, "_sizes", fail)
    with pytest.raises(Img2MeshError, match=r"name resolution failed; give --text-model a folder[^\n]*$"):
        models.find(models.DEFAULT, False, Progress())


@pytest.mark.parametrize("name", ["", "nothing", "../a/b", "https://example.org/a", "/no/such/folder"])
def test_names_that_mean_nothing(cache, name):
    with pytest.raises(Img2MeshError, match="text-to-image"):
        models.find(name, True, Progress())


def test_what_is_not_whole_is_no_model(cache, tiny_text, tmp_path):
    folder = put(cache, models.STANDARD.repo, tiny_text)
    assert models.find_cached(models.STANDARD) == folder
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    assert models.find_cached(models.STANDARD) is None
    weights.unlink()
    with pytest.raises(Img2MeshError, match="no weights as safetensors"):
        models.check_folder(folder)
    weights.write_bytes(whole)
    index = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "diffusion_pytorch_model-00002-of-00002.safetensors"}}')
    with pytest.raises(Img2MeshError, match="half a download"):
        models.check_folder(folder)
    index.unlink()
    shutil.rmtree(folder / "vae")
    with pytest.raises(Img2MeshError, match="vae/ is missing"):
        models.check_folder(folder)
    with pytest.raises(Img2MeshError, match=r"no readable model_index\.json"):
        models.check_folder(tmp_path)


def test_a_folder_says_its_licence(tiny_text, tmp_path):
    assert models.find(str(tiny_text), True, Progress())[1].licence == "mit"
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: flux-dev\n---\nlicense: mit\n")
    assert models.licence_in(tmp_path) == "flux-dev"
    (tmp_path / "README.md").write_text("license: mit\n")
    assert models.licence_in(tmp_path) == ""
