"""Deletion with a way back: versions go into the bin, and from there either come back with everything or go for good."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Path
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from atelier.api.deps import MAX_ID, ModelName, ReadDep, Services, ServicesDep, VersionNumber, WriteDep, find_version
from atelier.api.models import ModelOut, find_model, models_out
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.api.versions import VersionOut, samples, size_of, versions_out
from atelier.errors import AtelierError, NotFound
from atelier.registry import bin, queries
from atelier.registry.tables import Version
from atelier.serving.waiting import Weights

router = APIRouter(tags=["models"])

Number = Annotated[int, Path(ge=1, le=MAX_ID, description="Number of the version.")]


class BinnedOut(BaseModel):
    """A version in the bin."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    model: str
    version: int
    architecture: str
    dataset: str
    note: str | None
    bytes: int
    """That it takes until it is deleted for good."""
    created_at: datetime
    deleted_at: datetime
    purge_at: datetime
    """When it is deleted for good."""
    samples_url: str
    """A grid of images drawn when it was published."""


class EmptiedOut(BaseModel):
    """What was deleted for good."""

    versions: list[str]


@router.delete("/models/{name}/versions/{number}", operation_id="delete_version", status_code=204, responses=problems(403, 404, 409, 422))
async def delete_version(
    name: ModelName, number: VersionNumber, session: WriteDep, services: ServicesDep, background: BackgroundTasks
) -> None:
    """Put a version into the bin. It is gone from lists, from `latest` and from drawing until it is restored; after ATELIER_TRASH_DAYS
    it is deleted for good. Images that it drew stay, and its number is not given again."""
    await _discard(session, [await find_version(session, name, number)], services, background)


@router.delete("/models/{name}", operation_id="delete_model", status_code=204, responses=problems(403, 404, 409))
async def delete_model(name: ModelName, session: WriteDep, services: ServicesDep, background: BackgroundTasks) -> None:
    """Put all versions of a model into the bin."""
    await find_model(session, name)
    await _discard(session, (await session.scalars(queries.versions(name))).all(), services, background)


async def _discard(session: AsyncSession, versions: Sequence[Version], services: Services, background: BackgroundTasks) -> None:
    await session.run_sync(bin.discard, versions)
    if services.settings.trash_days == 0:
        await session.run_sync(bin.purge, older_than=timedelta(0))
    background.add_task(_forget, services, versions)


async def _forget(services: Services, versions: Sequence[Version]) -> None:
    """After the transaction: nobody shall draw with them from memory."""
    await run_in_threadpool(bin.noticed, services.store, versions)
    for version in versions:
        with suppress(AtelierError):  # the process that had it is gone
            await services.engine.unload(Weights(services.store.version(version.model.name, version.number), version.digest))
    if services.settings.trash_days == 0:
        await _sweep(services)


async def _sweep(services: Services) -> None:
    async with services.database.read() as session:
        await session.run_sync(bin.sweep, services.store)


@router.post("/models/{name}/versions/{number}/restore", operation_id="restore_version", responses=problems(404, 422))
async def restore_version(name: ModelName, number: Number, session: WriteDep, services: ServicesDep) -> VersionOut:
    """Bring a version back from the bin, with aliases, notes and scores; nothing happens where it is not there."""
    version = await session.scalar(queries.binned(name).where(Version.number == number))
    if version is None:
        version = await find_version(session, name, number)
    bin.restore([version])
    await session.flush()
    return (await versions_out(session, [version], services.store))[0]


@router.post("/models/{name}/restore", operation_id="restore_model", responses=problems(404))
async def restore_model(name: ModelName, session: WriteDep, services: ServicesDep) -> ModelOut:
    """Bring back what the last deletion has put into the bin: all versions that the model had, when it was deleted as a whole."""
    bin.restore(await session.run_sync(bin.last_deleted, name))
    await session.flush()
    return (await models_out(session, [await find_model(session, name)], services.store))[0]


@router.get("/bin", operation_id="list_bin")
async def list_bin(session: ReadDep, services: ServicesDep) -> Page[BinnedOut]:
    """Versions that were deleted and can be restored, the last deleted first."""
    versions = (await session.scalars(queries.binned())).all()
    items = await run_in_threadpool(lambda: [_out(version, services) for version in versions])
    return Page(items=items, next_cursor=None)


def _out(version: Version, services: Services) -> BinnedOut:
    name, number, deleted_at = version.model.name, version.number, version.deleted_at
    assert deleted_at is not None
    return BinnedOut(
        model=name,
        version=number,
        architecture=version.architecture,
        dataset=version.dataset,
        note=version.note,
        bytes=size_of(services.store.version(name, number)),
        created_at=version.created_at,
        deleted_at=deleted_at,
        purge_at=deleted_at + timedelta(days=services.settings.trash_days),
        samples_url=f"/api/v1/bin/{name}/{number}/samples.png",
    )


@router.get(
    "/bin/{name}/{number}/samples.png",
    operation_id="get_binned_samples",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422)},
)
async def get_binned_samples(name: ModelName, number: Number, session: ReadDep, services: ServicesDep) -> FileResponse:
    """The grid drawn when a version that lies in the bin was published."""
    version = await session.scalar(queries.binned(name).where(Version.number == number))
    if version is None:
        raise NotFound(f"{name}@{number} does not lie in the bin.")
    return await run_in_threadpool(samples, version, services.store, "no-cache")


@router.delete("/bin", operation_id="empty_bin", responses=problems(403))
async def empty_bin(session: WriteDep, services: ServicesDep, background: BackgroundTasks) -> EmptiedOut:
    """Delete all that lies in the bin for good: weights, graphs, and what was discovered. Images that were drawn stay."""
    versions = await session.run_sync(bin.purge)
    background.add_task(_sweep, services)
    return EmptiedOut(versions=[version.name for version in versions])
