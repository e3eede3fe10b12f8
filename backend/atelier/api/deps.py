"""What handlers are given: the services of the application, sessions, and rows that exist."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Header, Path
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from atelier.api.drawables import Drawable, Drawables
from atelier.api.hub import Hub
from atelier.datasets.catalog import Catalog
from atelier.errors import NotFound
from atelier.jobs.supervisor import Supervisor
from atelier.registry import queries
from atelier.registry.database import AsyncDatabase
from atelier.registry.naming import ALIAS, MAX_NUMBER, VersionName
from atelier.registry.store import Store
from atelier.registry.tables import Job, Kind, Version
from atelier.serving.drawn import Drawn
from atelier.serving.engine import Engine
from atelier.serving.graphs import Graphs
from atelier.serving.history import History
from atelier.settings import Settings

MAX_ID = MAX_NUMBER
IMMUTABLE = "public, max-age=31536000, immutable"  # Cache-Control of what never changes under its URL


@dataclass(frozen=True)
class Services:
    """What lives as long as the application."""

    settings: Settings
    store: Store
    catalog: Catalog
    database: AsyncDatabase
    supervisor: Supervisor
    engine: Engine
    hub: Hub
    drawn: Drawn
    history: History
    drawables: Drawables
    graphs: Graphs


async def services(connection: HTTPConnection) -> Services:
    return cast(Services, connection.state.services)


ServicesDep = Annotated[Services, Depends(services)]


async def reading(services: ServicesDep) -> AsyncIterator[AsyncSession]:
    async with services.database.read() as session:
        yield session


async def writing(services: ServicesDep) -> AsyncIterator[AsyncSession]:
    async with services.database.write() as session:
        yield session
    services.supervisor.poke()  # what was written may be work for it


# In scope "function" a session ends before the answer leaves: a client that follows up at once finds what it was told of, and
# a stream holds no connection.
ReadDep = Annotated[AsyncSession, Depends(reading, scope="function")]
WriteDep = Annotated[AsyncSession, Depends(writing, scope="function")]


RunId = Annotated[int, Path(ge=1, le=MAX_ID, description="Number of the training run.")]


async def find_job(session: AsyncSession, kind: Kind, noun: str, job_id: int) -> Job:
    job = await session.get(Job, job_id)
    if job is None or job.kind != kind:
        raise NotFound(f"There is no {noun} {job_id}.")
    return job


async def _run(session: ReadDep, run_id: RunId) -> Job:
    return await find_job(session, "train", "training run", run_id)


RunDep = Annotated[Job, Depends(_run, scope="function")]

ModelName = Annotated[str, Path(description="Name of the model.")]
VersionNumber = Annotated[int | Annotated[str, Field(pattern=ALIAS)], Path(description="Number of the version, `latest`, or an alias.")]


async def no_such_model(session: AsyncSession, name: str) -> NotFound:
    names = [model.name for model, *_ in await session.execute(queries.models())]
    return NotFound(f"There is no model {name!r}; there " + (f"are {', '.join(names)}." if names else "is none yet: train one."))


async def find_version(session: AsyncSession, name: str, number: VersionName) -> Version:
    found = await session.scalar(queries.version(name, number))
    if found is not None:
        return found
    for version in await session.scalars(queries.binned(name)):
        if number in (version.number, "latest"):
            raise NotFound(f"{version.name} was deleted; it lies in the bin, from which it can be restored.")
    numbers = [str(version.number) for version in await session.scalars(queries.versions(name))]
    if not numbers:
        raise await no_such_model(session, name)
    given = [alias.name for alias in await session.scalars(queries.aliases(name)) if alias.until is None]
    if isinstance(number, str) and number in given:
        raise NotFound(f"{name}@{number} was deleted; it lies in the bin, from which it can be restored.")
    raise NotFound(f"{name} has no version {number}; it has {', '.join([*reversed(numbers), *sorted(given)])}.")


async def _version(session: ReadDep, name: ModelName, number: VersionNumber) -> Version:
    return await find_version(session, name, number)


VersionDep = Annotated[Version, Depends(_version, scope="function")]


async def find_drawable(services: Services, name: str, number: VersionName) -> Drawable:
    """A version to draw with; without a query where its number is known."""
    if isinstance(number, int) and (known := services.drawables.get(name, number)) is not None:
        return known
    async with services.database.read() as session:
        version = await find_version(session, name, number)
    return await services.drawables.learn(version)


async def _drawable(connection: HTTPConnection, name: ModelName, number: VersionNumber) -> Drawable:
    # The services are not asked for as a dependency: each costs as much as all else that is done here, for every image that is drawn.
    return await find_drawable(await services(connection), name, number)


DrawableDep = Annotated[Drawable, Depends(_drawable)]


def _wants_png(accept: Annotated[str, Header(include_in_schema=False)] = "") -> bool:
    return "image/" in accept and "json" not in accept


PngDep = Annotated[bool, Depends(_wants_png)]
"""Whether the client asks for the picture itself (`Accept: image/png`) rather than for JSON."""
