"""The web process' side of inference: a bounded queue, a batcher and the process that draws."""

import asyncio
import json
import logging
import math
from collections.abc import Container, Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from atelier.errors import AtelierError, Overloaded, TooMany
from atelier.serving.graphs import Graphs
from atelier.serving.process import Deliver, Worker
from atelier.serving.rows import Row
from atelier.serving.waiting import Drawing, Waiting, Weights
from atelier.text.memory import Reading

log = logging.getLogger(__name__)

MAX_WAITING = 512  # images, before new requests are told to come back
ROWS = 16  # sent to the process at once, until it has said how many it likes; a long request lets others in between
DRAW_SECONDS = 120.0
GROWTH = 1 << 30  # bytes beyond what the first answer left it with and what is loaded, after which the process gives way to a new one


@dataclass(frozen=True)
class LoadedVersion:
    """A generator that is ready to draw."""

    name: str  # cats@3
    bytes: int


class Engine:
    """Draws in a process of its own: a crash of it fails the requests in hand with a 503, and the next request starts a new one.

    While a pass is drawn the next one waits in the process, if it would be at least half full: then the process encodes the one while it
    draws the other. Fewer rows wait here, for others to join them.
    """

    def __init__(self, device: str, *, loaded_bytes: int = 2 << 30, threads: int = 1, graphs: Graphs | None = None) -> None:
        self._of_worker = device, loaded_bytes, threads
        self._graphs = graphs or Graphs()
        self._worker: Worker | None = None
        self._starting = asyncio.Lock()
        self._waiting = Waiting()
        self._looks = False
        self._passes: set[asyncio.Task[None]] = set()
        self._known: dict[str, Weights] = {}  # those asked for, by their digests
        self._loaded: dict[str, int] = {}
        self._memory = self._first_memory = 0  # bytes of the process
        self._pace = 0.02  # seconds a row, lately

    async def __aenter__(self) -> "Engine":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._waiting = Waiting()
        for task in self._passes:
            task.cancel()
        await asyncio.gather(*self._passes, return_exceptions=True)
        await self._end(self._worker)

    @property
    def waiting(self) -> int:
        """Images that wait to be drawn."""
        return len(self._waiting)

    @property
    def memory(self) -> int:
        """Bytes that the process took when it last answered; 0 where there is none."""
        return self._memory if self._worker is not None and self._worker.alive else 0

    @property
    def loaded(self) -> list[LoadedVersion]:
        """Versions that are ready, the latest drawn with last."""
        if self._worker is None or not self._worker.alive:
            return []
        return [LoadedVersion(self._known[digest].name, size) for digest, size in self._loaded.items()]

    def submit(self, weights: Weights, rows: Sequence[Row], *, most_waiting: int = MAX_WAITING) -> list[asyncio.Future[bytes]]:
        """What will be a picture a row (of one to be read, JSON), a function of the weights and that row alone, or an error as `draw`
        raises it. What nobody wants any more is cancelled.

        Raises:
            TooMany: more than `most_waiting` images would wait.
        """
        if (waiting := self.waiting) + len(rows) > most_waiting:
            later = min(60, max(1, math.ceil(waiting * self._pace)))
            raise TooMany(f"{waiting} images wait to be drawn already; there is room for {most_waiting}", retry_after=later)
        loop = asyncio.get_running_loop()
        drawings = [Drawing(row, loop.create_future()) for row in rows]
        self._waiting.add(weights, drawings)
        self._look()
        return [drawing.content for drawing in drawings]

    async def draw(self, weights: Weights, rows: Sequence[Row], *, most_waiting: int = MAX_WAITING) -> list[bytes]:
        """What `submit` has promised. Who gives up cancels what waits.

        Raises:
            TooMany: more than `most_waiting` images would wait.
            Overloaded: the process died over this request, or does not start.
            AtelierError: the weights cannot be drawn with.
        """
        contents = self.submit(weights, rows, most_waiting=most_waiting)
        try:
            return await asyncio.gather(*contents)
        finally:
            for content in contents:  # of a request that has failed, nobody wants the rest
                content.cancel()

    async def read(self, weights: Weights, prompts: Sequence[str]) -> list[Reading | None]:
        """What a version makes of prompts; None where it remembers no captions.

        Raises:
            TooMany, Overloaded, AtelierError: as `draw`.
        """
        return [json.loads(answer) for answer in await self.draw(weights, [Row(seed=0, read=prompt) for prompt in prompts])]

    async def load(self, weights: Weights) -> None:
        """Get a version ready; done at once where it is.

        Raises:
            Overloaded, AtelierError: as `draw`.
        """
        await self._ask(weights, {"load": _found(weights)})

    async def unload(self, weights: Weights) -> None:
        """Forget a version and give its memory back; done at once where it is not loaded.

        Raises:
            Overloaded: the process died meanwhile.
        """
        if self._worker is not None and self._worker.alive:
            await self._ask(weights, {"unload": weights.digest})

    async def keep(self, digests: Container[str]) -> None:
        """Unload all other versions, such as those that another process has put into the bin.

        Raises:
            Overloaded: the process died meanwhile.
        """
        for digest in [digest for digest in self._loaded if digest not in digests]:
            await self.unload(self._known[digest])

    async def start(self) -> Worker:
        """The running process; started where there is none.

        Raises:
            Overloaded: it does not start.
        """
        async with self._starting:
            if self._worker is None or not self._worker.alive:
                self._loaded, self._first_memory = {}, 0
                try:
                    self._worker = await Worker.start(*self._of_worker)
                except OSError as error:  # a lost connection and a timeout are OSErrors as well
                    raise Overloaded("the inference process does not start; the server's output says why", retry_after=30) from error
            return self._worker

    def _look(self) -> None:
        """Soon, so that those who ask in the same turn of the loop come into the same pass."""
        if not self._looks:
            self._looks = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._looks = False
        if self._outgrown and not self._passes:
            self._pursue(self._end(self._worker))
        while self._may_begin and (taken := self._waiting.take(self._rows)) is not None:
            self._pursue(self._pass(*taken))

    def _pursue(self, work: Coroutine[Any, Any, None]) -> None:
        self._passes.add(task := asyncio.create_task(work, name="inference pass"))
        task.add_done_callback(self._passed)

    @property
    def _rows(self) -> int:
        return ROWS if self._worker is None else self._worker.rows

    @property
    def _may_begin(self) -> bool:
        if self._passes and self._outgrown:
            return False
        return not self._passes or (len(self._passes) == 1 and self.waiting >= self._rows // 2)

    @property
    def _outgrown(self) -> bool:
        return self._first_memory > 0 and self._memory - sum(self._loaded.values()) > self._first_memory + GROWTH

    def _passed(self, task: "asyncio.Task[None]") -> None:
        self._passes.discard(task)
        self._look()

    async def _pass(self, weights: Weights, batch: list[Drawing]) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        each = iter(batch)

        def deliver(content: bytes) -> None:
            if not (drawing := next(each)).content.done():  # whoever asked may have gone
                drawing.content.set_result(content)

        try:
            await self._ask(weights, {"draw": _found(weights), "rows": [drawing.row for drawing in batch]}, deliver)
        except Exception as error:  # whatever it is, nobody waits for ever
            known = error if isinstance(error, AtelierError) else AtelierError("it could not be drawn; the server's log says why")
            if known is not error:
                log.exception("drawing with %s failed", weights.name)
            for drawing in batch:
                if not drawing.content.done():
                    drawing.content.set_exception(known)
        else:
            if weights.graph is None and self._worker is not None and self._worker.graphs:
                self._graphs.count(weights, len(batch))
            self._pace += 0.1 * ((loop.time() - begun) / len(batch) - self._pace)

    async def _ask(self, weights: Weights, request: dict[str, Any], deliver: Deliver = lambda content: None) -> None:
        worker = await self.start()
        self._known[weights.digest] = weights
        try:
            async with asyncio.timeout(DRAW_SECONDS):
                head = await worker.ask(request, deliver)
        except OSError as error:
            log.error("the inference process ended over %s: %s", weights.name, str(error) or "it did not answer")
            await self._end(worker)
            raise Overloaded("the inference process ended while it did this; a new one takes over", retry_after=1) from error
        self._loaded, self._memory = head["loaded"], head["memory"]
        self._first_memory = self._first_memory or self._memory - sum(self._loaded.values())
        if "error" in head:
            raise AtelierError(f"this version cannot be drawn with: {head['error']}")

    async def _end(self, worker: Worker | None) -> None:
        if worker is not None:
            if self._worker is worker:
                self._worker, self._first_memory = None, 0
            await worker.end()


def _found(weights: Weights) -> dict[str, str]:
    graph = {} if weights.graph is None else {"graph": str(weights.graph)}
    return {"folder": str(weights.folder), "digest": weights.digest, **graph}
