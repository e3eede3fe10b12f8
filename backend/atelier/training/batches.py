"""The endless stream of shuffled epochs that a run learns from, read ahead so that a step never waits for the disk."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atelier.datasets.cache import PreparedDataset
from atelier.datasets.hues import recoloured
from atelier.models.base import Batch, Hyperparameters
from atelier.models.prompted import PromptedHyperparameters
from atelier.text.captions import captions_of
from atelier.training import parallel

AHEAD = 2  # batches


class Batches:
    """Batches by their position in the stream, which follows from the seed alone: any of them can be taken again at any time.

    A thread has the next ones ready; `waited` counts the seconds for which it had not.
    """

    def __init__(self, dataset: PreparedDataset, hp: Hyperparameters, *, device: torch.device, seed: int, captioned: bool = False) -> None:
        self.dataset, self.size, self.device, self.seed = dataset, hp.batch_size, device, seed
        self.rows = dataset.rows(hp.split)
        if len(self.rows) == 0:
            raise ValueError(f"the data set has no pictures to train on in its part {hp.split!r}")
        if hp.batch_size % (parallel.processes() * hp.accumulate):
            raise ValueError(
                f"a batch of {hp.batch_size} can't be shared by {parallel.processes()} processes in {hp.accumulate} parts each"
            )
        self.captions: Sequence[tuple[str, ...]] = captions_of(dataset) if captioned else ()  # of each picture
        self.mirrors = hp.flip and dataset.mirrorable
        self.recolours = hp.recolour if isinstance(hp, PromptedHyperparameters) and dataset.spec.channels == 3 else 0.0
        # Images come as [N, H, W, C]; channels last spares their copy, and convolutions are faster in it on CPU and CUDA.
        self.memory_format = torch.contiguous_format if device.type == "mps" else torch.channels_last
        self.waited = 0.0
        self._epoch = (-1, np.empty(0, np.int64))
        self._ahead: deque[tuple[int, Future[tuple[list[Tensor], tuple[str, ...]]]]] = deque()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="batches")

    def take(self, start: int) -> Batch:
        """The batch that begins at image `start` of the stream; of several processes, each gets its share of it."""
        if not self._ahead or self._ahead[0][0] != start:
            self._ahead.clear()
            self._read(start)
        _, ready = self._ahead.popleft()
        while len(self._ahead) < AHEAD:
            self._read((self._ahead[-1][0] if self._ahead else start) + self.size)
        then = time.perf_counter()
        arrays, captions = ready.result()
        self.waited += time.perf_counter() - then
        return self._batch(arrays, captions)

    def held_out(self, limit: int) -> Iterator[Batch]:
        """Up to so many pictures of the other parts of the data set, in batches; none where everything is trained on."""
        rows = np.setdiff1d(self.dataset.rows("all"), self.rows)
        for start in range(0, min(len(rows), limit), self.size):
            chosen = rows[start : min(start + self.size, limit)]
            arrays = self.dataset.gather(chosen), self.dataset.labels[chosen], self.dataset.attributes[chosen]
            captions = tuple(self.captions[row][0] for row in chosen) if self.captions else ()
            yield self._batch([torch.from_numpy(array) for array in arrays], captions)

    def _batch(self, arrays: Sequence[Tensor], captions: tuple[str, ...]) -> Batch:
        pixels, labels, attributes = arrays
        images = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)  # uint8 [N, C, H, W]
        images = images.to(torch.float32, memory_format=self.memory_format).div_(127.5).sub_(1)
        labels, attributes = (values.to(self.device, non_blocking=True) for values in (labels, attributes))
        return Batch(images=images, labels=labels, attributes=attributes, captions=captions)

    def _read(self, start: int) -> None:
        self._ahead.append((start, self._reader.submit(self._gather, start)))

    def _gather(self, start: int) -> tuple[list[Tensor], tuple[str, ...]]:
        """Pixels, uint8 [N, H, W, C], labels [N], attributes [N, A]; captions. In NumPy alone: torch's threads belong to the step."""
        rows = self.rows[np.fromiter(self._indices(start), np.int64, self.size)]
        mirrored = np.random.default_rng((self.seed, 1, start)).random(self.size) < 0.5
        mine = slice(*(self.size * share // parallel.processes() for share in (parallel.rank(), parallel.rank() + 1)))
        pixels: np.ndarray[Any, np.dtype[np.uint8]] = self.dataset.gather(rows[mine])
        if self.mirrors:
            pixels[mirrored[mine]] = pixels[mirrored[mine], :, ::-1]
        arrays = [torch.from_numpy(a) for a in (pixels, self.dataset.labels[rows[mine]], self.dataset.attributes[rows[mine]])]
        captions: tuple[str, ...] = ()
        if self.captions:
            picks = np.random.default_rng((self.seed, 3, start)).random(self.size)[mine]  # one of each picture's, by chance
            said = (self.captions[row] for row in rows[mine])
            captions = tuple(some[int(pick * len(some))] for some, pick in zip(said, picks, strict=True))
        if self.recolours:
            lots = np.random.default_rng((self.seed, 4, start)).random((self.size, 2))[mine]
            captions = self._recolour(pixels, rows[mine], captions, lots)
        return [array.pin_memory() for array in arrays] if self.device.type == "cuda" else arrays, captions

    def _recolour(
        self, pixels: NDArray[np.uint8], rows: NDArray[np.int64], captions: tuple[str, ...], lots: NDArray[np.float64]
    ) -> tuple[str, ...]:
        """Some of the pictures anew, in place; what is then said of each."""
        said = list(captions)
        for place, (row, (chance, lot)) in enumerate(zip(rows, lots, strict=True)):
            if chance < self.recolours and (other := recoloured(pixels[place], self.captions[row], lot)):
                pixels[place], said[place] = other
        return tuple(said)

    def _indices(self, start: int) -> Iterator[int]:
        size = len(self.rows)
        for position in range(start, start + self.size):
            epoch = position // size
            if epoch != self._epoch[0]:
                self._epoch = epoch, np.random.default_rng((self.seed, 0, epoch)).permutation(size)
            yield int(self._epoch[1][position % size])
