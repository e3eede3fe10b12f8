"""Forward passes whose rows depend on nothing but themselves, bit for bit, and which are no larger than they must be.

Kernels are chosen by the shape of a batch: a matrix-vector product where there is one row, another blocking where there are two.
So the same latent drawn in passes of different sizes differs in its last bits, and a few pixels with it. Most of that comes from linear
maps, which are cheap: they are always computed with four rows or more. What remains is measured: a pass may have those sizes
that were seen, on this machine and for networks of this shape, to give the bits that passes of four give.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from atelier.models.base import Generator
from atelier.serving.accelerate import accelerate
from atelier.serving.rows import Row
from atelier.serving.sources import has_styles, source, steered
from atelier.steering.classifier import Classifier, load
from atelier.steering.dial import turn
from atelier.steering.latents import Latents, draw, styles

ROWS = 4  # of the pass that the others must agree with, and of every pass in which latents are turned
SIZES = 64, 16, 8, 2, 1  # that are tried beside it
MOST_ROWS = {"cpu": 16}  # there, more gain little and let nobody in between
MOST_PIXELS = 1 << 18  # of all images of a pass
FULL = 0.7  # of a larger pass, from which on it is cheaper half empty than two smaller ones
CLASSIFIERS = 4  # loaded at a time


class SteadyLinear(TorchFunctionMode):
    """Linear maps of [N, K] with fewer than ROWS rows are computed with ROWS of them."""

    MAPS = frozenset({linear, torch.matmul, torch.mm, torch.addmm, Tensor.matmul, Tensor.__matmul__, Tensor.mm})

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in self.MAPS:
            first = 1 if func is torch.addmm else 0
            x = args[first]
            if x.ndim == 2 and len(x) < ROWS:
                padded = torch.cat([x, x[:1].expand(ROWS - len(x), -1)])
                return func(*args[:first], padded, *args[first + 1 :], **(kwargs or {}))[: len(x)]
        return func(*args, **(kwargs or {}))


def most_rows(device: torch.device) -> int:
    return MOST_ROWS.get(device.type, max(SIZES))


def sizes_of(generator: Generator, forward: Callable[..., Tensor] | None = None) -> tuple[int, ...]:
    """Rows that a pass may have, largest first; measured in a few passes with random latents. `forward` is another way to draw them."""
    with torch.inference_mode(), SteadyLinear():

        def draw(start: int, size: int) -> Tensor:
            images: Tensor = (forward or generator)(*generator.inputs(range(start, start + size)))
            return images

        first = draw(0, ROWS)
        most = min(most_rows(first.device), MOST_PIXELS // (first.shape[2] * first.shape[3]))
        tried = [size for size in SIZES if size <= most]
        wanted = torch.cat([first, *(draw(start, ROWS) for start in range(ROWS, max(tried, default=0), ROWS))])
        agreeing = [
            size
            for size in tried
            if all(torch.equal(draw(at, size), wanted[at : at + size]) for at in range(0, max(tried), max(size, ROWS)))
        ]
        return tuple(sorted([ROWS, *agreeing], reverse=True))


def cut(count: int, sizes: Sequence[int]) -> list[int]:
    """Passes for so many rows: sizes whose sum is the count or a little more, so that the last has empty places."""
    passes = []
    while count > 0:
        larger = [size for size in sizes if size >= count]
        smaller = [size for size in sizes if size < count]
        passes.append(min(larger) if larger and (not smaller or count >= FULL * min(larger)) else max(smaller))
        count -= passes[-1]
    return passes


class Drawer:
    """A loaded generator, and how to draw with it."""

    _sizes: ClassVar[OrderedDict[Any, tuple[int, ...]]] = OrderedDict()  # of networks by their shape: versions of one model share it

    def __init__(self, generator: Generator, graph: Path | None = None) -> None:
        self.generator, self.graph = generator.to(memory_format=torch.channels_last), graph
        state = generator.state_dict()
        self.bytes = sum(value.nbytes for value in state.values())
        accelerated = False
        if graph is not None:
            accelerated = "forward" in vars(accelerate(generator, graph))
            self.bytes += graph.stat().st_size if accelerated else 0
        self._shape = type(generator), tuple((name, value.shape, value.device) for name, value in state.items())
        self.sizes = self._measured(accelerated, None)

    def _measured(self, accelerated: bool, forward: Callable[..., Tensor] | None) -> tuple[int, ...]:
        key = self._shape, accelerated
        if key not in self._sizes:
            self._sizes[key] = sizes_of(self.generator, forward)
            if len(self._sizes) > 64:
                self._sizes.popitem(last=False)
        return self._sizes[key]

    @property
    def _style_sizes(self) -> tuple[int, ...]:
        """Of passes of styles, which torch draws whatever draws the rest; measured when the first are drawn."""
        generator: Any = self.generator
        return self._measured(False, lambda *inputs: generator.synthesis(generator.styles(*inputs)))

    def draw(self, rows: Sequence[Row]) -> Tensor:
        """Images as uint8 [N, H, W, C], each a function of its own row alone, bit for bit."""
        alike: dict[str, list[int]] = {}  # rows that can share a pass, by what holds for all of it
        for index, row in enumerate(rows):
            classifier = row["dial"]["digest"] if "dial" in row else None
            kind = [row.get("options"), classifier, has_styles(self.generator, row)]
            alike.setdefault(json.dumps(kind, sort_keys=True), []).append(index)
        images: dict[int, Tensor] = {}
        for indices in alike.values():
            first = rows[indices[0]]
            sizes = (ROWS,) if "dial" in first else self._style_sizes if has_styles(self.generator, first) else self.sizes
            for size in cut(len(indices), sizes):
                drawn, indices = indices[:size], indices[size:]
                padded = drawn + drawn[:1] * (size - len(drawn))
                images.update(zip(drawn, self._pass([rows[index] for index in padded]), strict=False))
        return torch.stack([images[index] for index in range(len(rows))])

    def _pass(self, rows: Sequence[Row]) -> Tensor:
        """Rows that are alike in what holds for all of a pass → uint8 [N, H, W, C]."""
        seeds = [row["seed"] for row in rows]
        options = rows[0].get("options", {})
        if options.get("noise_mode") == "random":
            options = {**options, "seeds": seeds}  # each image's noise is its own
        with torch.inference_mode(), SteadyLinear():
            if has_styles(self.generator, rows[0]):
                each_styles = [styles(self.generator, source(self.generator, row), options) for row in rows]
                return _pixels(draw(self.generator, Latents((), torch.cat(each_styles)), options))
            if any(map(steered, rows)):
                each = [source(self.generator, row).inputs for row in rows]
                inputs = tuple(torch.cat(values) for values in zip(*each, strict=True))
            else:
                chosen = [dict(row.get("chosen", ())) for row in rows]
                inputs = self.generator.inputs(seeds, chosen if self.generator.condition_dim else None)
            if "dial" not in rows[0]:
                return _pixels(self.generator(*inputs, **options))
        classifier = _classifier(rows[0]["dial"]["folder"], rows[0]["dial"]["digest"], inputs[0].device)
        return _pixels(turn(self.generator, classifier, inputs, [dict(row["dial"]["targets"]) for row in rows], options=options).images)


def _pixels(x: Tensor) -> Tensor:
    """[N, C, H, W] in [-1, 1] → uint8 [N, H, W, C] in main memory."""
    return ((x + 1) * 127.5).round().clamp(0, 255).to("cpu", torch.uint8).permute(0, 2, 3, 1)


@lru_cache(maxsize=CLASSIFIERS)
def _classifier(folder: str, digest: str, device: torch.device) -> Classifier:
    return load(Path(folder), device, digest=digest)[0]
