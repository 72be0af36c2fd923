"""Other people's programs on our files: each function gives complaints, an empty list where there are none.

Programs that are not installed are left out (`there`). `gltf-validator` is an npm package, lib3mf and usd-core are PyPI
packages, admesh, PrusaSlicer and Godot (godot3-server) Debian packages.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Check = Callable[[Path], list[str]]
_NODE = """const v = require('gltf-validator'), fs = require('fs')
v.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1]))).then(r => console.log(JSON.stringify(r.issues)))"""
_GODOT = """extends SceneTree
func _init():
    var queue = [load("res://mesh.glb").instance()]
    while queue:
        var node = queue.pop_front()
        queue += node.get_children()
        if node is MeshInstance:
            var material = node.mesh.surface_get_material(0)
            var box = node.mesh.get_aabb()
            var told = {"triangles": node.mesh.surface_get_arrays(0)[Mesh.ARRAY_INDEX].size() / 3}
            told["size"] = [box.size.x, box.size.y, box.size.z]
            told["colour"] = material.albedo_texture != null
            told["normals"] = material.normal_enabled and material.normal_texture != null
            print("TOLD ", to_json(told))
    quit()
"""
_REPAIRED = (
    "Degenerate facets",
    "Edges fixed",
    "Facets removed",
    "Facets added",
    "Facets reversed",
    "Backwards edges",
)


def there(node: Path | None) -> dict[str, tuple[str, Check]]:
    """By name: the suffix that a validator is for, and the validator.

    Args:
        node: folder with `node_modules/gltf-validator`.
    """
    found: dict[str, tuple[str, Check]] = {"img2mesh check": ("", own_check)}
    if node is not None and shutil.which("node"):
        found["gltf-validator"] = (".glb", lambda path: gltf_validator(path, node))
    if shutil.which("godot3-server"):
        found["Godot"] = (".glb", godot)
    if importlib.util.find_spec("pxr"):
        found["usdchecker"] = (".usdz", usd_checker)
    if importlib.util.find_spec("lib3mf"):
        found["lib3mf, strict"] = (".3mf", lib3mf_strict)
    if shutil.which("admesh"):
        found["admesh"] = (".3mf", admesh)
    if shutil.which("prusa-slicer"):
        found["PrusaSlicer slices 3MF"] = (".3mf", prusa_slicer)
        found["PrusaSlicer slices STL"] = (".3mf", lambda path: prusa_slicer(path, as_stl=True))
    return found


def own_check(path: Path) -> list[str]:
    """Errors of `img2mesh check`."""
    from img2mesh.finish.judge import judge
    from img2mesh.mesh import read_mesh

    return [each.text for each in judge(read_mesh(path)).findings if each.severity == "error"]


def gltf_validator(path: Path, node: Path) -> list[str]:
    """Errors and warnings of Khronos' validator."""
    out = subprocess.run(
        ["node", "-e", _NODE, str(path.resolve())], capture_output=True, text=True, cwd=node, check=True
    ).stdout
    issues = json.loads(out)
    return [each["message"] for each in issues["messages"] if each["severity"] < 2]


def godot(path: Path) -> list[str]:
    """What differs in Godot's own import: triangles, size, textures. Lower levels of detail are passed over."""
    import numpy as np

    from img2mesh.mesh import read_mesh
    from img2mesh.mesh.axes import to_gltf

    data = path.read_bytes()
    if "_LOD" in path.stem:
        return []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "mesh.glb").write_bytes(data)
        (place / "project.godot").write_text('config_version=4\n[application]\nconfig/name="check"\n')
        (place / "look.gd").write_text(_GODOT.replace("    ", "\t"))
        command = ["godot3-server", "--path", folder]
        _import_by_godot(command, place)
        out = subprocess.run([*command, "-s", "look.gd"], capture_output=True, text=True, timeout=60).stdout
    lines = [json.loads(line.removeprefix("TOLD ")) for line in out.splitlines() if line.startswith("TOLD ")]
    if len(lines) != 1:
        return [f"{len(lines)} meshes were imported"]
    mesh, told = read_mesh(path), lines[0]
    said = [] if told["triangles"] == len(mesh.faces) else [f"{told['triangles']} triangles"]
    size = np.ptp(to_gltf(mesh.vertices), axis=0)
    said += [] if np.allclose(told["size"], size, rtol=1e-4) else [f"its size is {told['size']}"]
    said += [] if told["colour"] else ["no base colour"]
    return said + ([] if told["normals"] == (b'"normalTexture"' in data) else ["the normal map"])


def _import_by_godot(command: list[str], place: Path) -> None:
    """Its editor imports what lies in a project; as it does not always come to its end, its files tell when it has."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    editor = subprocess.Popen([*command, "--editor", "--quit"], **silent)
    end = time.monotonic() + 60
    while time.monotonic() < end and editor.poll() is None and not list(place.glob(".import/*.md5")):
        time.sleep(0.2)
    time.sleep(1)
    editor.kill()
    editor.wait()


def usd_checker(path: Path) -> list[str]:
    """USD's own checks: the framework of new versions, the class of old ones."""
    from pxr import Usd, UsdUtils

    if hasattr(UsdUtils, "ComplianceChecker"):
        checker = UsdUtils.ComplianceChecker(arkit=True)
        checker.CheckCompliance(str(path))
        return [*checker.GetErrors(), *checker.GetFailedChecks(), *checker.GetWarnings()]
    from pxr import UsdValidation

    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    context = UsdValidation.ValidationContext(validators)
    return [error.GetMessage() for error in context.Validate(Usd.Stage.Open(str(path)))]


def lib3mf_strict(path: Path) -> list[str]:
    """What the 3MF Consortium's library says in its strict mode."""
    import lib3mf

    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    try:
        reader.ReadFromFile(str(path))
    except Exception as error:  # the library's own exception class differs between its versions
        return [str(error)]
    said = [str(reader.GetWarning(k)) for k in range(reader.GetWarningCount())]
    objects = model.GetMeshObjects()
    while objects.MoveNext():
        if not objects.GetCurrentMeshObject().IsManifoldAndOriented():
            said.append("an object is not manifold and oriented")
    return said


def admesh(path: Path) -> list[str]:
    """What admesh would repair of the mesh as STL."""
    with tempfile.TemporaryDirectory() as folder:
        stl = _as_stl(path, Path(folder))
        out = subprocess.run(["admesh", str(stl)], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"([A-Z][A-Za-z ]+?) +: +(\d+)", out)
    return [f"{name}: {number}" for name, number in found if name in _REPAIRED and int(number)]


def prusa_slicer(path: Path, as_stl: bool = False) -> list[str]:
    """What PrusaSlicer repairs, and warns of, while it slices."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        file = _as_stl(path, place) if as_stl else path
        info = subprocess.run(["prusa-slicer", "--info", str(file)], capture_output=True, text=True)
        said = [] if "manifold = yes" in info.stdout else ["not manifold"]
        said += re.findall(
            r"(?:facets_reversed|edges_fixed|degenerate_facets|facets_removed) = [1-9]\d*", info.stdout
        )
        sliced = subprocess.run(
            ["prusa-slicer", "-g", "--center", "100,100", str(file), "-o", str(place / "a.gcode")],
            capture_output=True,
            text=True,
        )
        if sliced.returncode or not (place / "a.gcode").is_file():
            said.append("not sliced: " + (sliced.stderr.strip().splitlines() or ["no reason given"])[-1])
        text = sliced.stdout + sliced.stderr
        return said + [
            line for line in text.splitlines() if re.search("repair|auto-fix|empty layer", line, re.I)
        ]


def _as_stl(path: Path, folder: Path) -> Path:
    """The same triangles as STL, in millimetres."""
    from img2mesh.mesh import read_mesh, write_mesh

    return write_mesh(read_mesh(path), folder / f"{path.stem}.stl")[0]
