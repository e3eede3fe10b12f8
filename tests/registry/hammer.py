"""Run by test_database.py, several times at once: `hammer.py URL ROUNDS` prints the ids of the jobs it claimed."""

import asyncio
import os
import sys

from sqlalchemy import select
from sqlalchemy.orm import Session

from atelier.registry import queries
from atelier.registry.database import AsyncDatabase, Database, migrate
from atelier.registry.tables import Event, Job


def increment(session: Session) -> None:
    counter = session.scalars(select(Job).where(Job.kind == "evaluate")).one()
    counter.step += 1
    session.add(Event(job_id=counter.id, type="metrics", data={"step": counter.step}))


def claim(session: Session) -> int | None:
    job = session.scalar(queries.queue("work").limit(1))
    if job is None:
        return None
    job.claim("log.txt", os.getpid(), 0.0)
    return job.id


def hammer(url: str, rounds: int) -> None:
    database = Database(url)
    claimed = []
    for _ in range(rounds):
        with database.write() as session:
            increment(session)
        with database.write() as session:
            claimed.append(claim(session))
    print(*(job_id for job_id in claimed if job_id is not None))


async def hammer_async(url: str, rounds: int) -> None:
    database = AsyncDatabase(url)
    claimed = []
    for _ in range(rounds):
        async with database.write() as session:
            await session.run_sync(increment)
        async with database.write() as session:
            claimed.append(await session.run_sync(claim))
    await database.dispose()
    print(*(job_id for job_id in claimed if job_id is not None))


if __name__ == "__main__":
    _, mode, url, rounds = sys.argv
    if mode == "migrate":
        migrate(url)
    elif mode == "async":
        asyncio.run(hammer_async(url, int(rounds)))
    else:
        hammer(url, int(rounds))
