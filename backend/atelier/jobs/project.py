"""A projection: a picture and a version → the latent from which the version draws the picture, followed by previews."""

import logging
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from atelier.datasets.pictures import crop_square, open_picture, resize
from atelier.jobs.pictures import find_picture
from atelier.jobs.recorder import JobCancelled, JobInterrupted, JobPaused, Recorder
from atelier.jobs.specs import ProjectSpec
from atelier.models import architectures, artifact
from atelier.models.artifact import NETWORKS, Manifest
from atelier.models.base import GenerativeModel
from atelier.models.devices import pick_device
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.serving.images import encode, keep
from atelier.settings import Settings
from atelier.steering import latents
from atelier.steering.perception import open_perception
from atelier.steering.projection import Projection, Tick
from atelier.training import checkpoint

TICK_SECONDS = 0.5
PREVIEW_SECONDS = 1.5
LINE_SECONDS = 5.0

log = logging.getLogger("atelier.jobs")


def run(json_spec: dict[str, Any], recorder: Recorder, store: Store, settings: Settings) -> None:
    """Paused or interrupted, it goes on from its checkpoint; the latent appears by one rename when it is found."""
    spec = ProjectSpec.model_validate(json_spec)
    recorder.beat("pictures")
    with recorder.database.read() as session:
        version = session.scalar(queries.version(spec.model, spec.version))
    if version is None:
        raise ValueError(f"The version {spec.model}@{spec.version} is gone.")
    path = find_picture(store, spec.picture)
    if path is None:
        raise ValueError(f"The picture {spec.picture} is gone.")
    device, folder = pick_device(settings.device), store.version(spec.model, spec.version)
    try:
        perception = open_perception(store.features, device)
    except FileNotFoundError as error:
        raise ValueError(str(error)) from error
    manifest, generator = artifact.load(folder, device)
    picture = read(path, manifest).to(device)
    recorder.beat("search")
    projection = Projection(
        generator,
        perception,
        picture,
        steps=spec.steps,
        seed=spec.seed,
        chosen=dict(spec.chosen),
        guess=_guess(folder, manifest, picture),
    )
    log.info("Looking among the latents of %s@%d through %s on %s.", spec.model, spec.version, perception.name, device)

    progress = Progress(projection, spec, recorder, store, checkpoint_seconds=settings.checkpoint_seconds)
    saved = store.checkpoint(recorder.job_id)
    if saved.exists():
        projection.load_state_dict(checkpoint.load(saved)["projection"])
        recorder.rewind(projection.step)
        log.info("Going on at step %d.", projection.step)
    try:
        progress.show()  # what it begins with
        for tick in projection.ticks():
            progress(tick)
    except (JobPaused, JobInterrupted):
        progress.save()
        raise
    found, image, tick = projection.best()
    progress.show()
    keep(store.result(recorder.job_id), progress.png(image))
    with recorder.transaction() as (_, job):
        if job.cancel_requested:
            raise JobCancelled
        latents.keep(store.projection(recorder.job_id), found, digest=version.digest)
        job.spec = job.spec | {"network": perception.name, "distance": round(tick.distance, 5), "psnr": round(tick.psnr, 2)}
        job.step = job.total_steps = projection.step or 1
        job.succeed()
    saved.unlink(missing_ok=True)
    seconds = timedelta(seconds=round(progress.elapsed))
    log.info("Done after %d steps, %s: %.1f dB, distance %.4f.", projection.step, seconds, tick.psnr, tick.distance)


def read(path: Path, manifest: Manifest) -> Tensor:
    """The picture's square in the middle, in the size and the colours that the version draws in: [1, C, R, R] in [-1, 1]."""
    image = crop_square(open_picture(path).convert("L" if manifest.image.channels == 1 else "RGB"))
    pixels = resize(image, manifest.image.resolution)  # [R, R, C]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


def _guess(folder: Path, manifest: Manifest, picture: Tensor) -> Tensor | None:
    """The z that the architecture's own encoder gives, where there is one and the version came with it."""
    cls = architectures[manifest.architecture]
    if cls.invert is GenerativeModel.invert or not (folder / NETWORKS).exists():
        return None
    return artifact.load_model(folder, picture.device)[1].invert(picture)


class Progress:
    """What a projection leaves behind as it goes: its row, its log, previews, checkpoints."""

    def __init__(self, projection: Projection, spec: ProjectSpec, recorder: Recorder, store: Store, *, checkpoint_seconds: float) -> None:
        self.projection, self.spec, self.recorder, self.store = projection, spec, recorder, store
        self.began = self._saved = self._then = time.monotonic()
        self._checkpoint_seconds = checkpoint_seconds
        self._told = self._shown = self._written = -np.inf
        self._steps = 0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def __call__(self, tick: Tick) -> None:
        now = time.monotonic()
        self._steps += 1
        preview = tick.step == tick.steps or now - self._shown >= PREVIEW_SECONDS
        if preview:
            self._picture()
        if preview or now - self._told >= TICK_SECONDS:
            speed = self._steps / max(now - self._then, 1e-6)
            self._told, self._then, self._steps = now, now, 0
            values = {"projection/loss": tick.loss, "projection/distance": tick.distance, "projection/psnr": tick.psnr}
            self.recorder.tick("projection", tick.step, tick.steps, speed, values, preview=preview)
        if tick.step == tick.steps or now - self._written >= LINE_SECONDS:
            self._written = now
            log.info("step %d/%d  loss %.4g  distance %.4f  %.1f dB", tick.step, tick.steps, tick.loss, tick.distance, tick.psnr)
        if now - self._saved >= self._checkpoint_seconds:
            self.save()

    def png(self, image: Tensor) -> bytes:
        """An image [1, C, R, R], with what it was drawn from."""
        pixels = ((image[0] + 1) * 127.5).round().clamp(0, 255).byte().cpu().permute(1, 2, 0).squeeze(2)
        made = {"model": self.spec.model, "version": self.spec.version, "picture": self.spec.picture, "latent": self.recorder.job_id}
        return encode(Image.fromarray(np.ascontiguousarray(pixels.numpy())), made)

    def _picture(self) -> None:
        keep(self.store.preview(self.recorder.job_id, self.projection.step), self.png(self.projection.best()[1]))
        self._shown = time.monotonic()

    def show(self) -> None:
        """What there is now; not where somebody else has the job by now."""
        with suppress(JobCancelled):
            self._picture()
            self.recorder.show(self.projection.step)

    def save(self) -> None:
        checkpoint.save(self.store.checkpoint(self.recorder.job_id), {"projection": self.projection.state_dict()})
        self._saved = time.monotonic()
