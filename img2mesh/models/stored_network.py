"""Networks that remember the arguments they were made with and lie in folders of diffusers' layout."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from torch import nn

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
Network = TypeVar("Network", bound="StoredNetwork")


class StoredNetwork(nn.Module):
    """Base of networks whose arguments are JSON.

    Attributes:
        config: the arguments, by name; `remember` sets them.
    """

    config: SimpleNamespace

    def remember(self, **values: Any) -> None:
        """Keep arguments, which `save_pretrained` writes."""
        self.config = SimpleNamespace(**{**vars(getattr(self, "config", SimpleNamespace())), **values})

    @classmethod
    def from_config(cls: type[Network], config: Mapping[str, Any]) -> Network:
        """A network with random weights, from the values of a config.json; those of others are left out.

        Raises:
            TypeError, ValueError: they make no network.
        """
        known = inspect.signature(cls.__init__).parameters
        return cls(**{key: value for key, value in config.items() if key in known and key != "self"})

    @classmethod
    def from_pretrained(cls: type[Network], folder: str | Path) -> Network:
        """The network of a folder, float32 on the CPU.

        Raises:
            OSError, ValueError, TypeError, RuntimeError: there is none, or its weights are others.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = Path(folder)
        net = cls.from_config(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        try:
            state = load_file(folder / WEIGHTS)
        except SafetensorError as error:
            raise ValueError(f"{folder / WEIGHTS} is damaged: {error}") from None
        net.load_state_dict({name: value.float() for name, value in state.items()})
        return net

    def save_config(self, folder: str | Path) -> None:
        """Write config.json into a folder that is there."""
        record = {"_class_name": type(self).__name__, **vars(self.config)}
        (Path(folder) / CONFIG).write_text(
            json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )

    def save_pretrained(self, folder: str | Path, **_: Any) -> None:
        """Write config.json and the weights as they are, with the key words of diffusers' method, which do nothing."""
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.save_config(folder)
        state = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
