"""The web process' side of inference: a bounded queue, a batcher and the process that draws."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from atelier.errors import AtelierError, Overloaded
from atelier.serving.requests import Row
from atelier.text.memory import Reading

log = logging.getLogger(__name__)

MAX_ROWS = 16  # sent to the process at once; a long request lets others in between
MAX_WAITING = 512  # images, before new requests are told to come back
START_SECONDS = 120.0
DRAW_SECONDS = 120.0

# With torch's defaults, one image beside a busy training process takes 200 ms instead of 8; it has to be set before torch is imported.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Weights:
    """A published generator: where it lies and what identifies it."""

    folder: Path
    digest: str


@dataclass(frozen=True, eq=False)
class Drawing:
    """One image that somebody waits for."""

    weights: Weights
    row: Row
    png: "asyncio.Future[bytes]"


class Engine:
    """Draws in a process of its own: a crash of it fails the requests in hand with a 503, and the next request starts a new one."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._process: Process | None = None
        self._starting = asyncio.Lock()
        self._waiting: deque[Drawing] = deque()
        self._wake = asyncio.Event()

    async def __aenter__(self) -> "Engine":
        self._batcher = asyncio.create_task(self._run(), name="inference batcher")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._batcher.cancel()
        await asyncio.gather(self._batcher, return_exceptions=True)
        await self._end()

    async def draw(self, weights: Weights, rows: Sequence[Row]) -> list[bytes]:
        """One PNG a row (of one to be read, JSON), a function of the weights and that row alone.

        Raises:
            Overloaded: too many images wait, or the process died over this request.
            AtelierError: the weights cannot be drawn with.
        """
        if len(self._waiting) + len(rows) > MAX_WAITING:
            raise Overloaded(f"{len(self._waiting)} images wait to be drawn already", retry_after=5)
        loop = asyncio.get_running_loop()
        drawings = [Drawing(weights, row, loop.create_future()) for row in rows]
        self._waiting.extend(drawings)
        self._wake.set()
        return await asyncio.gather(*(drawing.png for drawing in drawings))

    async def read(self, weights: Weights, prompts: Sequence[str]) -> list[Reading | None]:
        """What a version makes of prompts; None where it remembers no captions.

        Raises:
            Overloaded, AtelierError: as `draw`.
        """
        return [json.loads(answer) for answer in await self.draw(weights, [Row(seed=0, read=prompt) for prompt in prompts])]

    async def start(self) -> Process:
        """The running process; started where there is none.

        Raises:
            Overloaded: it does not start.
        """
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                try:
                    self._process = await asyncio.create_subprocess_exec(
                        *(sys.executable, "-m", "atelier.serving.worker", self._device),
                        stdin=PIPE,
                        stdout=PIPE,
                        env={**os.environ, **ENVIRONMENT},
                        start_new_session=True,  # Ctrl+C is for the web process, which then closes this one's input
                    )
                    await asyncio.wait_for(_read_head(self._process), START_SECONDS)
                except asyncio.CancelledError:  # whoever waited has gone; a process whose greeting is unread would confuse the next
                    await self._end()
                    raise
                except OSError as error:  # a lost connection and a timeout are OSErrors as well
                    await self._end()
                    raise Overloaded("the inference process does not start; the server's output says why", retry_after=30) from error
            return self._process

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            batch = self._take()
            if not batch:
                continue
            try:
                pngs = await asyncio.wait_for(self._pass(batch), START_SECONDS + DRAW_SECONDS)
            except AtelierError as error:
                _fail(batch, error)
            except Exception:  # whatever it is, the batcher goes on and nobody waits for ever
                log.exception("the inference process failed while drawing with %s", batch[0].weights.folder)
                await self._end()
                _fail(batch, Overloaded("the inference process ended while it drew this; a new one takes over", retry_after=1))
            else:
                for drawing, png in zip(batch, pngs, strict=True):
                    if not drawing.png.done():  # whoever asked may have gone
                        drawing.png.set_result(png)

    def _take(self) -> list[Drawing]:
        """The oldest drawing that is still wanted, and what else waits for the same weights."""
        wanted = [drawing for drawing in self._waiting if not drawing.png.done()]
        batch = [drawing for drawing in wanted if drawing.weights == wanted[0].weights][:MAX_ROWS]
        self._waiting = deque(drawing for drawing in wanted if drawing not in batch)
        return batch

    async def _pass(self, batch: list[Drawing]) -> list[bytes]:
        process = await self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        weights = batch[0].weights
        request = {"folder": str(weights.folder), "digest": weights.digest, "rows": [drawing.row for drawing in batch]}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()
        head = await _read_head(process)
        if "error" in head:
            raise AtelierError(f"this version cannot be drawn with: {head['error']}")
        try:
            return [await process.stdout.readexactly(size) for size in head["sizes"]]
        except asyncio.IncompleteReadError as error:
            raise ConnectionError("the inference process ended within an answer") from error

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


async def _read_head(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise ConnectionError(f"the inference process ended with code {await process.wait()}")
    head: dict[str, Any] = json.loads(line)
    return head


def _fail(batch: list[Drawing], error: AtelierError) -> None:
    for drawing in batch:
        if not drawing.png.done():
            drawing.png.set_exception(error)
