"""Logs: what job processes printed, whole or as it grows."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from atelier.api import tail
from atelier.api.deps import ReadDep, ServicesDep
from atelier.api.events import LOG_NAME, LastEventId
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.errors import NotFound
from atelier.registry.tables import ACTIVE, Job, Kind, Status

router = APIRouter(prefix="/logs", tags=["logs"])

NAME = re.compile(LOG_NAME)


class LogOut(BaseModel):
    """One log file."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    job: int | None
    kind: Kind | None
    """What its job does; null where the job is gone."""
    status: Status | None
    architecture: str | None
    dataset: str | None
    model: str | None
    size: int
    """Bytes."""
    modified_at: datetime
    active: bool
    """Whether its job still runs."""


def _log(name: Annotated[str, PathParameter(description="Name of the log.")], services: ServicesDep) -> Path:
    path = services.store.logs / name
    if not NAME.fullmatch(name) or not path.is_file() or path.is_symlink():
        raise NotFound(f"There is no log {name!r}.")
    return path


LogDep = Annotated[Path, Depends(_log)]


@router.get("", operation_id="list_logs")
async def list_logs(session: ReadDep, services: ServicesDep) -> Page[LogOut]:
    """All logs, newest first."""
    columns = (Job.log, Job.id, Job.kind, Job.status, Job.architecture, Job.dataset, Job.model)
    jobs = {row.log: row for row in await session.execute(select(*columns).where(Job.log.is_not(None)))}

    def look() -> list[LogOut]:
        found = []
        for path in services.store.logs.iterdir():
            if NAME.fullmatch(path.name) and not path.is_symlink():
                job, stat = jobs.get(path.name), path.stat()
                found.append(
                    LogOut(
                        name=path.name,
                        job=job and job.id,
                        kind=job and job.kind,
                        status=job and job.status,
                        architecture=job and job.architecture,
                        dataset=job and job.dataset,
                        model=job and job.model,
                        size=stat.st_size,
                        modified_at=datetime.fromtimestamp(stat.st_mtime, UTC),
                        active=job is not None and job.status in ACTIVE,
                    )
                )
        return sorted(found, key=lambda log: log.modified_at, reverse=True)

    return Page(items=await run_in_threadpool(look), next_cursor=None)


@router.get("/{name}", operation_id="read_log", response_class=PlainTextResponse, responses={**tail.LOG_RESPONSES, **problems(404, 422)})
def read_log(log: LogDep, offset: tail.Offset = 0) -> PlainTextResponse:
    """A log from an offset on."""
    return tail.respond(log, offset)


@router.get("/{name}/events", operation_id="follow_log", response_class=EventSourceResponse, responses=problems(404, 422))
async def follow_log(
    log: LogDep, services: ServicesDep, offset: tail.Offset = 0, last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """Follow a log: each event's data is appended text, its id the offset after it."""
    position = int(last_event_id) if last_event_id and re.fullmatch(r"\d{1,18}", last_event_id) else offset
    async for part in tail.follow({log: position}, services.hub.closing):
        yield ServerSentEvent(raw_data=part.text, id=str(part.next))
