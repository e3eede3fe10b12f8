"""Training runs: start, follow, continue; what every job has is in jobs.py."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from fastapi import APIRouter, Body, Path, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from atelier.api.deps import IMMUTABLE, MAX_ID, ReadDep, RunDep, RunId, ServicesDep, WriteDep, find_job
from atelier.api.jobs import ACCEPTED, IdempotencyKey, JobOut, job_routes
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.errors import Invalid, NotFound
from atelier.jobs import queue
from atelier.jobs.specs import TrainRequest
from atelier.models import architectures
from atelier.models.base import GenerativeModel
from atelier.registry import queries
from atelier.registry.tables import Job

router = APIRouter(prefix="/training-runs", tags=["training runs"])
LOCATION = "/api/v1/training-runs"

# ---------------------------------------------------------------------------------------------------------------- shapes


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


class ContinueIn(BaseModel):
    """How much further to train."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    steps: int = Field(ge=1, le=10_000_000)
    """Steps beyond those of the run."""


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


@router.post("", operation_id="start_training_run", status_code=202, response_model=JobOut, responses={**ACCEPTED, **problems(422)})
async def start_training_run(
    session: WriteDep,
    services: ServicesDep,
    response: Response,
    body: Annotated[AnyTrainingRunIn, Body(discriminator="architecture", openapi_examples=EXAMPLES)],
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Queue a training run; it starts in a process of its own as soon as one is free."""
    request = TrainRequest.model_validate(body.model_dump(exclude_unset=True))
    run = await session.run_sync(queue.submit_training, request, services.catalog, idempotency_key=idempotency_key)
    response.headers["Location"] = f"{LOCATION}/{run.id}"
    return run.snapshot()


job_routes(router, "train", "training run")


@router.post(
    "/{run_id}/continue",
    operation_id="continue_training_run",
    status_code=202,
    response_model=JobOut,
    responses={**ACCEPTED, **problems(404, 409, 422)},
)
async def continue_training_run(
    run_id: RunId,
    session: WriteDep,
    services: ServicesDep,
    response: Response,
    body: Annotated[ContinueIn, Body(openapi_examples={"more": {"summary": "A thousand steps more", "value": {"steps": 1000}}})],
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Queue a new run that begins where a finished one ended, and gives the same model a further version."""
    run = await find_job(session, "train", "training run", run_id)
    further = await session.run_sync(
        queue.continue_training, run, body.steps, checkpoint=services.store.checkpoint(run_id).exists(), idempotency_key=idempotency_key
    )
    response.headers["Location"] = f"{LOCATION}/{further.id}"
    return further.snapshot()


MaxPoints = Annotated[int, Query(ge=2, le=10_000, description="Thin out to this many steps.")]


@router.get("/{run_id}/metrics", operation_id="get_training_metrics", responses=problems(404, 422))
async def get_training_metrics(run: RunDep, session: ReadDep, max_points: MaxPoints = 1000) -> MetricsOut:
    """Losses and other measures over the steps."""
    return await metrics_of(run, session, max_points)


async def metrics_of(job: Job, session: AsyncSession, max_points: int) -> MetricsOut:
    points = (await session.scalars(queries.metric_points(job.id))).all()
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
