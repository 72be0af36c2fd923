"""Other people's programs on our files: each function gives complaints, an empty list where there are none.

Programs that are not installed are left out (`there`). `gltf-validator` is an npm package, lib3mf and usd-core are PyPI
packages, admesh and PrusaSlicer Debian packages.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

Check = Callable[[Path], list[str]]
_NODE = """const v = require('gltf-validator'), fs = require('fs')
v.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1]))).then(r => console.log(JSON.stringify(r.issues)))"""
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
