"""Models: named lines of versions, each with its weights and all that is known about them."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row

from atelier.api.deps import IMMUTABLE, ModelName, ReadDep, ServicesDep, VersionDep, VersionNumber, no_such_model
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.errors import NotFound
from atelier.models.artifact import SAMPLES, ImageSpecManifest, Manifest, TrainingManifest
from atelier.models.base import Conditioning
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.registry.tables import Model, Version
from atelier.serving.requests import abilities
from atelier.steering.classifier import Dial

router = APIRouter(prefix="/models", tags=["models"])


class VersionOut(BaseModel):
    """A published generator."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    model: str
    version: int
    architecture: str
    dataset: str
    job: int | None
    """The training run that published it."""
    created_at: datetime
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


class ModelOut(BaseModel):
    """A named line of versions."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    created_at: datetime
    versions: int
    """How many there are."""
    latest: VersionOut | None


def version_out(version: Version, store: Store) -> VersionOut:
    manifest = Manifest.model_validate(version.manifest)
    can = abilities(f"{version.model.name}@{version.number}", manifest, store, version.digest)
    return VersionOut(
        model=version.model.name,
        version=version.number,
        architecture=version.architecture,
        dataset=version.dataset,
        job=version.job_id,
        created_at=version.created_at,
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


def _model_out(row: Row[Model, int, Version | None], store: Store) -> ModelOut:
    model, versions, latest = row
    return ModelOut(name=model.name, created_at=model.created_at, versions=versions, latest=latest and version_out(latest, store))


async def _model(session: ReadDep, name: ModelName) -> Row[Model, int, Version | None]:
    row = (await session.execute(queries.models().where(Model.name == name))).one_or_none()
    if row is None:
        raise await no_such_model(session, name)
    return row


ModelDep = Annotated[Row[Model, int, Version | None], Depends(_model, scope="function")]


@router.get("", operation_id="list_models")
async def list_models(session: ReadDep, services: ServicesDep) -> Page[ModelOut]:
    """All models, newest first."""
    rows = (await session.execute(queries.models())).all()
    items = await run_in_threadpool(lambda: [_model_out(row, services.store) for row in rows])  # reads files: what can be dialled
    return Page(items=items, next_cursor=None)


@router.get("/{name}", operation_id="get_model", responses=problems(404))
def get_model(model: ModelDep, services: ServicesDep) -> ModelOut:
    """One model."""
    return _model_out(model, services.store)


@router.get("/{name}/versions", operation_id="list_versions", responses=problems(404))
async def list_versions(model: ModelDep, session: ReadDep, services: ServicesDep, name: ModelName) -> Page[VersionOut]:
    """A model's versions, newest first."""
    versions = (await session.scalars(queries.versions(name))).all()
    items = await run_in_threadpool(lambda: [version_out(version, services.store) for version in versions])
    return Page(items=items, next_cursor=None)


@router.get("/{name}/versions/{number}", operation_id="get_version", responses=problems(404, 422))
def get_version(version: VersionDep, services: ServicesDep) -> VersionOut:
    """One version."""
    return version_out(version, services.store)


@router.get(
    "/{name}/versions/{number}/samples.png",
    operation_id="get_version_samples",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422)},
)
def get_version_samples(version: VersionDep, number: VersionNumber, services: ServicesDep) -> FileResponse:
    """The grid drawn when the version was published."""
    path = services.store.version(version.model.name, version.number) / SAMPLES
    if not path.is_file():
        raise NotFound(f"{version.model.name}@{version.number} was published without samples.")
    return FileResponse(path, headers={"Cache-Control": "no-cache" if number == "latest" else IMMUTABLE})
