"""Evaluations: scores with all that they depend on, real sets looked at once, and what does not fit refused with what does."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from PIL import Image
from sqlalchemy import select
from tests.jobs.conftest import Studio

from atelier.datasets.catalog import Catalog
from atelier.errors import Invalid, NotFound
from atelier.jobs import evaluate, train
from atelier.jobs.evaluations import submit_evaluation
from atelier.jobs.recorder import JobCancelled, Recorder
from atelier.jobs.specs import EvaluateSpec
from atelier.metrics import metrics
from atelier.metrics.frechet import Gaussian
from atelier.metrics.statistics import kept
from atelier.registry.tables import Job, Score

METRICS = ["fid", "kid", "precision", "coverage"]


@pytest.fixture
def version(studio: Studio) -> None:
    """A version first@1 of a data set of 64 pictures."""
    job = studio.running(hyperparameters={"steps": 1})
    train.run(job.spec, Recorder(studio.database, job.id), studio.store, studio.settings)


def submit(studio: Studio, **asked: Any) -> Job:
    spec = EvaluateSpec.model_validate({"num_samples": 20, "metrics": METRICS} | asked)
    with studio.database.write() as session:
        return submit_evaluation(session, spec, Catalog(studio.store.sources), studio.store)


def start(studio: Studio, job: Job) -> Recorder:
    studio.change(job, lambda job: job.claim("log.txt", os.getpid(), psutil.Process().create_time()))
    studio.change(job, lambda job: job.start())
    return Recorder(studio.database, job.id)


def run(studio: Studio, **asked: Any) -> tuple[Job, list[Score]]:
    job = submit(studio, **asked)
    evaluate.run(job.spec, start(studio, job), studio.store, studio.settings)
    return studio.row(job), studio.read(lambda s: s.scalars(select(Score).where(Score.job_id == job.id).order_by(Score.id)).all())


@pytest.mark.usefixtures("version")
def test_every_score_is_kept_with_what_it_depends_on(studio: Studio) -> None:
    job, scores = run(studio, model="first", seed=3, num_real=30)
    assert (job.status, job.model, job.step, job.total_steps) == ("succeeded", "first", 50, 50)  # 20 drawn, 30 real
    assert [score.metric for score in scores] == METRICS
    found = job.snapshot()["evaluation"]
    assert [(one["score"], one["value"]) for one in found["scores"]] == [(score.id, score.value) for score in scores]
    assert (found["subject"], found["version"], found["network"]) == ("first@1", 1, "lite0")
    fid = scores[0]
    assert fid.version is not None
    assert fid.version.number == 1
    assert (fid.title, fid.better, fid.num_real, fid.num_generated) == ("Fréchet distance (lite0)", "lower", 30, 20)
    assert (fid.network, len(fid.network_digest), fid.seed, fid.averaged, fid.step) == ("lite0", 64, 3, True, None)
    assert "128" in fid.resize
    assert (fid.real, fid.split, fid.fingerprint) == ("shapes", "train", fid.version.manifest["dataset"]["fingerprint"])
    assert fid.conventions == {"covariance": "N - 1", "pixels": "uint8, rounded", "resolution": 16}
    assert fid.code["atelier"]
    assert "torch" in fid.code


@pytest.mark.usefixtures("version")
def test_a_real_set_is_looked_at_once(studio: Studio) -> None:
    first, before = run(studio, model="first", num_real=30)
    second, after = run(studio, model="first", num_real=30)
    assert (first.total_steps, second.total_steps) == (50, 20)
    assert [score.value for score in before] == [score.value for score in after]
    assert [score.comparable for score in before] == [score.comparable for score in after]
    ((real_set, _),) = kept(studio.store.statistics)
    assert (real_set.split, real_set.num_images, real_set.network) == ("train", 30, "lite0")


@pytest.mark.usefixtures("version")
def test_what_must_agree_is_told_by_one_key(studio: Studio) -> None:
    asked: dict[str, Any] = {"model": "first", "num_samples": 10, "num_real": 12, "metrics": ["fid"]}
    (one,), (same,) = (run(studio, **asked, seed=seed)[1] for seed in (0, 1))
    assert one.value != same.value
    assert one.comparable == same.comparable
    for change in ({"num_samples": 11}, {"num_real": 11}, {"split": "all"}):
        _, (other,) = run(studio, **asked | change)
        assert other.comparable != one.comparable, change


@pytest.mark.usefixtures("version")
def test_what_was_found_before_a_cancellation_stays(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "TICK_SECONDS", 0)
    job = submit(studio, model="first", metrics=["diversity", "fid"], num_samples=40)
    recorder = start(studio, job)
    begin = evaluate.Progress.begin

    def cancel(progress: evaluate.Progress, stage: str) -> None:
        begin(progress, stage)
        if stage == "fid":
            studio.change(job, lambda job: job.request_cancel())

    monkeypatch.setattr(evaluate.Progress, "begin", cancel)
    with pytest.raises(JobCancelled):
        evaluate.run(job.spec, recorder, studio.store, studio.settings)
    assert [one["metric"] for one in studio.row(job).spec["scores"]] == ["diversity"]
    assert studio.row(job).step < studio.row(job).total_steps  # it ended at a batch
    # Taken up again, it begins anew and leaves nothing twice.
    studio.change(job, lambda job: setattr(job, "cancel_requested", False))
    monkeypatch.setattr(evaluate.Progress, "begin", begin)
    evaluate.run(job.spec, recorder, studio.store, studio.settings)
    scores = studio.read(lambda s: s.scalars(select(Score).where(Score.job_id == job.id)).all())
    assert [score.metric for score in scores] == ["diversity", "fid"]


def test_two_sets_are_measured_without_a_model(studio: Studio) -> None:
    shapes = {"dataset": "shapes", "options": {"count": 60}, "resolution": 16}
    job, scores = run(studio, generated=shapes | {"split": "all"}, real=shapes | {"split": "train"})
    assert (job.status, job.model, job.snapshot()["evaluation"]["subject"]) == ("succeeded", None, "shapes")
    assert scores[0].version is None
    assert scores[0].averaged is None
    assert (scores[0].num_generated, scores[0].real, scores[0].split) == (20, "shapes", "train")
    assert {score.metric: score.value for score in scores}["precision"] > 0.9  # pictures that are among the real ones


@pytest.fixture
def folders(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, count: int = 12, first: int = 0, sizes: tuple[int, ...] = (24, 32)) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index in range(count):
            size = sizes[index % len(sizes)]
            random = torch.Generator().manual_seed(first + index)
            pixels = torch.randint(0, 256, (size, size, 3), dtype=torch.uint8, generator=random)
            Image.fromarray(pixels.numpy()).save(folder / f"{index}.png")
        return folder

    return make


def test_folders_are_measured_at_the_sizes_they_have(studio: Studio, folders: Callable[..., Path]) -> None:
    one, other = folders("one"), folders("other", first=100)
    job, scores = run(studio, generated={"folder": str(one)}, real={"folder": str(other)}, metrics=["fid", "kid"])
    assert job.spec["subject"] == "one"
    assert (scores[0].num_generated, scores[0].num_real, scores[0].real) == (12, 12, "other")
    _, again = run(studio, generated={"folder": str(one)}, real={"folder": str(other)}, metrics=["fid"])
    assert again[0].value == scores[0].value
    (other / "0.png").write_bytes((one / "1.png").read_bytes())
    _, changed = run(studio, generated={"folder": str(one)}, real={"folder": str(other)}, metrics=["fid"])
    assert changed[0].fingerprint != scores[0].fingerprint  # it is known by what is in it
    assert changed[0].value != scores[0].value


def test_an_unreadable_picture_and_an_empty_folder_are_refused(studio: Studio, folders: Callable[..., Path]) -> None:
    good, bad, empty = folders("good"), folders("bad"), folders("empty", count=0)
    (bad / "5.png").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"5\.png: "):
        run(studio, generated={"folder": str(bad)}, real={"folder": str(good)}, metrics=["fid"])
    with pytest.raises(ValueError, match="empty has 0 pictures"):
        run(studio, generated={"folder": str(good)}, real={"folder": str(empty)}, metrics=["fid"])


def test_a_file_of_statistics_stands_for_a_real_set(studio: Studio, folders: Callable[..., Path], tmp_path: Path) -> None:
    one, other = folders("one"), folders("other", first=100)
    _, (score,) = run(studio, generated={"folder": str(one)}, real={"folder": str(other)}, metrics=["fid"])
    ((_, kept_in),) = kept(studio.store.statistics)
    _, (same,) = run(studio, generated={"folder": str(one)}, real={"statistics": str(kept_in / "gaussian.npz")}, metrics=["fid"])
    assert same.value == pytest.approx(score.value)
    assert (same.num_real, same.split) == (12, "file")
    Gaussian.of(torch.randn(9, 4)).save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match="statistics of 4 features, and EfficientNet-Lite0 makes 1280"):
        run(studio, generated={"folder": str(one)}, real={"statistics": str(tmp_path / "other.npz")}, metrics=["fid"])


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"metrics": ["fidelity"]}, "/metrics/0", f"There is no metric 'fidelity'; there are {', '.join(metrics)}."),
    ({"metrics": ["kid", "r_precision"]}, "/metrics/1", "r_precision needs a version conditioned on text. What fits is "),
    ({"metrics": ["ppl2_wend"]}, "/metrics/0", "ppl2_wend needs a version that draws from a space of styles"),
    ({"metrics": ["class_accuracy"]}, "/metrics/0", "class_accuracy needs a version conditioned on classes"),
    ({"metrics": ["ppl"], "num_samples": 50}, "/num_samples", "ppl says nothing of fewer than 100 pictures, and 50 were asked for."),
    ({"network": "inception"}, "/network", "atelier features fetch inception"),
    ({"network": "inception", "metrics": ["ppl"], "num_samples": 100}, "/network", "atelier features fetch vgg16"),
    ({"network": "vgg19"}, "/network", "There is no network 'vgg19' for scores; there are lite0, inception."),
    ({"truncation_psi": 0.5}, "/truncation_psi", "first@1 draws from seeds alone."),
    ({"real": {"dataset": "dogs"}}, "/real/dataset", "There is no data set 'dogs'"),
    ({"real": {"dataset": "shapes", "options": {"count": -1}}}, "/real/options/count", "greater than"),
    ({"generated": {"dataset": "shapes"}}, "/model", "Give either model"),
    ({"real": {"dataset": "shapes"}, "split": "test"}, "/split", "a set of pictures has its own split"),
]


@pytest.mark.usefixtures("version")
def test_what_does_not_fit_is_refused_with_what_does(studio: Studio) -> None:
    for asked, pointer, detail in REFUSED:
        with pytest.raises(Invalid) as refusal:
            submit(studio, model="first", **asked)
        assert pointer in [error["pointer"] for error in refusal.value.errors], asked
        assert detail in str(refusal.value), asked


def test_sets_have_neither_latents_nor_conditions(studio: Studio) -> None:
    with pytest.raises(Invalid, match="ppl needs a version: sets of pictures are not enough"):
        submit(studio, generated={"dataset": "shapes"}, real={"dataset": "digits"}, metrics=["ppl"], num_samples=100)
    with pytest.raises(Invalid, match="fid needs a real set"):
        submit(studio, generated={"dataset": "shapes"}, metrics=["fid"])
    with pytest.raises(NotFound, match=r"There is no version first@latest\."):
        submit(studio, model="first")


def test_a_classifier_that_is_not_there_is_asked_for(studio: Studio) -> None:
    job = studio.running(architecture="cgan", hyperparameters={"steps": 1})
    train.run(job.spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    with pytest.raises(Invalid, match="run atelier discover first@1, or POST /api/v1/discoveries, first"):
        submit(studio, model="first", metrics=["class_accuracy"])
    found, (score,) = run(studio, model="first", metrics=["class_fid"], num_samples=80)
    assert found.status == "succeeded"
    assert set(score.details["distances"]) <= {str(label) for label in range(20)}
