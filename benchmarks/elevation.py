"""How well the photo's elevation is found, from true views of objects or from a model's: a Markdown table.

    python benchmarks/elevation.py DATA [--objects N | --names A,B] [--elevations 5,25,45] [--preset P] [--model M]

DATA is a folder of .glb files (+Y up, one textured mesh each). The photo is a render from each elevation; the views
come from the main job's own plan: true renders, or with --model what that model draws of the photo. Reported are the
estimate and its confidence, and what the main job then uses: without confidence it falls back to 20 degrees.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from img2mesh.core.camera import DISTANCE, FOV_DEG, orbit_camera
from img2mesh.core.progress import Progress
from img2mesh.errors import run_script
from img2mesh.evaluate.ground_truth import render_truth
from img2mesh.evaluate.objects import named_objects, read_object
from img2mesh.models.sampler import Drawn
from img2mesh.settings import Settings
from img2mesh.views.elevation_choice import FALLBACK_ELEVATION_DEG, find_elevation
from img2mesh.views.plan import view_offsets, within_poles
from img2mesh.views.synthesize import sample_views

SIZE = 128  # pixels of true views: what the estimate looks at


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--objects", type=int, help="only this many, spread over the folder")
    parser.add_argument("--names", help="only objects with one of these in their name, comma-separated")
    parser.add_argument("--elevations", default="5,25,45", help="of the photo, degrees")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--model", help="draw the views with this model instead of rendering them")
    given = parser.parse_args()
    settings, model = Settings.load(given.preset), None
    if given.model:
        from img2mesh.chosen_model import load_named_model
        from img2mesh.core.device import resolve_device

        settings = settings.replace(model=given.model)
        model = load_named_model(settings, resolve_device(settings.device), Progress())
        settings = settings.for_model(model)
    files = named_objects(given.data, given.objects, given.names)
    offsets = within_poles(view_offsets(settings), FALLBACK_ELEVATION_DEG)
    print("| object | true | estimate | confidence | used |\n|---|---:|---:|---:|---:|", flush=True)
    errors = []
    for path in files:
        truth = read_object(path)
        for elevation in (float(text) for text in given.elevations.split(",")):
            photo = render_truth(truth, orbit_camera(elevation, 0.0), 2)
            if model is None:
                places = [(max(-89.0, min(89.0, elevation + up)), azimuth) for up, azimuth in offsets]
                rgba = [render_truth(truth, orbit_camera(*place, size=SIZE), 2) for place in places]
                photo = render_truth(truth, orbit_camera(elevation, 0.0, size=SIZE), 2)
                drawn = Drawn(np.stack(rgba), offsets, False, DISTANCE, FOV_DEG)
            else:
                shown = render_truth(truth, orbit_camera(elevation, 0.0, size=model.input_size), 2)
                drawn = sample_views(shown, model, settings, offsets, None, settings.seed)
            guess = None if model is None else model.guess(photo)
            used, facts = find_elevation(photo, drawn, Progress(), guess)
            estimate, sure = facts["elevation_estimate_deg"], facts["elevation_confidence"]
            errors.append([abs(estimate - elevation), abs(used - elevation)])
            print(f"| {path.stem} | {elevation:g} | {estimate:.1f} | {sure:.2f} | {used:.1f} |", flush=True)
    close = [f"{share:.0%}" for share in (np.array(errors) <= 10).mean(axis=0)]
    mean = np.mean(errors, axis=0)
    print(
        f"\n{len(errors)} photos: estimate within 10 degrees for {close[0]} (mean error {mean[0]:.1f}), "
        f"what is used for {close[1]} (mean error {mean[1]:.1f})."
    )
    return 0


if __name__ == "__main__":
    run_script(main)
