"""One object: check every path first, make all, then write all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from img2mesh.cli import checks, several
from img2mesh.cli.prompt import Wish
from img2mesh.errors import Img2MeshError
from img2mesh.exports import check_export, export
from img2mesh.outputs import Output, check_outputs, check_room, kept_outputs, mesh_outputs, run_bytes
from img2mesh.settings import Settings

if TYPE_CHECKING:
    from img2mesh.core.progress import Progress
    from img2mesh.mesh import TexturedMesh
    from img2mesh.photos.photo import Photo


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for beside the mesh."""

    kind: str | None
    preview: Path | None
    preview_sources: Path | None
    keep: Path | None
    report: Path | None
    config: Path | None
    overwrite: bool
    verbose: bool

    def reports(self) -> list[Output]:
        return [] if self.report is None else [Output("--report", self.report)]

    def inputs(self, photos: list[Path], settings: Settings) -> list[Path]:
        """Every file that the run reads and that a careless name could strike."""
        others = [self.config, Path(settings.model) if Path(settings.model).suffix else None]
        return [*photos, *(path for path in others if path is not None)]


def convert_one(
    photo: Path | list[Photo] | several.Turn | several.Scan | Wish,
    output: Path,
    settings: Settings,
    wanted: Wanted,
    clockwise: bool | None = None,
) -> None:
    """Make and write what is wanted of one object.

    Args:
        photo: of its front; several of its sides; those of a turntable or of a walk around it; or the words.
        clockwise: how a turntable turns; None: found out.
    """
    files = _files(photo)
    kind, report = wanted.kind, wanted.report
    drawn = previews(wanted.preview, wanted.preview_sources)
    if kind is not None and not output.suffix and output.name and not output.is_dir():
        output = output.with_name(output.name + kind)
    checks.check_output(output, checks.MESHES, "-o")
    if kind is not None and output.suffix.lower() != kind:
        raise Img2MeshError(f"--format {kind[1:]} contradicts the suffix of -o {output}.")
    planned = [
        *mesh_outputs(output, settings=settings),
        *drawn,
        *wanted.reports(),
        *kept_outputs(wanted.keep, settings.views, len(files)),
        *(photo.kept(wanted.keep) if isinstance(photo, Wish) else ()),
    ]
    check_outputs(planned, wanted.inputs(files, settings), wanted.overwrite)
    check_export(output, settings)
    check_room(output.parent, run_bytes(settings, wanted.keep is not None))

    from img2mesh.core.progress import ConsoleProgress

    progress = ConsoleProgress(wanted.verbose)
    progress.note(f"seed {settings.seed}, preset {settings.preset}")

    from img2mesh.pipeline import image_to_mesh, scan_to_mesh, turntable_to_mesh

    drawing = None
    if isinstance(photo, several.Turn):
        result = turntable_to_mesh(files, settings, clockwise=clockwise, keep=wanted.keep, progress=progress)
    elif isinstance(photo, several.Scan):
        result = scan_to_mesh(files, settings, keep=wanted.keep, progress=progress)
    elif isinstance(photo, Wish):
        drawing = photo.drawn(settings, wanted.keep, progress)
        result = image_to_mesh(drawing.picture, settings, keep=wanted.keep, progress=progress)
    else:
        result = image_to_mesh(photo, settings, keep=wanted.keep, progress=progress)
    # Everything is made before anything is written, so an interrupted run leaves nothing.
    export(result, output, settings, progress, files[0].stem if files else output.stem)
    draw(drawn, result.mesh, progress)
    if report is not None:
        from img2mesh.report import write_report

        made_of = {"prompt": drawing.facts} if drawing is not None else {"photo": files[0].name}
        write_report({**made_of, "output": output.name, **result.report}, report)
    progress.count_warnings()
    print(output)


def previews(plain: Path | None, sources: Path | None) -> list[Output]:
    """The pictures of the mesh that are asked for.

    Raises:
        Img2MeshError: a path that no picture can have.
    """
    pictures = {"--preview": plain, "--preview-sources": sources}
    drawn = [Output(option, path) for option, path in pictures.items() if path is not None]
    for picture in drawn:
        checks.check_output(picture.path, checks.PREVIEWS, picture.option)
    return drawn


def draw(pictures: list[Output], mesh: TexturedMesh, progress: Progress) -> None:
    """Write what `previews` has planned."""
    for picture in pictures:
        from img2mesh.preview import write_preview

        with progress.stage(picture.option.removeprefix("--")):
            write_preview(mesh, picture.path, sources=picture.option == "--preview-sources")


def _files(photo: Path | list[Photo] | several.Turn | several.Scan | Wish) -> list[Path]:
    if isinstance(photo, Wish):
        return []
    if isinstance(photo, Path):
        return [photo]
    return [Path(str(getattr(each, "source", each))) for each in photo]
