"""Discoveries: a classifier for each data set, whole or not there, and made no more often than is asked for."""

import logging
import os
from collections.abc import Callable
from typing import Any

import psutil
import pytest
import torch
from tests.jobs.conftest import Studio

from atelier.datasets.catalog import Catalog
from atelier.errors import Invalid, NotFound
from atelier.jobs import discover, train
from atelier.jobs.queue import submit_discovery
from atelier.jobs.recorder import JobCancelled, Recorder
from atelier.jobs.specs import DiscoverRequest
from atelier.registry import queries
from atelier.registry.tables import Job
from atelier.steering import classifier as seeing

STEPS = 12


@pytest.fixture
def version(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> str:
    """The fingerprint of the data set of a version first@1; classifiers are trained for a moment only."""
    job = studio.running(hyperparameters={"steps": 1})
    train.run(job.spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    monkeypatch.setattr(seeing, "LEAST", STEPS)
    monkeypatch.setattr(seeing, "STEPS", STEPS)
    row = studio.row(job)
    assert row.version is not None
    fingerprint: str = row.version.manifest["dataset"]["fingerprint"]
    return fingerprint


def submit(studio: Studio, **request: Any) -> Job:
    with studio.database.write() as session:
        asked = DiscoverRequest.model_validate({"model": "first"} | request)
        return submit_discovery(session, asked, Catalog(studio.store.sources), studio.store)


def run(studio: Studio, job: Job) -> Job:
    studio.change(job, lambda job: job.claim("log.txt", os.getpid(), psutil.Process().create_time()))
    studio.change(job, lambda job: job.start())
    discover.run(studio.row(job).spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    return studio.row(job)


def test_a_discovery_ends_in_a_classifier_of_the_data_set(studio: Studio, version: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "atelier.jobs")
    job = submit(studio)
    assert (job.kind, job.status, job.model, job.dataset, job.spec["version"]) == ("discover", "queued", "first", "shapes", 1)
    job = run(studio, job)
    assert (job.status, job.stage, job.step, job.total_steps) == ("succeeded", "classifier", STEPS, STEPS)
    net, description = seeing.load(studio.store.classifier(version), torch.device("cpu"))
    assert description.fingerprint == version
    assert {dial.name for dial in description.dials} >= {"red", "star", "size"}
    assert net(torch.zeros(1, 3, 16, 16)).shape == (1, len(description.dials))
    assert studio.read(lambda s: s.scalars(queries.metric_points(job.id)).all())
    assert "23 directions are there for every version of this data set." in caplog.text


def test_the_second_time_it_is_there_at_once_unless_asked_for_again(studio: Studio, version: str) -> None:
    run(studio, submit(studio))
    first = seeing.read_description(studio.store.classifier(version))
    second = submit(studio, version=1)
    assert (second.status, second.progress, second.log) == ("succeeded", 1.0, None)
    assert second.finished_at is not None
    again = submit(studio, again=True)
    assert again.status == "queued"
    assert run(studio, again).status == "succeeded"
    now = seeing.read_description(studio.store.classifier(version))
    assert first is not None
    assert now is not None
    assert now.digest != first.digest


def test_of_two_in_the_queue_one_trains(studio: Studio, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = submit(studio), submit(studio)
    run(studio, one)
    monkeypatch.setattr(seeing, "train", None)
    assert run(studio, two).status == "succeeded"


def test_prepared_anew_where_the_pictures_are_gone(studio: Studio, version: str) -> None:
    (studio.store.datasets / version).rename(studio.store.root / "away")
    assert run(studio, submit(studio)).status == "succeeded"
    assert (studio.store.datasets / version).is_dir()


@pytest.mark.parametrize("when", ["while it trains", "when it is about to publish"])
def test_cancelled_it_leaves_nothing(studio: Studio, version: str, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    job = submit(studio)

    def cancelling(real: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            result = real(*arguments, **named)
            studio.change(job, lambda job: job.request_cancel())
            return result

        return run

    name = "truths" if when == "while it trains" else "_accuracies"
    monkeypatch.setattr(seeing, name, cancelling(getattr(seeing, name)))
    with pytest.raises(JobCancelled):
        run(studio, job)
    assert list(studio.store.classifiers.iterdir()) == []


def test_a_death_while_it_is_written_leaves_nothing_that_readers_see(studio: Studio, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Death(BaseException):
        pass

    def dies(state: object, path: Any) -> None:
        path.write_bytes(b"half of the we")
        raise Death

    monkeypatch.setattr(seeing, "save_file", dies)
    job = submit(studio)
    with pytest.raises(Death):
        run(studio, job)
    assert seeing.read_description(studio.store.classifier(version)) is None
    monkeypatch.undo()
    assert submit(studio).status == "queued"


def test_what_cannot_be_discovered_says_why(studio: Studio, version: str) -> None:
    for request in ({"model": "other"}, {"version": 7}):
        with pytest.raises(NotFound, match="There is no version"):
            submit(studio, **request)

    def manifest(**changes: Any) -> None:
        with studio.database.write() as session:
            row = session.scalars(queries.versions("first")).one()
            row.manifest = row.manifest | {"dataset": row.manifest["dataset"] | changes}

    manifest(name="gone", fingerprint="1" * 64)
    with pytest.raises(Invalid, match="The data set gone, which it was trained on, is not there any more"):
        submit(studio)
    manifest(name="shapes", class_names=["cat", "dog"])
    with pytest.raises(ValueError, match="The data set shapes is another one than that which the version was trained on"):
        run(studio, submit(studio))


def test_a_store_keeps_classifiers_in_its_own_folder(studio: Studio) -> None:
    for fingerprint in ("0" * 64, "../../etc", "..", ""):
        assert studio.store.classifier(fingerprint).parent == studio.store.classifiers
