"""Projections: the jobs that find the latent from which a version draws a picture; what every job has is in jobs.py."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import ValidationError

from atelier.api.deps import MAX_ID, ReadDep, ServicesDep, WriteDep, find_job
from atelier.api.jobs import ACCEPTED, IdempotencyKey, JobOut, job_routes
from atelier.api.pages import Page
from atelier.api.pictures import PNG, Size, served
from atelier.api.problems import problems
from atelier.api.training_runs import MaxPoints, MetricsOut, PreviewOut, metrics_of
from atelier.errors import Invalid, NotFound
from atelier.jobs.projections import submit_projection
from atelier.jobs.specs import ProjectRequest
from atelier.registry import queries

router = APIRouter(prefix="/projections", tags=["projections"])

SENT = "0123456789abcdef0123456789abcdef"
EXAMPLES: dict[str, Any] = {
    "picture": {"summary": "A picture that was sent", "value": {"model": "emoji-dcgan", "picture": SENT}},
    "class": {"summary": "… and what it shows", "value": {"model": "digits-cgan", "version": 1, "picture": SENT, "class_index": 7}},
}
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}


@router.post("", operation_id="start_projection", status_code=202, response_model=JobOut, responses={**ACCEPTED, **problems(404, 422)})
async def start_projection(
    session: WriteDep,
    services: ServicesDep,
    response: Response,
    body: Annotated[ProjectRequest, Body(openapi_examples=EXAMPLES)],
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Find the latent from which a version draws a picture, as nearly as it can: a job with previews.

    What the picture shows (its class, attributes, a prompt) can be said, for versions that draw by it; else what fits best is found out.
    """
    try:
        job = await session.run_sync(submit_projection, body, services.store, idempotency_key=idempotency_key)
    except ValidationError as error:
        raise Invalid.of(error) from error
    response.headers["Location"] = f"/api/v1/projections/{job.id}"
    return job.snapshot()


job_routes(router, "project", "projection")

ProjectionId = Annotated[int, Path(alias="projection_id", ge=1, le=MAX_ID, description="Number of the projection.")]


@router.get("/{projection_id}/metrics", operation_id="get_projection_metrics", responses=problems(404, 422))
async def get_projection_metrics(projection_id: ProjectionId, session: ReadDep, max_points: MaxPoints = 1000) -> MetricsOut:
    """How near it came, over the steps."""
    return await metrics_of(await find_job(session, "project", "projection", projection_id), session, max_points)


@router.get("/{projection_id}/previews", operation_id="list_projection_previews", responses=problems(404, 422))
async def list_projection_previews(projection_id: ProjectionId, session: ReadDep) -> Page[PreviewOut]:
    """What its latents drew as they came nearer, in order."""
    await find_job(session, "project", "projection", projection_id)
    previews = await session.scalars(queries.previews(projection_id))
    return Page(items=[PreviewOut.model_validate(preview.data) for preview in previews], next_cursor=None)


@router.get(
    "/{projection_id}/previews/{step}.png",
    operation_id="get_projection_preview",
    response_class=FileResponse,
    responses={**PNG, **problems(404, 422)},
)
def get_projection_preview(
    projection_id: ProjectionId, step: Annotated[int, Path(ge=0, le=MAX_ID)], services: ServicesDep, size: Size = None
) -> Response:
    """What its best latent drew after a step."""
    path = services.store.preview(projection_id, step)
    if not path.is_file():
        raise NotFound(f"Projection {projection_id} has no preview of step {step}.")
    return served(path, size)


@router.get(
    "/{projection_id}/image", operation_id="get_projection_image", response_class=FileResponse, responses={**PNG, **problems(404, 422)}
)
async def get_projection_image(projection_id: ProjectionId, session: ReadDep, services: ServicesDep, size: Size = None) -> Response:
    """What the latent draws: the result, or where it has not ended well the newest preview."""
    job = await find_job(session, "project", "projection", projection_id)
    path = services.store.result(job.id)
    if job.status == "succeeded" and path.is_file():
        return await run_in_threadpool(served, path, size)
    newest = None if job.preview_step is None else services.store.preview(job.id, job.preview_step)
    if newest is None or not newest.is_file():
        raise NotFound(f"Projection {job.id} has no picture yet.")
    return await run_in_threadpool(served, newest, size, cache="no-cache")


@router.get(
    "/{projection_id}/latent", operation_id="get_projection_latent", response_class=FileResponse, responses={**FILE, **problems(404, 422)}
)
async def get_projection_latent(projection_id: ProjectionId, session: ReadDep, services: ServicesDep) -> FileResponse:
    """The latent as a safetensors file: what the generator takes (`input0` is z, `input1` a condition), and `styles` where it has some."""
    job = await find_job(session, "project", "projection", projection_id)
    path = services.store.projection(job.id)
    if job.status != "succeeded" or not path.is_file():
        raise NotFound(f"Projection {job.id} has no latent: it is {job.status}.")
    return FileResponse(path, media_type="application/octet-stream", filename=f"latent-{job.id}.safetensors")
