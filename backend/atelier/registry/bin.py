"""The bin: deleted versions can be restored with everything until they are purged.

A purge is a transaction, after which nobody finds the version, and then the removal of its files: each is renamed out of everybody's
sight before it is deleted. What a crash leaves between the two, the next `sweep` removes.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from atelier.errors import Conflict
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.registry.tables import FINISHED, Alias, Job, Kind, Model, Score, Version, now

ABANDONED_SECONDS = 24 * 3600  # after which what was to become a version is what a crash has left
USES: dict[Kind, str] = {
    "train": "starts from it",
    "evaluate": "evaluates it",
    "project": "looks for a picture in it",
    "discover": "explores it",
}

# `discard`, `restore` and `purge` run inside a write transaction.


def discard(session: Session, versions: Sequence[Version]) -> None:
    """Put versions into the bin, all at the same moment.

    Raises:
        Conflict: a job that is not finished needs one of them.
    """
    wanted = {version.name for version in versions}
    for job in session.scalars(select(Job).where(Job.status.not_in(FINISHED)).order_by(Job.id)):
        if (name := _needed(job)) in wanted:
            raise Conflict(f"{name} is in use: job {job.id} ({job.status}) {USES[job.kind]}. Let it end, or cancel it.")
    moment = now()
    for version in versions:
        version.deleted_at = moment


def _needed(job: Job) -> str | None:
    """The version that a job reads, as cats@3."""
    if job.kind == "train":
        start_from: str | None = job.spec.get("start_from")
        return start_from
    return f"{job.model}@{job.spec.get('version')}" if job.kind in USES else None


def restore(versions: Iterable[Version]) -> None:
    for version in versions:
        version.deleted_at = None


def last_deleted(session: Session, model: str) -> list[Version]:
    """What the last deletion of a version, or of all versions of a model, has put into the bin."""
    found = session.scalars(queries.binned(model)).all()
    return [version for version in found if version.deleted_at == found[0].deleted_at]


def purge(session: Session, *, older_than: timedelta | None = None) -> list[Version]:
    """Give up for good what has lain in the bin for longer than that, or all of it; `sweep` then removes the files."""
    statement = queries.binned()
    if older_than is not None:
        statement = statement.where(Version.deleted_at <= now() - older_than)
    versions = list(session.scalars(statement))
    for version in versions:
        version.purged_at, version.note, version.manifest = now(), None, {}
    ids = [version.id for version in versions]
    left = select(Version.model_id).where(Version.purged_at.is_(None), Version.id.not_in(ids))
    session.execute(update(Model).where(Model.id.in_({version.model_id for version in versions}), Model.id.not_in(left)).values(note=None))
    session.execute(update(Alias).where(Alias.version_id.in_(ids), Alias.until.is_(None)).values(until=now()))
    session.execute(delete(Score).where(Score.version_id.in_(ids)))
    return versions


def noticed(store: Store, versions: Iterable[Version]) -> None:
    """Let whoever remembers these versions look them up anew, in whichever process; to be called after the transaction."""
    for version in versions:
        with suppress(FileNotFoundError):
            os.utime(store.version(version.model.name, version.number) / "manifest.json")


def sweep(session: Session, store: Store) -> None:
    """Remove all files of purged versions, and what crashes left of versions that were being brought; a read transaction is enough."""
    purged = session.execute(select(Model.name, Version.number, Version.digest).join(Version.model).where(Version.purged_at.is_not(None)))
    kept = set(session.scalars(select(Version.digest).where(Version.purged_at.is_(None))))
    for model, number, digest in purged:
        paths = [store.version(model, number)]
        if digest not in kept:
            paths += [store.directions(digest), store.graph(digest)]
        for path in paths:
            with suppress(FileNotFoundError):
                path.rename(store.trash / secrets.token_hex(8))
    given_up = [path for path in store.uploads.glob("*.version") if time.time() - path.stat().st_mtime > ABANDONED_SECONDS]
    for path in [*store.trash.iterdir(), *given_up]:
        _delete(path)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
