"""Evaluations: the jobs that measure how good pictures are, the scores they leave, and the metrics there are."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import BaseModel, ConfigDict

from atelier.api.deps import MAX_ID, ReadDep, ServicesDep, VersionDep, WriteDep
from atelier.api.jobs import ACCEPTED, IdempotencyKey, JobOut, job_routes
from atelier.api.pages import Cursor, Limit, Page, decode, encode
from atelier.api.problems import problems
from atelier.errors import NotFound
from atelier.featurefiles import missing
from atelier.jobs.evaluations import submit_evaluation
from atelier.jobs.specs import EvaluateRequest, EvaluateSpec
from atelier.metrics import metrics
from atelier.metrics.base import NEEDS, PERCEPTUAL
from atelier.registry import queries
from atelier.registry.tables import Better, Score

router = APIRouter(prefix="/evaluations", tags=["evaluations"])
scores = APIRouter(prefix="/scores", tags=["evaluations"])
describing = APIRouter(prefix="/metrics", tags=["evaluations"])
of_versions = APIRouter(prefix="/models", tags=["evaluations"])

EXAMPLES: dict[str, Any] = {
    "version": {"summary": "The latest version of a model", "value": {"model": "emoji-dcgan", "metrics": ["fid", "ppl"]}},
    "published": {
        "summary": "With Inception, comparable with published figures",
        "value": {
            "model": "emoji-dcgan",
            "version": 3,
            "metrics": ["fid", "inception_score"],
            "network": "inception",
            "num_samples": 50000,
        },
    },
    "sets": {
        "summary": "Two sets of pictures, without a model",
        "value": {"generated": {"dataset": "emoji", "split": "test"}, "real": {"dataset": "emoji", "split": "train"}, "metrics": ["kid"]},
    },
}

# ---------------------------------------------------------------------------------------------------------------- metrics


class NeedOut(BaseModel):
    """What a metric needs."""

    name: str
    words: str


class TitleOut(BaseModel):
    """What a metric is called through a network."""

    network: str
    title: str
    through: str
    """The network that looks at pictures: of a path length, that of perceptual distances."""
    missing: str | None
    """What to do where its weights are not here."""


class MetricOut(BaseModel):
    """A metric."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    summary: str
    paper: str
    """URL of the publication."""
    better: Better
    """Whether a lower value is a better one, or a higher."""
    needs: list[NeedOut]
    least: int
    """Pictures without which it says nothing."""
    titles: list[TitleOut]
    """By network: through another one than Inception, a Fréchet distance is not called FID."""


@describing.get("", operation_id="list_metrics")
def list_metrics(services: ServicesDep) -> Page[MetricOut]:
    """All metrics, with what they need and what they are called."""
    items = []
    for metric in metrics.values():
        titles = []
        for network, perceptual in PERCEPTUAL.items():
            through = perceptual if "perceptual" in metric.needs else network
            absent = missing(through, services.store.features)
            titles.append(TitleOut(network=network, title=metric.title_through(through), through=through, missing=absent))
        needs = [NeedOut(name=need, words=words) for need, words in NEEDS.items() if need in metric.needs]
        items.append(
            MetricOut(
                name=metric.name,
                summary=metric.summary,
                paper=metric.paper,
                better=metric.better,
                needs=needs,
                least=metric.least,
                titles=titles,
            )
        )
    return Page(items=items, next_cursor=None)


# ----------------------------------------------------------------------------------------------------------------- scores


class ScoreOut(BaseModel):
    """What a metric said of pictures, with all that it depends on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    job: int | None
    """The evaluation, or the training run for what was measured on the way."""
    model: str | None
    version: int | None
    """Null for sets of pictures, and for a training run's scores on the way."""
    step: int | None
    """Of the training run, for what was measured on the way."""
    subject: str
    """What was measured, in words."""
    metric: str
    title: str
    """With the network's name, unless it is the one through which the metric is known."""
    better: Better
    value: float
    error: float | None
    """Standard error; null where none can be told."""
    interval: tuple[float, float] | None
    """Of 95 %: two standard errors to either side, or nearly."""
    num_real: int | None
    num_generated: int
    network: str
    network_digest: str
    """SHA-256 of its weights."""
    resize: str
    """How pictures were brought to the network's size."""
    averaged: bool | None
    """Whether the averaged generator (EMA) drew; null where none did."""
    truncation_psi: float | None
    seed: int
    real: str | None
    """The real set in words."""
    fingerprint: str | None
    """SHA-256 of the real set's content and preparation."""
    split: str | None
    conventions: dict[str, Any]
    """All else that must agree where two are compared."""
    details: dict[str, Any]
    """What else was found, and how the error was estimated."""
    code: dict[str, Any]
    """Versions of Atelier and of what else decides the numbers."""
    comparable: str
    """The same for scores that can be drawn on one axis, and different where they can't be."""
    created_at: datetime


def score_out(score: Score) -> ScoreOut:
    low_high = None if score.error is None else (score.value - 1.96 * score.error, score.value + 1.96 * score.error)
    names = set(ScoreOut.model_fields) - {"job", "version", "interval"}
    return ScoreOut(
        job=score.job_id,
        version=score.version.number if score.version else None,
        interval=low_high,
        **{name: getattr(score, name) for name in names},
    )


@scores.get("", operation_id="list_scores", responses=problems(400, 422))
async def list_scores(
    session: ReadDep,
    model: Annotated[str | None, Query(description="Only those of this model's versions and runs.")] = None,
    version: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Only those of versions with this number.")] = None,
    job: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Only those of this evaluation or training run.")] = None,
    metric: Annotated[str | None, Query(description="Only those of this metric.")] = None,
    network: Annotated[str | None, Query(description="Only those through this network.")] = None,
    comparable: Annotated[str | None, Query(description="Only those that can be drawn on one axis.")] = None,
    on_the_way: Annotated[bool | None, Query(description="Only those of runs on their way, or only those of what is done.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ScoreOut]:
    """All scores, newest first."""
    wanted: dict[str, Any] = {"model": model, "version": version, "job": job, "metric": metric, "network": network}
    wanted |= {"comparable": comparable, "on_the_way": on_the_way}
    found = (await session.scalars(queries.scores(**wanted, before=decode("scores", cursor), limit=limit + 1))).all()
    more = len(found) > limit
    return Page(items=[score_out(score) for score in found[:limit]], next_cursor=encode("scores", found[limit - 1].id) if more else None)


@scores.get("/{score_id}", operation_id="get_score", responses=problems(404, 422))
async def get_score(score_id: Annotated[int, Path(ge=1, le=MAX_ID, description="Number of the score.")], session: ReadDep) -> ScoreOut:
    """One score."""
    score = await session.get(Score, score_id)
    if score is None:
        raise NotFound(f"There is no score {score_id}.")
    return score_out(score)


@of_versions.get("/{name}/versions/{number}/evaluations", operation_id="list_version_scores", responses=problems(400, 404, 422))
async def list_version_scores(version: VersionDep, session: ReadDep, limit: Limit = 50, cursor: Cursor = None) -> Page[ScoreOut]:
    """A version's scores, newest first."""
    statement = queries.scores(before=decode("scores", cursor), limit=limit + 1).where(Score.version_id == version.id)
    found = (await session.scalars(statement)).all()
    more = len(found) > limit
    return Page(items=[score_out(score) for score in found[:limit]], next_cursor=encode("scores", found[limit - 1].id) if more else None)


# ------------------------------------------------------------------------------------------------------------------- jobs


@router.post("", operation_id="start_evaluation", status_code=202, response_model=JobOut, responses={**ACCEPTED, **problems(404, 422)})
async def start_evaluation(
    session: WriteDep,
    services: ServicesDep,
    response: Response,
    body: Annotated[EvaluateRequest, Body(openapi_examples=EXAMPLES)],
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Measure how good a version's pictures are, or a set of pictures, by any of the metrics that fit it.

    Every score is kept with all that it depends on, and shown by the job as soon as it is there.
    """
    spec = EvaluateSpec.model_validate(body.model_dump())
    job = await session.run_sync(submit_evaluation, spec, services.catalog, services.store, idempotency_key=idempotency_key)
    response.headers["Location"] = f"/api/v1/evaluations/{job.id}"
    return job.snapshot()


job_routes(router, "evaluate", "evaluation", pausable=False)
