"""The inference process as the web process holds it: requests go in, answers come back in their order."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

START_SECONDS = 120.0
BUFFER = 1 << 20  # bytes read ahead; a pass of small pictures fits

# With torch's defaults, one image beside a busy training process takes 200 ms instead of 8; it has to be set before torch is imported.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}


Deliver = Callable[[bytes], None]


class Died(ConnectionError):
    """The process ended, or said something that is no answer."""


class Worker:
    """A running inference process; `ask` may be called before earlier requests are answered."""

    def __init__(self, process: Process, rows: int, graphs: bool) -> None:
        self._process = process
        self.rows = rows  # that it likes at a time
        self.graphs = graphs  # whether it would draw by them
        self._asked: deque[tuple[asyncio.Future[dict[str, Any]], Deliver]] = deque()
        self._reader = asyncio.create_task(self._read(), name="inference answers")

    @classmethod
    async def start(cls, device: str, loaded_bytes: int, threads: int) -> "Worker":
        """
        Raises:
            OSError: it does not start.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "atelier.serving.worker", device, str(loaded_bytes), str(threads)),
            stdin=PIPE,
            stdout=PIPE,
            limit=BUFFER,
            env={**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
            start_new_session=True,  # Ctrl+C is for the web process, which then closes this one's input
        )
        try:
            head = await asyncio.wait_for(_head(process), START_SECONDS)
        except BaseException:  # a timeout, or whoever waited has gone: a process whose greeting is unread would confuse the next
            await _kill(process)
            raise
        return cls(process, head["rows"], head["graphs"])

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._reader.done()

    async def ask(self, request: dict[str, Any], deliver: Deliver) -> dict[str, Any]:
        """The answer's head, once all of it is there; its contents are delivered as they come.

        Raises:
            Died: the process is gone, now or before it answered.
        """
        if not self.alive:
            raise Died("the inference process has ended")
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked.append((answer, deliver))
        assert self._process.stdin is not None
        with suppress(ConnectionError):  # the reader says so
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
        return await answer

    async def end(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await _kill(self._process)
        self._fail()

    async def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            while True:
                head = await _head(self._process)
                answer, deliver = self._asked[0]
                for _ in range(head.get("count", 0)):
                    deliver(await stdout.readexactly(int.from_bytes(await stdout.readexactly(4))))
                self._asked.popleft()
                if not answer.done():
                    answer.set_result(head)
        except (OSError, EOFError, ValueError, LookupError):
            await _kill(self._process)
            self._fail()

    def _fail(self) -> None:
        for answer, _ in self._asked:
            if not answer.done():
                answer.set_exception(Died(f"the inference process ended with code {self._process.returncode}"))
        self._asked.clear()


async def _head(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise Died(f"the inference process ended with code {await process.wait()}")
    head: dict[str, Any] = json.loads(line)
    return head


async def _kill(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
