"""One writer at a time, whoever writes; and migrations that end in exactly the tables of tables.py."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError

from atelier.registry.database import MIGRATIONS, AsyncDatabase, Database, migrate
from atelier.registry.tables import Base, DrawnImage, Event, Job, MetricPoint

HAMMER = Path(__file__).with_name("hammer.py")
ROUNDS = 40


def hammers(url: str, *modes: str) -> list[str]:
    """Run all at once; their outputs."""
    processes = [subprocess.Popen([sys.executable, HAMMER, mode, url, str(ROUNDS)], stdout=subprocess.PIPE, text=True) for mode in modes]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return outputs


def test_several_processes_lose_nothing(database_url: str) -> None:
    migrate(database_url)
    database = Database(database_url)
    with database.write() as session:
        session.add(Job(kind="evaluate", spec={}, status="running"))
        session.add_all([Job(kind="train", spec={}) for _ in range(3 * ROUNDS)])

    outputs = hammers(database_url, "sync", "sync", "async")

    claimed = [int(word) for output in outputs for word in output.split()]
    with database.read() as session:
        queued = session.scalars(select(Job.id).where(Job.kind == "train")).all()
        assert sorted(claimed) == sorted(queued)  # each once
        assert all(len(output.split()) > 0 for output in outputs)
        assert session.scalar(select(Job.step).where(Job.kind == "evaluate")) == 3 * ROUNDS
        steps = [event.data["step"] for event in session.scalars(select(Event).where(Event.type == "metrics").order_by(Event.id))]
        assert steps == list(range(1, 3 * ROUNDS + 1))  # ids grow in the order of commits
    database.dispose()


def test_several_processes_may_migrate_at_once(database_url: str) -> None:
    hammers(database_url, "migrate", "migrate", "migrate")
    database = Database(database_url)
    assert "jobs" in inspect(database.engine).get_table_names()
    database.dispose()


def test_migrations_give_the_tables(database_url: str) -> None:
    migrate(database_url)
    database = Database(database_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
        if connection.dialect.name == "sqlite":  # which, without AUTOINCREMENT, gives the id of a deleted last row to the next
            created = dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all())  # type: ignore[arg-type]
            for table in Base.metadata.tables.values():
                assert ("AUTOINCREMENT" in created[table.name]) == (table not in (MetricPoint.__table__, DrawnImage.__table__))
    database.dispose()


def test_migrations_can_be_taken_back(database_url: str) -> None:
    migrate(database_url)
    database = Database(database_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.dispose()


def test_jobs_from_before_they_could_be_paused_are_kept(database_url: str) -> None:
    migrate(database_url)
    database = Database(database_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")  # as migrate() does
        with connection.begin():
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
    database.dispose()  # and with it the connection without foreign keys
    with database.write() as session:
        for number, status in ((1, "succeeded"), (2, "queued"), (3, "queued"), (9, "running")):
            row = {
                "id": number,
                "status": status,
                "at": datetime(2026, 1, 1, tzinfo=UTC),
                "told": json.dumps({"id": number, "status": status}),
            }
            session.execute(
                text(
                    "INSERT INTO jobs (id, kind, status, spec, step, total_steps, retry_of, cancel_requested, created_at)"
                    " VALUES (:id, 'train', :status, '{}', 0, 9, 1, false, :at)"
                ),
                row,
            )
            session.execute(text("INSERT INTO events (job_id, type, data, created_at) VALUES (:id, 'job', :told, :at)"), row)
            session.execute(text("INSERT INTO metric_points (job_id, step, name, value) VALUES (:id, 1, 'loss', 0.5)"), row)
        session.execute(text("DELETE FROM jobs WHERE id = 9"))
    database.dispose()

    migrate(database_url)
    with database.read() as session:
        jobs = session.scalars(select(Job).order_by(Job.id)).all()
        assert [(job.id, job.status, job.retry_of, job.queue_position) for job in jobs] == [
            (1, "succeeded", 1, None),
            (2, "queued", 1, 1),
            (3, "queued", 1, 2),
        ]
        assert all((job.priority, job.restarts, job.alarms, job.continues, job.pause_requested) == (0, 0, [], None, False) for job in jobs)
        told = [event.data for event in session.scalars(select(Event).order_by(Event.job_id))]
        assert [(data["id"], data["queue_position"], data["restarts"]) for data in told] == [(1, None, 0), (2, 1, 0), (3, 2, 0)]
        assert session.scalar(select(func.count()).select_from(MetricPoint)) == 3
    with database.write() as session:
        (old := session.get_one(Job, 2)).request_pause()
        session.flush()
        assert old.revision == 1  # their changes are counted from here on
    if database.engine.dialect.name == "sqlite":  # PostgreSQL's sequence was never asked for the ids above
        with database.write() as session:
            job = Job(kind="train", spec={})
            session.add(job)
            session.flush()
            assert job.id == 10  # the id of one that was deleted is not given again
    database.dispose()


def test_a_database_of_a_newer_atelier_is_refused(database_url: str) -> None:
    migrate(database_url)
    migrate(database_url)
    database = Database(database_url)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.dispose()
    with pytest.raises(ValueError, match="does not fit"):
        migrate(database_url)


def test_readers_do_not_wait_for_a_writer(database_url: str) -> None:
    migrate(database_url)

    async def main() -> None:
        database = AsyncDatabase(database_url)
        async with database.write() as writer:
            writer.add(Job(kind="train", spec={}))
            await writer.flush()
            async with database.read() as reader:
                assert await reader.scalar(select(func.count()).select_from(Job)) == 0
        async with database.read() as reader:
            assert await reader.scalar(select(func.count()).select_from(Job)) == 1
        await database.dispose()

    asyncio.run(main())


def test_foreign_keys_hold(database_url: str) -> None:
    migrate(database_url)
    database = Database(database_url)
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(MetricPoint(job_id=1, step=1, name="loss", value=1.0))
    with database.write() as session:
        job = Job(kind="train", spec={})
        session.add(job)
        session.flush()
        session.add(MetricPoint(job_id=job.id, step=1, name="loss", value=1.0))
    with database.write() as session:
        session.execute(text("DELETE FROM jobs"))
        assert session.scalar(select(func.count()).select_from(MetricPoint)) == 0
        assert session.scalar(select(func.count()).select_from(Event)) == 0
    database.dispose()
