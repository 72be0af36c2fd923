"""Several processes with one model on CPUs: its weights lie in memory once, as pages of a file that all of them map."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from img2mesh.core.files import atomic_file
from img2mesh.errors import Img2MeshError

Model = TypeVar("Model")


def load_shared(load: Callable[[], Model], folder: Path, key: Hashable) -> Model:
    """A model whose weights are mapped from a file in a folder; the first process to come writes it.

    The file holds the weights as the model uses them: converted, and in the order in memory that its layers want. One
    process at a time loads, so that there is one copy beside the file's at most. Where the file cannot be written, and
    on other devices than CPUs, the model keeps weights of its own.

    Args:
        load: makes the model; called in every process.
        folder: on a disk of this machine, for as long as the processes run.
        key: equal for calls whose `load` makes the same model.
    """
    from filelock import FileLock

    name = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    path = folder / f"{name}.pt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        lock.acquire()
    except (OSError, NotImplementedError):  # a full disk, or a file system without locks
        return load()
    try:
        model = load()
        with contextlib.suppress(OSError, Img2MeshError):
            share(model, path)
        return model
    finally:
        lock.release()


def share(model: object, path: Path) -> None:
    """Take the weights of a model's networks from a file, which is written if it is not there.

    Raises:
        OSError, Img2MeshError: it cannot be written.
    """
    networks = {name: part for name, part in vars(model).items() if isinstance(part, nn.Module)}
    if any(value.device.type != "cpu" for part in networks.values() for value in part.parameters()):
        return
    if not path.exists():
        weights = {name: part.state_dict() for name, part in networks.items()}
        size = sum(v.numel() * v.element_size() for state in weights.values() for v in state.values())
        if shutil.disk_usage(path.parent).free < 2 * size:
            return
        with atomic_file(path) as temporary:
            torch.save(weights, temporary)
    mapped = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    for name, part in networks.items():
        part.load_state_dict(mapped[name], assign=True)
