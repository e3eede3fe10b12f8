"""Data sets that were brought, as seen from beside the job that brings them: their removal, and what killed processes leave."""

import re
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from atelier.datasets.cache import METADATA, STAGING, Metadata
from atelier.datasets.catalog import Catalog, datasets
from atelier.errors import Conflict, NotFound
from atelier.registry.store import Store
from atelier.registry.tables import ACTIVE, FINISHED, DatasetRow, Job, now

UPLOAD = re.compile(r"[0-9a-f]{32}\.(part|zip)")
ABANDONED_SECONDS = 24 * 3600  # after which a half-sent upload has been given up, and a failed job is not tried again


def staging(store: Store, job_id: int) -> Path:
    """Where a job puts a data set together."""
    return store.sources / f"{STAGING}{job_id}"


def remove_dataset(session: Session, store: Store, name: str) -> list[Path]:
    """Take a data set out of the catalogue, and all that was prepared from it; must run inside a write transaction.

    Returns:
        folders that nobody sees any more, to be deleted when the transaction is done: they may be large.

    Raises:
        NotFound: there is none of that name.
        Conflict: it is built in, or a job needs it.
    """
    catalog = Catalog(store.sources)
    if name in datasets:
        raise Conflict(f"{name} is built in; it can't be removed.")
    if name not in catalog:
        raise NotFound(f"There is no data set {name!r}; there are {', '.join(catalog.names())}.")
    jobs = session.scalars(select(Job).where(Job.dataset == name, Job.status.not_in(FINISHED)).order_by(Job.id)).all()
    if jobs:
        which = ", ".join(f"{job.id} ({job.status})" for job in jobs)
        raise Conflict(f"{name} is needed by {'job' if len(jobs) == 1 else 'the jobs'} {which}: let them end, or cancel them.")
    session.execute(delete(DatasetRow).where(DatasetRow.name == name))
    return [_bury(store.sources / name), *map(_bury, prepared_from(store, name))]


def prepared_from(store: Store, name: str) -> list[Path]:
    """The folders of all that was prepared from the set, at whatever resolution."""
    found = []
    for path in store.datasets.glob(f"*/{METADATA}"):
        with suppress(FileNotFoundError, ValueError):
            if not path.parent.name.startswith(STAGING) and Metadata.model_validate_json(path.read_bytes()).dataset == name:
                found.append(path.parent)
    return found


def _bury(folder: Path) -> Path:
    grave = folder.with_name(f"{STAGING}removed-{secrets.token_hex(8)}")
    folder.rename(grave)
    return grave


def delete_folders(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(session: Session, store: Store) -> None:
    """Delete what killed processes left: half-built and half-removed data sets, and uploads that no job is going to read."""
    folders = list(store.sources.glob(f"{STAGING}*"))  # before the rows: a job is active before it makes its folder
    active = set(session.scalars(select(Job.id).where(Job.status.in_(ACTIVE))))
    for folder in folders:
        number = folder.name.removeprefix(STAGING)
        if not (number.isdigit() and int(number) in active):
            shutil.rmtree(folder, ignore_errors=True)
    for folder in store.datasets.glob(f"{STAGING}removed-*"):  # other ones may be filled at this moment
        shutil.rmtree(folder, ignore_errors=True)

    needed, day = set(), timedelta(seconds=ABANDONED_SECONDS)
    known = set()
    for job in session.scalars(select(Job).where(Job.kind == "prepare")):
        known.add(job.spec.get("upload"))
        if job.status not in FINISHED or (job.status == "failed" and job.finished_at is not None and now() - job.finished_at < day):
            needed.add(job.spec.get("upload"))
    for file in store.uploads.iterdir():
        with suppress(FileNotFoundError):
            given_up = file.name in known or time.time() - file.lstat().st_mtime > ABANDONED_SECONDS
            if UPLOAD.fullmatch(file.name) and given_up and file.name not in needed:
                file.unlink()
