"""A training run, here within the test's own process: what it leaves behind, and how it goes on."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import select
from tests.jobs.conftest import Studio

from atelier.jobs import train
from atelier.jobs.recorder import JobCancelled, Recorder
from atelier.models import artifact
from atelier.registry import queries
from atelier.registry.tables import DatasetRow, Job
from atelier.training import checkpoint

STEPS = 12


def run(studio: Studio, job: Job) -> Job:
    train.run(job.spec, Recorder(studio.database, job.id), studio.store, studio.settings)
    return studio.row(job)


def weights(studio: Studio, version: int) -> dict[str, torch.Tensor]:
    return dict(artifact.load(studio.store.version("first", version), torch.device("cpu"))[1].named_parameters())


def test_a_run_ends_in_a_version(studio: Studio) -> None:
    job = run(studio, studio.running(hyperparameters={"steps": STEPS}))
    assert (job.status, job.step, job.total_steps, job.eta_seconds) == ("succeeded", STEPS, STEPS, 0.0)
    assert job.version is not None
    folder = studio.store.version("first", job.version.number)
    manifest, generator = artifact.load(folder, torch.device("cpu"))
    assert manifest.training.job == job.id
    assert manifest.training.steps == STEPS
    assert manifest.hyperparameters == job.spec["hyperparameters"]
    assert "generator/loss" in manifest.training.metrics
    assert artifact.Manifest.model_validate(job.version.manifest) == manifest
    assert generator(torch.zeros(1, generator.latent_dim)).shape == (1, 3, 16, 16)

    told = [event.data for event in studio.read(lambda s: s.scalars(queries.previews(job.id)).all())]
    assert [preview["step"] for preview in told][:: len(told) - 1] == [1, STEPS]
    for preview in told:
        with Image.open(studio.store.preview(job.id, preview["step"])) as picture:
            assert picture.size == (8 * 16 * 2, 8 * 16 * 2)
    assert studio.store.preview(job.id, STEPS).read_bytes() == (folder / artifact.SAMPLES).read_bytes()

    (dataset,) = studio.read(lambda s: s.scalars(select(DatasetRow)).all())
    assert (studio.store.datasets / dataset.fingerprint).is_dir()
    assert dataset.num_images == manifest.dataset.num_images == 64


def test_a_run_goes_on_from_its_checkpoint_and_ends_the_same(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run(studio, studio.running(hyperparameters={"steps": STEPS}))

    job = studio.running(hyperparameters={"steps": STEPS})
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(Recorder, "tick", interrupting(Recorder.tick, at=5))
    monkeypatch.setattr(train.Training, "run", every_step(train.Training.run))
    with pytest.raises(JobCancelled):
        run(studio, job)
    assert checkpoint.load(studio.store.checkpoint(job.id))["training"]["step"] == 4

    monkeypatch.undo()
    caplog.set_level(logging.INFO, "atelier.jobs")
    assert run(studio, job).status == "succeeded"
    assert "Going on from step 4." in caplog.messages
    first, second = weights(studio, 1), weights(studio, 2)
    assert all(torch.equal(first[name], second[name]) for name in first)


def interrupting(tick: Any, at: int) -> Any:
    def interrupted(self: Recorder, stage: str, step: int, *arguments: Any, **named: Any) -> Any:
        if step == at:
            raise JobCancelled
        return tick(self, stage, step, *arguments, **named)

    return interrupted


def every_step(run: Any) -> Any:
    return lambda self, on_tick: run(self, on_tick, tick_seconds=0.0)


def test_a_run_begins_with_the_weights_of_another_version(studio: Studio) -> None:
    run(studio, studio.running(hyperparameters={"steps": STEPS}))
    # After one tiny step the average has hardly moved from where it began.
    one_step = {"steps": 1, "generator_learning_rate": 1e-6, "discriminator_learning_rate": 1e-6}
    job = run(studio, studio.running(hyperparameters=one_step, start_from="first", seed=1))
    assert job.version is not None
    assert job.version.manifest["training"]["start_from"] == "first@1"
    begun, ended = weights(studio, 1), weights(studio, 2)
    assert all(torch.allclose(begun[name], ended[name], atol=1e-4) for name in begun)


def test_weights_that_do_not_fit_are_explained(studio: Studio) -> None:
    run(studio, studio.running(hyperparameters={"steps": 1}))
    job = studio.running(hyperparameters={"steps": 1, "resolution": 32}, start_from="first")
    with pytest.raises(ValueError, match="first@1 has another network"):
        run(studio, job)


@pytest.mark.parametrize(
    ("shape", "size", "mode"),
    [
        ((3, 16, 16, 1), (96, 32), "L"),
        ((64, 64, 64, 3), (512, 512), "RGB"),
        ((70, 128, 128, 3), (1024, 1024), "RGB"),
    ],
)
def test_grids(tmp_path: Path, shape: tuple[int, ...], size: tuple[int, int], mode: str) -> None:
    images = np.arange(shape[0], dtype=np.uint8)[:, None, None, None] * np.ones(shape, np.uint8)
    train.write_grid(images, tmp_path / "grids" / "1.png")
    with Image.open(tmp_path / "grids" / "1.png") as picture:
        assert (picture.mode, picture.size) == (mode, size)
        assert picture.getpixel((size[0] - 1, 0)) == (min(8, shape[0]) - 1 if mode == "L" else (7, 7, 7))  # row by row
