"""A job moves along its states only, and whoever moves it tells of it."""

from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from atelier.errors import Conflict
from atelier.registry.database import Database, migrate
from atelier.registry.tables import ACTIVE, FINISHED, STATUSES, Event, Job, Model, Status, Version, now

TRANSITIONS = {
    "claim": ({"queued"}, "starting"),
    "start": ({"starting"}, "running"),
    "succeed": ({"running"}, "succeeded"),
    "fail": ({"queued", "starting", "running"}, "failed"),
    "cancelled": ({"queued", "starting", "running", "paused", "interrupted"}, "cancelled"),
}


def a_job(status: Status, **columns: Any) -> Job:
    defaults = {"cancel_requested": False, "pause_requested": False, "restarts": 0, "kind": "train", "priority": 0}
    return Job(id=7, spec={}, status=status, **{**defaults, **columns})


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
    job = a_job(status)
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
    job = a_job(status)
    if status in ("succeeded", "failed"):
        with pytest.raises(Conflict, match=f"Job 7 has {status}; it cannot be cancelled. It can be "):
            job.request_cancel()
    else:
        job.request_cancel()
        job.request_cancel()
    assert job.cancel_requested == (status in ACTIVE)
    assert job.status == ("cancelled" if status in ("queued", "paused", "interrupted") else status)


@pytest.mark.parametrize("status", STATUSES)
def test_pausing(status: Status) -> None:
    job = a_job(status)
    if status in ("queued", "paused", *ACTIVE):
        job.request_pause()
        job.request_pause()
        assert job.status == ("paused" if status == "queued" else status)
    else:
        with pytest.raises(Conflict, match=r"it cannot be paused\. It can be "):
            job.request_pause()
    assert job.pause_requested == (status in ACTIVE)


@pytest.mark.parametrize("checkpoint", [True, False])
@pytest.mark.parametrize("status", STATUSES)
def test_resuming(status: Status, checkpoint: bool) -> None:
    job = a_job(status, restarts=1, error="why", finished_at=now())
    if status in ("paused", "interrupted") or (status == "failed" and checkpoint):
        job.resume(checkpoint=checkpoint)
        job.resume(checkpoint=checkpoint)
        assert (job.status, job.restarts, job.error, job.finished_at) == ("queued", 0, None, None)
    elif status in ("queued", *ACTIVE):
        job.resume(checkpoint=checkpoint)
        assert (job.status, job.restarts) == (status, 1)
    else:
        with pytest.raises(Conflict, match=r"It can be (retried|continued)"):
            job.resume(checkpoint=checkpoint)


def test_a_pause_that_is_still_to_come_is_taken_back() -> None:
    job = a_job("running", pause_requested=True)
    job.resume(checkpoint=True)
    assert (job.status, job.pause_requested) == ("running", False)
    job.put_down("resumed meanwhile", advanced=True)  # its process had heard of the pause already
    assert job.status == "queued"


def test_cancelling_wins_over_pausing() -> None:
    job = a_job("running", pause_requested=True)
    job.request_cancel()
    for ask in (job.request_pause, lambda: job.resume(checkpoint=True)):
        with pytest.raises(Conflict, match="Job 7 is being cancelled"):
            ask()
    job.put_down("paused", advanced=True)
    assert job.status == "cancelled"


@pytest.mark.parametrize("status", ACTIVE)
def test_who_dies_silently_is_taken_up_again_once(status: Status) -> None:
    job = a_job(status, images_per_second=9.0, eta_seconds=9.0)
    job.bury("killed")
    assert (job.status, job.error, job.restarts) == ("queued", "killed", 1)
    assert (job.finished_at, job.images_per_second, job.eta_seconds) == (None, None, None)
    job.claim("log.txt", 1, 2.0)
    job.start()
    assert job.error is None
    job.bury("killed again")
    assert (job.status, job.error, job.restarts, job.finished_at) == ("interrupted", "killed again", 1, None)
    job.resume(checkpoint=False)
    job.claim("log.txt", 1, 2.0)
    job.bury("killed")
    assert job.status == "queued"  # once for each time that somebody asked


@pytest.mark.parametrize(("request_", "status"), [("cancel_requested", "cancelled"), ("pause_requested", "paused")])
def test_who_dies_after_it_was_asked_to_end_does_not_come_back(request_: str, status: Status) -> None:
    job = a_job("running", **{request_: True})
    job.bury("killed")
    assert (job.status, job.error, job.restarts, job.pause_requested) == (status, None, 0, False)


def test_a_shutdown_counts_as_a_restart_only_where_nothing_was_done() -> None:
    job = a_job("running", restarts=1)
    job.put_down("shutdown", advanced=True)
    assert (job.status, job.restarts, job.error) == ("queued", 1, "shutdown")
    job = a_job("running")
    job.put_down("shutdown", advanced=False)
    assert (job.status, job.restarts) == ("queued", 1)
    job = a_job("running", restarts=1)
    job.put_down("shutdown", advanced=False)
    assert (job.status, job.error) == ("interrupted", "shutdown")


@pytest.mark.parametrize("status", STATUSES)
def test_only_what_is_queued_has_an_order(status: Status) -> None:
    job = a_job(status)
    if status == "queued":
        job.prioritise(3)
        assert job.priority == 3
    else:
        with pytest.raises(Conflict, match="Job 7 is not queued"):
            job.prioritise(3)


def test_it_is_the_first_start_that_counts() -> None:
    job = a_job("queued")
    job.claim("log.txt", 1, 2.0)
    first = job.started_at
    assert first is not None
    job.bury("killed")
    job.claim("log.txt", 2, 3.0)
    assert (job.started_at, job.held_by) == (first, (2, 3.0))


def test_a_job_of_a_kind_without_checkpoints_is_told_what_is_possible_for_it() -> None:
    assert "It can be retried." in str(a_job("failed", kind="prepare").conflict("cancelled"))
    assert "It can be cancelled." in str(a_job("running", kind="prepare").conflict("retried"))
    assert "It can be paused or cancelled." in str(a_job("running").conflict("retried"))


def test_who_waits_is_told_of_every_place_gained_or_lost(database: Database) -> None:
    def places(*, told: bool) -> dict[int, int | None]:
        with database.read() as session:
            if told:
                events = session.scalars(select(Event).order_by(Event.job_id)).all()
                return {event.data["id"]: event.data["queue_position"] for event in events}
            return {job.id: job.snapshot()["queue_position"] for job in session.scalars(select(Job).order_by(Job.id))}

    def change(change: Callable[[Session], object]) -> dict[int, int | None]:
        with database.write() as session:
            change(session)
        told = places(told=True)
        assert told == places(told=False)
        return told

    def last_event() -> int:
        with database.read() as session:
            return session.scalars(select(func.max(Event.id))).one()

    def job(number: int, change: Callable[[Job], object]) -> Callable[[Session], object]:
        return lambda session: change(session.get_one(Job, number))

    assert change(lambda session: session.add_all([Job(kind="train", spec={}) for _ in range(4)])) == {1: 1, 2: 2, 3: 3, 4: 4}
    assert change(job(3, lambda job: job.prioritise(5))) == {1: 2, 2: 3, 3: 1, 4: 4}
    assert change(job(4, lambda job: job.prioritise(-1))) == {1: 2, 2: 3, 3: 1, 4: 4}
    assert change(job(3, lambda job: job.claim("log.txt", 1, 2.0))) == {1: 1, 2: 2, 3: None, 4: 3}
    assert change(job(2, lambda job: job.request_pause())) == {1: 1, 2: None, 3: None, 4: 2}
    assert change(job(3, lambda job: job.bury("killed"))) == {1: 2, 2: None, 3: 1, 4: 3}  # its place from before
    assert change(job(2, lambda job: job.resume(checkpoint=False))) == {1: 2, 2: 3, 3: 1, 4: 4}
    assert change(lambda session: session.add(Job(kind="train", spec={}))) == {1: 2, 2: 3, 3: 1, 4: 5, 5: 4}  # 4 stepped back before
    # Data sets wait for each other alone.
    assert change(lambda session: session.add(Job(kind="prepare", spec={}))) == {1: 2, 2: 3, 3: 1, 4: 5, 5: 4, 6: 1}
    before = last_event()
    change(job(3, lambda job: setattr(job, "stage", "train")))
    assert last_event() == before + 1  # who keeps his place is not told again


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
            told.append((event.data["revision"], event.data["status"], event.data["version"]))
    assert told == [(1, "queued", None), (2, "starting", None), (3, "running", None), (4, "succeeded", 3)]
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
