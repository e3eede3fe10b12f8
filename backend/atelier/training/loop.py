"""The training loop. There is one: it owns optimisation and the average, the model owns the maths."""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atelier.datasets.cache import PreparedDataset
from atelier.models.base import Batch, GenerativeModel, Generator, Hyperparameters, Phase, Stage, latents
from atelier.training.ema import update_average

PREVIEW_IMAGES = 64
PATIENCE = 50  # steps in a row without one finite gradient before a run is given up


class TrainingDiverged(RuntimeError):
    """Nothing but non-finite gradients for many steps; the message is for the user."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What the loop reports. Metrics are means since the last tick, named "phase/loss"."""

    stage: str
    step: int
    total_steps: int
    images_seen: int
    images_per_second: float
    metrics: dict[str, float]


class Training:
    """A run of one model on one data set: all of its state, and the loop that advances it.

    The model stands as it was initialised; the seed decides everything after that, so the same seed on the same
    machine gives the same weights, whether or not the run was interrupted in between.
    """

    def __init__(self, model: GenerativeModel, dataset: PreparedDataset, hp: Hyperparameters, *, device: torch.device, seed: int) -> None:
        # Images come as [N, H, W, C]; channels last spares their copy, and convolutions are faster in it on CPU and CUDA.
        self.memory_format = torch.contiguous_format if device.type == "mps" else torch.channels_last
        self.model = model
        model.to(device, memory_format=self.memory_format).train().requires_grad_(False)  # type: ignore[call-overload]
        self.average: Generator = copy.deepcopy(self.model.generator).eval()
        self.stages = list(self.model.stages())
        self.ends = list(accumulate(stage.steps for stage in self.stages))
        self.total_steps = self.ends[-1]
        self.step = 0
        self.images_seen = 0
        names = [phase.name for stage in self.stages for phase in stage.phases]
        self.skipped = dict.fromkeys(names, 0)  # steps in a row without finite gradients
        self.dataset, self.hp, self.device, self.seed = dataset, hp, device, seed
        self._epoch = (-1, np.empty(0, np.int64))
        self._sums: dict[str, tuple[Tensor, int]] = {}

    def run(self, on_tick: Callable[[Tick], None], *, tick_seconds: float = 0.5) -> None:
        """Train to the end. `on_tick` is called between steps: at the first, the last, and every so many seconds.

        What `on_tick` raises leaves this method with the state whole.

        Raises:
            TrainingDiverged: gradients stay infinite or not a number.
        """
        then, seen = time.perf_counter(), self.images_seen
        while self.step < self.total_steps:
            self.advance()
            now = time.perf_counter()
            if self.step in (1, self.total_steps) or now - then >= tick_seconds:
                metrics = {name: float(total) / count for name, (total, count) in self._sums.items()}
                self._sums.clear()
                tick = Tick(
                    stage=self.stage.name,
                    step=self.step,
                    total_steps=self.total_steps,
                    images_seen=self.images_seen,
                    images_per_second=(self.images_seen - seen) / (now - then),
                    metrics=metrics,
                )
                on_tick(tick)
                then, seen = time.perf_counter(), self.images_seen

    @property
    def stage(self) -> Stage:
        """The stage of the last step that was done."""
        return next(stage for stage, end in zip(self.stages, self.ends, strict=True) if self.step <= end)

    def advance(self) -> None:
        """One step: every phase that is due, then the average."""
        self.seed_step()
        stage = next(stage for stage, end in zip(self.stages, self.ends, strict=True) if self.step < end)
        batches = [self.batch(self.images_seen + r * self.hp.batch_size) for r in range(max(phase.repeats for phase in stage.phases))]
        for phase in stage.phases:
            if self.step % phase.interval == 0:
                for batch in batches[: phase.repeats]:
                    self.optimise(phase, batch)
        self.step += 1
        self.images_seen += self.hp.batch_size * len(batches)
        update_average(
            self.average,
            self.model.generator,
            batch_size=self.hp.batch_size * len(batches),
            images_seen=self.images_seen,
            half_life=self.hp.ema_images,
        )

    def seed_step(self) -> None:
        """The noise of a step follows from the seed and the step alone, so a run can be taken up again at any step."""
        seed = int(np.random.SeedSequence((self.seed, 2, self.step)).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(seed)

    def optimise(self, phase: Phase, batch: Batch) -> None:
        """One optimiser step of one phase, with gradients for its module alone; skipped when they are not finite."""
        phase.module.requires_grad_(True)
        losses = phase.losses(batch)
        phase.optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        phase.module.requires_grad_(False)
        norm = torch.nn.utils.get_total_norm([p.grad for p in phase.module.parameters() if p.grad is not None])
        if torch.isfinite(norm):
            phase.optimizer.step()
            self.skipped[phase.name] = 0
            for name, value in (losses | {"gradient_norm": norm}).items():
                total, count = self._sums.get(f"{phase.name}/{name}", (torch.zeros((), device=self.device), 0))
                self._sums[f"{phase.name}/{name}"] = total + value.detach(), count + 1
        else:
            self.skipped[phase.name] += 1
            if self.skipped[phase.name] >= PATIENCE:
                raise TrainingDiverged(
                    f"The gradients of {phase.name} were not finite {PATIENCE} times in a row at step {self.step + 1}. "
                    "A lower learning rate or a larger batch usually helps."
                )

    def batch(self, start: int) -> Batch:
        """The batch that begins at image `start` of an endless stream of shuffled epochs: it follows from the seed alone."""
        rows = np.fromiter(self._rows(start), np.int64, self.hp.batch_size)
        images = torch.from_numpy(self.dataset.images[rows]).to(self.device).permute(0, 3, 1, 2)  # uint8 [N, C, H, W]
        images = images.to(torch.float32, memory_format=self.memory_format).div_(127.5).sub_(1)
        if self.hp.flip and self.dataset.mirrorable:
            mirrored = torch.from_numpy(np.random.default_rng((self.seed, 1, start)).random(len(rows)) < 0.5).to(self.device)
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        return Batch(images=images, labels=torch.from_numpy(self.dataset.labels[rows]).to(self.device))

    def _rows(self, start: int) -> Iterator[int]:
        size = len(self.dataset.images)
        for position in range(start, start + self.hp.batch_size):
            epoch = position // size
            if epoch != self._epoch[0]:
                self._epoch = epoch, np.random.default_rng((self.seed, 0, epoch)).permutation(size)
            yield int(self._epoch[1][position % size])

    @torch.no_grad()
    def preview(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """What the average draws from latents that never change: uint8 [64, H, W, C]."""
        z = latents(range(PREVIEW_IMAGES), self.average.latent_dim).to(self.device)
        images = (self.average(z) + 1).mul_(127.5).round_().clamp_(0, 255)
        pixels: np.ndarray[Any, np.dtype[np.uint8]] = images.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        return pixels

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on; its noise and its data follow from the seed and the step."""
        return {
            "step": self.step,
            "images_seen": self.images_seen,
            "skipped": self.skipped,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""
        self.step, self.images_seen, self.skipped = state["step"], state["images_seen"], state["skipped"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self._optimizers(), state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return list(dict.fromkeys(phase.optimizer for stage in self.stages for phase in stage.phases))
