"""Models: named lines of versions, and the aliases that their versions have."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from atelier.api.deps import ModelName, ReadDep, ServicesDep, VersionNumber, WriteDep, find_version, no_such_model
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.api.versions import NOTE_EXAMPLES, NoteIn, VersionOut, versions_out
from atelier.errors import Invalid
from atelier.registry import aliases, queries
from atelier.registry.naming import check_alias
from atelier.registry.store import Store
from atelier.registry.tables import Alias, Model, Version

router = APIRouter(prefix="/models", tags=["models"])


class AliasOut(BaseModel):
    """A name that belongs to a version, and moves to another one when somebody says so."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    alias: str
    version: int
    since: datetime


class AliasTermOut(AliasOut):
    """A time in which a version had an alias."""

    until: datetime | None
    """When another version got it, or nobody had it any more; null for what is so now."""
    deleted: bool
    """Whether that version lies in the bin, or is gone for good."""


class AliasIn(BaseModel):
    """Which version gets the alias."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    version: VersionNumber
    """Its number, `latest`, or another alias."""


class ModelOut(BaseModel):
    """A named line of versions."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    note: str | None
    """What somebody has noted about it."""
    created_at: datetime
    versions: int
    """How many there are."""
    aliases: list[AliasOut]
    """As they are now."""
    latest: VersionOut


ModelRow = Row[Model, int, Version]
ALIAS_EXAMPLES: dict[str, Any] = {
    "number": {"summary": "A version by its number", "value": {"version": 3}},
    "latest": {"summary": "The latest", "value": {"version": "latest"}},
    "other": {"summary": "What another alias names", "value": {"version": "candidate"}},
}
AliasName = Annotated[
    str, Path(max_length=200, description="An alias: a letter, then up to 31 letters, digits, dots, dashes or underscores.")
]


async def models_out(session: AsyncSession, rows: Sequence[ModelRow], store: Store) -> list[ModelOut]:
    ids = [model.id for model, *_ in rows]
    named: dict[int, list[AliasOut]] = {}
    for alias in await session.scalars(queries.current_aliases().where(Alias.model_id.in_(ids))):
        named.setdefault(alias.model_id, []).append(AliasOut(alias=alias.name, version=alias.version.number, since=alias.since))
    newest = await versions_out(session, [latest for *_, latest in rows], store)
    return [
        ModelOut(
            name=model.name,
            note=model.note,
            created_at=model.created_at,
            versions=versions,
            aliases=named.get(model.id, []),
            latest=latest,
        )
        for (model, versions, _), latest in zip(rows, newest, strict=True)
    ]


async def find_model(session: AsyncSession, name: str) -> ModelRow:
    row = (await session.execute(queries.models().where(Model.name == name))).one_or_none()
    if row is None:
        raise await no_such_model(session, name)
    return row


async def _model(session: ReadDep, name: ModelName) -> ModelRow:
    return await find_model(session, name)


ModelDep = Annotated[ModelRow, Depends(_model, scope="function")]


@router.get("", operation_id="list_models")
async def list_models(session: ReadDep, services: ServicesDep) -> Page[ModelOut]:
    """All models, newest first."""
    rows = (await session.execute(queries.models())).all()
    return Page(items=await models_out(session, rows, services.store), next_cursor=None)


@router.get("/{name}", operation_id="get_model", responses=problems(404))
async def get_model(model: ModelDep, session: ReadDep, services: ServicesDep) -> ModelOut:
    """One model."""
    return (await models_out(session, [model], services.store))[0]


@router.patch("/{name}", operation_id="change_model", responses=problems(404, 422))
async def change_model(
    name: ModelName, body: Annotated[NoteIn, Body(openapi_examples=NOTE_EXAMPLES)], session: WriteDep, services: ServicesDep
) -> ModelOut:
    """Note something about a model."""
    row = await find_model(session, name)
    row[0].note = body.note or None
    return (await models_out(session, [row], services.store))[0]


@router.get("/{name}/versions", operation_id="list_versions", responses=problems(404))
async def list_versions(model: ModelDep, session: ReadDep, services: ServicesDep, name: ModelName) -> Page[VersionOut]:
    """A model's versions, newest first."""
    versions = (await session.scalars(queries.versions(name))).all()
    return Page(items=await versions_out(session, versions, services.store), next_cursor=None)


@router.get("/{name}/aliases", operation_id="list_aliases", responses=problems(404))
async def list_aliases(model: ModelDep, session: ReadDep, name: ModelName) -> Page[AliasTermOut]:
    """Which version has which alias since when, and which had it before; the newest change first."""
    items = [_term(alias) for alias in await session.scalars(queries.aliases(name))]
    return Page(items=items, next_cursor=None)


@router.put("/{name}/aliases/{alias}", operation_id="give_alias", responses=problems(404, 422))
async def give_alias(
    name: ModelName, alias: AliasName, body: Annotated[AliasIn, Body(openapi_examples=ALIAS_EXAMPLES)], session: WriteDep
) -> AliasTermOut:
    """Give a version an alias, and take it from the version of this model that had it. Whatever takes a version's number takes its
    alias too: `POST /api/v1/models/cats/versions/production/images`."""
    try:
        check_alias(alias)
    except ValueError as error:
        raise Invalid.at("/alias", str(error)) from error
    version = await find_version(session, name, body.version)
    return _term(await session.run_sync(aliases.give, version, alias))


@router.delete("/{name}/aliases/{alias}", operation_id="take_alias", status_code=204, responses=problems(403, 404, 422))
async def take_alias(name: ModelName, alias: AliasName, session: WriteDep) -> None:
    """Let no version have the alias any more; nothing happens where none has it."""
    await find_model(session, name)
    await session.run_sync(aliases.take, name, alias)


def _term(alias: Alias) -> AliasTermOut:
    version = alias.version
    return AliasTermOut(
        alias=alias.name, version=version.number, since=alias.since, until=alias.until, deleted=version.deleted_at is not None
    )
