"""Whole runs, one image to a mesh, against true meshes in SyncDreamer's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from img2mesh.core.images import save_png
from img2mesh.core.progress import Progress
from img2mesh.core.view import Source, View
from img2mesh.core.visual_hull import hull_of_views
from img2mesh.errors import Img2MeshError
from img2mesh.evaluate.baselines import THIN, hull_surface, render_projected, swept_silhouette
from img2mesh.evaluate.ground_truth import Truth, render_truth
from img2mesh.evaluate.objects import read_object
from img2mesh.evaluate.protocol import (
    DISTANCE,
    ELEVATION,
    protocol_cameras,
    shape_scores,
    visible_points,
    volume,
)
from img2mesh.evaluate.table import HIGHER, LOWER, Table, side_by_side
from img2mesh.segment.cutout import Cutout
from img2mesh.settings import Settings
from img2mesh.shape.reconstruct import shape_from_photo
from img2mesh.shape.view_refinement import refine_views
from img2mesh.views.synthesize import generate_views

if TYPE_CHECKING:
    from img2mesh.models import Sampler

_METRICS = {"Chamfer": LOWER, "IoU": HIGHER, "F@0.01": HIGHER, "F@0.05": HIGHER}
METRICS = {**_METRICS, **{f"aligned {name}": better for name, better in _METRICS.items()}}
SHOWN = (2, 6, 10, 14)  # of the 16 views, on the side-by-side pictures


def one_image_meshes(
    objects: Sequence[Path],
    model: Sampler,
    settings: Settings,
    seeds: Sequence[int] = (0,),
    folder: Path | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> Table:
    """The main job on a true render of each object, its mesh against the true one.

    The input is the protocol's first view (elevation 30, azimuth 0, distance 1.5) as it is, not recentred, since
    nothing is aligned afterwards; the other views are synthesized at the same distance. `settings.elevation`
    says how the input's elevation is known: a number, which should be 30, or `auto`.

    Args:
        folder: side-by-side pictures and the meshes (.glb) go into its folder `mesh`; mesh.md and
            mesh.json are written beside it after each object.
    """
    from img2mesh.mesh import build_mesh, write_mesh

    progress, settings = progress or Progress(), settings.for_model(model)
    at_distance = model.at_distance(DISTANCE)
    table = Table("Meshes from one image of held-out objects, SyncDreamer's protocol", METRICS)
    table.notes += [
        f"model {model.name}, {len(objects)} objects, seeds {', '.join(map(str, seeds))}, preset "
        f"{settings.preset}, {settings.views} views, {settings.steps} steps, guidance {settings.guidance:g}",
        f"input at elevation {ELEVATION:g}°, azimuth 0, distance {DISTANCE:g}; elevation for the run: "
        + ("estimated" if settings.elevation == "auto" else f"given, {settings.elevation}°"),
        "Chamfer and F on visible surface, IoU on 64³ of [-1, 1]³, no alignment; `aligned`: after a similarity ICP",
    ]
    cameras = protocol_cameras()
    with progress.stage("meshes", len(objects) * len(seeds)) as step:
        for path in objects:
            truth = read_object(path)
            shape = (truth.vertices, truth.faces)
            points, filled = visible_points(shape), volume(shape)
            photo = View(render_truth(truth, cameras[0]), cameras[0], Source.PHOTO)
            rows = [("input, truth", [photo.rgba, *(render_truth(truth, cameras[k]) for k in SHOWN)])]
            baselines = {
                "swept silhouette (hull of the input)": swept_silhouette(photo),
                "billboard": swept_silhouette(photo, THIN),
            }
            for name, simple in baselines.items():
                table.add(name, truth.name, None, shape_scores(simple, points, filled))
            for seed in seeds:
                cutout, chosen = Cutout(photo.rgba, "alpha"), settings.replace(seed=seed)
                try:
                    views = refine_views(generate_views(cutout, at_distance, chosen, Progress()))
                    mesh = build_mesh(shape_from_photo(views, chosen, Progress(), device), chosen)
                except Img2MeshError as error:  # a run without a mesh scores as an empty mesh, not as nothing
                    progress.warn(f"{truth.name}, seed {seed}: {error}")
                    table.add(model.name, truth.name, seed, shape_scores(EMPTY, points, filled))
                    step(1)
                    continue
                table.add(
                    model.name, truth.name, seed, shape_scores((mesh.vertices, mesh.faces), points, filled)
                )
                hull = hull_surface(hull_of_views(views))
                table.add(
                    f"visual hull of {model.name}'s views",
                    truth.name,
                    seed,
                    shape_scores(hull, points, filled),
                )
                drawn = Truth(truth.name, mesh.vertices, mesh.faces, mesh.uv, mesh.texture)
                pictures = [render_truth(drawn, cameras[k], shaded=False) for k in (0, *SHOWN)]
                rows.append((f"{model.name}, seed {seed}", pictures))
                if folder is not None:
                    write_mesh(mesh, folder / "mesh" / f"{truth.name}-{seed}.glb")
                step(1)
            swept = baselines["swept silhouette (hull of the input)"]
            rows.append(
                ("swept silhouette", [render_projected(*swept, photo, cameras[k]) for k in (0, *SHOWN)])
            )
            if folder is not None:
                save_png(side_by_side(rows), folder / "mesh" / f"{truth.name}.png")
                table.write(folder, "mesh")  # what is known so far: a long run may be cut short
    return table


EMPTY = (np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
