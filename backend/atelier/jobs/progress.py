"""What a training run leaves behind as it goes: its row, log lines, previews, checkpoints, TensorBoard's events."""

import logging
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image
from tensorboardX import SummaryWriter

from atelier.jobs.recorder import Alarm, Recorder
from atelier.jobs.scoring import Scorer
from atelier.registry.store import Store
from atelier.training import checkpoint
from atelier.training.health import Health
from atelier.training.loop import PREVIEW_IMAGES, Tick, Training

PREVIEWS = 50  # pictures of a run's progress, about
SHARE = 0.01  # of the time, at most, for previews, and as much for checkpoints

log = logging.getLogger("atelier.jobs")


class Progress:
    """Called by the loop at every tick. `metrics` are the newest values of all that was reported, those before an interruption too."""

    def __init__(
        self,
        training: Training,
        recorder: Recorder,
        store: Store,
        *,
        checkpoint_seconds: float,
        metrics: dict[str, float],
        scorer: Scorer | None = None,
    ) -> None:
        self.training, self.recorder, self.store, self.metrics, self.scorer = training, recorder, store, metrics, scorer
        self._checkpoint = store.checkpoint(recorder.job_id)
        self._checkpoint_seconds = checkpoint_seconds
        rows = training.batches.rows
        self.health = Health(training.batches.dataset.gather(rows[:: max(1, len(rows) // PREVIEW_IMAGES)][:PREVIEW_IMAGES]))
        self._board = SummaryWriter(str(store.job(recorder.job_id) / "tensorboard"), purge_step=training.step or None)
        self._began = self._saved = time.monotonic()
        self._next_line = 0.0
        self._next_preview = training.step
        self._first = True
        self._previewing = 0.0  # seconds spent
        self._saving = 0.0  # seconds that the last checkpoint took

    def __call__(self, tick: Tick) -> None:
        elapsed = time.monotonic() - self._began
        metrics = dict(tick.metrics) | {
            "speed/images_per_second": tick.images_per_second,
            "memory/process": psutil.Process().memory_info().rss,
        }
        if self.training.device.type == "cuda":
            metrics["memory/device"] = torch.cuda.max_memory_allocated(self.training.device)
        self.health.look(tick.step, tick.total_steps, metrics)

        preview = self._first or tick.last or (tick.step >= self._next_preview and self._previewing <= SHARE * elapsed)
        if preview:
            metrics["samples/diversity"] = self._preview(tick)
            self._previewing += time.monotonic() - self._began - elapsed
        self._first = False
        if self.scorer is not None and self.scorer.due(tick):
            metrics |= self.scorer(tick)
        self.metrics |= metrics

        alarms = [Alarm(kind=alarm.kind, step=alarm.step, message=alarm.message) for alarm in self.health.alarms.values()]
        eta = self.recorder.tick(tick.stage, tick.step, tick.total_steps, tick.images_per_second, metrics, preview=preview, alarms=alarms)

        if tick.last or elapsed >= self._next_line:
            self._write_line(tick, eta)
            for name, value in metrics.items():
                self._board.add_scalar(name, value, tick.step)
            self._next_line = elapsed + min(30.0, max(2.0, 0.01 * (elapsed + (eta or 0.0))))

        if time.monotonic() - self._saved >= max(self._checkpoint_seconds, self._saving / SHARE if self._checkpoint_seconds else 0.0):
            self.save_checkpoint()

    def _preview(self, tick: Tick) -> float:
        """Draw, show, and judge: how much the samples differ, as a share of what real pictures do."""
        samples = self.training.preview()
        path = self.store.preview(self.recorder.job_id, tick.step)
        write_grid(samples, path)
        self._board.add_image("samples", np.asarray(Image.open(path).convert("RGB")), tick.step, dataformats="HWC")
        # Close together at first, when a picture changes with every step.
        self._next_preview = tick.step + max(1, min(tick.step, tick.total_steps // PREVIEWS))
        return self.health.look_at(samples, tick.step, self.training.progress)

    def _write_line(self, tick: Tick, eta: float | None) -> None:
        losses = "  ".join(f"{name} {value:.4g}" for name, value in tick.metrics.items())
        remaining = "" if eta is None else f"  ETA {timedelta(seconds=round(eta))}"
        log.info("step %d/%d  %s  %.0f images/s%s", tick.step, tick.total_steps, losses, tick.images_per_second, remaining)
        for alarm in self.health.alarms.values():
            log.warning("%s", alarm.message)

    def save_checkpoint(self) -> None:
        began = time.monotonic()
        checkpoint.save(self._checkpoint, {"training": self.training.state_dict(), "metrics": self.metrics})
        self._saved = time.monotonic()
        self._saving = self._saved - began

    def close(self) -> None:
        self._board.close()


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
