"""Followers get every event of their topics once and in order, whenever they come and whatever they missed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from sqlalchemy import event as sqlalchemy_event

from atelier.api import hub as module
from atelier.api.hub import Hub, Message, Topics
from atelier.registry.database import AsyncDatabase, Database, migrate
from atelier.registry.tables import Event, Job

pytestmark = pytest.mark.anyio

ALL = Topics(jobs=True, ids=frozenset())


def only(*ids: int) -> Topics:
    return Topics(jobs=False, ids=frozenset(ids))


@pytest.fixture
def database(database_url: str) -> AsyncIterator[Database]:
    migrate(database_url)
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
async def reads(database_url: str, anyio_backend: str) -> AsyncIterator[AsyncDatabase]:
    database = AsyncDatabase(database_url)
    yield database
    await database.dispose()


@pytest.fixture
async def hub(database: Database, reads: AsyncDatabase) -> AsyncIterator[Hub]:
    async with Hub(reads) as hub:
        yield hub


def add_job(database: Database, **columns: object) -> int:
    with database.write() as session:
        job = Job(kind="train", spec={}, **columns)
        session.add(job)
        session.flush()
        return job.id


def add_metrics(database: Database, job: int, *steps: int) -> None:
    with database.write() as session:
        session.add_all(Event(job_id=job, type="metrics", data={"step": step, "values": {}}) for step in steps)


async def take(stream: AsyncIterator[Message], count: int) -> list[Message]:
    return [await asyncio.wait_for(anext(stream), 10) for _ in range(count)]


async def test_a_stream_begins_with_the_state_of_its_jobs(hub: Hub, database: Database) -> None:
    done, running, queued = (add_job(database, status=status) for status in ("succeeded", "running", "queued"))
    async with aclosing(hub.follow(ALL, None)) as stream:
        start = await take(stream, 2)
    assert [(message.type, message.data["id"]) for message in start] == [("job", running), ("job", queued)]
    assert start[0].id is None  # to resume here would skip the other
    assert start[1].id is not None
    async with aclosing(hub.follow(only(done), None)) as stream:
        [message] = await take(stream, 1)
    assert (message.data["id"], message.data["status"]) == (done, "succeeded")


async def test_topics_choose_what_arrives(hub: Hub, database: Database) -> None:
    first, second = add_job(database), add_job(database)
    async with aclosing(hub.follow(ALL, None)) as states, aclosing(hub.follow(only(second), None)) as one:
        await take(states, 2)
        await take(one, 1)
        add_metrics(database, first, 1)
        add_metrics(database, second, 2)
        with database.write() as session:
            session.get_one(Job, first).step = 5
        add_metrics(database, second, 3)
        [state] = await take(states, 1)
        assert (state.type, state.data["id"], state.data["step"]) == ("job", first, 5)
        metrics = await take(one, 2)
    assert [(m.type, m.data["job"], m.data["step"]) for m in metrics] == [("metrics", second, 2), ("metrics", second, 3)]


async def test_what_was_missed_is_replayed_and_nothing_falls_between(hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 7)
    job, other = add_job(database), add_job(database)
    add_metrics(database, job, *range(50))

    def write() -> None:
        for step in range(50, 150):
            add_metrics(database, other, step)
            add_metrics(database, job, step)

    writing = asyncio.create_task(asyncio.to_thread(write))
    last, steps = 0, []
    while len(steps) < 150:  # come and go while it is written
        async with aclosing(hub.follow(only(job), last)) as stream:
            for message in await take(stream, min(25, 150 - len(steps))):
                assert message.id is not None
                assert message.id > last
                last = message.id
                if message.type == "metrics":
                    steps.append(message.data["step"])
    await writing
    assert steps == list(range(150))


async def test_what_happens_during_a_replay_comes_once(hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 7)
    job = add_job(database)
    async with aclosing(hub.follow(only(job), 0)) as late, aclosing(hub.follow(only(job), None)) as live:
        await take(live, 1)
        add_metrics(database, job, *range(10))
        messages = await take(late, 2)  # and the reader of both has not looked yet
        add_metrics(database, job, *range(10, 20))
        messages += await take(late, 19)
        assert [message.data["step"] for message in messages if message.type == "metrics"] == list(range(20))
        assert [message.data["step"] for message in await take(live, 20)] == list(range(20))


async def test_an_id_of_another_database_begins_anew(hub: Hub, database: Database) -> None:
    job = add_job(database)
    async with aclosing(hub.follow(only(job), 10**9)) as stream:
        [message] = await take(stream, 1)
    assert (message.type, message.data["id"]) == ("job", job)


async def test_who_lags_too_far_behind_is_let_go(hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG", 3)
    job = add_job(database)
    async with aclosing(hub.follow(only(job), None)) as stream:
        await take(stream, 1)
        add_metrics(database, job, *range(10))
        rest = [message async for message in stream]  # ends by itself
    assert [message.data["step"] for message in rest] == list(range(10))


async def test_closing_ends_every_stream(hub: Hub, database: Database) -> None:
    job = add_job(database)
    async with aclosing(hub.follow(only(job), None)) as stream:
        await take(stream, 1)
        hub.close()
        assert [message async for message in stream] == []
    assert [message.type async for message in hub.follow(only(job), None)] == ["job"]


async def test_the_database_rests_while_nobody_follows(hub: Hub, database: Database, reads: AsyncDatabase) -> None:
    job = add_job(database)
    async with aclosing(hub.follow(only(job), None)) as stream:
        await take(stream, 1)
    await asyncio.sleep(2 * module.POLL_SECONDS)
    begun: list[object] = []
    sqlalchemy_event.listen(reads.engine.sync_engine, "begin", begun.append)
    await asyncio.sleep(3 * module.POLL_SECONDS)
    assert begun == []
