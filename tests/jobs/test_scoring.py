"""Runs that are measured on their way: a score a step and a series, the best generator published, an evaluation after it."""

from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sqlalchemy import select
from tests.jobs.conftest import Studio

from atelier.errors import Invalid
from atelier.jobs import train
from atelier.jobs.recorder import JobPaused, Recorder
from atelier.jobs.scoring import Scorer
from atelier.jobs.specs import TrainSpec
from atelier.metrics import metrics
from atelier.metrics.base import Found
from atelier.models import artifact
from atelier.registry import queries
from atelier.registry.tables import Job, Score
from atelier.training.loop import Tick, Training

SCORING = {"metric": "kid", "every_steps": 2, "num_samples": 20, "num_real": 20}


@pytest.fixture(autouse=True)
def tick_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Training.run
    monkeypatch.setattr(Training, "run", lambda self, on_tick: run(self, on_tick, tick_seconds=0))


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is found, one after the other, so that which one is best is known; pictures are looked at all the same."""
    given: list[float] = []
    metric = metrics["kid"]

    def measure(evidence: Any) -> Found:
        assert len(evidence.generated.features) == 20
        assert evidence.real.count == 20
        return Found(given.pop(0), 0.5)

    monkeypatch.setitem(metrics, "kid", type(metric)(**{**vars(metric), "measure": measure}))
    return given


def run(studio: Studio, job: Job) -> Job:
    train.run(job.spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    return studio.row(job)


def scores(studio: Studio, job: Job) -> list[Score]:
    found: list[Score] = studio.read(lambda s: s.scalars(select(Score).where(Score.job_id == job.id).order_by(Score.step)).all())
    return found


def test_a_run_is_measured_at_steps_and_its_best_generator_published(studio: Studio, values: list[float]) -> None:
    values += [3.0, 1.0, 2.0]
    kept: dict[int, dict[str, torch.Tensor]] = {}
    call = Scorer.__call__

    def watch(self: Scorer, tick: Tick) -> dict[str, float]:
        kept[tick.step] = {name: value.clone() for name, value in self.training.average.state_dict().items()}
        return call(self, tick)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scorer, "__call__", watch)
        job = run(studio, studio.running(hyperparameters={"steps": 6, "ema_images": 0}, scoring=SCORING))
    assert [(score.step, score.value, score.title) for score in scores(studio, job)] == [
        (2, 3.0, "Kernel distance (lite0)"),
        (4, 1.0, "Kernel distance (lite0)"),
        (6, 2.0, "Kernel distance (lite0)"),
    ]
    points = studio.read(lambda s: s.scalars(queries.metric_points(job.id)).all())
    assert [(point.step, point.value) for point in points if point.name == "score/kid"] == [(2, 3.0), (4, 1.0), (6, 2.0)]
    assert job.version is not None
    folder = studio.store.version("first", job.version.number)
    best = artifact.read_manifest(folder).training.best
    assert best is not None
    assert (best.metric, best.step, best.value, best.error, best.num_generated) == ("kid", 4, 1.0, 0.5, 20)
    published = load_file(folder / artifact.WEIGHTS)
    assert all(torch.equal(value, published[name]) for name, value in kept[4].items())
    assert not all(torch.equal(value, published[name]) for name, value in kept[6].items())
    assert job.step == 6  # the run itself goes to its end, and can be continued from there


def test_the_last_generator_is_published_where_the_best_is_not_asked_for(studio: Studio, values: list[float]) -> None:
    values += [1.0, 2.0]
    job = run(studio, studio.running(hyperparameters={"steps": 4}, scoring=SCORING | {"keep_best": False}))
    assert job.version is not None
    assert artifact.read_manifest(studio.store.version("first", 1)).training.best is None
    assert len(scores(studio, job)) == 2


def test_measuring_changes_nothing_of_the_training(studio: Studio, values: list[float]) -> None:
    values += [2.0, 1.0]
    weights = []
    for asked in (SCORING, None):
        job = run(studio, studio.running(hyperparameters={"steps": 4}, scoring=asked))
        assert job.version is not None
        weights.append(load_file(studio.store.version("first", job.version.number) / artifact.WEIGHTS))
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_after_an_interruption_the_best_is_still_known_and_later_scores_are_taken_anew(studio: Studio, values: list[float]) -> None:
    values += [1.0, 5.0]
    job = studio.running(hyperparameters={"steps": 6}, scoring=SCORING)
    due = Scorer.due

    def pause(self: Scorer, tick: Tick) -> bool:
        if tick.step == 5:
            raise JobPaused
        return due(self, tick)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scorer, "due", pause)
        with pytest.raises(JobPaused):
            run(studio, job)
    values += [4.0]
    job = run(studio, job)
    assert [(score.step, score.value) for score in scores(studio, job)] == [(2, 1.0), (4, 5.0), (6, 4.0)]
    best = artifact.read_manifest(studio.store.version("first", 1)).training.best
    assert best is not None
    assert (best.step, best.value) == (2, 1.0)


def test_scores_of_steps_that_are_trained_again_are_forgotten_but_the_best(studio: Studio, values: list[float]) -> None:
    values += [3.0, 1.0, 2.0]
    job = run(studio, studio.running(hyperparameters={"steps": 6}, scoring=SCORING))
    studio.change(job, lambda job: setattr(job, "status", "running"))
    recorder = Recorder(studio.database, job.id)

    class AtStep2:
        step = 2

    Scorer(TrainSpec.model_validate(job.spec), AtStep2(), recorder, studio.store).forget_after(2)  # type: ignore[arg-type]
    assert [score.step for score in scores(studio, job)] == [2, 4]


def test_an_evaluation_is_queued_with_the_version(studio: Studio) -> None:
    job = run(studio, studio.running(hyperparameters={"steps": 1}, evaluate=["fid", "precision"]))
    assert job.version is not None
    (queued,) = studio.read(lambda s: s.scalars(queries.jobs(kind="evaluate")).all())
    assert (queued.status, queued.model, queued.spec["version"], queued.spec["metrics"]) == ("queued", "first", 1, ["fid", "precision"])


def test_what_a_run_cannot_be_measured_by_is_refused(studio: Studio) -> None:
    with pytest.raises(Invalid) as refusal:
        studio.submit(evaluate=["r_precision"], scoring=SCORING | {"metric": "ppl"})
    assert {error["pointer"]: error["detail"].split(".")[0] for error in refusal.value.errors} == {
        "/scoring/metric": "ppl says nothing of fewer than 100 pictures, and 20 were asked for",
        "/evaluate/0": "r_precision needs a version conditioned on text",
    }
    with pytest.raises(ValueError, match="give every_steps or every_minutes, not both"):
        studio.submit(scoring=SCORING | {"every_minutes": 1})
