"""Prepared data sets: all pictures as one uint8 memory map beside what is known of them, drawn once and published whole."""

import fcntl
import hashlib
import json
import mmap
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import PIL
from numpy.typing import NDArray
from pydantic import BaseModel

from atelier.datasets.base import SPLITS, Dataset, Item, Split, in_threads, splits_of

if TYPE_CHECKING:
    from atelier.models.base import ImageSpec

LAYOUT = 2  # version of the files below
IMAGES, LABELS, ATTRIBUTES, SPLIT_INDICES = "images.npy", "labels.npy", "attributes.npy", "splits.npy"
CAPTIONS, CONCEPTS = "captions.json", "concepts.json"
METADATA = "dataset.json"
STAGING = ".staging-"

RESIDENT = 8 << 20  # bytes of pictures read before their pages are given back; each read brings in some five times as much
PROGRESS_SECONDS = 0.5
UNLOCKED_SECONDS = 60  # more than lies between the making of a folder and its lock


class Metadata(BaseModel):
    """dataset.json."""

    fingerprint: str
    dataset: str
    options: dict[str, Any]
    identity: str
    mirrorable: bool
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...]
    sha256: dict[str, str]
    """Of each of the other files."""


@dataclass(eq=False)
class PreparedDataset:
    """A data set at one resolution, ready to be trained on; nothing of it is changed."""

    images: NDArray[np.uint8]  # memory map, read only [N, H, W, C]
    labels: NDArray[np.int64]  # [N]
    attributes: NDArray[np.float32]  # [N, A]
    splits: NDArray[np.uint8]  # index into SPLITS [N]
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...]
    mirrorable: bool  # whether training may mirror the pictures
    fingerprint: str
    folder: Path
    _read: int = field(default=0, repr=False)  # bytes since pages were last given back

    def __len__(self) -> int:
        return len(self.images)

    @property
    def spec(self) -> "ImageSpec":
        """What the networks must draw."""
        from atelier.models.base import ImageSpec  # late: all else here works without torch

        _, resolution, _, channels = self.images.shape
        return ImageSpec(channels, resolution, len(self.class_names), len(self.attribute_names))

    @cached_property
    def captions(self) -> list[tuple[str, ...]]:
        """Those of each picture; read when first asked for, since most networks never do."""
        return [tuple(captions) for captions in json.loads((self.folder / CAPTIONS).read_bytes())]

    @cached_property
    def concepts(self) -> list[str]:
        return list(json.loads((self.folder / CONCEPTS).read_bytes()))

    def rows(self, split: Split | Literal["all"]) -> NDArray[np.int64]:
        """The indices of a split's pictures, ascending; train is never empty."""
        return np.arange(len(self)) if split == "all" else np.flatnonzero(self.splits == SPLITS.index(split))

    def gather(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """A copy of these pictures, [n, H, W, C].

        The pages that are read stay in the system's cache, and are taken from this process' account now and then: else
        it would grow by all of the data set during the first epoch, and look like a leak to people and to limits of memory.
        """
        pictures = np.asarray(self.images)[rows]
        self._read += pictures.nbytes
        if self._read >= RESIDENT:
            self._read = 0
            mapping = getattr(self.images, "_mmap", None)
            if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):  # Windows has none
                mapping.madvise(mmap.MADV_DONTNEED)
        return pictures

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map a prepared data set.

        Raises:
            FileNotFoundError: the folder is not there, or not complete.
            ValueError: the folder is damaged.
        """
        meta = Metadata.model_validate_json((folder / METADATA).read_bytes())
        for name in (IMAGES, LABELS, ATTRIBUTES, SPLIT_INDICES, CAPTIONS, CONCEPTS):
            if _sha256(folder / name) != meta.sha256.get(name):
                raise ValueError(f"{name} in {folder.name} is damaged")
        return cls(
            images=np.load(folder / IMAGES, mmap_mode="r"),
            labels=np.load(folder / LABELS),
            attributes=np.load(folder / ATTRIBUTES),
            splits=np.load(folder / SPLIT_INDICES),
            class_names=meta.class_names,
            attribute_names=meta.attribute_names,
            mirrorable=meta.mirrorable,
            fingerprint=meta.fingerprint,
            folder=folder,
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
    `on_progress(done, total)` is called about a hundred times, and twice a second where that is more; what it raises ends
    the preparation and leaves nothing behind.
    """
    target = folder / fingerprint(dataset, resolution)
    damaged = target.exists()  # unless the next line can open it
    with suppress(FileNotFoundError, ValueError):
        return PreparedDataset.open(target)

    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    with _staging(folder) as staging:
        if damaged:
            with suppress(FileNotFoundError):  # another process has done it
                target.rename(staging / "damaged")
        new = staging / "new"
        new.mkdir()
        _draw(dataset, resolution, new, on_progress)
        try:
            new.rename(target)
        except OSError:
            if not target.exists():
                raise
            # else another process was faster, with the same content
        return PreparedDataset.open(target)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder of this process' own, locked for as long as the process lives."""
    with TemporaryDirectory(prefix=STAGING, dir=folder, ignore_cleanup_errors=True) as staging:
        lock = os.open(staging, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(staging)
        finally:
            os.close(lock)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left half-done."""
    for left_over in folder.glob(f"{STAGING}*"):
        with suppress(OSError):  # somebody else sweeps as well, or it is locked
            if time.time() - left_over.stat().st_mtime > UNLOCKED_SECONDS:
                lock = os.open(left_over, os.O_RDONLY)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left_over, ignore_errors=True)
                finally:
                    os.close(lock)


def _draw(dataset: Dataset, resolution: int, folder: Path, on_progress: Callable[[int, int], None] | None) -> None:
    """Write all files; of the pictures, a handful are in memory at any time."""
    items, total = dataset.items, len(dataset)
    shape = (total, resolution, resolution, dataset.channels)
    told, told_at = 0, time.monotonic()
    with (folder / IMAGES).open("wb") as file, closing(in_threads(lambda index: dataset.draw(index, resolution), range(total))) as pictures:
        # Through a file and not through a memory map, whose pages would count as this process' until the system writes them.
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for done, picture in enumerate(pictures, 1):
            assert picture.shape == shape[1:], picture.shape
            file.write(np.ascontiguousarray(picture).data)
            now = time.monotonic()
            if done == total or done - told >= max(1, total // 100) or now - told_at >= PROGRESS_SECONDS:
                told, told_at = done, now
                if on_progress:
                    on_progress(done, total)

    labels, attributes = np.empty(total, np.int64), np.empty((total, len(dataset.attribute_names)), np.float32)
    with (folder / CAPTIONS).open("wb") as captions, (folder / CONCEPTS).open("wb") as concepts:

        def written() -> Iterator[Item]:  # items of a large set come from the disk: all is taken from each as it passes
            for index, item in enumerate(items):
                labels[index], attributes[index] = item.label, item.attributes
                for file, value in ((captions, item.captions), (concepts, item.concept)):
                    file.write((b",\n" if index else b"[") + json.dumps(value).encode())
                yield item

        splits = splits_of(written())
        for file in (captions, concepts):
            file.write(b"]" if total else b"[]")
    np.save(folder / LABELS, labels)
    np.save(folder / ATTRIBUTES, attributes)
    np.save(folder / SPLIT_INDICES, splits)
    meta = Metadata(
        fingerprint=fingerprint(dataset, resolution),
        dataset=dataset.name,
        options=dataset.options.model_dump(mode="json"),
        identity=dataset.identity(),
        mirrorable=dataset.mirrorable,
        class_names=dataset.class_names,
        attribute_names=dataset.attribute_names,
        sha256={path.name: _sha256(path) for path in sorted(folder.iterdir())},
    )
    (folder / METADATA).write_text(meta.model_dump_json())
