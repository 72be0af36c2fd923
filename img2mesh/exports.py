"""The files of a finished run: the mesh, and what its purpose puts beside it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2mesh.errors import Img2MeshError
from img2mesh.quantities import parse_bed, parse_length
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.core.progress import Progress
    from img2mesh.result import Result

POSTER = 768  # pixels
AR_BYTES, WEB_BYTES = 8_000_000, 1_500_000  # above which there is a warning
SUFFIX = {"print": ".3mf"}  # where -o does not tell
GAMES = (".glb", ".obj", ".usdz")  # formats that hold what --for game makes


def default_suffix(settings: Settings) -> str:
    """Of the mesh, where nobody named one."""
    return SUFFIX.get(settings.purpose, ".glb")


def export_paths(path: Path, settings: Settings | None = None) -> list[Path]:
    """Every file that `export` writes for a mesh at `path`: the mesh first."""
    from img2mesh.mesh.side_files import side_files

    found = [path, *side_files(path)]
    if settings is None:
        return found
    for level in range(1, settings.lods + 1):
        lower = level_path(path, level)
        found += [lower, *side_files(lower)]
    if settings.purpose == "ar":
        found += [
            path.with_suffix(".glb" if path.suffix.lower() == ".usdz" else ".usdz"),
            path.with_suffix(".html"),
        ]
    if settings.purpose in ("ar", "web"):
        found.append(poster_path(path))
    return found


def level_path(path: Path, level: int) -> Path:
    """Of a level of detail: NAME_LOD1.glb."""
    return path.with_name(f"{path.stem}_LOD{level}{path.suffix}")


def poster_path(path: Path) -> Path:
    """The picture of a mesh: NAME_poster.png, for NAME.png may be the photo."""
    return path.with_name(f"{path.stem}_poster.png")


def check_export(path: Path, settings: Settings) -> None:
    """What a purpose needs is there, before anything slow begins.

    Raises:
        Img2MeshError: an extra is missing, or the format does not suit the purpose.
    """
    suffix = path.suffix.lower()
    if settings.purpose == "ar" and suffix not in (".glb", ".usdz"):
        raise Img2MeshError(f"--for ar makes .glb and .usdz, not {suffix}.")
    if settings.purpose == "ar" or suffix == ".usdz":
        from img2mesh.mesh.usdz import check_usd

        check_usd()
    if settings.purpose == "web" and suffix != ".glb":
        raise Img2MeshError(f"--for web makes .glb, not {suffix}.")
    if settings.purpose == "game" and suffix not in GAMES:
        raise Img2MeshError(f"--for game makes {', '.join(GAMES)}, not {suffix}.")
    if suffix == ".glb" and settings.compression not in ("auto", "none"):
        from img2mesh.mesh.gltf_compression import chosen_compression

        chosen_compression(settings.compression)


def export(
    result: Result, path: Path, settings: Settings, progress: Progress, name: str | None = None
) -> list[Path]:
    """Write everything, and what reading the mesh back tells into the report's `file` (`--for print`).

    Args:
        name: of the object in the files; default: the file's name.

    Returns:
        The files, the mesh first. `result.report` gains `files` (their names and bytes) and, for print, `file`.
    """
    from img2mesh.mesh import write_mesh
    from img2mesh.mesh.corner_colours import has_corner_colours
    from img2mesh.mesh.write import LOSSES

    name = name or path.stem
    written = write_mesh(result.mesh, path, settings, name)
    for level, mesh in enumerate(result.levels, 1):
        written += write_mesh(mesh, level_path(path, level), settings, f"{name}_LOD{level}")
    if settings.purpose == "ar":
        other = path.with_suffix(".glb" if path.suffix.lower() == ".usdz" else ".usdz")
        written += write_mesh(result.mesh, other, settings, name)
        glb, usdz = (other, path) if path.suffix.lower() == ".usdz" else (path, other)
        written.append(_page(path.with_suffix(".html"), glb, usdz, poster_path(path), name))
    if settings.purpose in ("ar", "web"):
        written.append(_poster(result, poster_path(path)))
    report = result.report
    report["files"] = {each.name: each.stat().st_size for each in written}
    warnings = []
    if path.suffix.lower() in LOSSES:
        progress.note(LOSSES[path.suffix.lower()])
    if path.suffix.lower() == ".3mf" and has_corner_colours(result.mesh):
        progress.note("The solid's surface is new: it has colours at its corners in place of a texture.")
    limit = {"ar": AR_BYTES, "web": WEB_BYTES}.get(settings.purpose)
    for each in written:
        if limit and each.suffix in (".glb", ".usdz") and each.stat().st_size > limit:
            size, most = each.stat().st_size / 1e6, limit / 1e6
            warnings.append(
                f"{each.name} has {size:.1f} MB; {most:g} are advised (fewer --faces, --texture-size)."
            )
    if settings.purpose == "print":
        report["file"], found = _judged(path, settings)
        warnings += found
    for warning in warnings:
        progress.warn(warning)
    report["warnings"] = list(dict.fromkeys([*report.get("warnings", []), *warnings]))
    return written


def _judged(path: Path, settings: Settings) -> tuple[dict[str, Any], list[str]]:
    """The written file, read back."""
    from img2mesh.finish.judge import THIN_MM, judge
    from img2mesh.mesh.read import read_mesh

    wall = parse_length(settings.min_wall, "min_wall")
    judgement = judge(read_mesh(path), parse_bed(settings.bed), THIN_MM if wall is None else wall * 1000)
    texts = [f.text for f in judgement.findings if f.severity != "note"]
    return {"name": path.name, **judgement.as_dict()}, texts


def _poster(result: Result, path: Path) -> Path:
    from img2mesh.preview.turntable import write_poster

    return write_poster(result.mesh, path, POSTER)


def _page(path: Path, glb: Path, usdz: Path, poster: Path, name: str) -> Path:
    """A page with the element that browsers and phones show the object with."""
    from urllib.parse import quote

    from img2mesh import __version__
    from img2mesh.core.files import atomic_file

    title = html.escape(name, quote=True)
    sources = {k: html.escape(quote(p.name), quote=True) for k, p in (("g", glb), ("u", usdz), ("p", poster))}
    text = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="generator" content="img2mesh {__version__}">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<script type="module" src="https://ajax.googleapis.com/ajax/libs/model-viewer/4.0.0/model-viewer.min.js"></script>
<model-viewer src="{sources["g"]}" ios-src="{sources["u"]}" poster="{sources["p"]}" alt="{title}"
  ar ar-scale="fixed" camera-controls touch-action="pan-y" shadow-intensity="1"
  style="width: 100%; height: 90vh"></model-viewer>
</html>
"""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path
