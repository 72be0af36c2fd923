"""How Blender reads our files: `python benchmarks/blender_import.py FILE...`, where the wheel `bpy` is installed.

Printed are each file's size along Blender's axes (z up), its lowest point, its faces and its textures.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(files: list[str]) -> None:
    """Import each file into an empty scene and print a row of a Markdown table."""
    import bpy
    import numpy as np

    readers = {
        ".glb": bpy.ops.import_scene.gltf,
        ".obj": bpy.ops.wm.obj_import,
        ".ply": bpy.ops.wm.ply_import,
        ".stl": bpy.ops.wm.stl_import,
    }
    print(f"| Blender {bpy.app.version_string} | name | x, y, z | lowest | faces | textures |")
    print("|---|---|---|---:|---:|---|")
    for file in map(Path, files):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        readers[file.suffix.lower()](filepath=str(file))
        meshes = [item for item in bpy.data.objects if item.type == "MESH"]
        points = np.array([item.matrix_world @ corner.co for item in meshes for corner in item.data.vertices])
        low, high = points.min(axis=0), points.max(axis=0)
        size = " ".join(f"{length:.4g}" for length in high - low)
        textures = ", ".join("x".join(map(str, image.size)) for image in bpy.data.images if image.size[0])
        faces = sum(len(item.data.polygons) for item in meshes)
        print(f"| {file.name} | {meshes[0].name} | {size} | {abs(low[2]):.4f} | {faces} | {textures} |")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
