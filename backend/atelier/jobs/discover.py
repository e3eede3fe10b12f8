"""A discovery: a version's data set → a classifier of all there is to see in it, which turns what is seen in drawn images."""

import logging
import time
from typing import Any

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import Catalog
from atelier.jobs.recorder import JobCancelled, Recorder
from atelier.jobs.specs import DiscoverSpec
from atelier.models.artifact import Manifest
from atelier.models.devices import pick_device
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.settings import Settings
from atelier.steering import classifier as seeing

TICK_SECONDS = 0.5
LINES = 20  # of the log, about

log = logging.getLogger("atelier.jobs")


def run(json_spec: dict[str, Any], recorder: Recorder, store: Store, settings: Settings) -> None:
    """From the beginning, however often: the classifier appears by one rename when it is trained, and nothing of it before."""
    spec = DiscoverSpec.model_validate(json_spec)
    with recorder.database.read() as session:
        version = session.scalar(queries.version(spec.model, spec.version))
    if version is None:
        raise ValueError(f"The version {spec.model}@{spec.version} is gone.")
    manifest = Manifest.model_validate(version.manifest)
    folder = store.classifier(manifest.dataset.fingerprint)
    description = None if spec.again else seeing.read_description(folder)  # another discovery may have been faster
    if description is None:
        dataset = _dataset(manifest, recorder, store)
        device = pick_device(settings.device)
        log.info("Looking at %d images of %s on %s.", len(dataset.rows("train")), manifest.dataset.name, device)
        net, found = seeing.train(dataset, device=device, seed=recorder.job_id if spec.again else 0, on_progress=_Progress(recorder))
        with recorder.transaction() as (_, job):
            if job.cancel_requested:
                raise JobCancelled
        description = seeing.publish(folder, net, found)
    for dial in description.dials:
        log.info("%s: %s", dial.name, "not measured" if dial.accuracy is None else f"{dial.accuracy:.1%} told right")
    with recorder.transaction() as (_, job):
        job.step = job.total_steps = job.total_steps or 1
        job.succeed()
    log.info("%d directions are there for every version of this data set.", len(description.dials))


class _Progress:
    """Tells of the training, and hears whether it should end."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.losses, self.then = recorder, list[float](), time.perf_counter()
        self.told = 0

    def __call__(self, step: int, total: int, loss: float) -> None:
        self.losses.append(loss)
        now = time.perf_counter()
        if step == 1 or step == total or now - self.then >= TICK_SECONDS:
            mean, speed = sum(self.losses) / len(self.losses), seeing.BATCH * len(self.losses) / (now - self.then)
            self.recorder.tick("classifier", step, total, speed, {"classifier/loss": mean})
            if step == total or step >= self.told + total // LINES:
                log.info("step %d/%d  loss %.4g  %.0f images/s", step, total, mean, speed)
                self.told = step
            self.losses.clear()
            self.then = now


def _dataset(manifest: Manifest, recorder: Recorder, store: Store) -> PreparedDataset:
    """What the version was trained on: as it was prepared then, or prepared again.

    Raises:
        ValueError: the data set is gone, or another one has its name by now.
    """
    of, image = manifest.dataset, manifest.image
    try:
        return PreparedDataset.open(store.datasets / of.fingerprint)
    except (FileNotFoundError, ValueError):
        source = Catalog(store.sources).open(of.name, of.options)
    # Drawn by another release of Pillow, say, its fingerprint is another one, and the pictures are as good as the same.
    named = source.class_names == tuple(of.class_names) and (not of.attribute_names or source.attribute_names == tuple(of.attribute_names))
    if source.channels != image.channels or not named:
        raise ValueError(f"The data set {of.name} is another one than that which the version was trained on.")
    return prepare(source, image.resolution, store.datasets, lambda done, total: recorder.beat("prepare", done, total))
