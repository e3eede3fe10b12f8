"""A style transfer: content and styles → a method's steps, followed by pictures → the result."""

import logging
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from atelier.jobs.pictures import find_picture, gallery_picture
from atelier.jobs.recorder import JobCancelled, JobInterrupted, JobPaused, Recorder
from atelier.jobs.specs import StylizeSpec
from atelier.models.devices import pick_device
from atelier.registry.store import Store
from atelier.serving.images import encode, keep
from atelier.settings import Settings
from atelier.styletransfer import methods
from atelier.styletransfer.base import Style, StyleMethod, Tick
from atelier.styletransfer.pictures import from_pixels
from atelier.training import checkpoint

TICK_SECONDS = 0.5
PREVIEW_SECONDS = 1.5
PREVIEW_SHARE, SAVING_SHARE = 0.1, 0.02  # of the time, at most
LINE_SECONDS = 5.0

log = logging.getLogger("atelier.jobs")


def run(json_spec: dict[str, Any], recorder: Recorder, store: Store, settings: Settings) -> None:
    """Paused or interrupted, it goes on from its checkpoint; cancelled, it keeps the picture as it was."""
    spec = StylizeSpec.model_validate(json_spec)
    recorder.beat("pictures")
    transfer = prepare(spec, store, settings)
    with recorder.transaction() as (_, job):
        job.spec = job.spec | {"network": transfer.network.name}
    where = f"{transfer.network.title} on {transfer.network.device}"
    log.info("%s of %d x %d pixels through %s.", transfer.title, transfer.width, transfer.height, where)

    progress = Progress(transfer, spec, recorder, store, checkpoint_seconds=settings.checkpoint_seconds)
    path = store.checkpoint(recorder.job_id)
    if path.exists():
        transfer.load_state_dict(checkpoint.load(path)["transfer"])
        recorder.rewind(transfer.iteration)
        log.info("Going on at step %d.", transfer.iteration)
    try:
        for tick in transfer.ticks():
            progress(tick, last=transfer.done)
    except (JobPaused, JobInterrupted):
        progress.save()
        progress.show()
        raise
    except JobCancelled:
        progress.show()
        raise
    keep(store.result(recorder.job_id), progress.picture())
    with recorder.transaction() as (_, job):
        if job.cancel_requested:
            raise JobCancelled
        job.step = job.total_steps = transfer.iteration
        job.succeed()
    path.unlink(missing_ok=True)
    log.info("Done after %d steps, %s.", transfer.iteration, timedelta(seconds=round(progress.elapsed)))


def prepare(spec: StylizeSpec, store: Store, settings: Settings) -> StyleMethod:
    """
    Raises:
        ValueError: a picture is gone, the feature network is not here, or what was asked for does not go together.
    """
    method = methods[spec.method]
    hp = method.Hyperparameters.model_validate(spec.hyperparameters)
    try:
        network = hp.open(store.features, pick_device(settings.device))
    except FileNotFoundError as error:
        raise ValueError(str(error)) from error
    styles = [
        Style(_picture(store, style.picture), style.weight, None if style.mask is None else _mask(store, style.mask))
        for style in spec.styles
    ]
    return method(hp, network, _picture(store, spec.content), styles)


def _open(store: Store, reference: str, mode: str) -> NDArray[np.uint8]:
    path = find_picture(store, reference)
    if path is None:
        try:
            path = gallery_picture(store, reference)
        except ValueError as error:
            raise ValueError(f"The picture {reference} is gone.") from error
    with Image.open(path) as image:
        return np.array(image.convert(mode))


def _picture(store: Store, reference: str) -> torch.Tensor:
    return from_pixels(_open(store, reference, "RGB"))


def _mask(store: Store, reference: str) -> torch.Tensor:
    return torch.from_numpy(_open(store, reference, "L")).float()[None, None] / 255


class Progress:
    """What a transfer leaves behind as it goes: its row, its log, previews, checkpoints."""

    def __init__(self, transfer: StyleMethod, spec: StylizeSpec, recorder: Recorder, store: Store, *, checkpoint_seconds: float) -> None:
        self.transfer, self.spec, self.recorder, self.store = transfer, spec, recorder, store
        self.began = self._saved = time.monotonic()
        self._checkpoint_seconds = checkpoint_seconds
        self._told = self._shown = self._written = -np.inf
        self._then, self._steps = self.began, 0
        self._previewing = self._saving = 0.0  # seconds that the last one took

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def __call__(self, tick: Tick, *, last: bool) -> None:
        now = time.monotonic()
        self._steps += 1
        preview = last or now - self._shown >= max(PREVIEW_SECONDS, self._previewing / PREVIEW_SHARE)
        if preview:
            keep(self.store.preview(self.recorder.job_id, tick.iteration), self.picture())
            self._previewing, self._shown = time.monotonic() - now, time.monotonic()
        if preview or now - self._told >= TICK_SECONDS:
            self._tell(tick, preview=preview, last=last)
        if now - self._saved >= max(self._checkpoint_seconds, self._saving / SAVING_SHARE if self._checkpoint_seconds else 0.0):
            self.save()

    def picture(self) -> bytes:
        """As it is now, as a PNG that says how it was made."""
        hp = self.transfer.of()["hyperparameters"]
        styles = [style.model_dump(exclude_none=True) for style in self.spec.styles]
        made = {"method": self.spec.method, "network": self.transfer.network.name, "content": self.spec.content, "styles": styles}
        return encode(Image.fromarray(self.transfer.pixels()), made | {"steps": self.transfer.iteration, "hyperparameters": hp})

    def show(self) -> None:
        """The picture as it is left; not where somebody else has the job by now."""
        with suppress(JobCancelled):
            keep(self.store.preview(self.recorder.job_id, self.transfer.iteration), self.picture())
            self.recorder.show(self.transfer.iteration)

    def _tell(self, tick: Tick, *, preview: bool, last: bool) -> None:
        now = time.monotonic()
        speed = self._steps / max(now - self._then, 1e-6)
        self._told, self._then, self._steps = now, now, 0
        values = {f"style/{name}": value for name, value in tick.losses.items()}
        height, width = tick.size
        total = tick.iteration if last else tick.iterations
        stage = f"{width} x {height}"
        eta = self.recorder.tick(stage, tick.iteration, total, speed, values, preview=preview, progress=1.0 if last else tick.progress)
        if last or now - self._written >= LINE_SECONDS:
            self._written = now
            losses = "  ".join(f"{name} {value:.4g}" for name, value in tick.losses.items())
            remaining = "" if eta is None else f"  ETA {timedelta(seconds=round(eta))}"
            log.info("step %d/%d  %s  %s  %.1f steps/s%s", tick.iteration, total, stage, losses, speed, remaining)

    def save(self) -> None:
        began = time.monotonic()
        checkpoint.save(self.store.checkpoint(self.recorder.job_id), {"transfer": self.transfer.state_dict()})
        self._saved = time.monotonic()
        self._saving = self._saved - began
