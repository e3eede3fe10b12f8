"""A training run, here within the test's own process: what it leaves behind, and how it goes on."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from sqlalchemy import select
from tests.jobs.conftest import Studio

from atelier.datasets.cache import PreparedDataset
from atelier.jobs import train
from atelier.jobs.progress import write_grid
from atelier.jobs.recorder import JobCancelled, JobPaused, Recorder
from atelier.models import artifact
from atelier.models.prompted import PromptedGenerator
from atelier.registry import queries
from atelier.registry.tables import DatasetRow, Job
from atelier.text.memory import Memory
from atelier.training import checkpoint

STEPS = 12


def run(studio: Studio, job: Job, **settings: Any) -> Job:
    train.run(job.spec, Recorder(studio.database, job.id), studio.store, studio.settings.model_copy(update=settings))
    return studio.row(job)


def weights(studio: Studio, version: int) -> dict[str, torch.Tensor]:
    return dict(artifact.load(studio.store.version("first", version), torch.device("cpu"))[1].named_parameters())


@pytest.mark.parametrize("architecture", ["text_dcgan", "stackgan"])
def test_a_version_that_draws_from_text_remembers_its_captions(studio: Studio, architecture: str) -> None:
    steps = {"steps": 2, "text_steps": 2, **({"steps_stage2": 2} if architecture == "stackgan" else {})}
    job = run(studio, studio.running(architecture=architecture, hyperparameters=steps))
    assert job.status == "succeeded"
    folder = studio.store.version("first", 1)
    manifest, generator = artifact.load(folder, torch.device("cpu"))
    assert isinstance(generator, PromptedGenerator)
    captions = manifest.dataset.captions
    assert captions is not None
    assert (captions.source, captions.templates, captions.augmentation) == ("captions", [], {"word_dropout": 0.1})
    memory = Memory.load(folder)
    assert captions.count == len(memory.captions) > 50
    dataset = PreparedDataset.open(studio.store.datasets / manifest.dataset.fingerprint)
    assert all(caption in dataset.captions[row] for caption, row in zip(memory.captions, memory.pictures, strict=True))
    assert set(memory.pictures) <= set(dataset.rows("train").tolist())
    sentences = torch.nn.functional.normalize(generator.sentences(memory.captions[:5]))
    torch.testing.assert_close(sentences, memory.sentences[:5], atol=2e-3, rtol=0)


def test_stage_two_goes_on_from_the_stage_one_of_a_version(studio: Studio) -> None:
    chosen = {"steps": 3, "text_steps": 3, "steps_stage2": 1}
    run(studio, studio.running(architecture="stackgan", hyperparameters=chosen))
    job = run(studio, studio.running(architecture="stackgan", hyperparameters=chosen | {"first_stage": 2}, start_from="first@1"))
    assert (job.status, job.step) == ("succeeded", 1)
    before, after = (dict(weights(studio, version).items()) for version in (1, 2))
    same = {name.split(".")[0] for name in before if torch.equal(before[name], after[name])}
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert {"encoder", "first"} <= same
    assert changed == {"second"}


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


def test_all_there_is_to_know_about_a_version(studio: Studio) -> None:
    job = run(studio, studio.running(hyperparameters={"steps": STEPS}))
    assert job.version is not None
    manifest = artifact.read_manifest(studio.store.version("first", job.version.number))
    assert manifest.dataset.num_trained == len(studio_dataset(studio, manifest).rows("train")) < 64
    assert manifest.training.hardware
    assert manifest.training.seconds > 0
    assert manifest.training.seed == 0
    assert {"atelier", "python", "torch", "torchvision", "numpy", "pillow"} <= set(manifest.packages)
    assert {"generator/loss", "speed/data_wait", "memory/process", "samples/diversity"} <= set(manifest.training.metrics)
    (events,) = (studio.store.job(job.id) / "tensorboard").iterdir()
    assert b"generator/loss" in events.read_bytes()
    assert b"samples" in events.read_bytes()


def studio_dataset(studio: Studio, manifest: artifact.Manifest) -> PreparedDataset:
    return PreparedDataset.open(studio.store.datasets / manifest.dataset.fingerprint)


def test_a_run_goes_on_from_its_checkpoint_and_ends_the_same(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run(studio, studio.running(hyperparameters={"steps": STEPS}))

    job = studio.running(hyperparameters={"steps": STEPS})
    monkeypatch.setattr(Recorder, "tick", interrupting(Recorder.tick, at=5, by=JobCancelled))
    monkeypatch.setattr(train.Training, "run", every_step(train.Training.run))
    with pytest.raises(JobCancelled):
        run(studio, job, checkpoint_seconds=0.0)
    assert checkpoint.load(studio.store.checkpoint(job.id))["training"]["step"] == 4

    monkeypatch.undo()
    caplog.set_level(logging.INFO, "atelier.jobs")
    assert run(studio, job).status == "succeeded"
    assert "Going on from step 4." in caplog.messages
    first, second = weights(studio, 1), weights(studio, 2)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_paused_run_keeps_the_step_it_was_paused_at(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    run(studio, studio.running(hyperparameters={"steps": STEPS}))
    job = studio.running(hyperparameters={"steps": STEPS})
    monkeypatch.setattr(Recorder, "tick", interrupting(Recorder.tick, at=7, by=JobPaused))
    monkeypatch.setattr(train.Training, "run", every_step(train.Training.run))
    with pytest.raises(JobPaused):
        run(studio, job)
    assert checkpoint.load(studio.store.checkpoint(job.id))["training"]["step"] == 7
    monkeypatch.undo()
    run(studio, job)
    first, second = weights(studio, 1), weights(studio, 2)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_that_died_before_it_published_does_so_with_all_its_metrics(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    job = studio.running(hyperparameters={"steps": STEPS})

    def full(*arguments: Any) -> Any:
        raise OSError("no space left")

    monkeypatch.setattr(artifact, "save", full)
    with pytest.raises(OSError, match="no space"):
        run(studio, job)
    monkeypatch.undo()
    row = run(studio, job)
    assert row.version is not None
    assert "generator/loss" in row.version.manifest["training"]["metrics"]


def test_a_finished_run_is_continued_as_if_it_had_been_longer(studio: Studio) -> None:
    run(studio, studio.running(hyperparameters={"steps": STEPS}))
    short = run(studio, studio.running(hyperparameters={"steps": STEPS - 5}))
    more = studio.running(hyperparameters={"steps": STEPS - 5})
    studio.change(more, lambda job: setattr(job, "spec", job.spec | {"continues": short.id, "more_steps": 3}))
    third = run(studio, studio.row(more))
    assert third.step == third.total_steps == STEPS - 2
    assert third.version is not None
    assert third.version.manifest["training"]["continues"] == short.id

    again = studio.running(hyperparameters={"steps": STEPS - 5})
    studio.change(again, lambda job: setattr(job, "spec", job.spec | {"continues": third.id, "more_steps": 2}))
    run(studio, studio.row(again))
    first, last = weights(studio, 1), weights(studio, 4)
    assert all(torch.equal(first[name], last[name]) for name in first)


def test_what_cannot_be_continued_says_so(studio: Studio) -> None:
    job = studio.running()
    studio.change(job, lambda job: setattr(job, "spec", job.spec | {"continues": 99, "more_steps": 3}))
    with pytest.raises(ValueError, match="The checkpoint of run 99 is gone"):
        run(studio, studio.row(job))


def test_alarms_reach_the_row(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.Training, "preview", lambda self: np.zeros((64, 16, 16, 3), np.uint8))
    job = run(studio, studio.running(hyperparameters={"steps": STEPS}))
    (alarm,) = job.snapshot()["alarms"]
    assert alarm["kind"] == "collapse"
    assert "differs from the one most like it by 0%" in alarm["message"]


def interrupting(tick: Any, at: int, by: Callable[[], Exception]) -> Any:
    def interrupted(self: Recorder, stage: str, step: int, *arguments: Any, **named: Any) -> Any:
        if step == at:
            raise by()
        return tick(self, stage, step, *arguments, **named)

    return interrupted


def every_step(run: Any) -> Any:
    return lambda self, on_tick: run(self, on_tick, tick_seconds=0.0)


def networks(studio: Studio, version: int) -> dict[str, torch.Tensor]:
    return load_file(studio.store.version("first", version) / artifact.NETWORKS)


ONE_TINY_STEP = {"steps": 1, "generator_learning_rate": 1e-9, "discriminator_learning_rate": 1e-9}  # moves hardly anything


def test_a_run_begins_with_all_the_networks_of_another_version(studio: Studio) -> None:
    run(studio, studio.running(hyperparameters={"steps": STEPS}))
    job = run(studio, studio.running(hyperparameters=ONE_TINY_STEP, start_from="first", seed=1))
    assert job.version is not None
    assert job.version.manifest["training"]["start_from"] == "first@1"
    begun, ended = networks(studio, 1), networks(studio, 2)
    assert any(name.startswith("discriminator.") for name in begun)
    learned = [name for name in begun if name.endswith(("weight", "bias", "original"))]
    assert all(torch.allclose(begun[name], ended[name], atol=1e-6) for name in learned)


def test_a_version_without_its_other_networks_gives_its_generator(studio: Studio) -> None:
    run(studio, studio.running(hyperparameters={"steps": STEPS}))
    (studio.store.version("first", 1) / artifact.NETWORKS).unlink()
    run(studio, studio.running(hyperparameters=ONE_TINY_STEP, start_from="first", seed=1))
    begun, ended = weights(studio, 1), weights(studio, 2)
    assert all(torch.allclose(begun[name], ended[name], atol=1e-6) for name in begun)


def test_a_run_begins_with_a_version_of_other_pictures(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    """From colour to grey: what touches the pixels is new, all else is not."""
    run(studio, studio.running(hyperparameters={"steps": STEPS}))
    caplog.set_level(logging.INFO, "atelier.jobs")
    job = studio.running(hyperparameters=ONE_TINY_STEP, start_from="first", seed=1, dataset="digits", dataset_options={})
    assert run(studio, job).status == "succeeded"
    begun, ended = networks(studio, 1), networks(studio, 2)
    different = {name for name in begun if begun[name].shape != ended[name].shape}
    assert different
    assert torch.allclose(begun["generator.layers.0.weight"], ended["generator.layers.0.weight"], atol=1e-6)
    (line,) = (message for message in caplog.messages if message.startswith("Begun with the weights of first@1; new are"))
    assert all(name in line for name in different)


def test_weights_that_do_not_fit_are_explained(studio: Studio) -> None:
    run(studio, studio.running(hyperparameters={"steps": 1}))
    job = studio.running(hyperparameters={"steps": 1, "generator_width": 32}, start_from="first")
    with pytest.raises(ValueError, match=r"first@1 has another network: generator_width is 16, here 32. Take the values of first@1."):
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
    write_grid(images, tmp_path / "grids" / "1.png")
    with Image.open(tmp_path / "grids" / "1.png") as picture:
        assert (picture.mode, picture.size) == (mode, size)
        assert picture.getpixel((size[0] - 1, 0)) == (min(8, shape[0]) - 1 if mode == "L" else (7, 7, 7))  # row by row
