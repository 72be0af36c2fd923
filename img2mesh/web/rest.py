"""The REST door: jobs as resources, errors as problems."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Path, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, Field

from img2mesh import __version__
from img2mesh.service.job import MESH, Job
from img2mesh.service.service import JobService
from img2mesh.settings import Settings
from img2mesh.web import forms
from img2mesh.web.api_page import api_page
from img2mesh.web.problems import SCHEMA, described

MEDIA_TYPES = {
    ".glb": "model/gltf-binary",
    ".stl": "model/stl",
    ".3mf": "model/3mf",
    ".usdz": "model/vnd.usdz+zip",
    ".zip": "application/zip",
    ".png": "image/png",
    ".json": "application/json",
}
JobId = Annotated[str, Path(description="from the answer to the new job", pattern="^[A-Za-z0-9_-]{1,64}$")]
FileName = Annotated[str, Path(description="one of the job's files", pattern="^[A-Za-z0-9_.-]{1,64}$")]


class JobStatus(BaseModel):
    """A job as it is now."""

    id: str = Field(description="unguessable: whoever has it can read, cancel and delete the job")
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str = Field(description="what is being done, such as `views`; empty before and after")
    share_done: float = Field(ge=0, le=1)
    ahead: int = Field(ge=0, description="jobs that come first")
    seconds_left: float | None = Field(description="expected, as far as known")
    created: datetime
    started: datetime | None
    ended: datetime | None
    expected_end: datetime | None
    error: str | None = Field(description="one sentence")
    said: list[str] = Field(description="notes and warnings of the run")
    settings: dict[str, Any]
    files: dict[str, str] = Field(description="names of the results and their addresses")


class Health(BaseModel):
    """The server as it is now."""

    status: Literal["ok"]
    version: str
    running: int
    queued: int


def as_status(job: Job) -> JobStatus:
    """What the outside is told."""

    def moment(seconds: float | None) -> datetime | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)

    ends = moment(job.expected_end)
    left = None if ends is None else max(0.0, round((ends - datetime.now(timezone.utc)).total_seconds(), 1))
    return JobStatus(
        id=job.id,
        state=job.state,
        stage=job.stage,
        share_done=job.share,
        ahead=job.ahead,
        seconds_left=left,
        created=moment(job.created) or datetime.now(timezone.utc),
        started=moment(job.started),
        ended=moment(job.ended),
        expected_end=ends,
        error=job.error,
        said=list(job.said),
        settings=job.settings,
        files={name: f"/v1/jobs/{job.id}/{name}" for name in job.files},
    )


def add_routes(app: FastAPI, service: JobService, server: Settings) -> None:
    """`/v1/jobs`, `/health`, `/docs` and `/openapi.json`.

    Args:
        server: settings that requests start from, and cannot change but for `service.requests.ALLOWED`.
    """
    from img2mesh.service.requests import settings_of

    router = APIRouter()

    @router.get("/health", responses=described(401, 421))
    def health() -> Health:
        """Whether the server works, and how much it has to do. Needs no token."""
        states = [job.state for job in service.list()]
        running, queued = states.count("running"), states.count("queued")
        return Health(status="ok", version=__version__, running=running, queued=queued)

    @router.post(
        "/v1/jobs",
        status_code=202,
        responses={202: {"headers": {"Location": {"schema": {"type": "string"}}}}}
        | described(400, 401, 403, 413, 415, 421, 422, 429),
        openapi_extra={"requestBody": forms.described()},
    )
    async def create_job(request: Request, response: Response) -> JobStatus:
        """Make a mesh of a photo, or of photos of several sides."""
        from starlette.concurrency import run_in_threadpool

        photos, text = await forms.read_form(request, service.limits)
        settings = await run_in_threadpool(settings_of, text, server)
        job = await run_in_threadpool(service.submit, photos, settings, MESH)
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return as_status(job)

    @router.get("/v1/jobs/{job_id}", responses=described(401, 404, 421, 422))
    def job_status(job_id: JobId) -> JobStatus:
        """How far a job is."""
        return as_status(service.status(job_id))

    @router.post("/v1/jobs/{job_id}/cancel", responses=described(401, 403, 404, 421, 422))
    def cancel_job(job_id: JobId) -> JobStatus:
        """Ask for the end of a job; one that is over stays as it is."""
        return as_status(service.cancel(job_id))

    @router.delete("/v1/jobs/{job_id}", status_code=204, responses=described(401, 403, 404, 421, 422))
    def delete_job(job_id: JobId) -> None:
        """Cancel a job and remove everything of it."""
        service.delete(job_id)

    files: dict[int | str, dict[str, Any]] = {200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}}

    @router.get(
        "/v1/jobs/{job_id}/mesh.glb",
        response_class=FileResponse,
        responses={200: {"content": {"model/gltf-binary": {}}}} | described(401, 404, 409, 421, 422),
    )
    def get_mesh(job_id: JobId) -> FileResponse:
        """The mesh as binary glTF."""
        return _file(service, job_id, "mesh.glb")

    @router.get(
        "/v1/jobs/{job_id}/{name}",
        response_class=FileResponse,
        responses=files | described(401, 404, 409, 421, 422),
    )
    def get_file(job_id: JobId, name: FileName) -> FileResponse:
        """Another format of the mesh, a picture of it, or the report: see the job's `files`."""
        return _file(service, job_id, name)

    @router.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return api_page(app.openapi())

    app.include_router(router)
    _describe(app)


def _file(service: JobService, job_id: str, name: str) -> FileResponse:
    path = service.result(job_id, name)
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], filename=path.name)


def _describe(app: FastAPI) -> None:
    """The description, with our problems where FastAPI would name its own errors."""
    from fastapi.openapi.utils import get_openapi

    def made() -> dict[str, Any]:
        if not app.openapi_schema:
            text = get_openapi(
                title="img2mesh",
                version=__version__,
                routes=app.routes,
                description="Photos of an object become textured 3D meshes, on this machine.",
            )
            schemas = text["components"]["schemas"]
            schemas["Problem"] = SCHEMA
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            app.openapi_schema = text
        return app.openapi_schema

    app.openapi = made
