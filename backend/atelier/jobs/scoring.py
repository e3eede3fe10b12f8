"""How good a run's averaged generator is on its way: measured now and then between steps, kept as scores, and the best one kept whole."""

import json
import logging
import math
import os
import time

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sqlalchemy import delete

from atelier.jobs.measuring import Circumstances, evidence_of, of_data, opened, save
from atelier.jobs.recorder import Recorder
from atelier.jobs.specs import TrainSpec
from atelier.metrics import metrics
from atelier.metrics.features import FeatureNetwork
from atelier.metrics.sampling import Sampler
from atelier.models.artifact import BestManifest
from atelier.registry.store import Store
from atelier.registry.tables import Score
from atelier.training.loop import Tick, Training

NETWORK = "lite0"
MINUTES = 10.0  # between two measurements, where the request does not say
SEED = 0  # the same latents every time: what changes is the generator

log = logging.getLogger("atelier.jobs")


class Scorer:
    """Called at ticks; `best` is what was best so far, also before an interruption."""

    def __init__(self, spec: TrainSpec, training: Training, recorder: Recorder, store: Store) -> None:
        assert spec.scoring is not None
        self.spec, self.scoring, self.training, self.recorder, self.store = spec, spec.scoring, training, recorder, store
        self.metric = metrics[self.scoring.metric]
        self.path = store.job(recorder.job_id) / "best.safetensors"
        self.best = self._kept()
        self.network: FeatureNetwork | None = None
        self._scored_step, self._scored_at = training.step, time.monotonic()

    def forget_after(self, step: int) -> None:
        """What an interrupted run said of steps after the checkpoint it goes on from, but of the best, whose weights are still there."""
        with self.recorder.transaction() as (session, job):
            later = delete(Score).where(Score.job_id == job.id, Score.step > step)
            session.execute(later if self.best is None else later.where(Score.step != self.best.step))

    def due(self, tick: Tick) -> bool:
        if tick.last:
            return True
        every = self.scoring.every_steps
        if every is not None:
            return tick.step // every > self._scored_step // every
        return time.monotonic() - self._scored_at >= 60 * (self.scoring.every_minutes or MINUTES)

    @torch.no_grad()
    def __call__(self, tick: Tick) -> dict[str, float]:
        """Measure, and keep the averaged generator if it is the best yet; the value as a series of the run.

        Raises:
            JobStopped: somebody asked for the end of the run, or a pause, while it was measured.
        """
        began = time.monotonic()
        spec, scoring, training = self.spec, self.scoring, self.training
        if self.network is None:
            self.network = opened(NETWORK, self.store.features, training.device)
        data, rows = training.batches.dataset, training.batches.rows
        conditioning = training.model.conditioned_on(training.hp)
        sampler = Sampler(training.average, conditioning, data, rows.tolist(), {})
        evidence = evidence_of(
            sampler,
            self.network,
            self.store,
            num_samples=scoring.num_samples,
            seed=SEED,
            on_images=lambda count: self.recorder.beat("score"),
        )
        real = of_data(data, spec.dataset, training.hp.split, scoring.num_real, captioned=conditioning == "text")
        network = self.network
        evidence.see_real = lambda: real.seen(network, self.store.statistics, evidence.on_images)
        found = self.metric.measure(evidence)
        self._scored_step, self._scored_at = tick.step, time.monotonic()
        if not math.isfinite(found.value):
            log.warning("step %d  %s is no number.", tick.step, self.metric.name)
            return {}
        of = Circumstances(
            subject=f"{spec.model}, run {self.recorder.job_id}, step {tick.step}",
            job_id=self.recorder.job_id,
            version_id=None,
            model=spec.model,
            step=tick.step,
            averaged=training.hp.ema_images > 0,
            truncation_psi=None,
            real=real.name,
            fingerprint=real.fingerprint,
            split=real.split,
            resolution=data.spec.resolution,
        )
        with self.recorder.transaction() as (session, _):
            session.execute(delete(Score).where(Score.job_id == self.recorder.job_id, Score.step == tick.step))
            score = save(session, self.metric, found, evidence, of)
        better = self.best is None or (score.value < self.best.value if score.better == "lower" else score.value > self.best.value)
        if better and scoring.keep_best:
            self.best = BestManifest(
                metric=score.metric,
                title=score.title,
                value=score.value,
                error=score.error,
                step=tick.step,
                num_generated=score.num_generated,
            )
            self._keep(self.best)
        seconds = time.monotonic() - began
        log.info("step %d  %s %.5g%s  in %.0f s", tick.step, score.title, score.value, ", the best yet" if better else "", seconds)
        return {f"score/{score.metric}": score.value}

    def load_best(self) -> BestManifest | None:
        """Give the averaged generator the weights that were best; None where none were kept."""
        if self.best is None or not self.scoring.keep_best:
            return None
        self.training.average.load_state_dict(load_file(self.path, device=str(self.training.device)))
        return self.best

    def _keep(self, best: BestManifest) -> None:
        """Written whole or not at all."""
        beside = self.path.with_suffix(".tmp")
        state = {name: value.detach().cpu().contiguous() for name, value in self.training.average.state_dict().items()}
        save_file(state, beside, metadata={"best": best.model_dump_json()})
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(self.path)

    def _kept(self) -> BestManifest | None:
        if not self.path.exists():
            return None
        with safe_open(self.path, "pt") as file:
            return BestManifest.model_validate(json.loads(file.metadata()["best"]))
