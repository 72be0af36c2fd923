"""The reconstruction alone: a field and a mesh from true renders, which a perfect sampler would have made."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from img2mesh.core.camera import orbit_camera
from img2mesh.core.images import save_png
from img2mesh.core.progress import Progress
from img2mesh.core.visual_hull import hull_of_views
from img2mesh.evaluate.baselines import THIN, hull_surface, swept_silhouette
from img2mesh.evaluate.geometry import sample_surface, volume_iou
from img2mesh.evaluate.ground_truth import load_truth, render_truth, true_views
from img2mesh.evaluate.metrics import point_scores, psnr
from img2mesh.evaluate.objects import read_object
from img2mesh.evaluate.table import HIGHER, LOWER, Table, side_by_side
from img2mesh.multiview.reconstruct import shape_from_views
from img2mesh.settings import Settings
from img2mesh.synthetic.voxelize import occupancy
from img2mesh.views.plan import view_cameras

ELEVATION = 20.0  # of the input view, and so of the main job's ring
NOVEL = tuple((e, a) for e, a in ((0, 40), (45, 100), (10, 160), (60, 220), (-15, 280), (35, 340)))
METRICS = {"IoU": HIGHER, "Chamfer": LOWER, "F@0.01": HIGHER, "PSNR": HIGHER}


def oracle_meshes(
    objects: Sequence[Path],
    settings: Settings,
    seeds: Sequence[int] = (0,),
    folder: Path | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> Table:
    """Reconstruct each object from true renders at the main job's cameras.

    Volume IoU is taken on 160^3 cells of [-0.6, 0.6]^3, Chamfer and F@0.01 on 30,000 points of either surface,
    PSNR on renders of the exported .glb from six cameras between and off the rings (`NOVEL`).

    Args:
        settings: `views` and `elevations` plan the cameras; the photo stands at elevation 20, azimuth 0.
        folder: side-by-side pictures and the meshes (.glb) go into its folder `oracle`; oracle.md and
            oracle.json are written beside it after each object.
    """
    from img2mesh.mesh import build_mesh, write_mesh

    progress = progress or Progress()
    table = Table("Reconstruction from true renders of held-out objects", METRICS)
    table.notes += [
        f"{len(objects)} objects, seeds {', '.join(map(str, seeds))}, preset {settings.preset}: photo and "
        f"{settings.views} true views, {settings.iterations} iterations",
        "IoU on 160³, Chamfer and F on 30,000 surface points, PSNR of the exported mesh from six novel cameras",
    ]
    cameras = [orbit_camera(ELEVATION, 0.0), *view_cameras(settings, ELEVATION)]
    novel = [orbit_camera(e, a) for e, a in NOVEL]
    with progress.stage("oracle", len(objects) * len(seeds)) as step:
        for path in objects:
            truth = read_object(path)
            points = sample_surface(truth.vertices, truth.faces)
            filled = occupancy(truth.vertices, truth.faces)
            views = true_views(truth, cameras, settings.photo_weight)
            wanted = [render_truth(truth, camera) for camera in novel]
            rows = [("truth", wanted)]
            for seed in seeds:
                chosen = settings.replace(seed=seed)
                mesh = build_mesh(shape_from_views(views, chosen, Progress(), device), chosen)
                with tempfile.TemporaryDirectory() as temporary:
                    target = Path(temporary) if folder is None else folder / "oracle"
                    write_mesh(mesh, target / f"{truth.name}-{seed}.glb")
                    exported = load_truth(target / f"{truth.name}-{seed}.glb")
                pictures = [render_truth(exported, camera, shaded=False) for camera in novel]
                scores = shape_scores(exported.vertices, exported.faces, points, filled)
                scores["PSNR"] = float(np.mean([psnr(a, b) for a, b in zip(pictures, wanted, strict=True)]))
                table.add("field and mesh", truth.name, seed, scores)
                rows.append((f"mesh, seed {seed}", pictures))
                step(1)
            hull = hull_of_views(views)
            table.add(
                "visual hull of the views",
                truth.name,
                None,
                shape_scores(*hull_surface(hull), points, filled),
            )
            swept = swept_silhouette(views.views[0])
            table.add(
                "swept silhouette (hull of the input)", truth.name, None, shape_scores(*swept, points, filled)
            )
            flat = swept_silhouette(views.views[0], THIN)
            table.add("billboard", truth.name, None, shape_scores(*flat, points, filled))
            if folder is not None:
                save_png(side_by_side(rows), folder / "oracle" / f"{truth.name}.png")
                table.write(folder, "oracle")  # what is known so far: a long run may be cut short
    return table


def shape_scores(
    vertices: np.ndarray, faces: np.ndarray, true_points: np.ndarray, true_filled: np.ndarray
) -> dict[str, float]:
    """IoU, Chamfer and F@0.01 of a surface against samples and cells of the true one."""
    if not len(faces):
        return {"IoU": 0.0, "Chamfer": float("inf"), "F@0.01": 0.0}
    points = sample_surface(vertices, faces)
    return {
        "IoU": volume_iou(occupancy(vertices, faces), true_filled),
        **point_scores(points, true_points, (0.01,)),
    }
