"""What evaluations and runs measure with: sets of pictures as a network sees them, each looked at once, and scores as rows."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy.orm import Session
from torch import Tensor

from atelier.datasets.cache import PreparedDataset
from atelier.datasets.pictures import Unreadable, open_picture
from atelier.jobs import provenance
from atelier.metrics.base import PERCEPTUAL, STRIDE, Evidence, Found, Metric, Seen
from atelier.metrics.features import FeatureNetwork, open_network
from atelier.metrics.frechet import Gaussian
from atelier.metrics.sampling import Sampler
from atelier.metrics.statistics import RealSet
from atelier.registry.store import Store
from atelier.registry.tables import Score
from atelier.steering.classifier import Classifier, Description
from atelier.text import SentenceTransformer
from atelier.text.captions import captions_of

BATCH = 32
JUDGE = "all-MiniLM-L6-v2"  # reads captions for R-precision, where its package is here
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")

OnImages = Callable[[int], None]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """A set of pictures that can be looked at, a few at a time, and what is known of them."""

    name: str
    fingerprint: str  # SHA-256 of content and preparation
    split: str
    count: int
    batches: Callable[[], Iterator[Tensor]]  # uint8 [N, C, H, W]
    labels: Tensor | None = None
    captions: Callable[[], list[str] | None] = lambda: None
    class_names: Sequence[str] = ()

    def as_real_set(self, network: FeatureNetwork) -> RealSet:
        return RealSet(self.name, self.fingerprint, self.split, network.name, network.digest, network.resize, self.count)

    def seen(self, network: FeatureNetwork, folder: Path | None, on_images: OnImages) -> Seen:
        """As the network sees them; with a folder of statistics, looked at once and kept there."""
        real_set = self.as_real_set(network)
        kept = None if folder is None else real_set.load(folder)
        if kept is None:
            parts = []
            for images in self.batches():
                parts.append(_features(network, images))
                on_images(len(images))
            features = torch.cat(parts)
            kept = features, Gaussian.of(features)
            if folder is not None:
                real_set.save(folder, *kept)
        return Seen(kept[0], gaussian=kept[1], labels=self.labels, captions=self.captions())


def of_data(data: PreparedDataset, name: str, split: Any, limit: int, *, captioned: bool = False) -> Pictures:
    """A part of a prepared data set; of more pictures than `limit`, a choice that stays the same.

    Raises:
        ValueError: there are too few to be compared with.
    """
    rows = data.rows(split)
    if len(rows) > limit:
        rows = np.sort(np.random.default_rng(0).choice(rows, limit, replace=False))
    if len(rows) < 2:
        raise ValueError(f"The part {split} of {name} has {len(rows)} pictures, and a set needs two at least. Choose another part.")

    def batches() -> Iterator[Tensor]:
        for start in range(0, len(rows), BATCH):
            yield torch.from_numpy(data.gather(rows[start : start + BATCH])).permute(0, 3, 1, 2)

    def captions() -> list[str] | None:
        if not captioned:
            return None
        every = captions_of(data)
        return [every[row][0] for row in rows]

    labels = torch.from_numpy(data.labels[rows])
    return Pictures(name, data.fingerprint, str(split), len(rows), batches, labels, captions, data.class_names)


def of_folder(folder: Path, limit: int) -> Pictures:
    """The pictures below a folder, at the sizes they have.

    Raises:
        ValueError: there are none, or one can't be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(paths) < 2:
        raise ValueError(f"{folder.name} has {len(paths)} pictures, and a set needs two at least.")
    if len(paths) > limit:
        paths = [paths[row] for row in np.sort(np.random.default_rng(0).choice(len(paths), limit, replace=False))]
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + hashlib.file_digest(file, "sha256").digest())

    def batches() -> Iterator[Tensor]:
        waiting: list[Tensor] = []  # of one size
        for path in paths:
            pixels = _pixels(path)
            if waiting and (len(waiting) == BATCH or waiting[0].shape != pixels.shape):
                yield torch.stack(waiting)
                waiting = []
            waiting.append(pixels)
        yield torch.stack(waiting)

    return Pictures(folder.name, digest.hexdigest(), "all", len(paths), batches)


def _pixels(path: Path) -> Tensor:
    try:
        image: Image.Image = open_picture(path)
    except Unreadable as error:
        raise ValueError(f"{path.name}: {error}") from error
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


@torch.no_grad()
def _features(network: FeatureNetwork, images: Tensor) -> Tensor:
    features: Tensor = network(images.to(network.device))
    return features.float().cpu()


# -------------------------------------------------------------------------------------------------------------- evidence


def opened(name: str, folder: Path, device: torch.device) -> FeatureNetwork:
    """
    Raises:
        ValueError: its weights are not here, or damaged; the message says what to do.
    """
    try:
        return open_network(name, folder, device)
    except FileNotFoundError as error:
        raise ValueError(str(error)) from error


@torch.no_grad()
def drawn(
    sampler: Sampler,
    network: FeatureNetwork,
    seeds: range,
    on_images: OnImages,
    classifier: tuple[Classifier, Description] | None = None,
    class_names: Sequence[str] = (),
) -> Seen:
    """The images of these seeds as the network sees them, and, with a classifier, as that one does."""
    features, told = [], []
    columns = None if classifier is None else _columns(classifier[1], class_names)
    for start in range(0, len(seeds), BATCH):
        images = sampler(seeds[start : start + BATCH])
        features.append(_features(network, images))
        if classifier is not None:
            told.append(classifier[0](images.float() / 127.5 - 1).cpu()[:, columns].argmax(dim=1))
        on_images(len(images))
    return Seen(torch.cat(features), labels=sampler.labels(seeds), captions=sampler.captions(seeds), told=torch.cat(told) if told else None)


def _columns(description: Description, class_names: Sequence[str]) -> list[int]:
    """Of a classifier's answers, those that tell the classes, in order.

    Raises:
        ValueError: it does not tell all of them.
    """
    names = [dial.name for dial in description.dials]
    found = []
    for name in class_names:
        if name not in names and f"{name} (class)" not in names:
            raise ValueError(f"The classifier of this data set does not tell {name}: run a discovery with again set to true.")
        found.append(names.index(f"{name} (class)" if f"{name} (class)" in names else name))
    return found


def evidence_of(
    sampler: Sampler,
    network: FeatureNetwork,
    store: Store,
    *,
    num_samples: int,
    seed: int,
    on_images: OnImages,
    classifier: tuple[Classifier, Description] | None = None,
    class_names: Sequence[str] = (),
) -> Evidence:
    """What metrics see of a generator; the real set is still to be added."""
    seeds = range(seed * STRIDE, seed * STRIDE + num_samples)
    evidence = Evidence(
        network,
        seed,
        num_samples,
        lambda: drawn(sampler, network, seeds, on_images, classifier, class_names),
        open_perceptual=lambda: _beside(network, store),
        draw_pictures=lambda count: torch.cat([sampler(seeds[start : min(start + BATCH, count)]) for start in range(0, count, BATCH)]),
        generator=sampler.generator,
        inputs=sampler.inputs,
        options=sampler.options,
    )
    evidence.on_images = on_images
    if sampler.conditioning == "text":
        evidence.read, evidence.reader = _reader(sampler)
    return evidence


def evidence_of_pictures(pictures: Pictures, network: FeatureNetwork, store: Store, *, seed: int, on_images: OnImages) -> Evidence:
    """What metrics see of a set of pictures."""

    def draw_pictures(count: int) -> Tensor:
        found: list[Tensor] = []
        for images in pictures.batches():
            found += list(images)
            if len(found) >= count:
                break
        if len({picture.shape for picture in found}) > 1:
            raise ValueError(f"The pictures of {pictures.name} have different sizes; perceptual distances need those of one.")
        return torch.stack(found[:count])

    evidence = Evidence(
        network,
        seed,
        pictures.count,
        lambda: pictures.seen(network, None, on_images),
        open_perceptual=lambda: _beside(network, store),
        draw_pictures=draw_pictures,
    )
    evidence.on_images = on_images
    return evidence


def _beside(network: FeatureNetwork, store: Store) -> FeatureNetwork:
    name = PERCEPTUAL[network.name]
    return network if name == network.name else opened(name, store.features, network.device)


def _reader(sampler: Sampler) -> tuple[Callable[[Sequence[str]], Tensor], str]:
    """Who reads captions for R-precision: a model that had no part in the training, or the version's own encoder, which its score says."""
    try:
        sentences = SentenceTransformer(JUDGE)
    except ValueError:
        return (lambda texts: sampler.sentences(texts).cpu()), "the version's own encoder"

    def read(texts: Sequence[str]) -> Tensor:
        parts = [sentences(texts[start : start + 256]).sentences for start in range(0, len(texts), 256)]
        return torch.nn.functional.normalize(torch.cat(parts))

    return read, JUDGE


# ---------------------------------------------------------------------------------------------------------------- scores


@dataclass(frozen=True)
class Circumstances:
    """What all scores of a measurement share."""

    subject: str
    job_id: int
    version_id: int | None
    model: str | None
    step: int | None
    averaged: bool | None
    truncation_psi: float | None
    real: str | None
    fingerprint: str | None
    split: str | None
    resolution: int | None  # of the pictures on both sides; None where they have different ones


def save(session: Session, metric: Metric, found: Found, evidence: Evidence, of: Circumstances) -> Score:
    """Keep what a metric said, as a row with all that it depends on."""
    through = evidence.perceptual if "perceptual" in metric.needs else evidence.network
    num_generated = found.images or len(evidence.generated.features)
    conventions = dict(found.conventions) | {"pixels": "float" if "generator" in metric.needs else "uint8, rounded"}
    if of.resolution is not None:
        conventions["resolution"] = of.resolution
    agreed: dict[str, Any] = {
        "metric": metric.name,
        "network": [through.name, through.digest, through.resize],
        "num_generated": num_generated,
        "conventions": conventions,
    }
    real: dict[str, Any] = {"real": None, "fingerprint": None, "split": None, "num_real": None}
    if metric.real:
        real = {"real": of.real, "fingerprint": of.fingerprint, "split": of.split, "num_real": evidence.real.count}
        agreed |= {name: real[name] for name in ("fingerprint", "split", "num_real")}
    score = Score(
        job_id=of.job_id,
        version_id=of.version_id,
        model=of.model,
        step=of.step,
        subject=of.subject,
        metric=metric.name,
        title=metric.title_through(through.name),
        better=metric.better,
        value=found.value,
        error=found.error,
        num_generated=num_generated,
        network=through.name,
        network_digest=through.digest,
        resize=through.resize,
        averaged=of.averaged,
        truncation_psi=of.truncation_psi,
        seed=evidence.seed,
        conventions=conventions,
        details=dict(found.details),
        code=provenance.packages() | {"revision": provenance.revision()},
        comparable=hashlib.sha256(json.dumps(agreed, sort_keys=True).encode()).hexdigest(),
        **real,
    )
    session.add(score)
    session.flush()
    return score


def brief(score: Score) -> dict[str, Any]:
    """A score as its job shows it."""
    return {"score": score.id, **{name: getattr(score, name) for name in ("metric", "title", "better", "value", "error")}}
