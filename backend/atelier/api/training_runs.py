"""Training runs: start, list, follow, cancel."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from fastapi import APIRouter, Body, Header, Path, Query, Response
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from atelier.api import tail
from atelier.api.deps import IMMUTABLE, MAX_ID, ReadDep, RunDep, RunId, ServicesDep, WriteDep, find_run
from atelier.api.events import EVENTS, LastEventId, stream
from atelier.api.hub import Topics
from atelier.api.pages import Cursor, Limit, Page, decode, encode
from atelier.api.problems import problems
from atelier.errors import Invalid, NotFound
from atelier.jobs.queue import submit_training
from atelier.jobs.specs import TrainRequest
from atelier.models import architectures
from atelier.models.base import GenerativeModel
from atelier.registry import queries
from atelier.registry.tables import Kind, Status

router = APIRouter(prefix="/training-runs", tags=["training runs"])
LOCATION = "/api/v1/training-runs"

# ---------------------------------------------------------------------------------------------------------------- shapes


class JobOut(BaseModel):
    """A job as it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    kind: Kind
    status: Status
    cancel_requested: bool
    """Whether the job ends at its next step."""
    stage: str | None
    step: int
    total_steps: int
    progress: float
    """Share of the steps that are done, 0 to 1."""
    images_per_second: float | None
    eta_seconds: float | None
    error: str | None
    """Why the job failed."""
    retry_of: int | None
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
    preview: str | None
    """URL of the newest preview."""
    log: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Overrides(BaseModel):
    """Hyper-parameters that differ from the preset's."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _name_the_known(cls, given: Any) -> Any:
        unknown = [name for name in given if name not in cls.model_fields] if isinstance(given, dict) else []
        if unknown:
            known = f"unknown; the hyper-parameters are {', '.join(cls.model_fields)}"
            errors = [{"pointer": f"/hyperparameters/{name}", "detail": known} for name in unknown]
            raise Invalid(f"hyperparameters/{unknown[0]}: {known}", errors)
        return given


def _body(cls: type[GenerativeModel]) -> type[TrainRequest]:
    """The request for one architecture, with each of its hyper-parameters and none of them required."""

    def without_default(schema: dict[str, Any]) -> None:
        del schema["default"]  # the preset decides it

    fields: dict[str, Any] = {
        name: (Annotated[field.annotation, *field.metadata, Field(description=field.description, json_schema_extra=without_default)], None)
        for name, field in cls.Hyperparameters.model_fields.items()
    }
    overrides = create_model(f"{cls.__name__}OverridesIn", __base__=Overrides, __doc__=Overrides.__doc__, **fields)
    narrowed: dict[str, Any] = {
        "architecture": (Literal[cls.name], ...),
        "preset": (Literal[tuple(cls.presets)], TrainRequest.model_fields["preset"]),
        "hyperparameters": (overrides, TrainRequest.model_fields["hyperparameters"]),
    }
    return create_model(f"{cls.__name__}TrainingRunIn", __base__=TrainRequest, __doc__=f"A training run of {cls.title}.", **narrowed)


if TYPE_CHECKING:
    AnyTrainingRunIn = TrainRequest
else:
    AnyTrainingRunIn = Union[tuple(_body(cls) for cls in architectures.values())]  # noqa: UP007, so many as there are

EXAMPLES: dict[str, Any] = {
    name: {
        "summary": cls.title,
        "value": {
            "architecture": name,
            "dataset": "emoji",
            "model": f"emoji-{name}",
            "preset": "debug",
            "hyperparameters": {"steps": 80},
            "seed": 0,
        },
    }
    for name, cls in architectures.items()
}


class MetricsOut(BaseModel):
    """The curves of a run, by columns."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    steps: list[int]
    series: dict[str, list[float | None]]
    """A value for each of the steps; null where there is none."""


class PreviewOut(BaseModel):
    """A grid drawn from latents that stay the same during the run."""

    step: int
    url: str


# ---------------------------------------------------------------------------------------------------------------- routes


@router.post(
    "",
    operation_id="start_training_run",
    status_code=202,
    response_model=JobOut,
    responses={202: {"headers": {"Location": {"description": "URL of the run.", "schema": {"type": "string"}}}}, **problems(422)},
)
async def start_training_run(
    session: WriteDep,
    response: Response,
    body: Annotated[AnyTrainingRunIn, Body(discriminator="architecture", openapi_examples=EXAMPLES)],
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, description="Repeating a request with the same key starts nothing new.")
    ] = None,
) -> dict[str, Any]:
    """Queue a training run; it starts in a process of its own as soon as one is free."""
    request = TrainRequest.model_validate(body.model_dump(exclude_unset=True))
    run = await session.run_sync(submit_training, request, idempotency_key=idempotency_key)
    response.headers["Location"] = f"{LOCATION}/{run.id}"
    return run.snapshot()


@router.get("", operation_id="list_training_runs", responses=problems(400, 422))
async def list_training_runs(
    session: ReadDep,
    status: Annotated[Status | None, Query(description="Only runs in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[JobOut]:
    """Runs, newest first."""
    statement = queries.jobs(kind="train", status=status, before=decode("training-runs", cursor), limit=limit + 1)
    runs = [JobOut.model_validate(run.snapshot()) for run in await session.scalars(statement)]
    return Page(items=runs[:limit], next_cursor=encode("training-runs", runs[limit - 1].id) if len(runs) > limit else None)


@router.get("/{run_id}", operation_id="get_training_run", response_model=JobOut, responses=problems(404, 422))
def get_training_run(run: RunDep) -> dict[str, Any]:
    """One run as it stands."""
    return run.snapshot()


@router.post("/{run_id}/cancel", operation_id="cancel_training_run", response_model=JobOut, responses=problems(404, 409, 422))
async def cancel_training_run(run_id: RunId, session: WriteDep) -> dict[str, Any]:
    """Cancel a run: at once when it is queued, at its next step when it runs. Asking twice is harmless."""
    run = await find_run(session, run_id)
    run.request_cancel()
    await session.flush()
    return run.snapshot()


@router.get("/{run_id}/metrics", operation_id="get_training_metrics", responses=problems(404, 422))
async def get_training_metrics(
    run: RunDep, session: ReadDep, max_points: Annotated[int, Query(ge=2, le=10_000, description="Thin out to this many steps.")] = 1000
) -> MetricsOut:
    """Losses and other measures over the steps."""
    points = (await session.scalars(queries.metric_points(run.id))).all()
    steps = sorted({point.step for point in points})
    if len(steps) > max_points:  # evenly spaced, with the first and the last
        steps = [steps[round(i * (len(steps) - 1) / (max_points - 1))] for i in range(max_points)]
    column = {step: index for index, step in enumerate(steps)}
    series: dict[str, list[float | None]] = {point.name: [None] * len(steps) for point in points}
    for point in points:
        if point.step in column:
            series[point.name][column[point.step]] = point.value
    return MetricsOut(steps=steps, series=series)


@router.get("/{run_id}/previews", operation_id="list_training_previews", responses=problems(404, 422))
async def list_training_previews(run: RunDep, session: ReadDep) -> Page[PreviewOut]:
    """Pictures drawn during the run, in order."""
    previews = await session.scalars(queries.previews(run.id))
    return Page(items=[PreviewOut.model_validate(preview.data) for preview in previews], next_cursor=None)


@router.get(
    "/{run_id}/previews/{step}.png",
    operation_id="get_training_preview",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422)},
)
def get_training_preview(run: RunDep, step: Annotated[int, Path(ge=0, le=MAX_ID)], services: ServicesDep) -> FileResponse:
    """The picture drawn at a step."""
    path = services.store.preview(run.id, step)
    if not path.is_file():
        raise NotFound(f"Training run {run.id} has no preview of step {step}.")
    return FileResponse(path, headers={"Cache-Control": IMMUTABLE})


@router.get(
    "/{run_id}/log",
    operation_id="read_training_log",
    response_class=PlainTextResponse,
    responses={**tail.LOG_RESPONSES, **problems(404, 422)},
)
def read_training_log(run: RunDep, services: ServicesDep, offset: tail.Offset = 0) -> PlainTextResponse:
    """What the run's process printed, from an offset on."""
    if run.log is None:  # it waits for its process
        return PlainTextResponse("", headers={"Next-Offset": "0"})
    return tail.respond(services.store.logs / run.log, offset)


@router.get(
    "/{run_id}/events",
    operation_id="follow_training_run",
    response_class=EventSourceResponse,
    description=EVENTS,
    responses=problems(404, 422),
)
async def follow_training_run(run: RunDep, services: ServicesDep, last_event_id: LastEventId = None) -> AsyncIterator[ServerSentEvent]:
    """Follow one run."""
    async for event in stream(services.hub, Topics(False, frozenset({run.id})), last_event_id):
        yield event
