"""A discovery: a version's data set → a classifier of all there is to see in it; its generator → directions of what it can change."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from atelier.jobs.own_data import own_data
from atelier.jobs.recorder import JobCancelled, Recorder
from atelier.jobs.specs import DiscoverSpec
from atelier.models import artifact
from atelier.models.artifact import Manifest
from atelier.models.devices import pick_device
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.registry.tables import Version
from atelier.serving.images import GAP, encode
from atelier.settings import Settings
from atelier.steering import classifier as seeing
from atelier.steering import directions, interfacegan, pca, sefa
from atelier.steering.directions import Direction

TICK_SECONDS = 0.5
LINES = 20  # of the log, about

log = logging.getLogger("atelier.jobs")


def run(json_spec: dict[str, Any], recorder: Recorder, store: Store, settings: Settings) -> None:
    """From the beginning, however often: the classifier appears by one rename when it is trained, and the directions by another one."""
    spec = DiscoverSpec.model_validate(json_spec)
    with recorder.database.read() as session:
        version = session.scalar(queries.version(spec.model, spec.version))
    if version is None:
        raise ValueError(f"The version {spec.model}@{spec.version} is gone.")
    manifest = Manifest.model_validate(version.manifest)
    device = pick_device(settings.device)
    if {"classifier", "interfacegan"} & set(spec.methods):
        description = _classifier(spec, manifest, recorder, store, device)
        for dial in description.dials:
            log.info("%s: %s", dial.name, "not measured" if dial.accuracy is None else f"{dial.accuracy:.1%} told right")
        log.info("%d dials are there for every version of this data set.", len(description.dials))
    _directions(spec, version, manifest, recorder, store, device)
    with recorder.transaction() as (_, job):
        job.step = job.total_steps = job.total_steps or 1
        job.succeed()


def _classifier(spec: DiscoverSpec, manifest: Manifest, recorder: Recorder, store: Store, device: torch.device) -> seeing.Description:
    """Published, trained before if it is not there or to be found anew."""
    folder = store.classifier(manifest.dataset.fingerprint)
    again = spec.again and "classifier" in spec.methods
    description = None if again else seeing.read_description(folder)  # another discovery may have been faster
    if description is None:
        dataset = own_data(manifest, recorder, store)
        log.info("Looking at %d images of %s on %s.", len(dataset.rows("train")), manifest.dataset.name, device)
        net, found = seeing.train(dataset, device=device, seed=recorder.job_id if again else 0, on_progress=_Progress(recorder))
        _still_wanted(recorder)
        description = seeing.publish(folder, net, found)
    return description


def _directions(spec: DiscoverSpec, version: Version, manifest: Manifest, recorder: Recorder, store: Store, device: torch.device) -> None:
    folder = store.directions(version.digest)
    before = directions.read_description(folder)
    tried = () if spec.again or before is None else before.tried
    methods = [method for method in directions.METHODS if method in spec.methods and method not in tried]
    if not methods:
        return
    _, generator = artifact.load(store.version(spec.model, spec.version), device)
    digest = None

    def by_classifier() -> list[Direction]:
        nonlocal digest
        classifier, description = seeing.load(store.classifier(manifest.dataset.fingerprint), device)
        digest = description.digest
        return interfacegan.find(
            generator, classifier, description.dials, on_progress=lambda done, total: recorder.beat("interfacegan", done, total)
        )

    finders: Mapping[str, Callable[[], list[Direction]]] = {
        "sefa": lambda: sefa.find(generator),
        "pca": lambda: pca.find(generator),
        "interfacegan": by_classifier,
    }
    found, reasons = list[Direction](), list[str]()
    for method in methods:
        recorder.beat(method)
        try:
            of_method = finders[method]()
        except ValueError as error:  # the method does not fit the generator
            reasons.append(str(error))
            log.info("%s.", error)
            continue
        found += of_method
        log.info("%d directions by %s.", len(of_method), method)
    if len(reasons) == len(spec.methods):
        raise ValueError("; ".join(reasons))

    strips = {}
    for index, direction in enumerate(found):
        recorder.beat("strips", index, len(found))
        images = directions.seen(generator, direction)
        facts = direction.facts.model_copy(update={"change": round(directions.change(images), 4)})
        found[index] = Direction(facts, direction.vector)
        strips[facts.id] = encode(_sheet(images), {"model": spec.model, "version": spec.version, "direction": facts.id})
        log.info("%s: changes an image by %.1f%%", facts.name, 100 * facts.change)
    _still_wanted(recorder)
    directions.publish(folder, found, strips, version=version.digest, methods=methods, classifier=digest)


def _sheet(images: Tensor) -> Image.Image:
    """Images [rows, columns, C, H, W] side by side."""
    pixels = ((images + 1) * 127.5).round().clamp(0, 255).byte().cpu()
    rows, columns, channels, height, width = pixels.shape
    sheet = torch.full((channels, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), 255, dtype=torch.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + GAP), column * (width + GAP)
            sheet[:, top : top + height, left : left + width] = pixels[row, column]
    return Image.fromarray(np.ascontiguousarray(sheet.permute(1, 2, 0).squeeze(2).numpy()))


def _still_wanted(recorder: Recorder) -> None:
    with recorder.transaction() as (_, job):
        if job.cancel_requested:
            raise JobCancelled


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
