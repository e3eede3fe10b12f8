"""A job moves along its states only, and whoever moves it tells of it."""

from collections.abc import Iterator
from typing import get_args

import pytest
from sqlalchemy import select

from atelier.errors import Conflict
from atelier.registry.database import Database, migrate
from atelier.registry.tables import FINISHED, STATUSES, Event, Job, Model, Status, Version

TRANSITIONS = {
    "claim": ({"queued"}, "starting"),
    "start": ({"starting"}, "running"),
    "succeed": ({"running"}, "succeeded"),
    "fail": ({"queued", "starting", "running"}, "failed"),
    "cancelled": ({"queued", "starting", "running"}, "cancelled"),
}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate(database_url)
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_transitions(name: str, status: Status) -> None:
    origins, target = TRANSITIONS[name]
    job = Job(id=7, kind="train", spec={}, status=status)
    arguments = {"claim": ("log.txt", 1, 2.0), "fail": ("why",)}.get(name, ())
    if status in origins:
        getattr(job, name)(*arguments)
        assert job.status == target
        assert (job.finished_at is not None) == (target in FINISHED)
    else:
        with pytest.raises(Conflict, match=f"Job 7 is {status}"):
            getattr(job, name)(*arguments)
        assert job.status == status


@pytest.mark.parametrize("status", STATUSES)
def test_cancelling(status: Status) -> None:
    job = Job(id=7, kind="train", spec={}, status=status, cancel_requested=False)
    if status in ("succeeded", "failed", "paused"):
        with pytest.raises(Conflict):
            job.request_cancel()
    else:
        job.request_cancel()
        job.request_cancel()
    assert job.cancel_requested == (status in ("starting", "running"))
    assert job.status == ("cancelled" if status == "queued" else status)


def test_every_change_tells_a_whole_snapshot_in_the_same_transaction(database: Database) -> None:
    with database.write() as session:
        spec = {"preset": "debug", "seed": 3, "hyperparameters": {"steps": 8}, "dataset_options": {"count": 9}, "start_from": None}
        job = Job(kind="train", spec=spec, architecture="dcgan", dataset="shapes", model="first")
        session.add(job)
    with database.write() as session:
        session.get_one(Job, job.id).fail("never committed")
        session.flush()
        session.rollback()

    told = []
    for change in (
        lambda job: None,
        lambda job: job.claim("dcgan.txt", 1, 2.0),
        lambda job: job.start(),
        lambda job: job.succeed(
            Version(model=Model(name="first"), number=3, job_id=job.id, architecture="dcgan", dataset="shapes", manifest={}, digest="")
        ),
    ):
        with database.write() as session:
            change(session.get_one(Job, job.id))
        with database.read() as session:
            (event,) = session.scalars(select(Event))  # a snapshot replaces the one before it
            assert event.job_id == job.id
            assert event.type == "job"
            assert event.data == session.get_one(Job, job.id).snapshot()
            told.append((event.data["status"], event.data["version"]))
    assert told == [("queued", None), ("starting", None), ("running", None), ("succeeded", 3)]
    assert event.data["hyperparameters"] == {"steps": 8}
    assert event.data["seed"] == 3
    assert event.data["created_at"].endswith("Z")


def test_progress() -> None:
    assert Job(step=0, total_steps=0).progress == 0
    assert Job(step=3, total_steps=4).progress == 0.75


def test_times_come_back_with_their_zone(database: Database) -> None:
    with database.write() as session:
        job = Job(kind="train", spec={})
        session.add(job)
    with database.read() as session:
        assert session.get_one(Job, job.id).created_at == job.created_at


def test_statuses_fit_their_column() -> None:
    assert all(len(status) <= Job.__table__.c.status.type.length for status in get_args(Status))
