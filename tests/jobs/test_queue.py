"""Requests are complete and right before they wait in the queue, or say all that is wrong."""

from typing import Any

import pytest
from sqlalchemy import func, select
from tests.jobs.conftest import DEBUG, Studio

from atelier.datasets.catalog import Catalog
from atelier.errors import Invalid
from atelier.jobs.queue import submit_training
from atelier.jobs.specs import TrainRequest, TrainSpec
from atelier.models import architectures
from atelier.registry.tables import Job, Model, Version


def test_a_queued_job_has_everything_resolved(studio: Studio) -> None:
    job = studio.submit(hyperparameters={"steps": 7}, seed=3)
    row = studio.row(job)
    assert (row.status, row.kind, row.architecture, row.dataset, row.model, row.total_steps) == (
        "queued", "train", "dcgan", "shapes", "first", 7,
    )  # fmt: skip
    spec = TrainSpec.model_validate(row.spec)
    assert spec.hyperparameters == architectures["dcgan"].hyperparameters("debug", steps=7).model_dump(mode="json")
    assert spec.dataset_options == {"count": 64, "seed": 0}
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


def _add_version(studio: Studio) -> None:
    with studio.database.write() as session:
        session.add(Version(model=Model(name="known"), number=1, architecture="dcgan", dataset="shapes", manifest={}, digest=""))
