"""The training loop. There is one: it owns optimisation and the average, the model owns the maths."""

import copy
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atelier.datasets.cache import PreparedDataset
from atelier.models.base import (
    Batch,
    ConditionalGenerator,
    GenerativeModel,
    Generator,
    Hyperparameters,
    Losses,
    Phase,
    Stage,
    conditions_of,
)
from atelier.models.devices import pick_precision
from atelier.models.prompted import PromptedGenerator
from atelier.training import parallel
from atelier.training.batches import Batches
from atelier.training.ema import update_average
from atelier.training.schedule import factor

PREVIEW_IMAGES = 64
HELD_OUT_IMAGES = 2048
PATIENCE = 50  # steps in a row without one finite gradient before a run is given up


class TrainingDiverged(RuntimeError):
    """Nothing but non-finite gradients for many steps; the message is for the user."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """What the loop reports. Metrics are means since the last tick, named "phase/loss"."""

    stage: str
    step: int
    total_steps: int
    last: bool
    images_seen: int
    images_per_second: float
    metrics: dict[str, float]


class Training:
    """A run of one model on one data set: all of its state, and the loop that advances it.

    The model stands as it was initialised; the seed decides everything after that, so the same seed on the same
    machine gives the same weights, whether or not the run was interrupted in between.
    """

    def __init__(self, model: GenerativeModel, dataset: PreparedDataset, hp: Hyperparameters, *, device: torch.device, seed: int) -> None:
        self.batches = Batches(dataset, hp, device=device, seed=seed, captioned=model.conditioned_on(hp) == "text")
        self.model = model
        model.to(device, memory_format=self.batches.memory_format).train().requires_grad_(False)  # type: ignore[call-overload]
        if isinstance(model.generator, ConditionalGenerator):
            labels, attributes = (torch.from_numpy(values[self.batches.rows]) for values in (dataset.labels, dataset.attributes))
            model.generator.learn_conditions(conditions_of(labels, attributes, model.conditioned_on(hp), model.spec))
        if isinstance(model.generator, PromptedGenerator):
            model.generator.learn_captions([self.batches.captions[row] for row in self.batches.rows.tolist()])
        parallel.share_state(model)
        self.average: Generator = copy.deepcopy(self.model.generator).eval()
        if hp.compile:
            if device.type == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
                raise ValueError("compile needs a C++ compiler, such as g++ or clang++, and this machine has none")
            for network in model.children():
                network.compile()
        self.stages = list(self.model.stages())
        self.end = None if hp.minutes is not None else sum(stage.steps for stage in self.stages)  # the last step, or None: by the clock
        self.step = self.images_seen = 0
        self.stage_index = self.stage_step = 0  # the stage of the next step, and the steps it has had
        self.seconds = 0.0  # of training
        names = [phase.name for stage in self.stages for phase in stage.phases]
        self.skipped = dict.fromkeys(names, 0)  # steps in a row without finite gradients
        self.skipped_steps = 0  # altogether
        self.hp, self.device, self.seed = hp, device, seed
        self.precision = pick_precision(hp.precision, device)
        self._sums: dict[str, tuple[Tensor, int]] = {}

    # ------------------------------------------------------------------------------------------------------------ budget

    @property
    def done(self) -> bool:
        return self.stage_index == len(self.stages)

    @property
    def progress(self) -> float:
        """Of the whole run, 0 to 1."""
        return self.step / self.end if self.end is not None else min(1.0, self.seconds / (60 * (self.hp.minutes or 1)))

    @property
    def total_steps(self) -> int:
        """Of the whole run; a guess while it goes by the clock."""
        if self.done:
            return self.step
        return self.end or max(self.step + 1, round(self.step / max(self.progress, 1e-6)))

    @property
    def stage_progress(self) -> float:
        """Of the stage of the next step, 0 to 1. A run by the clock gives each stage time in proportion to its steps."""
        shares = [stage.steps for stage in self.stages]
        before, own = sum(shares[: self.stage_index]), shares[self.stage_index]
        if self.end is None:
            return max(0.0, self.progress * sum(shares) - before) / own
        last = self.stage_index == len(self.stages) - 1
        return self.stage_step / (self.end - self.step + self.stage_step if last else own)

    def extend(self, steps: int) -> None:
        """Let a run that has ended go on in its last stage, for so many steps more."""
        self.end = self.step + steps
        self.stage_index = len(self.stages) - 1
        self.stage_step = self.step - sum(stage.steps for stage in self.stages[:-1])

    # -------------------------------------------------------------------------------------------------------------- loop

    def run(self, on_tick: Callable[[Tick], None], *, tick_seconds: float = 0.5) -> None:
        """Train to the end. `on_tick` is called between steps: at the first, the last, and every so many seconds.

        What `on_tick` raises leaves this method with the state whole.

        Raises:
            TrainingDiverged: gradients stay infinite or not a number.
            parallel.Stopped: the first of several processes ended the run.
        """
        began = then = time.perf_counter()
        before, seen, waited = self.seconds, self.images_seen, self.batches.waited
        while self.stage_index < len(self.stages):
            stage = self.stages[self.stage_index]
            self.advance()
            now = time.perf_counter()
            self.seconds = before + now - began
            stop: BaseException | None = None
            if self.step == 1 or self.done or now - then >= tick_seconds:
                tick = Tick(
                    stage=stage.name,
                    step=self.step,
                    total_steps=self.total_steps,
                    last=self.done,
                    images_seen=self.images_seen,
                    images_per_second=(self.images_seen - seen) / (now - then),
                    metrics=self._means() | {"speed/data_wait": (self.batches.waited - waited) / (now - then)},
                )
                try:
                    on_tick(tick)
                except BaseException as error:
                    stop = error
                then, seen, waited = time.perf_counter(), self.images_seen, self.batches.waited
            self.seconds, stopped = parallel.agree(self.seconds, stop is not None, self.device)
            if stopped:
                raise parallel.Stopped if stop is None else stop

    def advance(self) -> None:
        """One step: every phase that is due, then the average."""
        stage = self.stages[self.stage_index]
        self.learning_rate_factor = factor(self.hp.schedule, self.stage_progress, self.stage_step, self.hp.warmup_steps)
        repeats = max(phase.repeats for phase in stage.phases)
        taken = [self.batches.take(self.images_seen + repeat * self.hp.batch_size) for repeat in range(repeats)]
        batches = [replace(batch, step=self.stage_step) for batch in taken]
        calls = 0
        for phase in stage.phases:
            if self.stage_step % phase.interval == 0:
                for batch in batches[: phase.repeats]:
                    self.optimise(phase, batch, calls)
                    calls += 1
        self.step += 1
        self.stage_step += 1
        self.images_seen += self.hp.batch_size * len(batches)
        parallel.share_buffers(self.model)
        update_average(
            self.average,
            self.model.generator,
            batch_size=self.hp.batch_size * len(batches),
            images_seen=self.images_seen,
            half_life=self.hp.ema_images,
        )
        if self.stage_progress >= 1:
            self._look_at_held_out(stage)
            self.stage_index, self.stage_step = self.stage_index + 1, 0
            if not self.done:  # what the next stage stands on is what would have been published
                self.model.generator.load_state_dict(self.average.state_dict())

    def optimise(self, phase: Phase, batch: Batch, call: int) -> None:
        """One optimiser step of one phase, with gradients for its module alone; skipped when they are not finite."""
        phase.optimizer.zero_grad(set_to_none=True)
        phase.module.requires_grad_(True)
        parts = []
        for index, part in enumerate(batch.parts(self.hp.accumulate)):
            self.seed_noise(call, index + parallel.rank() * self.hp.accumulate)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
                losses = phase.losses(part)
            (losses["loss"] / self.hp.accumulate).backward()  # type: ignore[no-untyped-call]
            parts.append(losses)
        phase.module.requires_grad_(False)
        weights = [p for p in phase.module.parameters() if p.grad is not None]
        gradients = [p.grad for p in weights if p.grad is not None]
        parallel.average(gradients)
        norm = torch.nn.utils.get_total_norm(gradients)
        if torch.isfinite(norm):
            if self.hp.gradient_clip:
                torch.nn.utils.clip_grads_with_norm_(weights, self.hp.gradient_clip, norm)
            for group in phase.optimizer.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * self.learning_rate_factor
            phase.optimizer.step()
            self.skipped[phase.name] = 0
            for losses in parts:
                self._report(phase.name, losses | {"gradient_norm": norm})
        else:
            self.skipped[phase.name] += 1
            self.skipped_steps += 1
            if self.skipped[phase.name] >= PATIENCE:
                raise TrainingDiverged(
                    f"The gradients of {phase.name} were not finite {PATIENCE} times in a row at step {self.step + 1}. "
                    "A lower learning rate or a larger batch usually helps."
                )

    def seed_noise(self, call: int, part: int) -> None:
        """The noise of a loss follows from the seed, the step, and its place in the step.

        So a run can be taken up again at any step, and the parts of a batch get the same noise whichever process computes them.
        """
        seed = int(np.random.SeedSequence((self.seed, 2, self.step, call, part)).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(seed)

    @torch.no_grad()
    def _look_at_held_out(self, stage: Stage) -> None:
        """Report the stage's measures of pictures that nothing was learned from, as "held_out/…"."""
        if stage.held_out is None:
            return
        self.seed_noise(0, 0)
        self.model.eval()
        for batch in self.batches.held_out(HELD_OUT_IMAGES):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
                measures = stage.held_out(batch)
            for name, value in measures.items():
                total, count = self._sums.get(f"held_out/{name}", (torch.zeros((), device=self.device), 0))
                self._sums[f"held_out/{name}"] = total + value * len(batch.images), count + len(batch.images)
        self.model.train()

    def _report(self, phase: str, losses: Losses) -> None:
        for name, value in losses.items():
            total, count = self._sums.get(f"{phase}/{name}", (torch.zeros((), device=self.device), 0))
            self._sums[f"{phase}/{name}"] = total + value.detach(), count + 1

    def _means(self) -> dict[str, float]:
        """Since the last time."""
        means = {name: float(total) / count for name, (total, count) in self._sums.items()}
        self._sums.clear()
        if self.skipped_steps:
            means["training/skipped_steps"] = float(self.skipped_steps)
        if self.hp.schedule != "constant" or self.hp.warmup_steps:
            means["training/learning_rate_factor"] = self.learning_rate_factor
        return means

    @torch.no_grad()
    def preview(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """What the average draws from latents that never change: uint8 [64, H, W, C]."""
        images = self.average(*self.average.preview_inputs(PREVIEW_IMAGES))
        images = (images + 1).mul_(127.5).round_().clamp_(0, 255)
        pixels: np.ndarray[Any, np.dtype[np.uint8]] = images.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        return pixels

    # ------------------------------------------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on; its noise and its data follow from the seed and the step."""
        return {
            "step": self.step,
            "images_seen": self.images_seen,
            "stage_index": self.stage_index,
            "stage_step": self.stage_step,
            "end": self.end,
            "seconds": self.seconds,
            "skipped": self.skipped,
            "skipped_steps": self.skipped_steps,
            "precision": self.precision,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken."""
        self.step, self.images_seen, self.end, self.seconds = state["step"], state["images_seen"], state["end"], state["seconds"]
        self.stage_index, self.stage_step = state["stage_index"], state["stage_step"]
        self.skipped, self.skipped_steps = state["skipped"], state["skipped_steps"]
        self.precision = state["precision"]  # also on another machine, where "auto" would take another one
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self._optimizers(), state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return list(dict.fromkeys(phase.optimizer for stage in self.stages for phase in stage.phases))
