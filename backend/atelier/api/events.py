"""Server-sent events: one stream for all that a browser's tabs follow."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from atelier.api import tail
from atelier.api.deps import Services, ServicesDep
from atelier.api.hub import Hub, Topics
from atelier.api.problems import problems
from atelier.api.system import describe
from atelier.errors import Invalid

log = logging.getLogger(__name__)

router = APIRouter(tags=["events"])

LOG_NAME = r"[a-z0-9_]+-\d{8}-\d{6}-\d{3}\.txt"
MAX_LOGS = 50  # of one stream
LOAD_SECONDS = 3.0  # between two looks at the machine

LastEventId = Annotated[str | None, Header(description="Id of the last event received; what was missed since comes first.")]

EVENTS = """Events are `job` (the job as it stands, as `GET /training-runs/{id}` gives it), `metrics` (`{"job", "step", "values"}`)
and `preview` (`{"job", "step", "url"}`). Where an event and the answer to a request cross, the job's `revision` says which is the newer.
Without `Last-Event-ID` the stream begins with the state of the jobs it is about."""

LOGS = """Logs send `log` (`{"log", "offset", "next", "text"}`: what was appended, from byte `offset` to byte `next`), which has no id: of
each, the stream first tells where it ends now, without text, and whoever has read less reads on by `GET /logs/{name}?offset=`. A log
that is not there yet is followed once it is.

The topic `system` tells every few seconds how the machine is, in events `system`, as `GET /system` gives it."""


async def stream(hub: Hub, topics: Topics, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
    # Whatever is no id of ours is as good as none: the stream then begins with the state of things.
    last = int(last_event_id) if last_event_id and re.fullmatch(r"\d{1,18}", last_event_id) else None
    async for message in hub.follow(topics, last):
        yield ServerSentEvent(data=message.data, event=message.type, id=None if message.id is None else str(message.id))


@dataclass(frozen=True)
class Followed:
    """What a stream is about: jobs, logs by their names, and the machine."""

    topics: Topics
    logs: frozenset[str]
    machine: bool


def _followed(
    topics: Annotated[str, Query(max_length=6000, description="What to follow, separated by commas.", examples=["jobs,job:7"])],
) -> Followed:
    names = set(topics.split(","))
    for name in names:
        if not re.fullmatch(rf"jobs|system|job:\d{{1,18}}|log:{LOG_NAME}", name):
            topics = "`jobs`, `job:` and a job's number, `log:` and a log's name, and `system`"
            raise Invalid.at("/topics", f"{name!r} is no topic; topics are {topics}")
    ids = frozenset(int(name.removeprefix("job:")) for name in names if name.startswith("job:"))
    logs = frozenset(name.removeprefix("log:") for name in names if name.startswith("log:"))
    if len(logs) > MAX_LOGS:
        raise Invalid.at("/topics", f"A stream follows at most {MAX_LOGS} logs, not {len(logs)}")
    return Followed(Topics("jobs" in names, ids), logs, "system" in names)


@router.get(
    "/events",
    operation_id="follow_events",
    response_class=EventSourceResponse,
    description=f"{EVENTS}\n\n{LOGS}",
    responses=problems(422),
)
async def follow_events(
    services: ServicesDep,
    followed: Annotated[Followed, Depends(_followed)],
    after: Annotated[str | None, Query(max_length=20, description="The same as Last-Event-ID, for who can't send that.")] = None,
    last_event_id: LastEventId = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow jobs, logs and the machine."""
    streams = [stream(services.hub, followed.topics, last_event_id or after)]
    if followed.logs:
        streams.append(_growth([services.store.logs / name for name in sorted(followed.logs)], services.hub.closing))
    if followed.machine:
        streams.append(_load(services))
    async with aclosing(_merged(streams)) as events:
        async for event in events:
            yield event


async def _load(services: Services) -> AsyncIterator[ServerSentEvent]:
    """How the machine is, every few seconds."""
    while not services.hub.closing.is_set():
        async with services.database.read() as session:
            told = await describe(session, services)
        yield ServerSentEvent(data=told.model_dump(mode="json"), event="system")
        with suppress(TimeoutError):
            await asyncio.wait_for(services.hub.closing.wait(), LOAD_SECONDS)


async def _growth(logs: list[Path], closing: asyncio.Event) -> AsyncIterator[ServerSentEvent]:
    """Where logs end, then what they get."""
    ends = await run_in_threadpool(tail.ends, logs)
    for path, end in ends.items():
        yield _log_event(tail.Appended(path, end, end, ""))
    async for part in tail.follow(ends, closing):
        yield _log_event(part)


def _log_event(part: tail.Appended) -> ServerSentEvent:
    return ServerSentEvent(data={"log": part.path.name, "offset": part.offset, "next": part.next, "text": part.text}, event="log")


async def _merged(streams: list[AsyncIterator[ServerSentEvent]]) -> AsyncGenerator[ServerSentEvent]:
    """What several streams say, until one of them ends. Who reads slowly holds all of them up, as the hub expects of a follower."""
    said: asyncio.Queue[ServerSentEvent | None] = asyncio.Queue(1)

    async def listen(stream: AsyncIterator[ServerSentEvent]) -> None:
        try:
            async for event in stream:
                await said.put(event)
        except Exception:  # a database that restarts: the stream ends, and its follower comes back with the id of its last event
            log.exception("An event stream ended early.")
        await said.put(None)

    listeners = [asyncio.create_task(listen(stream), name="event stream") for stream in streams]
    try:
        while (event := await said.get()) is not None:
            yield event
    finally:
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
