"""An evaluation: a version's pictures, or a set of them → what metrics say of them, each kept as a score as soon as it is there."""

import hashlib
import logging
import math
import time
from pathlib import Path
from typing import Any

import torch
from sqlalchemy import delete

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import Catalog
from atelier.jobs.evaluations import words
from atelier.jobs.measuring import (
    Circumstances,
    Pictures,
    brief,
    evidence_of,
    evidence_of_pictures,
    of_data,
    of_folder,
    opened,
    save,
)
from atelier.jobs.own_data import own_data
from atelier.jobs.recorder import JobCancelled, Recorder
from atelier.jobs.specs import EvaluateSpec, PictureSet
from atelier.metrics import metrics
from atelier.metrics.base import Evidence, Metric, Seen
from atelier.metrics.frechet import Gaussian
from atelier.metrics.sampling import Sampler
from atelier.models import architectures, artifact
from atelier.models.base import Conditioning, Generator
from atelier.models.devices import pick_device
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.registry.tables import Score, Version
from atelier.settings import Settings
from atelier.steering import classifier as seeing

TICK_SECONDS = 0.5
LINE_SECONDS = 5.0
RESOLUTION = 64  # of data sets, where nothing says another one

log = logging.getLogger("atelier.jobs")


def run(json_spec: dict[str, Any], recorder: Recorder, store: Store, settings: Settings) -> None:
    """From the beginning, however often; statistics of a real set that were finished stay."""
    spec = EvaluateSpec.model_validate(json_spec)
    with recorder.transaction() as (session, job):
        session.execute(delete(Score).where(Score.job_id == job.id))
        job.spec = job.spec | {"scores": []}
    wanted = [metrics[name] for name in spec.metrics]
    measurement = Measurement(spec, wanted, recorder, store, pick_device(settings.device))
    with torch.no_grad():
        measurement.prepare()
        for metric in wanted:
            measurement.measure(metric)
    measurement.progress.end()
    with recorder.transaction() as (_, job):
        if job.cancel_requested:
            raise JobCancelled
        job.step = job.total_steps = measurement.progress.done
        job.succeed()


class Progress:
    """Counts pictures that were looked at, tells of them, and hears whether it should end."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.stage, self.done, self.total = recorder, "network", 0, 0
        self._told = self._written = -math.inf
        self._then, self._before = time.monotonic(), 0

    def begin(self, stage: str) -> None:
        self.stage = stage
        self._tell(0.0)

    def __call__(self, count: int) -> None:
        self.done += count
        if time.monotonic() - self._told >= TICK_SECONDS:
            now = time.monotonic()
            self._tell((self.done - self._before) / max(now - self._then, 1e-6))
            self._then, self._before = now, self.done

    def _tell(self, speed: float) -> None:
        self._told = time.monotonic()
        total = max(self.total, self.done, 1)
        eta = self.recorder.tick(self.stage, min(self.done, total - 1), total, speed, {})
        if self._told - self._written >= LINE_SECONDS:
            self._written = self._told
            remaining = "" if eta is None else f"  ETA {round(eta)} s"
            log.info("%s  %d/%d pictures  %.1f/s%s", self.stage, self.done, total, speed, remaining)

    def end(self) -> None:
        self.done = max(self.done, 1)


class Measurement:
    """What is measured, made ready for metrics."""

    def __init__(self, spec: EvaluateSpec, wanted: list[Metric], recorder: Recorder, store: Store, device: torch.device) -> None:
        self.spec, self.wanted, self.recorder, self.store, self.device = spec, wanted, recorder, store, device
        self.progress = Progress(recorder)
        self.evidence: Evidence
        self.of: Circumstances

    def needs(self, *needs: str) -> bool:
        return any(metric.needs & set(needs) for metric in self.wanted)

    def prepare(self) -> None:
        """The network, the generator and the sets; nothing is drawn yet."""
        spec = self.spec
        self.recorder.beat("network")
        self.network = opened(spec.network, self.store.features, self.device)
        self.recorder.beat("pictures")
        version, data, generated = None, None, None
        if spec.model is None:
            assert spec.generated is not None
            generated = self._pictures(spec.generated, spec.num_samples)
            self.evidence = evidence_of_pictures(generated, self.network, self.store, seed=spec.seed, on_images=self.progress)
        else:
            version, manifest, generator, conditioning = self._version()
            own = spec.real is None and self.needs("statistics", "real")
            if own or conditioning != "none":
                data = self._own_data(manifest, needed=own)
            split = spec.split or manifest.hyperparameters.get("split", "train")
            rows = [] if data is None else data.rows(split).tolist()
            options = {} if spec.truncation_psi is None else {"truncation_psi": spec.truncation_psi}
            sampler = Sampler(generator, conditioning, data, rows, options)
            classifier = None
            if self.needs("classifier"):
                classifier = seeing.load(self.store.classifier(manifest.dataset.fingerprint), self.device)
            self.evidence = evidence_of(
                sampler,
                self.network,
                self.store,
                num_samples=spec.num_samples,
                seed=spec.seed,
                on_images=self.progress,
                classifier=classifier,
                class_names=manifest.dataset.class_names,
            )
        real = self._real(version, data)
        resolution = None
        if generated is None and version is not None:
            resolution = version.manifest["image"]["resolution"]
        self.of = Circumstances(
            subject=spec.subject,
            job_id=self.recorder.job_id,
            version_id=version.id if version else None,
            model=spec.model,
            step=None,
            averaged=None if version is None else version.manifest["hyperparameters"].get("ema_images", 0) > 0,
            truncation_psi=spec.truncation_psi,
            real=real[0],
            fingerprint=real[1],
            split=real[2],
            resolution=resolution,
        )
        perceptual = sum(spec.num_samples for metric in self.wanted if "perceptual" in metric.needs)
        looked_at = spec.num_samples if generated is None else generated.count
        drawing = any("perceptual" not in metric.needs for metric in self.wanted)
        self.progress.total += perceptual + looked_at * drawing
        log.info("%s through %s on %s: %s.", spec.subject, self.network.title, self.device, ", ".join(spec.metrics))

    def measure(self, metric: Metric) -> None:
        self.progress.begin(metric.name)
        found = metric.measure(self.evidence)
        if not math.isfinite(found.value):
            raise ValueError(
                f"{metric.title} of {self.spec.subject} is no number: its pictures, or the network, have values that are none."
            )
        with self.recorder.transaction() as (session, job):
            score = save(session, metric, found, self.evidence, self.of)
            job.spec = job.spec | {"scores": [*job.spec["scores"], brief(score)]}
        error = "" if score.error is None else f" ± {score.error:.2g}"
        log.info("%s: %.6g%s", score.title, score.value, error)

    def _version(self) -> tuple[Version, artifact.Manifest, Generator, Conditioning]:
        spec = self.spec
        assert spec.model is not None
        with self.recorder.database.read() as session:
            version = session.scalar(queries.version(spec.model, spec.version))
        if version is None:
            raise ValueError(f"The version {spec.model}@{spec.version} is gone.")
        manifest, generator = artifact.load(self.store.version(spec.model, version.number), self.device)
        cls = architectures[manifest.architecture]
        return version, manifest, generator, cls.conditioned_on(cls.Hyperparameters.model_validate(manifest.hyperparameters))

    def _own_data(self, manifest: artifact.Manifest, *, needed: bool) -> PreparedDataset | None:
        try:
            return own_data(manifest, self.recorder, self.store)
        except ValueError:
            if needed:
                raise
            return None  # the generator itself knows what to draw

    def _real(self, version: Version | None, data: PreparedDataset | None) -> tuple[str | None, str | None, str | None]:
        """Its name, fingerprint and part; the evidence is told how to look at it, where a metric needs it."""
        spec = self.spec
        if not self.needs("statistics", "real"):
            return None, None, None
        if spec.real is not None and spec.real.statistics is not None:
            path = Path(spec.real.statistics)
            gaussian = Gaussian.load(path)
            if len(gaussian.mean) != self.network.dim:
                raise ValueError(
                    f"{path.name} has statistics of {len(gaussian.mean)} features, and {self.network.title} makes {self.network.dim}: "
                    "they were made through another network."
                )
            self.evidence.see_real = lambda: Seen(None, gaussian=gaussian)
            return path.name, _sha256(path), "file"
        if spec.real is not None:
            pictures = self._pictures(spec.real, spec.num_real)
        else:
            assert version is not None
            assert data is not None
            split = spec.split or version.manifest["hyperparameters"].get("split", "train")
            pictures = of_data(data, version.dataset, split, spec.num_real, captioned=self.needs("captions"))
        if pictures.as_real_set(self.network).load(self.store.statistics) is None:
            self.progress.total += pictures.count
        self.evidence.see_real = lambda: pictures.seen(self.network, self.store.statistics, self.progress)
        return pictures.name, pictures.fingerprint, pictures.split

    def _pictures(self, of: PictureSet, limit: int) -> Pictures:
        if of.folder is not None:
            return of_folder(Path(of.folder), limit)
        assert of.dataset is not None
        source = Catalog(self.store.sources).open(of.dataset, of.options)
        resolution = of.resolution or self._resolution()
        data = prepare(source, resolution, self.store.datasets, lambda done, total: self.recorder.beat("prepare", done, total))
        return of_data(data, words(of).removesuffix(f" ({of.split})"), of.split, limit)

    def _resolution(self) -> int:
        if self.spec.model is None:
            return RESOLUTION
        version, _, _, _ = self._version()
        return int(version.manifest["image"]["resolution"])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
