"""One training on several devices, a process each: `accelerate launch --num_processes 8 -m img2mesh train ...`.

Every process draws its own batches and takes the same steps with the mean of all gradients, so the weights stay
equal without ever being sent. The first process alone writes states, logs and pictures.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import nn

from img2mesh.errors import Img2MeshError


class Workers:
    """The processes of this training; a single one unless the environment of `accelerate launch` says otherwise.

    Args:
        device: "auto" (this process's CUDA device, else the CPU), or a name that PyTorch knows.

    Attributes:
        rank, count: this process's number and how many there are.
        device: where this process computes.

    Raises:
        Img2MeshError: a device that is not there.
    """

    def __init__(self, device: str = "auto") -> None:
        self.rank, self.count, self._accelerator = 0, 1, None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import Accelerator

            self._accelerator = Accelerator(cpu=device == "cpu")
            self.rank, self.count = self._accelerator.process_index, self._accelerator.num_processes
            self.device = self._accelerator.device
            return
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self.device = torch.device(device)
            torch.empty(1, device=self.device)
        except (RuntimeError, AssertionError):
            raise Img2MeshError(f"No device {device!r} to train on here.") from None

    @property
    def main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def seed(self, *numbers: int) -> list[int]:
        """A seed that differs between processes; the first process's is that of a training by itself."""
        return [*numbers, self.rank] if self.rank else [*numbers]

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over all processes; a missing one counts as zero."""
        if self._accelerator is None:
            return
        parameters = list(parameters)
        flat = torch.cat(
            [(p.grad if p.grad is not None else torch.zeros_like(p)).flatten() for p in parameters]
        )
        flat = self._accelerator.reduce(flat, "mean")
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = part.view_as(parameter)

    def agree(self, answer: bool) -> bool:
        """The first process's answer, in every process."""
        if self._accelerator is None:
            return answer
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([answer])[0]

    def wait(self) -> None:
        """Until every process is here."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()
