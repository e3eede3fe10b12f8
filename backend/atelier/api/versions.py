"""Versions: what is known about each, in lists of one model's and of all models'."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from atelier.api.deps import IMMUTABLE, ModelName, ReadDep, ServicesDep, VersionDep, VersionNumber, WriteDep, find_version
from atelier.api.pages import Cursor, Limit, Page, decode, decode_ranked, encode, encode_ranked
from atelier.api.problems import problems
from atelier.errors import Invalid, NotFound
from atelier.metrics import metrics
from atelier.models.artifact import SAMPLES, WEIGHTS, ImageSpecManifest, Manifest, TrainingManifest
from atelier.models.base import Conditioning
from atelier.registry import queries
from atelier.registry.naming import ALIAS
from atelier.registry.store import Store
from atelier.registry.tables import Better, Score, Version
from atelier.serving.requests import abilities
from atelier.steering.classifier import Dial

router = APIRouter(prefix="/models/{name}/versions/{number}", tags=["models"])
everywhere = APIRouter(prefix="/versions", tags=["models"])

MAX_NOTE = 4000
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_NOTE)]


class ScoreBriefOut(BaseModel):
    """What a metric said of a version last."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    score: int
    """Number of the score."""
    metric: str
    title: str
    network: str
    better: Better
    value: float
    error: float | None
    """Standard error."""
    num_generated: int


class VersionOut(BaseModel):
    """A published generator."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    model: str
    version: int
    architecture: str
    dataset: str
    job: int | None
    """The training run that published it."""
    start_from: str | None
    """The version whose weights the training began with."""
    created_at: datetime
    aliases: list[str]
    """Names that belong to it now, such as `production`."""
    note: str | None
    """What somebody has noted about it."""
    digest: str
    """SHA-256 of weights and manifest."""
    bytes: int
    """Of all of its files."""
    parameters: int
    """Numbers in the generator's weights."""
    scores: list[ScoreBriefOut]
    """The last by each metric through each network."""
    hyperparameters: dict[str, Any]
    image: ImageSpecManifest
    training: TrainingManifest
    manifest: Manifest
    """All there is to know."""
    samples_url: str
    """A grid of images drawn when it was published."""
    conditioning: Conditioning
    """What an image can be asked for by."""
    class_names: list[str]
    """Classes that an image can be asked for; none where it is not conditioned on them."""
    attribute_names: list[str]
    """Attributes that an image can be asked for; none where it is not conditioned on them."""
    options: list[str]
    """What else can be chosen of an image, such as truncation_psi."""
    dials: list[Dial] | None
    """What images can be turned to by `dial`; null until a discovery has found it."""


class NoteIn(BaseModel):
    """What to change."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    note: Note | None
    """Words of your own, by which it is found as well; null takes them away."""


NOTE_EXAMPLES: dict[str, Any] = {"note": {"summary": "What it is good for", "value": {"note": "Sharper eyes; for the cover."}}}


async def versions_out(session: AsyncSession, versions: Sequence[Version], store: Store) -> list[VersionOut]:
    ids = [version.id for version in versions]
    named = queries.current_aliases()
    aliases: dict[int, list[str]] = {}
    for alias in await session.scalars(named.where(Version.id.in_(ids))):
        aliases.setdefault(alias.version_id, []).append(alias.name)
    scores: dict[int | None, list[Score]] = {}
    for score in await session.scalars(queries.scores_of(ids)):
        scores.setdefault(score.version_id, []).append(score)

    def read() -> list[VersionOut]:
        return [_out(version, store, aliases.get(version.id, []), scores.get(version.id, [])) for version in versions]

    return await run_in_threadpool(read)  # files: their sizes, and what can be dialled


def _out(version: Version, store: Store, aliases: list[str], scores: list[Score]) -> VersionOut:
    manifest = Manifest.model_validate(version.manifest)
    can = abilities(version.name, manifest, store, version.digest)
    folder = store.version(version.model.name, version.number)
    return VersionOut(
        model=version.model.name,
        version=version.number,
        architecture=version.architecture,
        dataset=version.dataset,
        job=version.job_id,
        start_from=manifest.training.start_from,
        created_at=version.created_at,
        aliases=aliases,
        note=version.note,
        digest=version.digest,
        bytes=size_of(folder),
        parameters=_parameters(folder / WEIGHTS, version.digest),
        scores=[
            ScoreBriefOut(score=one.id, **{name: getattr(one, name) for name in ScoreBriefOut.model_fields if name != "score"})
            for one in scores
        ],
        hyperparameters=manifest.hyperparameters,
        image=manifest.image,
        training=manifest.training,
        manifest=manifest,
        samples_url=f"/api/v1/models/{version.model.name}/versions/{version.number}/samples.png",
        conditioning=can.conditioning,
        class_names=list(can.class_names),
        attribute_names=list(can.attribute_names),
        options=list(can.options),
        dials=can.classifier and can.classifier.description.dials,
    )


def size_of(folder: Path) -> int:
    """Bytes of a version's files; 0 where they are gone."""
    return sum(file.stat().st_size for file in folder.iterdir()) if folder.is_dir() else 0


@lru_cache(maxsize=1024)
def _parameters(weights: Path, digest: str) -> int:
    """By the head of a safetensors file: its length in 8 bytes, then JSON that tells each tensor's shape."""
    try:
        with weights.open("rb") as file:
            head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except (OSError, ValueError):
        return 0
    count = 0
    for name, tensor in head.items():
        if name != "__metadata__":
            size = 1
            for length in tensor["shape"]:
                size *= length
            count += size
    return count


@everywhere.get("", operation_id="list_all_versions", responses=problems(400, 422))
async def list_all_versions(
    session: ReadDep,
    services: ServicesDep,
    architecture: Annotated[str | None, Query(max_length=64, description="Only of this architecture.")] = None,
    dataset: Annotated[str | None, Query(max_length=64, description="Only trained on this data set.")] = None,
    alias: Annotated[str | None, Query(pattern=ALIAS, description="Only those that have this alias.")] = None,
    q: Annotated[
        str | None, Query(max_length=200, description="Words that all stand in names, notes, aliases, architecture or data set.")
    ] = None,
    sort: Annotated[
        str, Query(max_length=64, description="`newest` first, or a metric, by whose last scores the best come first.")
    ] = "newest",
    network: Annotated[str, Query(max_length=64, description="The feature network of those scores.")] = "lite0",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[VersionOut]:
    """Versions of all models. Sorted by a metric, those that it has not measured through that network come last."""
    wanted = queries.all_versions(architecture=architecture, dataset=dataset, alias=alias, words=(q or "").casefold().split())
    if sort == "newest":
        order = "versions"
        rows = (await session.scalars(queries.newest_first(wanted, before=decode(order, cursor), limit=limit + 1))).all()
        following = encode(order, rows[limit - 1].id) if len(rows) > limit else None
    else:
        if sort not in metrics:
            raise Invalid.at("/sort", f"there is no order {sort!r}; there are newest, {', '.join(metrics)}")
        order = f"versions/{sort}/{network}"
        after, better = decode_ranked(order, cursor), metrics[sort].better
        statement = queries.best_first(wanted, metric=sort, network=network, better=better, after=after, limit=limit + 1)
        ranked = (await session.execute(statement)).all()
        rows = [version for version, _ in ranked]
        following = encode_ranked(order, ranked[limit - 1][1], rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=await versions_out(session, rows[:limit], services.store), next_cursor=following)


@router.get("", operation_id="get_version", responses=problems(404, 422))
async def get_version(version: VersionDep, session: ReadDep, services: ServicesDep) -> VersionOut:
    """One version."""
    return (await versions_out(session, [version], services.store))[0]


@router.patch("", operation_id="change_version", responses=problems(404, 422))
async def change_version(
    name: ModelName,
    number: VersionNumber,
    body: Annotated[NoteIn, Body(openapi_examples=NOTE_EXAMPLES)],
    session: WriteDep,
    services: ServicesDep,
) -> VersionOut:
    """Note something about a version."""
    version = await find_version(session, name, number)
    version.note = body.note or None
    return (await versions_out(session, [version], services.store))[0]


@router.get(
    "/samples.png",
    operation_id="get_version_samples",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422)},
)
def get_version_samples(version: VersionDep, number: VersionNumber, services: ServicesDep) -> FileResponse:
    """The grid drawn when the version was published."""
    return samples(version, services.store, IMMUTABLE if isinstance(number, int) else "no-cache")


def samples(version: Version, store: Store, cache: str) -> FileResponse:
    """
    Raises:
        NotFound: it has none.
    """
    path = store.version(version.model.name, version.number) / SAMPLES
    if not path.is_file():
        raise NotFound(f"{version.name} was published without samples.")
    return FileResponse(path, headers={"Cache-Control": cache})
