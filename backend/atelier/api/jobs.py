"""What every kind of job has: to be listed, seen, followed, cancelled, paused, resumed, retried and moved in the queue."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Response
from fastapi.responses import PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from atelier.api import tail
from atelier.api.deps import MAX_ID, ReadDep, ServicesDep, WriteDep, find_job
from atelier.api.events import EVENTS, LastEventId, stream
from atelier.api.hub import Topics
from atelier.api.pages import Cursor, Limit, Page, decode, encode
from atelier.api.problems import problems
from atelier.jobs import queue
from atelier.registry import queries
from atelier.registry.tables import Better, Job, Kind, Status

ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"headers": {"Location": {"description": "URL of the job.", "schema": {"type": "string"}}}}
}
IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=255, description="Repeating a request with the same key starts nothing new.")
]


class AlarmOut(BaseModel):
    """A sign that a training goes wrong."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: str
    step: int
    """Where it was first seen."""
    message: str
    """What is wrong and what may help, in words."""


class StyleOfTransferOut(BaseModel):
    """A style of a transfer."""

    picture: str
    weight: float
    mask: str | None


class StyleTransferOut(BaseModel):
    """What a style transfer is made of."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    method: str
    content: str
    """Id of a picture."""
    styles: list[StyleOfTransferOut]
    network: str | None
    """The feature network that draws it, once that is known."""
    picture: str | None
    """URL of the result, or of the newest preview as long as there is none."""


class FoundOut(BaseModel):
    """What a metric said."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    score: int
    """Number of the score."""
    metric: str
    title: str
    better: Better
    value: float
    error: float | None
    """Standard error."""


class EvaluationOut(BaseModel):
    """What an evaluation measures, and what it has found so far."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    subject: str
    """What is measured, in words."""
    version: int | None
    """The version that is measured; null for sets of pictures."""
    metrics: list[str]
    num_samples: int
    network: str
    seed: int
    truncation_psi: float | None
    scores: list[FoundOut]


class ProjectionOut(BaseModel):
    """What a projection looks for, and what it has found."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    picture: str
    """Id of the picture."""
    version: int
    """Among whose latents."""
    prompt: str | None
    class_index: int | None
    class_weights: dict[str, float] | None
    attributes: dict[str, float] | None
    network: str | None
    """The network by which it was told how alike pictures look; known at the end, like the next three."""
    distance: float | None
    """Between the picture and what the latent draws, through that network; 0 is the same."""
    psnr: float | None
    """Of the same two, in decibels: above 30 they are hard to tell apart."""
    latent: str | None
    """URL of the latent's file."""
    image: str | None
    """URL of what the latent draws, or of the newest preview as long as there is none."""


class JobOut(BaseModel):
    """A job as it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    revision: int
    """Grows with every change: of two answers about a job, the one with the larger number is the newer."""
    kind: Kind
    status: Status
    cancel_requested: bool
    """Whether the job ends at its next step."""
    pause_requested: bool
    """Whether the job is put aside at its next step, to be resumed."""
    priority: int
    """Queued jobs of a higher one start first."""
    queue_position: int | None
    """1 for the job that starts next; null for what is not queued."""
    stage: str | None
    step: int
    total_steps: int
    progress: float
    """Share of the steps that are done, 0 to 1."""
    images_per_second: float | None
    eta_seconds: float | None
    error: str | None
    """Why the job failed or was interrupted, or why it has to be taken up again."""
    alarms: list[AlarmOut]
    """What is wrong with the training as it stands."""
    restarts: int
    """How often its process died and it was taken up again by itself, since somebody last started or resumed it."""
    retry_of: int | None
    """The job whose settings it has."""
    continues: int | None
    """The run from whose end it goes on."""
    architecture: str | None
    dataset: str | None
    dataset_options: dict[str, Any]
    model: str | None
    version: int | None
    """The version it published."""
    preset: str | None
    hyperparameters: dict[str, Any]
    """All of them: the preset's, overridden by those of the request."""
    seed: int | None
    start_from: str | None
    style_transfer: StyleTransferOut | None = None
    """For a style transfer alone."""
    projection: ProjectionOut | None = None
    """For a projection alone."""
    evaluation: EvaluationOut | None = None
    """For an evaluation alone."""
    preview: str | None
    """URL of the newest preview."""
    log: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobChangesIn(BaseModel):
    """What can be changed about a job."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    priority: int = Field(ge=-1_000_000, le=1_000_000)
    """Queued jobs of a higher one start first."""


def job_routes(router: APIRouter, kind: Kind, noun: str, *, nouns: str | None = None, pausable: bool = True) -> None:
    """Give a router what every job has. `noun` ("training run") names a job in words, operations and parameters, `nouns` several.

    A kind that cannot go on in the middle is not `pausable`; it is resumed from the beginning, when it was interrupted.
    """
    nouns = nouns or f"{noun}s"
    name = noun.replace(" ", "_")
    item = f"/{{{name.rpartition('_')[2]}_id}}"
    number = Path(alias=item[2:-1], ge=1, le=MAX_ID, description=f"Number of the {noun}.")

    async def find(session: ReadDep, job_id: Annotated[int, number]) -> Job:
        return await find_job(session, kind, noun, job_id)

    found = Depends(find, scope="function")

    @router.get("", operation_id=f"list_{nouns.replace(' ', '_')}", summary=f"List {nouns}".title(), responses=problems(400, 422))
    async def list_jobs(
        session: ReadDep,
        status: Annotated[Status | None, Query(description="Only those in this state.")] = None,
        architecture: Annotated[str | None, Query(max_length=64, description="Only those about this architecture.")] = None,
        dataset: Annotated[str | None, Query(max_length=64, description="Only those about this data set.")] = None,
        model: Annotated[str | None, Query(max_length=64, description="Only those about this model.")] = None,
        q: Annotated[
            str | None, Query(max_length=200, description="Words that all stand in model, architecture, data set or preset.")
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[JobOut]:
        """All of them, newest first."""
        statement = queries.jobs(
            kind=kind,
            status=status,
            architecture=architecture,
            dataset=dataset,
            model=model,
            words=(q or "").casefold().split(),
            before=decode(router.prefix[1:], cursor),
            limit=limit + 1,
        )
        jobs = [JobOut.model_validate(job.snapshot()) for job in await session.scalars(statement)]
        return Page(items=jobs[:limit], next_cursor=encode(router.prefix[1:], jobs[limit - 1].id) if len(jobs) > limit else None)

    @router.get(item, operation_id=f"get_{name}", summary=f"Get {noun}".title(), response_model=JobOut, responses=problems(404, 422))
    def get_job(job: Annotated[Job, found]) -> dict[str, Any]:
        """One as it stands."""
        return job.snapshot()

    @router.patch(
        item, operation_id=f"change_{name}", summary=f"Change {noun}".title(), response_model=JobOut, responses=problems(404, 409, 422)
    )
    async def change_job(
        job_id: Annotated[int, number],
        session: WriteDep,
        body: Annotated[JobChangesIn, Body(openapi_examples={"first": {"summary": "Before the others", "value": {"priority": 10}}})],
    ) -> dict[str, Any]:
        """Move it within the queue; only what is queued has a place there."""
        job = await find_job(session, kind, noun, job_id)
        job.prioritise(body.priority)
        await session.flush()
        return job.snapshot()

    def post(what: str) -> dict[str, Any]:
        return {
            "path": f"{item}/{what}",
            "operation_id": f"{what}_{name}",
            "summary": f"{what} {noun}".title(),
            "response_model": JobOut,
        }

    @router.post(**post("cancel"), responses=problems(404, 409, 422))
    async def cancel_job(job_id: Annotated[int, number], session: WriteDep) -> dict[str, Any]:
        """Cancel it: at its next step when it runs, else at once. Asking twice is harmless."""
        job = await find_job(session, kind, noun, job_id)
        job.request_cancel()
        await session.flush()
        return job.snapshot()

    if pausable:

        @router.post(**post("pause"), responses=problems(404, 409, 422))
        async def pause_job(job_id: Annotated[int, number], session: WriteDep) -> dict[str, Any]:
            """Put it aside: at its next step, with a checkpoint, when it runs, else at once. Asking twice is harmless."""
            job = await find_job(session, kind, noun, job_id)
            job.request_pause()
            await session.flush()
            return job.snapshot()

    @router.post(**post("resume"), responses=problems(404, 409, 422))
    async def resume_job(job_id: Annotated[int, number], session: WriteDep, services: ServicesDep) -> dict[str, Any]:
        """Put it back into the queue, to go on from its last checkpoint: what is paused or interrupted, or has failed but left one.

        Asking twice is harmless, and a pause that is still to come is taken back.
        """
        job = await find_job(session, kind, noun, job_id)
        job.resume(checkpoint=services.store.checkpoint(job_id).exists())
        await session.flush()
        return job.snapshot()

    @router.post(**post("retry"), status_code=202, responses={**ACCEPTED, **problems(404, 409, 422)})
    async def retry_job(
        job_id: Annotated[int, number], session: WriteDep, response: Response, idempotency_key: IdempotencyKey = None
    ) -> dict[str, Any]:
        """Queue a new one with the same settings, from the beginning; for what has ended or was interrupted."""
        job = await find_job(session, kind, noun, job_id)
        again = await session.run_sync(queue.retry, job, idempotency_key=idempotency_key)
        response.headers["Location"] = f"/api/v1{router.prefix}/{again.id}"
        return again.snapshot()

    @router.get(
        f"{item}/log",
        operation_id=f"read_{name.partition('_')[0]}_log",
        summary=f"Read {noun} log".title(),
        response_class=PlainTextResponse,
        responses={**tail.LOG_RESPONSES, **problems(404, 422)},
    )
    def read_job_log(job: Annotated[Job, found], services: ServicesDep, offset: tail.Offset = 0) -> PlainTextResponse:
        """What its process printed, from an offset on."""
        if job.log is None:  # it waits for its process
            return PlainTextResponse("", headers={"Next-Offset": "0"})
        return tail.respond(services.store.logs / job.log, offset)

    @router.get(
        f"{item}/events",
        operation_id=f"follow_{name}",
        summary=f"Follow {noun}".title(),
        response_class=EventSourceResponse,
        description=EVENTS,
        responses=problems(404, 422),
    )
    async def follow_job(
        job: Annotated[Job, found], services: ServicesDep, last_event_id: LastEventId = None
    ) -> AsyncIterator[ServerSentEvent]:
        """Follow it."""
        async for event in stream(services.hub, Topics(False, frozenset({job.id})), last_event_id):
            yield event
