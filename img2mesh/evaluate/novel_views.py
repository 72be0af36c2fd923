"""Synthesized views against true renders: PSNR, SSIM, LPIPS, mask IoU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from img2mesh.core.camera import IMAGE_SIZE, orbit_camera
from img2mesh.core.device import resolve_device
from img2mesh.core.images import save_png
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View
from img2mesh.errors import Img2MeshError
from img2mesh.evaluate.baselines import billboard_picture, render_projected, swept_silhouette
from img2mesh.evaluate.ground_truth import render_truth
from img2mesh.evaluate.metrics import Perceptual, mask_iou, psnr, ssim
from img2mesh.evaluate.objects import input_direction, read_object
from img2mesh.evaluate.table import HIGHER, LOWER, Table, side_by_side
from img2mesh.segment.cutout import Cutout
from img2mesh.settings import Settings
from img2mesh.shape.reconstruct import shape_from_photo
from img2mesh.shape.view_refinement import refine_views
from img2mesh.views.orbit import ring_cameras
from img2mesh.views.synthesize import assembled, generate_views, sample_views

if TYPE_CHECKING:
    from img2mesh.models import Sampler
    from img2mesh.models.sampler import Drawn


def novel_views(
    objects: Sequence[Path],
    model: Sampler,
    settings: Settings,
    seeds: Sequence[int] = (0,),
    targets: int = 8,
    perceptual: Perceptual | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
    rendered: bool = False,
) -> Table:
    """One input view per object, `targets` views evenly on the ring at its elevation, none of them the input.

    The input's elevation lies in 0..45 degrees and its azimuth anywhere, both fixed by the object's name
    (`input_direction`). All cameras stand at the model's distance; pictures are compared on white.

    Args:
        rendered: score pictures of the reconstructed shape, too, as `img2mesh views` gives them: the whole job for each
            object.
        folder: side-by-side pictures go into its folder `views`, views.md and views.json beside it after each object.
    """
    if getattr(model, "fixed_views", 0):
        raise Img2MeshError(
            f"{model.name} always draws the same views and cannot be asked for the targets' own."
        )
    progress, settings = progress or Progress(), settings.for_model(model)
    table = Table("Novel views of held-out objects from one input view", _metrics(perceptual))
    table.notes += [
        f"model {model.name}, {len(objects)} objects, seeds {', '.join(map(str, seeds))}, "
        f"{settings.steps} steps, guidance {settings.guidance:g}",
        f"one input view per object (elevation 0 to 45°, any azimuth), {targets} targets evenly on the full ring "
        f"at its elevation, distance {model.distance:g}, on white, {IMAGE_SIZE} px",
    ]
    if perceptual is None:
        table.notes.append("without LPIPS: no weights for it were found or wanted (--metrics)")
    offsets = np.array([[0.0, (k + 0.5) * 360 / targets] for k in range(targets)])
    with progress.stage("novel views", len(objects) * len(seeds)) as step:
        for path in objects:
            truth = read_object(path)
            elevation, azimuth = input_direction(truth.name)
            first, *cameras = [
                orbit_camera(elevation, azimuth + a, model.distance, model.fov_deg, IMAGE_SIZE)
                for a in (0.0, *offsets[:, 1])
            ]
            photo = render_truth(truth, first)
            wanted = [render_truth(truth, camera) for camera in cameras]
            known = perceptual.features(wanted) if perceptual else []
            hull = swept_silhouette(View(photo, first))
            flat = billboard_picture(photo)
            baselines = {
                "input view copied": [photo] * targets,
                "mean-colour billboard": [flat] * targets,
                "swept silhouette (hull of the input)": [
                    render_projected(*hull, View(photo, first), camera) for camera in cameras
                ],
            }
            rows: list[tuple[str, list[np.ndarray | None]]] = [("truth", [photo, *wanted])]
            for seed in seeds:
                ours = _as_used(photo, model, sample_views(photo, model, settings, offsets, elevation, seed))
                table.add(model.name, truth.name, seed, _scores(ours, wanted, perceptual, known))
                rows.append((f"{model.name}, seed {seed}", [None, *ours]))
                if rendered:
                    name, chosen = f"{model.name}, rendered from the shape", settings.replace(seed=seed)
                    ours = _renders(photo, model, chosen, offsets[:, 1])
                    table.add(name, truth.name, seed, _scores(ours, wanted, perceptual, known))
                    rows.append((f"rendered, seed {seed}", [None, *ours]))
                step(1)
            for name, pictures in baselines.items():
                table.add(name, truth.name, None, _scores(pictures, wanted, perceptual, known))
                rows.append((name, [None, *pictures]))
            if folder is not None:
                save_png(side_by_side(rows), folder / "views" / f"{truth.name}.png")
                table.write(folder, "views")  # what is known so far: a long run may be cut short
    return table


def _as_used(photo: np.ndarray, model: Sampler, drawn: Drawn) -> list[np.ndarray]:
    """Views as the main job uses them; the body stands where the model itself guesses the photo's elevation."""
    guess = model.guess(photo)
    if guess is None:
        return list(drawn.rgba)
    front = View(photo, drawn.photo_camera(guess.elevation_deg, IMAGE_SIZE), Source.PHOTO)
    cameras = drawn.cameras(guess.elevation_deg)
    views = [View(picture, camera, Source.DRAWN) for picture, camera in zip(drawn.rgba, cameras, strict=True)]
    return [view.rgba for view in refine_views(assembled(front, views, {}, guess)).views[1:]]


def _renders(photo: np.ndarray, model: Sampler, settings: Settings, azimuths: np.ndarray) -> list[np.ndarray]:
    """Pictures of the mesh that the main job makes of a photo, on the ring at the elevation that it found."""
    from img2mesh.mesh import build_mesh
    from img2mesh.preview.shape_views import rendered_views

    views = refine_views(generate_views(Cutout(photo, "alpha"), model, settings, Progress()))
    mesh = build_mesh(
        shape_from_photo(views, settings, Progress(), resolve_device(settings.device)), settings
    )
    cameras = ring_cameras(views, [(None, float(azimuth)) for azimuth in azimuths], IMAGE_SIZE)
    return [view.rgba for view in rendered_views(mesh, cameras)]


def _metrics(perceptual: Perceptual | None) -> dict[str, str]:
    lpips = {"LPIPS": LOWER} if perceptual else {}
    return {"PSNR": HIGHER, "SSIM": HIGHER, **lpips, "mask IoU": HIGHER}


def _scores(
    pictures: Sequence[np.ndarray],
    wanted: Sequence[np.ndarray],
    perceptual: Perceptual | None,
    known: list,
) -> dict[str, float]:
    """Means over an object's targets."""
    pairs = list(zip(pictures, wanted, strict=True))
    scores = {
        "PSNR": np.mean([psnr(a, b) for a, b in pairs]),
        "SSIM": np.mean([ssim(a, b) for a, b in pairs]),
        "mask IoU": np.mean([mask_iou(a, b) for a, b in pairs]),
    }
    if perceptual:
        same = all(picture is pictures[0] for picture in pictures)  # a copied picture is seen once
        features = (
            perceptual.features(pictures[:1]) * len(pictures) if same else perceptual.features(pictures)
        )
        scores["LPIPS"] = np.mean(perceptual.distances(features, known))
    return {key: float(value) for key, value in scores.items()}
