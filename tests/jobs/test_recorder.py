"""What a job says of itself is bounded, has no NaN, and is answered by requests to end or to pause."""

import math
import os

import pytest
from sqlalchemy import select
from tests.jobs.conftest import Studio

from atelier.jobs import recorder as recorder_module
from atelier.jobs.recorder import Alarm, JobCancelled, JobInterrupted, JobPaused, Recorder
from atelier.registry import queries
from atelier.registry.tables import Event, Job


@pytest.fixture
def job(studio: Studio) -> Job:
    return studio.running()


def test_a_tick_is_the_row_the_points_and_the_events(studio: Studio, job: Job) -> None:
    recorder = Recorder(studio.database, job.id)
    assert recorder.tick("train", 1, 10, 5.0, {"a/loss": 1.0}, preview=True) is None
    eta = recorder.tick("train", 6, 10, 50.0, {"a/loss": 2.0})
    row = studio.row(job)
    assert (row.stage, row.step, row.total_steps, row.progress, row.images_per_second, row.preview_step) == ("train", 6, 10, 0.6, 50.0, 1)
    assert row.eta_seconds == eta
    assert eta is not None
    assert eta > 0
    assert [(p.step, p.name, p.value) for p in studio.read(lambda s: s.scalars(queries.metric_points(job.id)).all())] == [
        (1, "a/loss", 1.0),
        (6, "a/loss", 2.0),
    ]
    events = studio.read(lambda s: s.scalars(queries.events_after(0)).all())
    assert [(event.type, event.data) for event in events if event.type != "job"] == [
        ("metrics", {"step": 1, "values": {"a/loss": 1.0}}),
        ("preview", {"step": 1, "url": f"/api/v1/training-runs/{job.id}/previews/1.png"}),
        ("metrics", {"step": 6, "values": {"a/loss": 2.0}}),
    ]


def test_a_long_run_keeps_means_of_a_bounded_number_of_steps(studio: Studio, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_POINTS", 5)
    recorder = Recorder(studio.database, job.id)
    for step in range(1, 51):
        recorder.tick("train", step, 50, 1.0, {"loss": float(step)})
    points = studio.read(lambda s: s.scalars(queries.metric_points(job.id)).all())
    assert [point.step for point in points] == [1, 11, 21, 31, 41, 50]
    assert points[1].value == sum(range(2, 12)) / 10


def test_values_that_json_lacks_are_null(studio: Studio, job: Job) -> None:
    Recorder(studio.database, job.id).tick("train", 1, 10, 1.0, {"a": math.nan, "b": math.inf, "c": 1.0})
    (event,) = studio.read(lambda s: s.scalars(select(Event).where(Event.type == "metrics")).all())
    assert event.data["values"] == {"a": None, "b": None, "c": 1.0}
    assert [point.name for point in studio.read(lambda s: s.scalars(queries.metric_points(job.id)).all())] == ["c"]


def test_a_request_to_cancel_is_read_with_the_tick_that_it_follows(studio: Studio, job: Job) -> None:
    recorder = Recorder(studio.database, job.id)
    recorder.tick("train", 1, 10, 1.0, {})
    studio.change(job, lambda job: job.request_cancel())
    with pytest.raises(JobCancelled):
        recorder.tick("train", 2, 10, 1.0, {})
    assert studio.row(job).step == 2
    with pytest.raises(JobCancelled):
        recorder.beat("prepare")


def test_a_request_to_pause_is_read_likewise_and_one_to_cancel_wins(studio: Studio, job: Job) -> None:
    recorder = Recorder(studio.database, job.id)
    studio.change(job, lambda job: job.request_pause())
    with pytest.raises(JobPaused):
        recorder.tick("train", 1, 10, 1.0, {})
    with pytest.raises(JobPaused):
        recorder.beat("prepare")
    studio.change(job, lambda job: job.request_cancel())
    with pytest.raises(JobCancelled):
        recorder.tick("train", 2, 10, 1.0, {})


def test_the_machine_is_heard_at_the_next_tick_or_beat(studio: Studio, job: Job) -> None:
    recorder = Recorder(studio.database, job.id)
    recorder.beat("prepare")
    assert not recorder.advanced
    recorder.interrupted = True
    with pytest.raises(JobInterrupted):
        recorder.beat("prepare")  # however short after the last one
    with pytest.raises(JobInterrupted):
        recorder.tick("train", 2, 10, 1.0, {})
    assert studio.row(job).step == 2
    assert recorder.advanced


def test_a_beat_tells_how_far_a_part_is(studio: Studio, job: Job) -> None:
    Recorder(studio.database, job.id).beat("unpack", 3, 9)
    row = studio.row(job)
    assert (row.stage, row.step, row.total_steps) == ("unpack", 3, 9)
    Recorder(studio.database, job.id).beat("scan")
    assert (studio.row(job).stage, studio.row(job).step) == ("scan", 3)


def test_alarms_stand_until_others_are_told(studio: Studio, job: Job) -> None:
    recorder = Recorder(studio.database, job.id)
    alarm: Alarm = {"kind": "collapse", "step": 1, "message": "All samples look the same."}
    recorder.tick("train", 1, 10, 1.0, {}, alarms=[alarm])
    recorder.tick("train", 2, 10, 1.0, {})
    assert studio.row(job).alarms == [alarm]
    recorder.tick("train", 3, 10, 1.0, {}, alarms=[])
    assert studio.row(job).alarms == []


def test_a_process_that_was_given_up_does_not_write_for_the_one_after_it(studio: Studio, job: Job) -> None:
    recorder = Recorder(studio.database, job.id)
    recorder.tick("train", 1, 10, 1.0, {})
    studio.change(job, lambda job: job.bury("declared dead"))
    studio.change(job, lambda job: job.claim("log.txt", os.getpid(), 1.0))
    studio.change(job, lambda job: job.start())
    with pytest.raises(JobCancelled):
        recorder.tick("train", 2, 10, 1.0, {})
    assert studio.row(job).step == 1


def test_a_job_that_was_declared_dead_stops(studio: Studio, job: Job) -> None:
    studio.change(job, lambda job: job.fail("declared dead"))
    with pytest.raises(JobCancelled):
        Recorder(studio.database, job.id).tick("train", 1, 10, 1.0, {})
    assert studio.row(job).error == "declared dead"


def test_a_run_that_goes_on_forgets_what_came_after_its_checkpoint(studio: Studio, job: Job) -> None:
    recorder = Recorder(studio.database, job.id)
    for step in (1, 2, 3):
        recorder.tick("train", step, 10, 1.0, {"loss": 1.0}, preview=True)
    again = Recorder(studio.database, job.id)
    again.rewind(2)
    assert studio.row(job).step == 2
    again.tick("train", 3, 10, 1.0, {"loss": 5.0}, preview=True)
    points = studio.read(lambda s: s.scalars(queries.metric_points(job.id)).all())
    assert [(point.step, point.value) for point in points] == [(1, 1.0), (2, 1.0), (3, 5.0)]
    events = studio.read(lambda s: s.scalars(queries.events_after(0)).all())
    for kind in ("metrics", "preview"):
        assert [event.data["step"] for event in events if event.type == kind] == [1, 2, 3]
