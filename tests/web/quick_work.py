"""Work that takes a moment and writes what the real one writes; the settings' seed says what becomes of an item."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2mesh.errors import Img2MeshError
from img2mesh.jobs.item import Item
from img2mesh.jobs.pipeline_work import Staging
from img2mesh.settings import Settings

BAD, CRASH, SLOW = 4001, 4002, 4003
FILES = "mesh.glb mesh.stl mesh.3mf mesh.obj.zip preview.png sources.png views.png cutout.png poster.png sources.glb"


@dataclass(frozen=True)
class QuickWork:
    """`pause`: seconds of an item; `gate`: a file; while it exists, no item gets beyond the middle of its views."""

    pause: float = 0.0
    gate: Path | None = None

    def model_key(self, settings: Settings) -> str:
        return settings.model

    def load(self, settings: Settings, progress: Any) -> str:
        return "model"

    def make(self, item: Item, model: str, progress: Any) -> str:
        seed = item.settings.seed
        if seed == CRASH:
            os._exit(9)
        if seed == BAD:
            raise Img2MeshError("No object was found in the photo.")
        pause = 20.0 if seed == SLOW else self.pause
        for name in ("segment", "views", "fit field", "texture"):
            with progress.stage(name, 20) as step:
                for index in range(20):
                    time.sleep(pause / 80)
                    step()
                    while name == "views" and index == 10 and self.gate is not None and self.gate.exists():
                        time.sleep(0.05)
                        step(0)  # here a cancelled item ends
        progress.warn("it is only pretended.")
        return item.name

    def write(self, item: Item, made: str) -> tuple[dict[str, int], dict[str, Any]]:
        report = {"warnings": [], "photos": len(item.photos), "azimuths": [p.azimuth for p in item.photos]}
        with Staging(item) as staging:
            for name in FILES.split():
                (staging.folder / name).write_bytes(_content(name))
            (staging.folder / "report.json").write_text(json.dumps(report))
            return staging.publish(), report


@dataclass(frozen=True)
class QuickCutout(QuickWork):
    """The middle of the photo is the object, unless its alpha channel says which."""

    def make(self, item: Item, model: str, progress: Any) -> str:
        return str(item.photos[0].path)

    def write(self, item: Item, made: str) -> tuple[dict[str, int], dict[str, Any]]:
        from PIL import Image

        with Image.open(made) as image:
            photo = image.convert("RGBA")
        width, height = photo.size
        if item.settings.segmenter != "alpha":
            alpha = Image.new("L", photo.size)
            alpha.paste(255, (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
            photo.putalpha(alpha)
        facts = {"method": item.settings.segmenter, "confidence": 0.9, "doubtful": False, "notes": []}
        report = {"cutout": facts, "warnings": [], "full_size": [width, height]}
        with Staging(item) as staging:
            photo.save(staging.folder / "matte.png")
            photo.resize((64, 64)).save(staging.folder / "cutout.png")
            (staging.folder / "report.json").write_text(json.dumps(report))
            return staging.publish(), report


def _content(name: str) -> bytes:
    from tests.service.hostile import picture

    return b"glTF" + name.encode() if not name.endswith(".png") else picture("PNG", 96, 96)
