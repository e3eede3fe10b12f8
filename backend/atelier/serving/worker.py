"""The inference process: `python -m atelier.serving.worker DEVICE BYTES THREADS` does what standard input asks for, until it ends.

A request is one line of JSON:

- {"draw": {"folder", "digest"}, "rows": [{"seed", …}]} with rows as in rows.py; one answer a row, a picture, or JSON where it is
  only to be read; the version has a "graph" as well where ONNX Runtime shall draw it,
- {"load": {"folder", "digest"}}: get a version ready,
- {"unload": digest}: forget it, and give its memory back.

The answer is one line of JSON, {"count": 8}, and so many contents, a few as soon as they are encoded, each after four bytes (big-endian)
with its length; or {"error": …}. Each tells what is loaded by then, {"loaded": {digest: bytes}, "memory": bytes of the process}, and
answers keep the requests' order. The first line, {"rows": 16, "graphs": true}, says that the process can draw, how many rows it likes at
a time, and whether it would draw by graphs. Versions stay loaded while all of them together take up to BYTES, those longest not asked
for leave first; the one that is drawn with stays whatever it takes.

One thread computes, another encodes and answers: the next pass need not wait for the files of the last. A single picture is answered at
once: to wake the other thread would take longer than it saves.
"""

import ctypes
import gc
import json
import math
import os
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil
import torch
from PIL import Image
from torch import Tensor

from atelier.models import artifact
from atelier.models.base import Generator
from atelier.models.devices import pick_device
from atelier.models.prompted import PromptedGenerator
from atelier.serving.images import encode, keep
from atelier.serving.passes import Drawer, most_rows
from atelier.serving.rows import Row
from atelier.text.memory import Memory

MEMORIES = 4  # of captions, loaded at a time
TOGETHER = 4  # contents that are sent at once: the web process answers them while the next are encoded, and wakes up for several
BUFFER = 1 << 20  # bytes of them
LOOK_SECONDS = 0.5  # between looks at the memory it takes, each a quarter of a millisecond; when versions come or go it looks at once


class Loaded:
    """Generators, by the digest of their weights; bounded in bytes."""

    def __init__(self, device: torch.device, most: int) -> None:
        self.device, self.most = device, most
        self.drawers: OrderedDict[str, Drawer] = OrderedDict()  # the latest asked for stands last

    def get(self, folder: Path, digest: str, graph: Path | None) -> Drawer:
        """
        Raises:
            ValueError: this Atelier has no architecture of that name, or none with these hyper-parameters.
        """
        if digest not in self.drawers or self.drawers[digest].graph != graph:
            self.drawers[digest] = Drawer(artifact.load(folder, self.device)[1], graph)
            left = False
            while self.bytes > self.most and len(self.drawers) > 1:
                self.drawers.pop(next(other for other in self.drawers if other != digest))
                left = True
            if left:
                give_back(self.device)
        self.drawers.move_to_end(digest)
        return self.drawers[digest]

    def drop(self, digest: str) -> None:
        if self.drawers.pop(digest, None) is not None:
            give_back(self.device)

    @property
    def bytes(self) -> int:
        return sum(drawer.bytes for drawer in self.drawers.values())


def give_back(device: torch.device) -> None:
    """Return memory that nothing uses any more: what C's allocator and CUDA's keep for themselves otherwise."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):  # musl has none
        libc.malloc_trim(0)


def read(generator: Generator, folder: Path, prompt: str) -> bytes:
    """What the version makes of a prompt, as JSON; nothing where it does not draw from text, or remembers nothing."""
    if not isinstance(generator, PromptedGenerator):
        return b"null"
    with torch.inference_mode():
        sentence = generator.sentences([prompt])[0]
    try:
        return json.dumps(_memory(folder).read(prompt, sentence)).encode()
    except FileNotFoundError:
        return b"null"


@lru_cache(maxsize=MEMORIES)
def _memory(folder: Path) -> Memory:
    return Memory.load(folder)


def files(rows: Sequence[Row], images: Tensor) -> Iterator[bytes]:
    """Each row's picture [H, W, C], encoded, and kept where the row says so."""
    pixels = images.squeeze(-1).numpy() if images.shape[-1] == 1 else images.numpy()  # grey images have no channel axis in Pillow
    for image, row in zip(pixels, rows, strict=True):
        content = encode(Image.fromarray(image), row.get("parameters", {}), row.get("format", "png"))
        if "file" in row:
            try:
                keep(row["file"], content)
            except OSError:  # the disk is full: whoever asked gets the picture all the same, and it can be drawn again
                traceback.print_exc()
        yield content


def main() -> None:
    # The channel is a copy of standard output; what a library prints goes to standard error instead of into the protocol.
    channel = os.fdopen(os.dup(1), "wb", BUFFER)
    os.dup2(2, 1)
    os.nice(3)  # the web process does little, and all that is drawn, and every page, waits for it
    torch.set_num_threads(int(sys.argv[3]))
    device = pick_device(sys.argv[1])
    loaded, process = Loaded(device, int(sys.argv[2])), psutil.Process()
    gc.collect()
    gc.freeze()  # torch's own objects stay; collecting need not look at them again

    def answer(head: dict[str, Any]) -> None:
        channel.write(json.dumps(head).encode() + b"\n")
        channel.flush()

    there: dict[str, int] = {}
    memory, looked = 0, -math.inf

    def state() -> dict[str, Any]:
        nonlocal there, memory, looked
        before, there = there, {digest: drawer.bytes for digest, drawer in loaded.drawers.items()}
        if there != before or time.monotonic() > looked + LOOK_SECONDS:
            memory, looked = process.memory_info().rss, time.monotonic()
        return {"loaded": there, "memory": memory}

    def answer_drawn(head: dict[str, Any], read: dict[int, bytes], rows: Sequence[Row], images: Tensor | None) -> None:
        """Rows that were read by their places, and the others' images."""
        try:
            count, drawn = len(read) + len(rows), iter(()) if images is None else files(rows, images)
            channel.write(json.dumps({**head, "count": count}).encode() + b"\n")  # goes with the first content
            for index in range(count):
                content = read[index] if index in read else next(drawn)
                channel.write(len(content).to_bytes(4) + content)
                if index % TOGETHER == TOGETHER - 1:
                    channel.flush()
            channel.flush()
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # an answer is missing: whoever waits must hear of it

    handed: Future[None] | None = None  # the answer that was handed over last

    def respond(work: Callable[..., None], *told: Any, at_once: bool = False) -> None:
        """In the encoding thread; or here, where answers that were handed over before are out."""
        nonlocal handed
        if at_once and (handed is None or handed.done()):
            work(*told)
        else:
            handed = encoder.submit(work, *told)

    def obey(request: dict[str, Any]) -> None:
        if "unload" in request:
            loaded.drop(request["unload"])
            respond(answer_drawn, state(), {}, [], None)
            return
        version = request.get("draw") or request["load"]
        folder, rows = Path(version["folder"]), request.get("rows", [])
        drawer = loaded.get(folder, version["digest"], Path(version["graph"]) if "graph" in version else None)
        readings = {index: read(drawer.generator, folder, row["read"]) for index, row in enumerate(rows) if "read" in row}
        drawn = [row for row in rows if "read" not in row]
        images = drawer.draw(drawn) if drawn else None
        respond(answer_drawn, state(), readings, drawn, images, at_once=len(rows) == 1)

    answer({"rows": most_rows(device), "graphs": device.type == "cpu"})
    with ThreadPoolExecutor(1, thread_name_prefix="encode") as encoder:
        for line in sys.stdin.buffer:
            try:
                obey(json.loads(line))
            except ValueError as error:  # of an architecture that this Atelier does not have
                respond(answer, {"error": str(error), **state()})
            except Exception:
                traceback.print_exc()
                respond(answer, {"error": "its files cannot be read; the server's output says why", **state()})


if __name__ == "__main__":
    main()
