"""`weights`: what is fetched, said and checked. The network is played by a table of files."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models import hub as downloads
from img2mesh.models import load_model
from img2mesh.models.checksums import write_checksums
from img2mesh.models.hub import choose_files, describe, download
from img2mesh.models.registry import KNOWN, find_cached, lookup
from img2mesh.models.verify import verify
from tests.models.manifest import NARROW, random_state, whole
from tests.models.tiny_plus import make_tiny_plus


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty Hugging Face cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return tmp_path / "hub"


def put(cache, repo, folder):
    """Place a model folder into the cache as a finished download."""
    home = cache / f"models--{repo.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("abc")
    return shutil.copytree(folder, home / "snapshots" / "abc")


def sizes_of(folder):
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}


def test_known_names_and_hub_names():
    plus = {"zero123plus-v1.1", "zero123plus-v1.2"}
    old = {"zero123-105000", "zero123-165000", "zero123-xl", "stable-zero123"}
    assert old | plus == {e.name for e in KNOWN}
    assert lookup("zero123plus") == lookup("zero123plus-v1.2") == lookup("sudo-ai/zero123plus-v1.2")
    assert lookup("zero123plus").licence == "CC-BY-NC-4.0" and lookup("zero123plus").commercial is False
    stable = lookup("stable-zero123")
    assert stable.variant == "stable" and stable.commercial is False
    assert "non-commercial" in describe(stable) and "GB" in describe(stable)
    assert lookup("ashawkey/stable-zero123-diffusers").variant == "stable"
    assert lookup("bennyguo/zero123-xl-diffusers").variant == "auto", "a name says nothing about the kind"
    assert lookup("no such thing") is None and lookup("../x") is None and lookup("a/b/c") is None


def test_only_the_preferred_weights_are_fetched(tiny_full):
    sizes = sizes_of(tiny_full)
    sizes["unet/diffusion_pytorch_model.fp16_ema.safetensors"] = 1
    sizes["unet/diffusion_pytorch_model.fp16.safetensors"] = 2
    sizes["safety_checker/model.safetensors"] = 3
    sizes["unet/diffusion_pytorch_model.bin"] = 4
    chosen = choose_files(sizes)
    assert "unet/diffusion_pytorch_model.fp16_ema.safetensors" in chosen
    weights = [name for name in chosen if name.endswith((".safetensors", ".bin"))]
    assert len(weights) == 4 and "scheduler/scheduler_config.json" in chosen
    with pytest.raises(Img2MeshError, match="vae/"):
        choose_files({name: size for name, size in sizes.items() if not name.startswith("vae/")})


def test_what_is_fetched_of_a_zero123plus_repository(tmp_path):
    folder = make_tiny_plus(tmp_path / "plus")
    chosen = choose_files({**sizes_of(folder), "tokenizer/merges.txt": 1, "comfy.png": 9})
    assert set(chosen) == set(sizes_of(folder))
    with pytest.raises(Img2MeshError, match=r"Zero123\+\+ model: it has no weights in text_encoder/"):
        choose_files({n: s for n, s in sizes_of(folder).items() if "text_encoder/model" not in n})


def test_zero123plus_by_name_from_the_cache(cache, tmp_path):
    folder = make_tiny_plus(tmp_path / "plus")
    (folder / "img2mesh.json").unlink()
    for version in ("v1.1", "v1.2"):
        put(cache, f"sudo-ai/zero123plus-{version}", folder)
        model = load_model(f"zero123plus-{version}", device="cpu", offline=True)
        assert model.variant == version and model.name == f"zero123plus-{version}"
        assert model.licence == lookup(model.name).licence
    assert load_model("zero123plus", device="cpu", offline=True).variant == "v1.2"
    home = cache / "models--sudo-ai--zero123plus-v1.2" / "snapshots" / "abc"
    verdict = verify(home)
    assert verdict.tensors > 100 and verdict.variant == "v1.2"
    shutil.rmtree(home / "vision_encoder")
    assert find_cached(lookup("zero123plus")) is None


def test_size_and_licence_come_before_the_bytes(cache, tiny_full, monkeypatch):
    events = []

    def fetch(repo, allow_patterns):
        events.append(("fetch", repo))
        return put(cache, repo, tiny_full)

    monkeypatch.setattr(downloads, "_sizes", lambda repo: sizes_of(tiny_full))
    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    progress = Progress()
    progress.note = lambda text: events.append(("note", text))
    entry = lookup("stable-zero123")
    with pytest.raises(Img2MeshError, match="not downloaded"):
        download(entry, progress=progress, confirm=lambda line: False)
    assert [kind for kind, _ in events] == ["note"]
    events.clear()
    folder = download(entry, progress=progress)
    assert [kind for kind, _ in events] == ["note", "fetch"] and "non-commercial" in events[0][1]
    assert find_cached(entry) == folder
    assert download(entry, offline=True, progress=progress) == folder
    assert len(events) == 2, "a cached model is not asked for again"
    model = load_model("stable-zero123", device="cpu", offline=True)
    assert model.variant == "stable" and "non-commercial" in model.licence


def test_offline_is_honoured(cache, monkeypatch):
    monkeypatch.setattr(downloads, "_sizes", lambda repo: pytest.fail("asked the network"))
    with pytest.raises(Img2MeshError, match="switched off"):
        load_model("zero123-xl", device="cpu", offline=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Img2MeshError, match="switched off"):
        load_model("someone/zero123-thing", device="cpu")


def test_half_a_download_is_not_taken_for_a_model(cache, tiny_full):
    folder = put(cache, "kxic/zero123-xl", tiny_full)
    entry = lookup("zero123-xl")
    assert find_cached(entry) == folder
    path = next((folder / "unet").glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:50])
    assert find_cached(entry) is None


def _no_route() -> Exception:
    """As the library says it that the Hub's client speaks through; in newer versions it is no OSError."""
    import importlib

    from huggingface_hub.errors import HfHubHTTPError

    names = [kind.__module__.split(".")[0] for kind in HfHubHTTPError.__mro__[1:]]
    module = importlib.import_module(next(n for n in names if n.startswith(("httpx", "requests"))))
    kind = getattr(module, "ConnectError", None) or module.ConnectionError
    return kind("name resolution failed\nsecond line")


@pytest.mark.parametrize("library", [False, True])
def test_network_failures_are_one_sentence(cache, monkeypatch, library):
    error = _no_route() if library else ConnectionError("name resolution failed\nsecond line")

    def fail(repo):
        raise error

    monkeypatch.setattr(downloads, "_sizes", fail)
    with pytest.raises(Img2MeshError, match="name resolution failed; without network") as caught:
        download(lookup("zero123-xl"))
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(downloads, "_sizes", lambda repo: {"README.md": 1})
    with pytest.raises(Img2MeshError, match="no Zero-1-to-3 model"):
        download(lookup("owner/other"))


def test_a_full_disk_is_noticed_before(cache, tiny_full, monkeypatch):
    monkeypatch.setattr(downloads, "_sizes", lambda repo: {n: 10**15 for n in sizes_of(tiny_full)})
    with pytest.raises(Img2MeshError, match="do not fit"):
        download(lookup("zero123-xl"))


def test_verify_finds_flipped_bits_and_bad_numbers(tiny_full, tmp_path):
    folder = shutil.copytree(tiny_full, tmp_path / "model")
    write_checksums(folder)
    verdict = verify(folder)
    assert verdict.checksums == 4 and verdict.tensors > 100 and verdict.variant == "original"
    path = next((folder / "vae").glob("*.safetensors"))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Img2MeshError, match="SHA-256"):
        verify(folder)
    state = load_file(path)
    key = next(iter(state))
    save_file({**state, key: torch.full_like(state[key], float("nan"))}, path)
    with pytest.raises(Img2MeshError, match="not finite"):
        verify(folder)


def test_verify_a_checkpoint(tmp_path):
    path = tmp_path / "stable_zero123.ckpt"
    torch.save({"state_dict": random_state(whole(**NARROW))}, path)
    verdict = verify(path)
    assert (verdict.kind, verdict.weights, verdict.variant) == ("checkpoint", "EMA", "stable")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10  # inside some storage, very likely still a finite number
    path.write_bytes(bytes(data))
    with pytest.raises(Img2MeshError, match="damaged"):
        verify(path)
