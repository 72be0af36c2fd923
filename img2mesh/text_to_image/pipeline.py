"""A text-to-image pipeline of diffusers: load it from a folder, let it draw."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.models.precision import pick_device, pick_dtype
from img2mesh.settings import Settings
from img2mesh.text_to_image.models import check_folder, variant_of

STEPS = {
    "draft": 15,
    "standard": 20,
    "high": 30,
}  # of DPM-Solver++, which needs fewer than a model's own solver


class TextToImage:
    """Draws pictures of a text.

    Args:
        folder: a pipeline in diffusers' layout; none of its code is run, and of weights only safetensors are read.
        settings: device, precision, low_vram and the preset's effort.

    Raises:
        Img2MeshError: diffusers knows no text-to-image pipeline of that kind, or cannot load it.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        import diffusers
        import transformers

        check_folder(folder)
        diffusers.utils.logging.disable_progress_bar()
        transformers.utils.logging.disable_progress_bar()
        self.device = pick_device(settings.device)
        options = {"torch_dtype": pick_dtype(self.device, settings.precision), "variant": variant_of(folder)}
        try:
            made = diffusers.AutoPipelineForText2Image.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, **options
            )
        except (
            ValueError,
            TypeError,
            LookupError,
            OSError,
            ImportError,
            RuntimeError,
            AttributeError,
        ) as error:
            text = " ".join(str(error).split())[:200].rstrip(".")
            raise Img2MeshError(f"{folder} cannot be loaded as a text-to-image pipeline: {text}.") from None
        self.steps = _quick_solver(made, settings.preset)
        made.set_progress_bar_config(disable=True)
        if settings.low_vram and self.device.type == "cuda":
            made.enable_model_cpu_offload(device=self.device)
        else:
            made.to(self.device)
        self.pipeline = made
        self.takes = set(inspect.signature(made.__call__).parameters)

    def draw(self, text: str, unwanted: str, seed: int, progress: Progress) -> Image.Image | None:
        """One picture, RGB; the same seed gives the same one. None where the model's safety checker withholds it.

        Args:
            unwanted: what should not be in it, for pipelines that take such a text.
        """
        options: dict[str, Any] = {"generator": torch.Generator("cpu").manual_seed(seed)}
        if self.steps is not None:
            options["num_inference_steps"] = self.steps
        if "negative_prompt" in self.takes:
            options["negative_prompt"] = unwanted
        with progress.stage("draw picture", self.steps or 0) as step, torch.inference_mode():
            if "callback_on_step_end" in self.takes:

                def stepped(pipeline: Any, index: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                    step()
                    return tensors

                options["callback_on_step_end"] = stepped
            made = self.pipeline(text, **options)
        withheld = getattr(made, "nsfw_content_detected", None)
        return None if withheld and withheld[0] else made.images[0].convert("RGB")


def _quick_solver(pipeline: Any, preset: str) -> int | None:
    """Give a pipeline DPM-Solver++ where it may have it; the steps to make, None where they are its own affair.

    Models that were distilled to a few steps come with a solver of their own and keep it.

    Source: C. Lu et al., DPM-Solver++, 2022.
    """
    from diffusers import DPMSolverMultistepScheduler

    own = type(pipeline.scheduler).__name__
    if own not in ("PNDMScheduler", "DDIMScheduler", "LMSDiscreteScheduler", "DPMSolverMultistepScheduler"):
        return None
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    return STEPS[preset]
