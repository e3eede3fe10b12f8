"""Requests are complete and right before they wait in the queue, or say all that is wrong."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.jobs.conftest import DEBUG, Studio

from atelier.datasets.base import Item
from atelier.datasets.catalog import Catalog
from atelier.datasets.shapes import Shapes
from atelier.errors import Conflict, Invalid
from atelier.jobs.queue import continue_training, retry, submit_training
from atelier.jobs.specs import TrainRequest, TrainSpec
from atelier.models import architectures
from atelier.registry import queries
from atelier.registry.tables import FINISHED, STATUSES, Job, Model, Status, Version


def test_a_queued_job_has_everything_resolved(studio: Studio) -> None:
    job = studio.submit(hyperparameters={"steps": 7}, seed=3)
    row = studio.row(job)
    assert (row.status, row.kind, row.architecture, row.dataset, row.model, row.total_steps) == (
        "queued", "train", "dcgan", "shapes", "first", 7,
    )  # fmt: skip
    spec = TrainSpec.model_validate(row.spec)
    assert spec.hyperparameters == architectures["dcgan"].hyperparameters("debug", steps=7).model_dump(mode="json")
    assert spec.dataset_options == {"count": 64, "seed": 0, "hold_out": "none"}
    assert spec.seed == 3


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"architecture": "nonesuch"}, ["/architecture"]),
        ({"dataset": "nonesuch"}, ["/dataset"]),
        ({"preset": "nonesuch"}, ["/preset"]),
        ({"hyperparameters": {"steps": 0}}, ["/hyperparameters/steps"]),
        ({"hyperparameters": {"self": 1, "preset": 2, "a/b": 3}}, [f"/hyperparameters/{name}" for name in ("self", "preset", "a~1b")]),
        ({"dataset_options": {"count": "many"}}, ["/dataset_options/count"]),
        ({"start_from": "first"}, ["/start_from"]),
        ({"start_from": "known@2"}, ["/start_from"]),
        ({"start_from": "known@1", "architecture": "vae"}, ["/start_from"]),
        ({"hyperparameters": {"steps": 0}, "dataset": "nonesuch"}, ["/hyperparameters/steps", "/dataset"]),
    ],
)
def test_all_that_is_wrong_is_pointed_at(studio: Studio, changes: dict[str, Any], pointers: list[str]) -> None:
    _add_version(studio)
    with pytest.raises(Invalid) as error:
        studio.submit(**changes)
    assert [e["pointer"] for e in error.value.errors] == pointers
    assert all(e["detail"] for e in error.value.errors)
    assert studio.read(lambda s: s.scalar(select(func.count()).select_from(Job))) == 0


def test_data_without_what_images_are_to_be_asked_for_by_are_refused_with_what_they_have(studio: Studio) -> None:
    with pytest.raises(
        Invalid, match=r"the pictures of digits have none; set the hyper-parameter conditions to \"class\", which they have\."
    ) as error:
        studio.submit(architecture="cgan", dataset="digits", dataset_options={}, hyperparameters={"conditions": "attributes"})
    assert [e["pointer"] for e in error.value.errors] == ["/dataset"]
    assert studio.submit(architecture="cgan", dataset="digits", dataset_options={}).kind == "train"
    assert studio.submit(architecture="cgan", hyperparameters={"conditions": "attributes"}).kind == "train"


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a/b", "../a", "a" * 65, "ä"])
def test_a_model_name_can_be_a_folder_and_part_of_a_url(name: str) -> None:
    with pytest.raises(ValueError, match="model"):
        TrainRequest.model_validate(DEBUG | {"model": name})


@pytest.mark.parametrize("start_from", ["known", "known@latest", "known@1"])
def test_start_from_names_its_version_for_good(studio: Studio, start_from: str) -> None:
    _add_version(studio)
    assert studio.submit(start_from=start_from).spec["start_from"] == "known@1"


def test_an_idempotency_key_makes_a_repeat_harmless(studio: Studio) -> None:
    def submit(key: str | None, **changes: Any) -> int:
        with studio.database.write() as session:
            return submit_training(session, TrainRequest.model_validate(DEBUG | changes), Catalog(None), idempotency_key=key).id

    first = submit("a")
    assert submit("a") == first
    assert submit("a", seed=0) == first  # the default, said aloud
    assert submit("b") != first
    assert submit(None) != submit(None)
    with pytest.raises(Invalid, match="Idempotency-Key"):
        submit("a", seed=1)


def over(studio: Studio, status: Status, **changes: Any) -> Job:
    """A job in that state at its last step."""
    job = studio.submit(**changes)

    def end(job: Job) -> None:
        job.status, job.step, job.pid = status, job.total_steps, os.getpid()

    studio.change(job, end)
    return job


def ask(studio: Studio, job: Job, question: Callable[..., Job], *arguments: Any, **named: Any) -> Job:
    with studio.database.write() as session:
        return question(session, session.get_one(Job, job.id), *arguments, **named)


@pytest.mark.parametrize("status", STATUSES)
def test_what_is_over_or_was_interrupted_can_be_retried(studio: Studio, status: Status) -> None:
    job = over(studio, status, seed=3, priority=2)
    if status in (*FINISHED, "interrupted"):
        again = studio.row(ask(studio, job, retry))
        assert (again.status, again.step, again.retry_of, again.priority, again.spec) == ("queued", 0, job.id, 2, job.spec)
        assert (again.model, again.dataset, again.architecture, again.total_steps) == ("first", "shapes", "dcgan", job.total_steps)
        assert studio.row(job).status == status
    else:
        with pytest.raises(Conflict, match=rf"Job 1 is {status}; it cannot be retried\. It can be "):
            ask(studio, job, retry)


@pytest.mark.parametrize("status", STATUSES)
def test_a_run_that_has_succeeded_can_be_continued(studio: Studio, status: Status) -> None:
    job = over(studio, status, hyperparameters={"steps": 7})
    if status == "succeeded":
        further = studio.row(ask(studio, job, continue_training, 5, checkpoint=True))
        assert (further.continues, further.retry_of, further.total_steps, further.model) == (job.id, None, 12, "first")
        assert TrainSpec.model_validate(further.spec).model_copy(
            update={"continues": None, "more_steps": None}
        ) == TrainSpec.model_validate(job.spec)
        assert (further.spec["continues"], further.spec["more_steps"]) == (job.id, 5)
        with pytest.raises(Conflict, match="checkpoint of job 1 is gone"):
            ask(studio, job, continue_training, 5, checkpoint=False)
        retried = studio.row(ask(studio, over(studio, "failed"), retry))
        assert retried.continues is None
        studio.change(further, lambda job: job.fail("why"))
        assert studio.row(ask(studio, further, retry)).continues == job.id
    else:
        with pytest.raises(Conflict, match="it cannot be continued"):
            ask(studio, job, continue_training, 5, checkpoint=True)


def test_a_retry_and_a_continuation_with_a_key_happen_once(studio: Studio) -> None:
    job = over(studio, "succeeded")
    again = ask(studio, job, retry, idempotency_key="a")
    assert ask(studio, job, retry, idempotency_key="a").id == again.id
    further = ask(studio, job, continue_training, 5, checkpoint=True, idempotency_key="b")
    assert ask(studio, job, continue_training, 5, checkpoint=True, idempotency_key="b").id == further.id != again.id
    with pytest.raises(Invalid, match="Idempotency-Key"):
        ask(studio, job, continue_training, 6, checkpoint=True, idempotency_key="b")


def test_the_queue_is_in_the_order_of_priority_and_then_of_age(studio: Studio) -> None:
    ids = [studio.submit(priority=priority).id for priority in (0, 5, 0, 5, -1)]
    assert studio.read(lambda s: [job.id for job in s.scalars(queries.queue("work"))]) == [ids[1], ids[3], ids[0], ids[2], ids[4]]


def _add_version(studio: Studio) -> None:
    with studio.database.write() as session:
        session.add(Version(model=Model(name="known"), number=1, architecture="dcgan", dataset="shapes", manifest={}, digest=""))


def test_text_needs_something_that_is_said_of_the_pictures(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    assert studio.submit(architecture="text_dcgan", dataset="digits", dataset_options={}).kind == "train"
    monkeypatch.setattr(Shapes, "items", (Item(),))
    monkeypatch.setattr(Shapes, "class_names", ())
    monkeypatch.setattr(Shapes, "attribute_names", ())
    with pytest.raises(Invalid, match="have neither captions nor classes nor attributes; put a text file of its name"):
        studio.submit(architecture="text_dcgan")


def test_stage_two_needs_a_stage_one_to_go_on_from(studio: Studio) -> None:
    with pytest.raises(Invalid, match="name one, or begin with first_stage 1") as refused:
        studio.submit(architecture="stackgan", hyperparameters={"first_stage": 2})
    assert refused.value.errors[0]["pointer"] == "/start_from"
