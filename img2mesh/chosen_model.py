"""The sampler that the settings choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img2mesh.core.device import own_random_state
from img2mesh.core.progress import Progress
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.models.sampler import Sampler


def sees_body(model: Sampler) -> bool:
    """Whether the model comes with an occupancy network, as the shipped one does."""
    return getattr(model, "occupancy", None) is not None


@own_random_state()
def load_named_model(settings: Settings, device: str, progress: Progress) -> Sampler:
    """The model that the settings name, on a device; `image_to_mesh(model=...)` uses it again and again."""
    from img2mesh.models import load_model

    return load_model(
        settings.model,
        device=device,
        variant=settings.variant,
        offline=settings.offline,
        progress=progress,
        precision=settings.precision,
        low_vram=settings.low_vram,
        compile=settings.compile,
    )
