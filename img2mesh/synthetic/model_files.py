"""Which models to render, and what each is called in the dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from img2mesh.errors import Img2MeshError

SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".dae")
LISTS = (".txt", ".lst")


def find_models(sources: Iterable[str | Path]) -> list[tuple[str, Path]]:
    """Ids and files of all models, sorted by id; the ids depend on names only, so every machine finds the same.

    Args:
        sources: model files, folders (searched through all levels) and text files with one path per line
            (relative ones start at the list's folder; empty lines and lines that begin with # are skipped).

    Returns:
        (id, file): below a folder the id is the relative path with `__` for `/`, for a single file its name,
        in both cases without the suffix unless two models would share the id.

    Raises:
        Img2MeshError: a source is missing or of another kind, or there is no model at all.
    """
    found: dict[Path, str] = {}
    for source in sources:
        for name, path in _expand(Path(source)):
            found.setdefault(path.resolve(), name)
    if not found:
        raise Img2MeshError(f"No models ({', '.join(SUFFIXES)}) found.")
    short = {path: _clean(name[: -len(path.suffix)]) for path, name in found.items()}
    counts: dict[str, int] = {}
    for name in short.values():
        counts[name.casefold()] = counts.get(name.casefold(), 0) + 1
    named, taken = [], set()
    for path in sorted(found, key=lambda p: (found[p], str(p))):
        name = short[path] if counts[short[path].casefold()] == 1 else _clean(found[path])
        unique, number = name, 2
        while unique.casefold() in taken:
            unique, number = f"{name}-{number}", number + 1
        taken.add(unique.casefold())
        named.append((unique, path))
    return sorted(named)


def _expand(source: Path, inside: str = "") -> list[tuple[str, Path]]:
    suffix = source.suffix.lower()
    if source.is_dir():
        files = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        relative = [(p.relative_to(source), p) for p in files]
        return [(str(r), p) for r, p in relative if not any(part.startswith(".") for part in r.parts)]
    if not source.is_file():
        raise Img2MeshError(f"No such model, folder or list: {source}{inside}.")
    if suffix in LISTS:
        if inside:
            raise Img2MeshError(f"The list{inside} names another list, {source}.")
        return _read_list(source)
    if suffix not in SUFFIXES:
        raise Img2MeshError(
            f"{source} is no model: use {', '.join(SUFFIXES)}, a folder or a .txt list{inside}."
        )
    return [(source.name, source)]


def _read_list(path: Path) -> list[tuple[str, Path]]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise Img2MeshError(f"Cannot read the list {path}: {error}.") from None
    entries = [line for line in lines if line and not line.startswith("#")]
    return [item for entry in entries for item in _expand(path.parent / entry, f" (in {path})")]


def _clean(name: str) -> str:
    """A name that is safe as a folder on every system."""
    parts = re.split(r"[/\\]+", name)
    text = "__".join(re.sub(r"[^A-Za-z0-9._-]+", "_", part) for part in parts)
    return text.lstrip(".") or "model"


def shard_of(models: Sequence[tuple[str, Path]], shard: str) -> list[tuple[str, Path]]:
    """Every n-th model beginning with the i-th, for `shard` = "i/n" with i in 0..n-1.

    Raises:
        Img2MeshError: not of that form.
    """
    index, count = parse_shard(shard)
    return list(models[index::count])


def parse_shard(shard: str) -> tuple[int, int]:
    """(i, n) of "i/n"."""
    match = re.fullmatch(r"(\d+)/(\d+)", shard.strip())
    if not match or not 0 <= int(match[1]) < int(match[2]):
        raise Img2MeshError(f"A shard is i/n with i from 0 to n-1, such as 0/4, not {shard!r}.")
    return int(match[1]), int(match[2])
