"""Discoveries: the jobs that find what can be changed in a version's images: what its data set shows, and directions of its latents."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from atelier.api.deps import ServicesDep, WriteDep
from atelier.api.jobs import ACCEPTED, IdempotencyKey, JobOut, job_routes
from atelier.api.problems import problems
from atelier.jobs import queue
from atelier.jobs.specs import DiscoverRequest

router = APIRouter(prefix="/discoveries", tags=["discoveries"])

EXAMPLES: dict[str, Any] = {
    "latest": {"summary": "What can be changed in the images of a model's latest version", "value": {"model": "emoji-dcgan"}},
    "directions": {"summary": "Directions alone, without a classifier", "value": {"model": "emoji-dcgan", "methods": ["sefa", "pca"]}},
    "again": {"summary": "Once more, with another classifier", "value": {"model": "emoji-dcgan", "version": 3, "again": True}},
}


@router.post("", operation_id="start_discovery", status_code=202, response_model=JobOut, responses={**ACCEPTED, **problems(404, 422)})
async def start_discovery(
    session: WriteDep,
    services: ServicesDep,
    response: Response,
    body: Annotated[DiscoverRequest, Body(openapi_examples=EXAMPLES)],
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Train a classifier of the attributes and classes of a version's data set, by which its images can be turned (`dial`), and find
    directions of its latents, which are the same for all images: sliders.

    All versions trained on the same data set at the same resolution share the classifier. Where all that is asked for is there already, the
    job has succeeded at once, unless it is asked for `again`. The version then lists what can be turned, and how well it is seen, as
    `dials`, and its directions stand under `/directions`.
    """
    job = await session.run_sync(queue.submit_discovery, body, services.catalog, services.store, idempotency_key=idempotency_key)
    response.headers["Location"] = f"/api/v1/discoveries/{job.id}"
    return job.snapshot()


job_routes(router, "discover", "discovery", nouns="discoveries", pausable=False)
