"""Discoveries: a classifier for each data set and directions for each version, whole or not there, and made no more often than wanted."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from PIL import Image
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
from atelier.steering import directions, interfacegan, sefa

STEPS = 12


@pytest.fixture
def version(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> str:
    """The fingerprint of the data set of a version first@1; classifiers are trained for a moment only, and look at few images."""
    job = studio.running(hyperparameters={"steps": 1})
    train.run(job.spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    monkeypatch.setattr(seeing, "LEAST", STEPS)
    monkeypatch.setattr(seeing, "STEPS", STEPS)
    monkeypatch.setattr(interfacegan, "SAMPLES", 128)
    monkeypatch.setattr(interfacegan, "LEAST", 0.0)
    row = studio.row(job)
    assert row.version is not None
    fingerprint: str = row.version.manifest["dataset"]["fingerprint"]
    return fingerprint


def submit(studio: Studio, **request: Any) -> Job:
    with studio.database.write() as session:
        asked = DiscoverRequest.model_validate({"model": "first", "methods": ["classifier"]} | request)
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
    assert "23 dials are there for every version of this data set." in caplog.text


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


def folder(studio: Studio) -> Path:
    row = studio.read(lambda session: session.scalars(queries.versions("first")).one())
    return studio.store.directions(row.digest)


def test_all_that_fits_is_looked_for_and_shown(studio: Studio, version: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "atelier.jobs")
    job = run(studio, submit(studio, methods=None))
    assert (job.status, job.progress) == ("succeeded", 1.0)
    assert seeing.read_description(studio.store.classifier(version)) is not None
    found = directions.read(folder(studio))
    assert {one.facts.method for one in found} == {"sefa", "interfacegan"}
    assert {one.facts.name for one in found} >= {"SeFa 1", "red", "star"}
    assert "PCA needs styles or codes: z itself varies alike in all directions." in caplog.text
    for facts in (one.facts for one in found):
        assert facts.change > 0
        with Image.open(folder(studio) / str(facts.strip)) as strip:
            assert strip.size == (7 * 18 - 2, 4 * 18 - 2)
            assert json.loads(strip.text["parameters"]) == {"model": "first", "version": 1, "direction": facts.id}  # type: ignore[attr-defined]
    assert submit(studio, methods=None).status == "succeeded", "it is there"
    assert submit(studio, methods=["pca", "sefa"]).status == "succeeded"
    assert submit(studio, methods=["sefa"], again=True).status == "queued"


def test_a_method_is_added_to_what_is_there(studio: Studio, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(studio, submit(studio, methods=["sefa"]))
    assert seeing.read_description(studio.store.classifier(version)) is None
    directions.update(folder(studio), "sefa-1", name="tilt")
    monkeypatch.setattr(sefa, "find", None)
    assert run(studio, submit(studio, methods=["sefa", "interfacegan"])).status == "succeeded"
    names = [one.facts.name for one in directions.read(folder(studio))]
    assert names[0] == "tilt"
    assert "red" in names


def test_a_method_that_does_not_fit_says_so_where_it_is_all_that_was_asked_for(studio: Studio, version: str) -> None:
    with pytest.raises(ValueError, match="PCA needs styles or codes"):
        run(studio, submit(studio, methods=["pca"]))
    assert not folder(studio).exists()


def test_where_nothing_can_be_seen_directions_are_looked_for_in_the_weights(studio: Studio, version: str) -> None:
    with studio.database.write() as session:
        row = session.scalars(queries.versions("first")).one()
        row.manifest = row.manifest | {"dataset": row.manifest["dataset"] | {"name": "gone", "fingerprint": "1" * 64}}
    job = submit(studio, methods=None)
    assert job.spec["methods"] == ["sefa", "pca"]
    assert run(studio, job).status == "succeeded"
    assert {one.facts.method for one in directions.read(folder(studio))} == {"sefa"}


def test_cancelled_while_directions_are_looked_for_it_leaves_none(studio: Studio, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(studio, methods=["sefa"])
    seen = directions.seen

    def cancelling(*arguments: Any) -> torch.Tensor:
        studio.change(job, lambda job: job.request_cancel())
        return seen(*arguments)

    monkeypatch.setattr(directions, "seen", cancelling)
    with pytest.raises(JobCancelled):
        run(studio, job)
    assert not folder(studio).exists()


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
