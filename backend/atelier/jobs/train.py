"""A training run: data set → networks → the loop → a version."""

import logging
import platform
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from sqlalchemy import select

from atelier import __version__
from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.jobs.recorder import Recorder
from atelier.jobs.specs import TrainSpec
from atelier.models import architectures, artifact
from atelier.models.base import Generator
from atelier.models.devices import pick_device
from atelier.registry.store import Store
from atelier.registry.tables import DatasetRow, now
from atelier.settings import Settings
from atelier.training import checkpoint
from atelier.training.loop import Tick, Training, TrainingDiverged

PREVIEWS = 50  # pictures of a run's progress, about
PREVIEW_SHARE = 0.03  # of the time, at most
CHECKPOINT_SECONDS = 60.0

log = logging.getLogger("atelier.jobs")


def run(json_spec: dict[str, Any], recorder: Recorder, store: Store, settings: Settings) -> None:
    spec = TrainSpec.model_validate(json_spec)
    architecture = architectures[spec.architecture]
    hp = architecture.Hyperparameters.model_validate(spec.hyperparameters)
    device = pick_device(settings.device)

    dataset = prepare(
        open_dataset(spec.dataset, spec.dataset_options), hp.resolution, store.datasets, lambda done, total: recorder.beat("prepare")
    )
    _register(dataset, spec, recorder)

    torch.manual_seed(spec.seed)
    model = architecture(hp, dataset.spec)
    if spec.start_from is not None:
        _start_from(model.generator, spec.start_from, store)
    training = Training(model, dataset, hp, device=device, seed=spec.seed)
    log.info(
        "%s on %s (%d images of %d×%d), %d steps on %s",
        architecture.title, spec.dataset, len(dataset.images), hp.resolution, hp.resolution, training.total_steps, device,
    )  # fmt: skip

    progress = Progress(training, recorder, store)
    try:
        training.run(progress)
    except TrainingDiverged as error:
        raise ValueError(str(error)) from error  # a ValueError's message reaches the user as it is
    progress.save_checkpoint()
    log.info("Trained in %s.", timedelta(seconds=round(progress.seconds)))

    manifest = artifact.Manifest(
        architecture=spec.architecture,
        hyperparameters=spec.hyperparameters,
        image=artifact.image_spec_manifest(dataset.spec),
        dataset=artifact.DatasetManifest(
            name=spec.dataset,
            options=spec.dataset_options,
            fingerprint=dataset.fingerprint,
            num_images=len(dataset.images),
            class_names=list(dataset.class_names),
        ),
        training=artifact.TrainingManifest(
            job=recorder.job_id,
            preset=spec.preset,
            seed=spec.seed,
            steps=training.step,
            images_seen=training.images_seen,
            seconds=round(progress.seconds, 3),
            device=str(device),
            start_from=spec.start_from,
            metrics=progress.metrics,
        ),
        packages={"atelier": __version__, "torch": torch.__version__, "python": platform.python_version()},
        created_at=now(),
    )
    with store.staging(recorder.job_id) as folder:
        artifact.save(folder, training.average, manifest)
        write_grid(training.preview(), folder / artifact.SAMPLES)
        with recorder.transaction() as (session, job):
            version = store.publish(session, folder, job, spec.model, manifest.model_dump(mode="json"))
            job.succeed(version)
    log.info("Published %s@%d.", spec.model, version.number)


class Progress:
    """What a run leaves behind as it goes: its row, log lines, previews, checkpoints. Goes on from a checkpoint where there is one."""

    def __init__(self, training: Training, recorder: Recorder, store: Store) -> None:
        self.training, self.recorder, self.store = training, recorder, store
        self.metrics: dict[str, float] = {}
        self._checkpoint = store.checkpoint(recorder.job_id)
        self._before = 0.0  # seconds of training up to the checkpoint
        if self._checkpoint.exists():
            saved = checkpoint.load(self._checkpoint)
            training.load_state_dict(saved["training"])
            self._before = saved["seconds"]
            recorder.rewind(training.step)
            log.info("Going on from step %d.", training.step)
        self._started = self._saved = time.monotonic()
        self._next_line = 0.0
        self._next_preview = training.step
        self._previewing = 0.0  # seconds spent

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def __call__(self, tick: Tick) -> None:
        elapsed = time.monotonic() - self._started
        first = not self.metrics
        last = tick.step == tick.total_steps
        self.metrics |= tick.metrics

        preview = first or last or (tick.step >= self._next_preview and self._previewing <= PREVIEW_SHARE * elapsed)
        if preview:
            write_grid(self.training.preview(), self.store.preview(self.recorder.job_id, tick.step))
            # Close together at first, when a picture changes with every step.
            self._next_preview = tick.step + max(1, min(tick.step, tick.total_steps // PREVIEWS))
            self._previewing += time.monotonic() - self._started - elapsed

        eta = self.recorder.tick(tick.stage, tick.step, tick.total_steps, tick.images_per_second, tick.metrics, preview=preview)

        if last or elapsed >= self._next_line:
            losses = "  ".join(f"{name} {value:.4g}" for name, value in tick.metrics.items())
            remaining = "" if eta is None else f"  ETA {timedelta(seconds=round(eta))}"
            log.info("step %d/%d  %s  %.0f images/s%s", tick.step, tick.total_steps, losses, tick.images_per_second, remaining)
            self._next_line = elapsed + min(30.0, max(2.0, 0.01 * (elapsed + (eta or 0.0))))

        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self.save_checkpoint()

    def save_checkpoint(self) -> None:
        checkpoint.save(self._checkpoint, {"training": self.training.state_dict(), "seconds": self.seconds})
        self._saved = time.monotonic()


def write_grid(images: np.ndarray[Any, np.dtype[np.uint8]], path: Path) -> None:
    """Up to 64 images [N, H, W, C] as a PNG of at most 8×8, small ones at twice their size; never half-written."""
    images = images[:64]
    columns = min(8, len(images))
    rows = -(-len(images) // columns)
    _, height, width, channels = images.shape
    cells = np.zeros((rows * columns, height, width, channels), np.uint8)
    cells[: len(images)] = images
    grid = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2).reshape(rows * height, columns * width, channels)
    picture = Image.fromarray(grid.squeeze(2) if channels == 1 else grid)
    if height < 64:
        picture = picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.NEAREST)
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".tmp")
    picture.save(beside, "PNG")
    beside.replace(path)


def _register(dataset: PreparedDataset, spec: TrainSpec, recorder: Recorder) -> None:
    """The prepared data set's row, unless an earlier job wrote it."""
    with recorder.transaction() as (session, _):
        if session.scalar(select(DatasetRow).where(DatasetRow.fingerprint == dataset.fingerprint)) is None:
            row = DatasetRow(
                name=spec.dataset,
                options=spec.dataset_options,
                fingerprint=dataset.fingerprint,
                resolution=dataset.spec.resolution,
                channels=dataset.spec.channels,
                num_images=len(dataset.images),
                class_names=list(dataset.class_names),
            )
            session.add(row)


def _start_from(generator: Generator, version: str, store: Store) -> None:
    model, _, number = version.partition("@")
    try:
        generator.load_state_dict(load_file(store.version(model, int(number)) / artifact.WEIGHTS))
    except RuntimeError as error:
        raise ValueError(f"{version} has another network than these hyper-parameters on this data set; take those of {version}.") from error
