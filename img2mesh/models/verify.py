"""Whether weights are whole and right, without using them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models.architecture import PARTS, Widths, build_empty
from img2mesh.models.checksums import check_checksums
from img2mesh.models.convert import open_original, plan, tensors
from img2mesh.models.model_parts import empty_module
from img2mesh.models.recognise import check_folder, is_plus, model_record, module_folders
from img2mesh.models.registry import guess_variant
from img2mesh.models.state_dict import matched, read_tensors, weights_file


@dataclass(frozen=True)
class Verdict:
    """What was found in weights that are in order.

    Attributes:
        kind: `folder` or `checkpoint`.
        tensors, parameters: read and compared with the architecture, all finite.
        checksums: files whose digest was known and agreed.
        weights: which stored weights would be used.
        variant: by name.
    """

    kind: str
    tensors: int
    parameters: int
    checksums: int
    weights: str
    variant: str


def verify(path: str | Path, progress: Progress | None = None) -> Verdict:
    """Read every needed weight of a model folder or `.ckpt` once: names, shapes, finite values, checksums.

    Raises:
        Img2MeshError: the first fault found.
    """
    path, progress = Path(path), progress or Progress()
    with progress.stage("verify", len(PARTS)) as step:
        return _checkpoint(path, step) if path.is_file() else _folder(path, step)


def _folder(folder: Path, step: Callable[..., None]) -> Verdict:
    check_folder(folder)
    record = model_record(folder)
    count = size = 0
    stored = set()
    for part, source in module_folders(folder).items():
        path, which = weights_file(source)
        stored.add(which or "as published")
        found = _finite(matched(empty_module(part, source, own=True), read_tensors(path), path), path)
        count, size = count + found[0], size + found[1]
        step(1)
    variant = record.get("variant") or guess_variant(f"{record.get('name', '')} {folder.resolve()}")
    if is_plus(folder):
        from img2mesh.models.load_zero123plus import guess_version

        variant = record.get("variant") or guess_version(folder.name, *folder.resolve().parts[-3:])
    sums = check_checksums(folder)
    return Verdict("folder", count, size, sums, ", ".join(sorted(stored)), variant)


def _checkpoint(path: Path, step: Callable[..., None]) -> Verdict:
    count = size = 0
    with open_original(path) as checkpoint:
        parts, which = plan(checkpoint.shapes(), path)
        widths = Widths.of(checkpoint.shapes())
        for part in PARTS:
            items = tensors(checkpoint, parts[part], None)
            found = _finite(matched(build_empty(part, widths), items, path), path)
            count, size = count + found[0], size + found[1]
            step(1)
        damaged = checkpoint.check()
    if damaged is not None:
        raise Img2MeshError(f"{path} is damaged: the checksum of {damaged} differs.")
    return Verdict("checkpoint", count, size, 1, which, guess_variant(path.stem))


def _finite(items: Iterator[tuple[str, Tensor]], where: Path) -> tuple[int, int]:
    count = size = 0
    for name, value in items:
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise Img2MeshError(f"{where} holds values that are not finite, in {name}.")
        count, size = count + 1, size + value.numel()
    return count, size
