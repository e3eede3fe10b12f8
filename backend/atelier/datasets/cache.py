"""Prepared data sets: all pictures as one uint8 memory map beside their labels, drawn once and published whole."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import PIL
from numpy.typing import NDArray
from pydantic import BaseModel

from atelier.datasets.base import Dataset

if TYPE_CHECKING:
    from atelier.models.base import ImageSpec

LAYOUT = 1  # version of the files below
IMAGES = "images.npy"
METADATA = "dataset.json"
STAGING = ".staging-"


class Metadata(BaseModel):
    """dataset.json; the lists run parallel to the images."""

    fingerprint: str
    dataset: str
    options: dict[str, Any]
    identity: str
    mirrorable: bool
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...]
    labels: list[int]
    captions: list[tuple[str, ...]]
    attributes: list[tuple[float, ...]]
    concepts: list[str]
    images_sha256: str


@dataclass(frozen=True, eq=False)
class PreparedDataset:
    """A data set at one resolution, ready to be trained on."""

    images: NDArray[np.uint8]  # memory map, read only [N, H, W, C]
    labels: NDArray[np.int64]  # [N]
    attributes: NDArray[np.float32]  # [N, A]
    captions: list[tuple[str, ...]]
    concepts: list[str]
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...]
    mirrorable: bool  # whether training may mirror the pictures
    fingerprint: str

    def __len__(self) -> int:
        return len(self.images)

    @property
    def spec(self) -> "ImageSpec":
        """What the networks must draw."""
        from atelier.models.base import ImageSpec  # late: all else here works without torch

        _, resolution, _, channels = self.images.shape
        return ImageSpec(channels, resolution, len(self.class_names), len(self.attribute_names))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map a prepared data set.

        Raises:
            FileNotFoundError: the folder is not there, or not complete.
            ValueError: the folder is damaged.
        """
        meta = Metadata.model_validate_json((folder / METADATA).read_bytes())
        if _sha256(folder / IMAGES) != meta.images_sha256:
            raise ValueError(f"the images in {folder.name} are damaged")
        images = np.load(folder / IMAGES, mmap_mode="r")
        return cls(
            images=images,
            labels=np.array(meta.labels, np.int64),
            attributes=np.array(meta.attributes, np.float32).reshape(len(images), len(meta.attribute_names)),
            captions=meta.captions,
            concepts=meta.concepts,
            class_names=meta.class_names,
            attribute_names=meta.attribute_names,
            mirrorable=meta.mirrorable,
            fingerprint=meta.fingerprint,
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(dataset: Dataset, resolution: int) -> str:
    """SHA-256 over all that decides the prepared content."""
    settings = {
        "layout": LAYOUT,
        "dataset": dataset.name,
        "options": dataset.options.model_dump(mode="json"),
        "identity": dataset.identity(),
        "resolution": resolution,
        "pillow": PIL.__version__,  # draws and resizes
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def prepare(dataset: Dataset, resolution: int, folder: Path, on_progress: Callable[[int, int], None] | None = None) -> PreparedDataset:
    """The data set at that resolution, from `folder/<fingerprint>`; drawn and put there if it is not.

    Several processes may prepare the same at once: each draws beside, the first one to finish publishes by a rename.
    A checksum decides whether what is there is whole, so neither a crash nor a full disk needs to be foreseen.
    `on_progress(done, total)` is called about a hundred times; what it raises ends the preparation and leaves nothing behind.
    """
    target = folder / fingerprint(dataset, resolution)
    damaged = target.exists()  # unless the next line can open it
    with suppress(FileNotFoundError, ValueError):
        return PreparedDataset.open(target)

    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(f"{STAGING}*"):  # of processes that were killed
        with suppress(FileNotFoundError):
            if time.time() - left_over.stat().st_mtime > 24 * 3600:
                shutil.rmtree(left_over, ignore_errors=True)

    with TemporaryDirectory(prefix=STAGING, dir=folder, ignore_cleanup_errors=True) as staging:
        if damaged:
            with suppress(FileNotFoundError):  # another process has done it
                target.rename(Path(staging, "damaged"))
        new = Path(staging, "new")
        new.mkdir()
        _draw(dataset, resolution, new, on_progress)
        try:
            new.rename(target)
        except OSError:
            if not target.exists():
                raise
            # else another process was faster, with the same content
        return PreparedDataset.open(target)


def _draw(dataset: Dataset, resolution: int, folder: Path, on_progress: Callable[[int, int], None] | None) -> None:
    items, total = dataset.items, len(dataset)
    shape = (total, resolution, resolution, dataset.channels)
    images = np.lib.format.open_memmap(folder / IMAGES, mode="w+", dtype=np.uint8, shape=shape)
    for index in range(total):
        images[index] = dataset.draw(index, resolution)
        if on_progress and ((index + 1) % max(1, total // 100) == 0 or index + 1 == total):
            on_progress(index + 1, total)
    images.flush()
    meta = Metadata(
        fingerprint=fingerprint(dataset, resolution),
        dataset=dataset.name,
        options=dataset.options.model_dump(mode="json"),
        identity=dataset.identity(),
        mirrorable=dataset.mirrorable,
        class_names=dataset.class_names,
        attribute_names=dataset.attribute_names,
        labels=[item.label for item in items],
        captions=[item.captions for item in items],
        attributes=[item.attributes for item in items],
        concepts=[item.concept for item in items],
        images_sha256=_sha256(folder / IMAGES),
    )
    (folder / METADATA).write_text(meta.model_dump_json())
