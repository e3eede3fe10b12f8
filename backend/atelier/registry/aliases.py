"""Aliases of versions, such as `production`: each belongs to one version of a model at a time, and who had it when is kept."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from atelier.registry.tables import Alias, Model, Version, now

# These run inside a write transaction.


def give(session: Session, version: Version, name: str) -> Alias:
    """Let a version have an alias from now on, whichever version of its model had it before; nothing happens where it has it already."""
    held = current(session, version.model.name, name)
    if held is not None and held.version_id == version.id:
        return held
    moment = now()
    if held is not None:
        held.until = moment
        session.flush()  # before the next one begins: only one is without an end
    alias = Alias(model_id=version.model_id, version=version, name=name, since=moment)
    session.add(alias)
    session.flush()
    return alias


def take(session: Session, model: str, name: str) -> None:
    """Let no version of the model have the alias any more; nothing happens where none has it."""
    if (held := current(session, model, name)) is not None:
        held.until = now()


def current(session: Session, model: str, name: str) -> Alias | None:
    """The alias as it is now, also where its version lies in the bin."""
    of_model = select(Alias).join(Model, Model.id == Alias.model_id).where(Model.name == model)
    return session.scalar(of_model.where(Alias.name == name, Alias.until.is_(None)))
