"""Events on their way from the database to those who follow them: one reader for all, and replay of what a follower missed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from atelier.registry import queries
from atelier.registry.database import AsyncDatabase
from atelier.registry.tables import FINISHED, Event, Job

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
PAGE = 1000  # events read at once
BACKLOG = 2 * PAGE  # a follower that lags further behind is let go, to come back with the id of its last event


@dataclass(frozen=True)
class Topics:
    """What somebody follows: the state of every job, or all that some jobs tell."""

    jobs: bool
    ids: frozenset[int]

    def concern(self, event: Event) -> bool:
        return event.job_id in self.ids or (self.jobs and event.type == "job")


@dataclass(frozen=True)
class Message:
    """What a follower gets. `id` is where to resume; only the last of the snapshots that a stream begins with has one."""

    id: int | None
    type: str
    data: dict[str, Any]


@dataclass(eq=False)
class Follower:
    topics: Topics
    seen: int  # id of the last event it was handed or that did not concern it
    queue: asyncio.Queue[Message | None] = field(default_factory=asyncio.Queue)  # None: the end


class Hub:
    """Reads the table of events while somebody follows, and hands each follower those of its topics."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._database = database
        self._followers: set[Follower] = set()
        self._wake = asyncio.Event()
        self.closing = asyncio.Event()
        """Set when the server stops; whatever streams ends then."""

    async def __aenter__(self) -> "Hub":
        self._reader = asyncio.create_task(self._run(), name="event hub")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    def close(self) -> None:
        self.closing.set()
        for follower in self._followers:
            follower.queue.put_nowait(None)

    async def follow(self, topics: Topics, last: int | None) -> AsyncIterator[Message]:
        """What happened since event `last` (without one: the topics' jobs as they are now), then what happens."""
        async with self._database.read() as session:
            newest: int = await session.scalar(select(func.max(Event.id))) or 0
        # What is committed from here on reaches the queue; what is older, the start: nothing falls between.
        follower = Follower(topics, newest)
        self._followers.add(follower)
        self._wake.set()
        try:
            known = last is not None and last <= newest  # a larger one is from another database
            async for message in self._replay(topics, last or 0, newest) if known else self._snapshots(topics, newest):
                yield message
            while not self.closing.is_set() and (live := await follower.queue.get()) is not None:
                yield live
        finally:
            self._followers.discard(follower)

    async def _snapshots(self, topics: Topics, newest: int) -> AsyncIterator[Message]:
        asked = Job.id.in_(topics.ids)
        async with self._database.read() as session:
            jobs = await session.scalars(
                select(Job).where(or_(asked, Job.status.not_in(FINISHED)) if topics.jobs else asked).order_by(Job.id)
            )
            snapshots = [job.snapshot() for job in jobs]
        for position, snapshot in enumerate(snapshots, 1):
            yield Message(newest if position == len(snapshots) else None, "job", snapshot)

    async def _replay(self, topics: Topics, last: int, newest: int) -> AsyncIterator[Message]:
        while last < newest:
            async with self._database.read() as session:
                statement = queries.events_after(last, job_ids=None if topics.jobs else list(topics.ids), limit=PAGE)
                page = (await session.scalars(statement)).all()
            for event in page:
                if event.id <= newest and topics.concern(event):
                    yield _message(event)
            last = page[-1].id if page else newest

    async def _run(self) -> None:
        while True:
            if not self._followers:
                self._wake.clear()
                await self._wake.wait()
            followers = list(self._followers)  # who comes during the read may have to be told of events before this page
            since = min((follower.seen for follower in followers), default=0)
            try:
                async with self._database.read() as session:
                    page = (await session.scalars(queries.events_after(since, limit=PAGE))).all()
            except SQLAlchemyError:  # a database that restarts; the followers wait
                log.exception("The events cannot be read; trying again.")
                await asyncio.sleep(1)
                continue
            for event in page:
                for follower in [f for f in followers if f.seen < event.id]:
                    follower.seen = event.id
                    if follower.topics.concern(event):
                        follower.queue.put_nowait(_message(event))
            for follower in [f for f in followers if f.queue.qsize() > BACKLOG]:
                self._followers.discard(follower)
                follower.queue.put_nowait(None)
            if len(page) < PAGE:
                await asyncio.sleep(POLL_SECONDS)


def _message(event: Event) -> Message:
    """On a stream of several jobs, metrics and previews have to say whose they are; a snapshot does so itself."""
    return Message(event.id, event.type, event.data if event.type == "job" else {"job": event.job_id, **event.data})
