"""Fetch published weights into the Hugging Face cache, after saying how much and under which licence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models.recognise import PARTS, PLUS_PARTS, POSE_FOLDERS, RECORD
from img2mesh.models.registry import Entry, find_cached
from img2mesh.models.state_dict import STORED, file_names

_PLUS_EXTRAS = ("tokenizer", "feature_extractor_vae", "feature_extractor_clip")
_SMALL = ("config.json", "vocab.json", "special_tokens_map.json")


def choose_files(sizes: dict[str, int]) -> dict[str, int]:
    """What to fetch of a repository: configurations, and per part the one weights file that would be loaded.

    Args:
        sizes: path in the repository to bytes.

    Raises:
        Img2MeshError: the repository has no model of ours in diffusers' layout.
    """
    plus = any(path.startswith("vision_encoder/") for path in sizes)
    pose = next((name for name in POSE_FOLDERS if any(path.startswith(f"{name}/") for path in sizes)), None)
    parts = PLUS_PARTS if plus else (*PARTS, pose or POSE_FOLDERS[0])
    small = (*parts, *_PLUS_EXTRAS) if plus else parts
    chosen = {
        path: size
        for path, size in sizes.items()
        if path in ("model_index.json", RECORD, "SHA256SUMS")
        or (path.endswith(_SMALL) and path.split("/")[0] in small)
    }
    for part in parts:
        if part == "scheduler":
            continue
        names = [f"{part}/{name}" for stored in STORED for name in file_names(stored)]
        found = next((name for name in names if name in sizes), None)
        if found is None:
            kind = "Zero123++" if plus else "Zero-1-to-3"
            raise Img2MeshError(f"The repository holds no {kind} model: it has no weights in {part}/.")
        chosen[found] = sizes[found]
    return chosen


def describe(entry: Entry, size: int | None = None) -> str:
    """One line for the user before anything is fetched: name, size, licence, and what follows from it."""
    gigabytes = entry.gigabytes if size is None else size / 1e9
    amount = "size unknown" if gigabytes is None else f"{gigabytes:.1f} GB"
    note = f" ({entry.note})" if entry.note else ""
    return f"{entry.name}: {amount} from {entry.repo}, licence: {entry.licence}{note}"


def download(
    entry: Entry,
    *,
    offline: bool = False,
    progress: Progress | None = None,
    confirm: Callable[[str], bool] | None = None,
) -> Path:
    """A sampler's folder in the Hugging Face cache, fetched if it is not there.

    Args:
        entry: from `registry.lookup`.
        Others: as for `fetch`, which says what is raised.
    """
    return find_cached(entry) or fetch(
        entry,
        choose_files,
        find_cached,
        offline=offline,
        missing=(
            f"The weights of {entry.name} are not in the Hugging Face cache and the network is switched off: "
            f"run `img2mesh weights download {entry.name}` with network, or use --model mini."
        ),
        instead="without network use --model mini",
        progress=progress,
        confirm=confirm,
    )


def fetch(
    entry: Entry,
    choose: Callable[[dict[str, int]], dict[str, int]],
    find: Callable[[Entry], Path | None],
    *,
    missing: str,
    instead: str,
    offline: bool = False,
    progress: Progress | None = None,
    confirm: Callable[[str], bool] | None = None,
) -> Path:
    """Fetch a model into the Hugging Face cache; goes on where a try broke off.

    Args:
        choose: of a repository's files and their sizes those that are wanted.
        find: the folder of the model if it is in the cache whole.
        missing: the sentence for those who are offline; instead: what they can do who have no network.
        offline: refuse to use the network; so does the environment's HF_HUB_OFFLINE.
        progress: told name, size and licence before the first byte.
        confirm: asked with the same line; False stops. None goes ahead.

    Raises:
        Img2MeshError: offline, no such repository, a gated one, no network, a full disk.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    progress = progress or Progress()
    if offline or constants.HF_HUB_OFFLINE:
        raise Img2MeshError(missing)
    try:
        files = choose(_sizes(entry.repo))
        line = describe(entry, sum(files.values()))
        progress.note(line)
        if confirm is not None and not confirm(line):
            raise Img2MeshError(f"{entry.name} was not downloaded.")
        _check_space(Path(constants.HF_HUB_CACHE), sum(files.values()))
        with progress.stage("download"):
            folder = Path(snapshot_download(entry.repo, allow_patterns=sorted(files)))
    except GatedRepoError:
        raise Img2MeshError(
            f"{entry.repo} wants its licence accepted first: do so on its page at the Hub, then log in with "
            "`hf auth login`."
        ) from None
    except RepositoryNotFoundError:
        raise Img2MeshError(f"There is no repository {entry.repo} on the Hub, or it is private.") from None
    except HfHubHTTPError as error:
        raise Img2MeshError(f"The Hub did not give {entry.repo}: {_first_line(error)}.") from None
    except _network_errors() as error:
        raise Img2MeshError(f"Cannot download {entry.repo}: {_first_line(error)}; {instead}.") from None
    if find(entry) is None:
        raise Img2MeshError(f"{entry.repo} was fetched into {folder}, but is no whole model.")
    return folder


def licence(repo: str) -> str:
    """What a repository's page says of its licence; empty where it says nothing or does not answer."""
    from huggingface_hub import HfApi

    try:
        card = HfApi().model_info(repo, timeout=20).card_data
    except _network_errors():
        return ""
    return str(getattr(card, "license_name", None) or getattr(card, "license", None) or "")


def _network_errors() -> tuple[type[Exception], ...]:
    """What a missing network raises: it depends on the library through which the Hub's client speaks, and the
    client's own error for bad answers descends from that library's."""
    from huggingface_hub.errors import HfHubHTTPError

    return OSError, *(
        kind for kind in HfHubHTTPError.__mro__ if kind not in (Exception, BaseException, object)
    )


def _sizes(repo: str) -> dict[str, int]:
    from huggingface_hub import HfApi

    info = HfApi().model_info(repo, files_metadata=True, timeout=20)
    return {item.rfilename: item.size or 0 for item in info.siblings or ()}


def _check_space(cache: Path, size: int) -> None:
    existing = next((path for path in (cache, *cache.parents) if path.exists()), None)
    if existing is not None and shutil.disk_usage(existing).free < size * 1.02:
        raise Img2MeshError(
            f"{size / 1e9:.1f} GB do not fit onto the disk of {cache}: set HF_HOME to a folder with more room."
        )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".")[:200] if lines else type(error).__name__
